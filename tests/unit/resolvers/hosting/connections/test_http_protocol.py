"""What a connection waits for, and for how long, whatever is sent behind a request that is being answered."""

import asyncio
import gc
import math
from collections.abc import Awaitable, Iterator
from contextvars import ContextVar
from typing import Any, cast

import pytest
import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.server import ServerState

from resolvers.hosting.connections.http_protocol import HttpProtocol
from resolvers.hosting.connections.limits import ConnectionLimits
from resolvers.hosting.connections.registry import Connections
from resolvers.hosting.connections.socket_protocol import SocketProtocol
from resolvers.transport.over_http.at_once import body_at_hand
from tests.unit.resolvers.hosting.connections.test_registry import Clock

VARIABLE: ContextVar[str] = ContextVar("variable", default="nothing")
LIMITS = ConnectionLimits(header_seconds=10, body_seconds=20, idle_seconds=75)
SLOW = b"GET /slow HTTP/1.1\r\nHost: server\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: server\r\nContent-Length: 5\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class KeptTransport(asyncio.Transport):
    """Keeps what is written, and notes how it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = self.aborted = False
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def is_closing(self) -> bool:
        return self.closing

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class Served:
    """A connection to an app that answers `/slow` when it is let, and every other request with its body's size."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.finish = asyncio.Event()
        self.heads: list[int] = []
        config = uvicorn.Config(
            self.app, interface="asgi3", http="httptools", lifespan="off", log_config=None, access_log=False
        )
        config.load()
        connection = Connections(LIMITS, 10, self.clock).admit("192.0.2.1")
        assert connection
        self.connection = connection
        self.transport = KeptTransport()
        self.http = HttpProtocol(config, ServerState(), {}, connection=connection)
        self.http.connection_made(self.transport)

    async def app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        self.heads.append(sum(len(name) + len(value) for name, value in scope["headers"]))
        if scope["path"] == "/slow":
            await self.finish.wait()
        size, more = 0, scope["method"] == "POST"
        while more:
            message = cast("dict[str, Any]", await receive())
            if message["type"] != "http.request":
                return
            size, more = size + len(message["body"]), message["more_body"]
        body = b"%d bytes" % size
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def answered(self) -> list[bytes]:
        """Let `/slow` be answered, and return the statuses of all answers."""
        self.finish.set()
        for _ in range(10):
            await asyncio.sleep(0)
        return [part[:3] for part in self.transport.written.split(b"HTTP/1.1 ")[1:]]

    def wait(self, seconds: float) -> None:
        self.clock.time += seconds
        self.connection.check(self.clock.time)


@pytest.fixture
async def served() -> Iterator[Served]:  # type: ignore[misc]  # pytest-asyncio's
    served = Served()
    yield served
    served.http.connection_lost(None)


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (UPGRADE, b"400"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000, b"431"),
        (b"\0\0\0\0", b"400"),
    ],
    ids=["a socket", "a long line", "half of a long header", "no HTTP"],
)
async def test_a_request_is_answered_before_what_is_refused_behind_it(
    served: Served, refused: bytes, status: bytes
) -> None:
    served.http.data_received(SLOW)
    served.http.data_received(refused)
    served.wait(LIMITS.header_seconds + LIMITS.body_seconds)
    assert not served.transport.closing
    assert await served.answered() == [b"200", status]


@pytest.mark.parametrize("refused", [UPGRADE, b"\0\0\0\0"], ids=["a socket", "no HTTP"])
async def test_it_is_answered_though_both_come_in_one_packet(served: Served, refused: bytes) -> None:
    served.http.data_received(SLOW + refused)
    served.wait(LIMITS.header_seconds + LIMITS.body_seconds)
    assert await served.answered() == [b"200", b"400"]


async def test_a_body_behind_a_request_has_its_deadline_once_its_turn_comes(served: Served) -> None:
    served.http.data_received(SLOW + POST)
    served.wait(1_000)
    assert await served.answered() == [b"200"]
    assert served.connection.deadline == served.clock.time + LIMITS.body_seconds
    served.wait(LIMITS.body_seconds + 1)
    assert await served.answered() == [b"200", b"408"]


async def test_a_body_that_comes_while_the_request_before_is_answered_needs_no_deadline(served: Served) -> None:
    served.http.data_received(SLOW + POST + b"hello")
    assert served.connection.deadline == math.inf
    assert await served.answered() == [b"200", b"200"]
    assert served.transport.written.endswith(b"5 bytes")


async def test_what_is_refused_is_said_though_the_server_stops(served: Served) -> None:
    served.http.data_received(SLOW + b"GET /" + b"a" * 40_000)
    served.http.shutdown()
    assert await served.answered() == [b"200", b"414"]


@pytest.mark.parametrize(
    "headers",
    [
        b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 5\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 005\r\n",
        b"Connection: HTTP2-Settings, Upgrade\r\nUpgrade: TLS/1.0\r\nContent-Length: 999999\r\n",
    ],
)
async def test_a_body_is_not_lost_in_an_upgrade(served: Served, headers: bytes) -> None:
    served.http.data_received(b"POST / HTTP/1.1\r\nHost: server\r\n" + headers + b"\r\nhello")
    assert await served.answered() == [b"400"]
    assert b"without the header Upgrade" in served.transport.written


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n", b"Content-Length: 00\r\n"])
async def test_an_upgrade_to_what_nobody_speaks_is_a_plain_request(served: Served, length: bytes) -> None:
    upgrade = b"Upgrade: h2c\r\nConnection: Upgrade\r\n"
    served.http.data_received(b"GET / HTTP/1.1\r\nHost: server\r\n" + upgrade + length + b"\r\n")
    assert await served.answered() == [b"200"]


async def test_headers_behind_a_request_in_the_same_packet_have_the_same_limit(served: Served) -> None:
    long = b"GET / HTTP/1.1\r\nX: " + b"a" * 33_000 + b"\r\n\r\n"
    served.http.data_received(b"GET / HTTP/1.1\r\n\r\n" + long)
    assert await served.answered() == [b"200", b"431"]
    assert max(served.heads) < LIMITS.head_bytes


async def test_a_socket_over_a_transport_that_is_full_waits_until_the_client_reads(served: Served) -> None:
    served.http.pause_writing()
    served.http.data_received(UPGRADE)
    socket = served.transport.protocol
    assert isinstance(socket, SocketProtocol)
    assert not socket.writable.is_set()
    served.connection.made(served.transport, served.http)
    served.http.connections.add(served.http)
    socket.connection_lost(None)


def at_once(scope: Any, _receive: Any, send: Any) -> Awaitable[None]:
    """Answer with the request's path, and the size of its body if that is all there."""
    given = body_at_hand(scope)
    body = scope["path"].encode() + (b"" if given is None else b" %d" % len(given))
    length = str(len(body)).encode()
    send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    return cast("Awaitable[None]", send({"type": "http.response.body", "body": body}))


@pytest.fixture
def quick(served: Served) -> Served:
    """Return a connection to an app that answers at once."""
    served.http.app = cast("Any", at_once)
    return served


def bodies(quick: Served) -> list[bytes]:
    return [answer.partition(b"\r\n\r\n")[2] for answer in quick.transport.written.split(b"HTTP/1.1 ")[1:]]


async def test_a_request_that_is_all_there_is_answered_at_once(quick: Served) -> None:
    for _ in range(3):
        quick.http.data_received(POST + b"12345")
    assert bodies(quick) == 3 * [b"/ 5"]
    assert not quick.http.tasks
    quick.wait(LIMITS.idle_seconds - 1)
    assert not quick.transport.closing
    quick.wait(1)
    assert quick.transport.closing


async def test_one_that_comes_in_parts_is_answered_by_a_task(quick: Served) -> None:
    quick.http.data_received(POST)
    quick.http.data_received(b"12345")
    await quick.answered()
    assert bodies(quick) == [b"/"]


async def test_requests_in_one_packet_are_answered_in_their_order(quick: Served) -> None:
    requests = [b"GET /%d HTTP/1.1\r\nHost: server\r\n\r\n" % number for number in range(20)]
    quick.http.data_received(b"".join(requests))
    for _ in range(3):
        await quick.answered()
    assert bodies(quick) == [b"/0 0", *(b"/%d" % number for number in range(1, 20))]
    quick.http.data_received(requests[0])
    assert bodies(quick)[-1] == b"/0 0"


async def test_what_is_refused_in_the_same_packet_is_said_behind_the_answer(quick: Served) -> None:
    quick.http.data_received(SLOW + b"\0\0\0\0")
    assert await quick.answered() == [b"200", b"400"]


async def test_the_last_answer_of_a_connection_closes_it(quick: Served) -> None:
    quick.http.data_received(b"GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n")
    assert b"connection: close" in quick.transport.written
    assert quick.transport.closing


async def test_an_upgrade_to_what_nobody_speaks_is_answered_at_once(quick: Served) -> None:
    quick.http.data_received(b"GET / HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert bodies(quick) == [b"/ 0"]
    assert b"connection: close" in quick.transport.written


async def test_each_request_has_variables_of_its_own(quick: Served) -> None:
    seen: list[str] = []

    def noting(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        seen.append(VARIABLE.get())
        VARIABLE.set(scope["path"])
        return at_once(scope, receive, send)

    quick.http.app = cast("Any", noting)
    for _ in range(2):
        quick.http.data_received(SLOW)
    assert seen == ["nothing", "nothing"]
    assert VARIABLE.get() == "nothing"


BAD_URLS = [b"http://server", b"http://[::1", b"server:80", b"http://a:b/c", b"/\xff"]


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("before", [0, 1, 2], ids=["first", "behind one that runs", "behind one that waits"])
async def test_what_has_no_valid_url_is_refused_and_nothing_else(served: Served, url: bytes, before: int) -> None:
    served.http.data_received(before * SLOW)
    served.http.data_received(b"GET %b HTTP/1.1\r\nHost: server\r\n\r\n" % url)
    await served.answered()
    assert await served.answered() == [*before * [b"200"], b"400"]


@pytest.mark.parametrize("url", BAD_URLS)
async def test_nor_behind_what_was_answered_at_once(quick: Served, url: bytes) -> None:
    quick.http.data_received(POST + b"12345")
    quick.http.data_received(POST + b"12345" + b"GET %b HTTP/1.1\r\nHost: server\r\n\r\n" % url)
    assert await quick.answered() == [b"200", b"200", b"400"]


async def test_the_body_of_an_answered_request_is_not_kept(quick: Served) -> None:
    for packets in ([POST + b"12345"], [POST, b"12345"]):
        for packet in packets:
            quick.http.data_received(packet)
        await quick.answered()
        assert not quick.http.cycle.body
        assert body_at_hand(cast("Any", quick.http.cycle.scope)) is None


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError, KeyboardInterrupt])
async def test_an_app_that_fails_at_once_is_an_error_and_leaves_nothing(
    quick: Served, error: type[BaseException]
) -> None:
    def fail(_scope: Any, _receive: Any, _send: Any) -> None:
        raise error

    quick.http.app = cast("Any", fail)
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            quick.http.data_received(POST + b"12345")
            await quick.answered()
        assert gc.collect() < 10
    finally:
        gc.enable()
    assert quick.transport.written.startswith(b"HTTP/1.1 500 ")


async def test_a_task_that_is_cancelled_before_it_begins_leaves_nothing_unawaited(served: Served) -> None:
    served.http.data_received(SLOW)
    for task in served.http.tasks:
        task.cancel()
    await served.answered()
    assert not served.http.tasks
    gc.collect()  # a coroutine that nobody has awaited would warn now, which is an error
