"""HTTP/1.1 as uvicorn speaks it, with deadlines, and with limits on what is sent before and beside a request."""

import asyncio
from enum import Enum, auto
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from resolvers.hosting.connections.answers import (
    RequestRefusedError,
    too_large_head,
    too_many_pieces,
    upgrade_with_body,
)
from resolvers.hosting.connections.registry import Connection, Phase
from resolvers.hosting.connections.request_cycle import RequestCycle
from resolvers.hosting.connections.request_heads import as_sent, has_body, parts_of, size_of
from resolvers.hosting.connections.socket_protocol import SocketProtocol

# Bytes that are still taken from a client that has been refused: most clients read an answer only once they have
# sent everything.
_TAKEN_AFTER_THE_END = 4_000_000


class _Stage(Enum):
    """How far the request has come that is being read."""

    NOTHING = auto()  # of the first request
    HEAD = auto()
    BODY = auto()
    WHOLE = auto()


class HttpProtocol(HttpToolsProtocol):
    """Speaks HTTP on one connection.

    Args:
        config: uvicorn's.
        server_state: the server's.
        app_state: what the app's lifespan has left, which is nothing.
        connection: the connection.
        proxies: tells whose X-Forwarded-For is believed.
    """

    closes_soon = False

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        connection: Connection,
        proxies: ProxyHeadersMiddleware | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._connection = connection
        self._limits = connection.limits
        self._proxies = proxies
        self._stage = _Stage.NOTHING
        self._stage_is_new = False
        self._received = 0  # bytes of the request that is being read
        self._is_behind_another = False  # in one packet, of which the bytes are not counted for it
        self._pieces = 0  # packets and chunks that it came in
        self._headers_left = 0
        self._running: RequestCycle | None = None
        self._next: RequestCycle | None = None  # `_running` too, until the packet that it came in is read
        self._refusal: RequestRefusedError | None = None
        self._last_words: bytes | None = None
        self._is_over = False
        self._dropped = 0

    # The transport's calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._connection.made(transport, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request that is being answered, or waits for it, that its client is gone."""
        self.pipeline.clear()
        if self._running is not None:
            self._running.disconnect()
        self._running = None
        super().connection_lost(exc)
        self._connection.lost()

    def data_received(self, data: bytes) -> None:
        """Read on, unless that goes beyond a limit."""
        if self._is_refused():
            self._drop(len(data))
            return
        self._received += len(data)
        self._pieces += 1
        self._is_behind_another = False
        try:
            self.parser.feed_data(data)
            self._check_size()
        except httptools.HttpParserUpgrade:
            self._upgrade()
        except httptools.HttpParserError:
            self._refuse(self._refusal or RequestRefusedError(400, "The request is not valid HTTP"))
        except RequestRefusedError as refusal:
            self._refuse(refusal)
        else:
            self._answer_next()
            self._note_stage()

    def pause_writing(self) -> None:
        """Let answers wait until the client has read, for a while."""
        super().pause_writing()
        self._connection.stalls()

    def resume_writing(self) -> None:
        """Send on."""
        super().resume_writing()
        self._connection.flows()

    # The parser's calls. What they raise ends the parsing; the parser raises an error of its own then.

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._stage, self._stage_is_new = _Stage.HEAD, True
        self._headers_left = self._limits.headers

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, or one of those behind a body."""
        self._headers_left -= 1
        if self._headers_left < 0:
            self._refuse_while_parsing(
                RequestRefusedError(431, f"A request may have {self._limits.headers} headers")
            )
        # Copied from uvicorn's `on_header`: calling it for every header would double the cost of this method.
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note that a request is the next to be answered, or that it waits for those before it."""
        self._check_headers()
        if self._proxies is not None:
            self._find_client(self._proxies)
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = self.parser.get_http_version()
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            self._take_its_turn()
        # Only now is it known to be valid: a request that is refused must not count as one that has its turn.
        self._stage, self._stage_is_new = _Stage.BODY, True

    def _take_its_turn(self) -> None:
        self.scope["path"], self.scope["raw_path"], self.scope["query_string"] = parts_of(self.url)
        before: RequestResponseCycle | None = self.cycle
        self.cycle = cycle = self._new_cycle()
        if before is None or before.response_complete:
            self._running = self._next = cycle
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _check_headers(self) -> None:
        if self.parser.should_upgrade() and has_body(self.headers):
            self._refuse_while_parsing(upgrade_with_body())
        if self._is_behind_another or self._received > self._limits.head_bytes:
            self._check_head(size_of(self.url, self.headers))
        if len(self.pipeline) >= self._limits.pipelined:
            self._refuse_while_parsing(
                RequestRefusedError(429, "Wait for answers before you send further requests on a connection")
            )

    def _new_cycle(self) -> RequestCycle:
        return RequestCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self.scope["http_version"] != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_chunk_header(self) -> None:
        """Count a chunk of a body."""
        self._pieces += 1
        if self._pieces > self._limits.pieces:
            self._refuse_while_parsing(too_many_pieces())
        if self.headers is self.scope["headers"]:
            # What comes behind the body must not become a header of the request that is being answered.
            self.headers = self.headers.copy()

    def on_message_complete(self) -> None:
        """End a request."""
        super().on_message_complete()
        self._stage, self._stage_is_new = _Stage.WHOLE, True
        self._received = self._pieces = 0
        self._is_behind_another = True

    # Reading

    def _check_size(self) -> None:
        limits = self._limits
        if self._pieces > limits.pieces:
            raise too_many_pieces()
        if self._stage is _Stage.HEAD:
            # The URL may have come with the end of the request before, and is not among the bytes counted then.
            self._check_head(max(self._received, len(self.url)))
        elif self._stage is not _Stage.BODY:
            self._check_head(self._received)
        elif self._received > limits.head_bytes + limits.body_bytes:
            raise RequestRefusedError(413, f"The request is larger than {limits.body_bytes} bytes")

    def _check_head(self, size: int) -> None:
        limit = self._limits.head_bytes
        if size <= limit:
            return
        self._refuse_while_parsing(too_large_head(limit, self.url if self._stage is _Stage.HEAD else b""))

    def _refuse_while_parsing(self, refusal: RequestRefusedError) -> None:
        self._refusal = refusal
        raise refusal

    def _find_client(self, proxies: ProxyHeadersMiddleware) -> None:
        """Count the connection for the client that a trusted proxy names."""
        if self.client is None or self.client[0] not in proxies.trusted_hosts:
            return
        named = b", ".join(value for name, value in self.headers if name == b"x-forwarded-for").decode("latin1")
        address, _ = proxies.trusted_hosts.get_trusted_client_address(named)
        if address and not self._connection.belongs_to(address):
            self._refuse_while_parsing(
                RequestRefusedError(503, "There are too many connections from your address; try again later")
            )

    def _note_stage(self) -> None:
        """Set the deadline of what comes next, and remember who may be closed to make room for another."""
        if not self._stage_is_new:
            return
        self._stage_is_new = False
        if self._is_answering():
            self._connection.enter(Phase.BUSY)
        elif self._stage is _Stage.WHOLE:
            self._wait_for_next()
        else:
            self._wait_for_rest()

    def _wait_for_next(self) -> None:
        self._connection.enter(Phase.IDLE, self._limits.idle_seconds)

    def _wait_for_rest(self) -> None:
        limits = self._limits
        seconds = limits.body_seconds if self._stage is _Stage.BODY else limits.header_seconds
        self._connection.enter(Phase.UNFINISHED, seconds)

    def _is_answering(self) -> bool:
        """Return whether a request is being answered of which nothing is missing."""
        running = self._running
        return running is not None and not running.response_complete and not running.more_body

    def _is_refused(self) -> bool:
        return self._is_over or self._refusal is not None

    def _drop(self, size: int) -> None:
        self._dropped += size
        if self._dropped > _TAKEN_AFTER_THE_END:
            self.flow.pause_reading()

    # Answering

    def _answer_next(self) -> None:
        """Begin to answer the request that came with the packet just read, if there was one."""
        cycle, self._next = self._next, None
        if cycle is not None and cycle.more_body:
            self._start_asgi_task(cycle, self.app)
        elif cycle is not None:
            cycle.answer(self.app, self.loop, self.tasks)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Answer the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self._running is not None:
            self._running.forget_body()
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            if not self._is_answering():
                self._wait_for_rest()
            return
        self._running = None
        self.flow.resume_reading()
        if self._last_words is not None:
            self._end(self._last_words)
        elif self._stage is _Stage.WHOLE:
            self._stage_is_new = False  # `_note_stage` would do the same again
            self._wait_for_next()
        elif self._stage is _Stage.HEAD:
            self._wait_for_rest()

    # The end

    def expire(self) -> None:
        """End the connection: with an answer if a request has begun, else without."""
        if self._is_over or self._stage in (_Stage.NOTHING, _Stage.WHOLE):
            self._connection.drop()
        else:
            part = "body" if self._stage is _Stage.BODY else "headers"
            self._refuse(RequestRefusedError(408, f"The request's {part} did not come in time"))

    def shutdown(self) -> None:
        """Answer what has been asked, then close the connection."""
        if self._is_over or self.transport.is_closing():
            self.transport.close()
            return
        self._forget_unfinished()
        last = self.pipeline[0][0] if self.pipeline else self._running
        if last is None or last.response_complete:
            self.transport.close()
        elif self._last_words is None:  # which would end the connection by themselves
            last.keep_alive = False

    def _refuse(self, refusal: RequestRefusedError) -> None:
        """End the connection with an answer, which comes after those to the requests before."""
        self._answer_next()
        self._refusal = refusal
        is_begun = self._stage is _Stage.BODY and self.cycle.response_started
        self._forget_unfinished()
        if self._running is not None and not self._running.response_complete:
            self._last_words = b"" if is_begun else refusal.answer()
            self._connection.enter(Phase.BUSY)  # until the requests before are answered
            self.flow.pause_reading()
        else:
            self._end(b"" if is_begun else refusal.answer())

    def _forget_unfinished(self) -> None:
        """Forget the request of which only a part has come, if there is one."""
        if self._stage is not _Stage.BODY:
            return
        if self.pipeline:
            self.pipeline.popleft()
        elif self._running is not None:
            self._running.disconnect()
            self._running = None

    def _end(self, last_words: bytes) -> None:
        """Send the last that is sent, and give the client a moment to read it."""
        self._is_over = True
        if self.transport.is_closing():
            return
        if last_words:
            self.transport.write(last_words)
        self._connection.enter(Phase.UNFINISHED, self._limits.close_seconds)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()

    # Sockets

    def _upgrade(self) -> None:
        """Hand the connection over to a socket; a request for another protocol has been taken as a plain one."""
        if not self._should_upgrade():
            self.cycle.keep_alive = False
            self._answer_next()
            self._note_stage()
            return
        self._answer_next()
        if self._running is not None and not self._running.response_complete:
            self._refuse(RequestRefusedError(400, "A socket needs a connection of its own"))
            return
        socket = SocketProtocol(self.config, self.server_state, self.app_state, connection=self._connection)
        self.connections.discard(self)
        socket.connection_made(self.transport)
        if self.flow.write_paused:  # the transport says so only once
            socket.pause_writing()
        try:
            socket.open(as_sent(self.scope["method"], self.url, self.scope["headers"]))
        except RequestRefusedError as refusal:
            self.connections.discard(socket)
            self.connections.add(self)
            self._connection.made(self.transport, self)
            self._refuse(refusal)
        else:
            self.transport.set_protocol(socket)
            self.parser = None  # type: ignore[assignment]  # which refers to this protocol
