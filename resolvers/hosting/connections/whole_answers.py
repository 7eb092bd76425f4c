"""Sends an answer whose length is known in one piece: one packet, and one call of the system."""

from collections.abc import Awaitable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

# The octets that the names of headers (RFC 9110's tokens, in lower case) and their values may have.
_OF_NAMES = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_OF_VALUES = b"\t" + bytes(octet for octet in range(0x20, 0x100) if octet != 0x7F)  # noqa: PLR2004 — DEL
_DECIDED_BY_UVICORN = frozenset((b"connection", b"transfer-encoding"))


class WholeAnswer:
    """Passes a request on to the app, and its answer to the client.

    It sends whole answers as uvicorn's `send` would, in a quarter of the time, and leaves to that the answers that
    come in parts or that uvicorn may find fault with.

    Args:
        cycle: uvicorn's state of the request.
        app: what answers.
    """

    __slots__ = ("_app", "_cycle", "_send", "_start")

    def __init__(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:
        self._cycle = cycle
        self._app = app
        self._start: Message | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Let the app answer."""
        self._send = send
        return self._app(scope, receive, send if scope["method"] == "HEAD" else self._answer)

    async def _answer(self, message: Message) -> None:
        """Keep the answer's start until the body follows."""
        if self._start is None and message["type"] == "http.response.start" and not self._cycle.response_started:
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if self._cycle.flow.write_paused and not self._cycle.disconnected:
                # Wait until the client has read what was sent before, or has left. If the server is stopped
                # meanwhile, the answer's head has to say that the connection ends.
                await self._cycle.flow.drain()
            if (whole := self._whole(start, message)) is not None:
                self._write(whole)
                return
            await self._send(start)
        await self._send(message)

    def _whole(self, start: Message, rest: Message) -> bytes | None:
        """Return an answer's bytes; None if uvicorn has to decide how it is sent."""
        body = rest.get("body", b"")
        fields = [*self._cycle.default_headers, *start.get("headers", ())]
        values = dict(fields)
        is_plain = (
            rest["type"] == "http.response.body"
            and not rest.get("more_body")
            and values.get(b"content-length") == b"%d" % len(body)
            and len(values) == len(fields)
            and values.keys().isdisjoint(_DECIDED_BY_UVICORN)
            and not b"".join(values).translate(None, _OF_NAMES)
            and not b"".join(values.values()).translate(None, _OF_VALUES)
        )
        if not is_plain:
            return None
        if not self._cycle.keep_alive:
            fields.append((b"connection", b"close"))
        head = b"\r\n".join(map(b": ".join, fields))
        return b"%b%b\r\n\r\n%b" % (STATUS_LINE[start["status"]], head, body)

    def _write(self, whole: bytes) -> None:
        """Send an answer, unless nobody waits for it any more, and let the next request be answered."""
        cycle: Any = self._cycle
        if cycle.disconnected:
            return
        cycle.waiting_for_100_continue = False
        cycle.transport.write(whole)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
