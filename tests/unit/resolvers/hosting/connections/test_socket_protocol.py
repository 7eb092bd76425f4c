"""The app may close a socket that the server has closed already, which the app need not know yet."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
import uvicorn
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from resolvers.hosting.connections.limits import ConnectionLimits
from resolvers.hosting.connections.registry import Connections
from resolvers.hosting.connections.socket_protocol import SocketProtocol
from resolvers.transport.over_sockets.sockets import WRITE

HEAD = (
    b"GET /graphql HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
RESERVED_FRAME = b"\x83\x80\0\0\0\0"
CLOSE: ASGISendEvent = {"type": "websocket.close", "code": 1000, "reason": ""}


class UnreadTransport:
    """What a transport is whose client does not read: closing takes as long as the client likes."""

    def __init__(self) -> None:
        self.closing = False

    def write(self, data: bytes) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close

    def get_extra_info(self, _name: str, default: object = None) -> object:
        return default

    def get_write_buffer_size(self) -> int:
        return 1

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


CLOSED_BY: dict[str, Callable[[SocketProtocol], None]] = {
    "pings that are not answered": lambda socket: socket.keepalive_timeout(),
    "a frame that is not valid": lambda socket: socket.data_received(RESERVED_FRAME),
    "a server that stops": lambda socket: socket.shutdown(),
    "too many frames": lambda socket: socket.data_received(b"\x89\x80\0\0\0\0" * 200),
}


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "waiting for the client to read"])
@pytest.mark.parametrize("kind", CLOSED_BY)
async def test_a_close_that_comes_too_late_is_no_error(kind: str, waits: bool) -> None:  # noqa: FBT001
    error: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    accepted, goes_on = asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        accepted.set()
        await goes_on.wait()
        try:
            await send(CLOSE)
        except BaseException as raised:
            error.set_result(raised)
            raise
        error.set_result(None)

    socket = opened(app)
    await accepted.wait()
    if waits:
        socket.pause_writing()
        goes_on.set()
        await asyncio.sleep(0.01)  # the app now waits until the client reads
        assert not error.done()
    CLOSED_BY[kind](socket)
    goes_on.set()
    socket.writable.set()
    assert isinstance(await asyncio.wait_for(error, 1), ClientDisconnected | None)


def opened(app: ASGI3Application, head: bytes = HEAD) -> SocketProtocol:
    connection = Connections(ConnectionLimits(), 10, asyncio.get_running_loop().time).admit(None)
    assert connection
    config = uvicorn.Config(app, log_config=None, ws_ping_interval=None)
    config.load()
    socket = SocketProtocol(config, ServerState(), {}, connection=connection)
    socket.connection_made(cast("asyncio.Transport", UnreadTransport()))
    socket.open(head)
    return socket


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ('{"type":"connection_ack"}', True),
        ('{"type":"connection_ack","payload":{"connectionTimeoutMs":300000}}', True),
        ('{"id":"connection_ack","type":"error","payload":{}}', False),
        ('{"id":"\\"type\\":\\"connection_ack\\"","type":"error"}', False),
        ('{"type":"connection_error","payload":{"errors":["connection_ack"]}}', False),
    ],
)
async def test_only_an_acknowledgement_makes_a_client_known(text: str, *, accepted: bool) -> None:
    done = asyncio.Event()

    async def app(_scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        await send({"type": "websocket.send", "bytes": None, "text": text})
        done.set()
        await receive()

    socket = opened(app)
    await done.wait()
    for _ in range(30):  # more than who is unknown may send
        socket.data_received(b"\x89\x80\0\0\0\0")
    assert socket.transport.is_closing() is not accepted
    socket.queue.put_nowait({"type": "websocket.disconnect", "code": 1000})


async def test_a_frame_before_the_handshakes_answer_ends_the_connection() -> None:
    async def app(_scope: Scope, _receive: ASGIReceiveCallable, _send: ASGISendCallable) -> None:
        await asyncio.sleep(0)

    socket = opened(app)
    for frame in (RESERVED_FRAME, b"\x89\x80\0\0\0\0"):
        socket.data_received(frame)
        assert socket.transport.is_closing()


def frames_in(data: bytes) -> list[Frame]:
    """Return what a client reads."""
    client = ClientProtocol(parse_uri("ws://server"), state=State.OPEN, max_size=None)
    client.receive_data(data)
    return [event for event in client.events_received() if isinstance(event, Frame)]


async def test_a_text_is_sent_at_once_unless_it_must_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted, goes_on = asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        accepted.set()
        await goes_on.wait()

    socket = opened(app)
    await accepted.wait()
    written: list[bytes] = []
    monkeypatch.setattr(socket.transport, "write", written.append)
    write = cast("dict[str, Callable[[bytes], bool]]", socket.scope["extensions"])[WRITE]
    texts = [b"x" * size for size in (0, 125, 126, 65_535, 65_536)]
    assert all(map(write, texts))
    assert [(frame.opcode, frame.fin, frame.data) for frame in frames_in(b"".join(written))] == [
        (Opcode.TEXT, True, text) for text in texts
    ]
    socket.pause_writing()
    assert not write(b"late")
    socket.resume_writing()
    socket.connection_lost(None)
    assert not write(b"too late")
    assert WRITE not in cast("dict[str, object]", socket.scope["extensions"])
    goes_on.set()
    assert len(written) == len(texts)


async def test_a_handshake_that_is_refused_ends_without_an_error() -> None:
    async def app(_scope: Scope, _receive: ASGIReceiveCallable, _send: ASGISendCallable) -> None:
        raise AssertionError

    socket = opened(app, HEAD.replace(b"Version: 13", b"Version: 12"))
    assert socket.transport.is_closing()
    socket.connection_lost(None)
