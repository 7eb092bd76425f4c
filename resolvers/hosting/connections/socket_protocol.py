"""WebSockets as uvicorn speaks them, with budgets for what clients send, and bounds for what they do not read."""

import asyncio
import struct
from typing import Any, cast

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import HeaderLineTooLong, RequestLineTooLong, TooManyHeaders
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from resolvers.hosting.connections.answers import RequestRefusedError
from resolvers.hosting.connections.budgets import Budget
from resolvers.hosting.connections.registry import Connection, Phase
from resolvers.transport.over_sockets.sockets import WRITE

# What is parsed before frames are counted: at most 170 of them.
_SLICE = 1024
# By this message both protocols of GraphQL accept a client's connection_init.
_ACCEPTED = '{"type":"connection_ack"'
_INVALID_TEXT = 1007
# A whole text in one frame, and how its size is written.
_TEXT = 0x81
_MEDIUM, _LONG = 126, 127
_LONGEST_MEDIUM = 1 << 16
_MEDIUM_HEAD, _LONG_HEAD = struct.Struct("!BBH").pack, struct.Struct("!BBQ").pack
_POLICY_VIOLATION = 1008


def _head(size: int) -> bytes:
    """Return what precedes a text of so many bytes in its frame, which a server does not mask."""
    if size < _MEDIUM:
        return bytes((_TEXT, size))
    return _MEDIUM_HEAD(_TEXT, _MEDIUM, size) if size < _LONGEST_MEDIUM else _LONG_HEAD(_TEXT, _LONG, size)


class SocketProtocol(WebSocketsSansIOProtocol):
    """Speaks the WebSocket protocol on one connection.

    Args:
        config: uvicorn's.
        server_state: the server's.
        app_state: what the app's lifespan has left, which is nothing.
        connection: the connection.
    """

    closes_soon = True

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], *, connection: Connection
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._connection = connection
        self._limits = limits = connection.limits
        self.close_timeout = limits.close_seconds
        self._is_accepted = False
        self._offered: dict[str, Any] = {}  # to the app, beside the messages of ASGI
        self._budget = Budget(limits.first_frames, limits.first_bytes, self.loop.time())
        self._sent = self._unpacked = 0  # bytes

    def open(self, head: bytes) -> None:
        """Begin the handshake.

        Args:
            head: the request's line and headers.

        Raises:
            RequestRefusedError: they cannot be read.
        """
        self._connection.enter(Phase.UNFINISHED, self._limits.handshake_seconds)
        self.conn.receive_data(head)
        self.handle_events()
        if self.handshake_initiated:
            return
        match self.conn.handshake_exc:
            case RequestLineTooLong():
                raise RequestRefusedError(
                    414, "The URL is too long to open a socket; send the token as a subprotocol"
                )
            case HeaderLineTooLong() | TooManyHeaders():
                raise RequestRefusedError(431, "The headers are too many or too long to open a socket")
        raise RequestRefusedError(400, "A socket is opened by a GET without a body")

    def handle_connect(self, event: Request) -> None:
        """Answer the handshake, and offer the app to send at once."""
        super().handle_connect(event)
        if not self.close_sent:  # else the handshake was refused, and there is no scope
            self._offered = cast("dict[str, Any]", self.scope["extensions"])
            self._offered[WRITE] = self.write

    def write(self, text: bytes) -> bool:
        """Send a text at once; return False if it must wait for the client to read, or the socket is closing."""
        conn = self.conn
        if not self.writable.is_set() or self.close_sent or self.disconnected or conn.state is not State.OPEN:
            return False
        if conn.extensions:
            conn.send_text(text)
            self.transport.write(b"".join(conn.data_to_send()))
        else:
            self.transport.write(_head(len(text)) + text)
        return True

    # The transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection."""
        super().connection_made(transport)
        self._connection.made(self.transport, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the app that the client is gone."""
        super().connection_lost(exc)
        self._connection.lost()
        self._offered.pop(WRITE, None)  # else the protocol would refer to itself

    def data_received(self, data: bytes) -> None:
        """Read frames, as many as the client may send."""
        if not self.handshake_complete:  # no client sends a frame before it is answered
            self._connection.drop()
            return
        for start in range(0, len(data), _SLICE):
            piece = data if len(data) <= _SLICE else data[start : start + _SLICE]
            self.conn.receive_data(piece)
            if not self._affords(len(piece)):
                self._fail(_POLICY_VIOLATION, "Too many frames or bytes at once")
                return
            if self.conn.parser_exc is not None:
                self.handle_parser_exception()
                return
            self.handle_events()
            if self.transport.is_closing():
                return

    def pause_writing(self) -> None:
        """Let messages wait until the client has read, for a while."""
        super().pause_writing()
        self._connection.stalls()

    def resume_writing(self) -> None:
        """Send on."""
        super().resume_writing()
        self._connection.flows()

    # Frames

    def _affords(self, size: int) -> bool:
        """Return whether the client may send the frames that have just been read, and so many bytes."""
        before = max(self._sent, self._unpacked)
        frames = [event for event in self.conn.events if isinstance(event, Frame)]
        self._sent += size
        self._unpacked += sum(len(frame.data) for frame in frames)
        used = max(self._sent, self._unpacked) - before
        return self._budget.spend(len(frames), used, self.loop.time())

    def handle_ping(self) -> None:
        """Answer a ping, unless the client does not read."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def send_receive_event_to_app(self) -> None:
        """Give a message to the app, if it is text that can be read."""
        if self.curr_msg_data_type == "text":
            whole = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
            try:
                whole.decode()
            except UnicodeDecodeError:
                self._fail(_INVALID_TEXT, "A text frame is not UTF-8")
                return
            self.frames = [whole]
        super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the app says.

        Raises:
            ClientDisconnected: the server has closed the socket, which the app need not know yet.
        """
        await self.writable.wait()
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)
        if self._is_accepted:
            return
        if message["type"] == "websocket.accept":
            self._connection.enter(Phase.UNFINISHED)
            del self.request, self.response  # some 4 KB, of which nothing is needed any more
        elif message["type"] == "websocket.send" and (message.get("text") or "").startswith(_ACCEPTED):
            self._accept()

    def _accept(self) -> None:
        """Let a client who has proved who it is send more."""
        limits = self._limits
        self._is_accepted = True
        self._budget = Budget(
            limits.frames,
            limits.frame_bytes,
            self.loop.time(),
            frames_per_second=limits.frames_per_second,
            bytes_per_second=limits.frame_bytes_per_second,
        )
        self._connection.enter(Phase.BUSY)

    # The end

    def expire(self) -> None:
        """End the connection, whose handshake has taken too long."""
        self._connection.drop()

    def shutdown(self) -> None:
        """Tell the client to connect to another server, and close the socket."""
        if self.transport.is_closing():
            self.stop_keepalive()
        elif self.handshake_complete and not self.close_sent and self.conn.state is not State.OPEN:
            self._connection.drop()
        else:
            super().shutdown()

    def _fail(self, code: int, reason: str) -> None:
        """Close the socket for what the client has sent."""
        closed: ASGIReceiveEvent = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self.queue.put_nowait(closed)
        self.conn.fail(code, reason)
        self.frames = []
        self.close_sent = True
        if self.writable.is_set():
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        else:
            self._connection.drop()
