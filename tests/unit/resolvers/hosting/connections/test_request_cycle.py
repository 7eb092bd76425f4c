"""An answer goes out in one piece if it can, and else as uvicorn sends it."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, cast

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from resolvers.hosting.connections.request_cycle import RequestCycle
from resolvers.transport.over_http.at_once import DONE, body_at_hand

DATE = (b"date", b"Mon, 30 Nov 2026 12:00:00 GMT")
LENGTH = (b"content-length", b"3")


class Wire:
    """Notes what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def resume_reading(self) -> None:
        """Be read."""


class Exchange:
    """One request whose answer is these messages."""

    def __init__(
        self,
        *messages: Message,
        method: str = "POST",
        keep_alive: bool = True,
        by_uvicorn: bool = False,
    ) -> None:
        self.wire = Wire()
        self.completed = 0
        self.messages = messages
        transport = cast("asyncio.Transport", self.wire)
        made: Any = RequestResponseCycle if by_uvicorn else RequestCycle
        self.cycle: RequestCycle = made(
            scope=cast("Any", {"type": "http", "method": method}),
            transport=transport,
            flow=FlowControl(transport),
            logger=logging.getLogger("uvicorn.error"),
            access_logger=logging.getLogger("uvicorn.access"),
            access_log=False,
            default_headers=[DATE],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=self._complete,
        )

    def _complete(self) -> None:
        self.completed += 1

    async def app(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        for message in self.messages:
            await send(message)

    def begin(self, app: ASGIApp) -> Awaitable[None] | None:
        return self.cycle._begin(app)

    async def run(self) -> "Exchange":
        await self.cycle.run_asgi(cast("Any", self.app))
        return self


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(part: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}


async def by_uvicorn(exchange: Exchange) -> Exchange:
    """Let uvicorn alone send the same answer."""
    same = Exchange(*exchange.messages, keep_alive=exchange.cycle.keep_alive, by_uvicorn=True)
    return await same.run()


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("status", [200, 400])
async def test_a_whole_answer_is_one_write_of_what_uvicorn_writes(*, status: int, keep_alive: bool) -> None:
    exchange = Exchange(start(LENGTH, (b"x-one", b"1\t2"), status=status), body(b"abc"), keep_alive=keep_alive)
    expected = await by_uvicorn(exchange)
    done = await exchange.run()
    assert done.wire.written == [b"".join(expected.wire.written)]
    assert (done.completed, done.wire.closed, done.cycle.response_complete) == (1, not keep_alive, True)
    assert done.cycle.response_started
    assert done.cycle.message_event.is_set()


@pytest.mark.parametrize(
    "messages",
    [
        [start(LENGTH), body(b"a", more=True), body(b"bc")],
        [start(LENGTH), body(b"abc", more=True), body(b"")],
        [start(), body(b"abc")],
        [start(LENGTH, (b"connection", b"close")), body(b"abc")],
        [start(LENGTH, (b"transfer-encoding", b"chunked")), body(b"abc")],
        [start((b"Content-Length", b"3")), body(b"abc")],
        [start(LENGTH, (b"X-One", b"1")), body(b"abc")],
        [start(LENGTH, (b"set-cookie", b"1"), (b"set-cookie", b"2")), body(b"abc")],
        [start(status=204), body(b"")],
    ],
)
async def test_any_other_answer_is_sent_as_uvicorn_does(messages: Sequence[Message]) -> None:
    expected = await by_uvicorn(Exchange(*messages))
    done = await Exchange(*messages).run()
    assert b"".join(done.wire.written) == b"".join(expected.wire.written)
    assert (done.completed, done.wire.closed) == (1, expected.wire.closed)


async def test_an_answer_to_head_has_no_body() -> None:
    done = await Exchange(start(LENGTH), body(b"abc"), method="HEAD").run()
    assert b"".join(done.wire.written).endswith(b"content-length: 3\r\n\r\n")
    assert done.completed == 1


@pytest.mark.parametrize(
    "messages",
    [
        [start((b"content-length", b"2")), body(b"abc")],
        [start((b"content-length", b"4")), body(b"abc")],
        [start((b"content-length", b"2"), LENGTH), body(b"abc")],
        [start(LENGTH), start(LENGTH)],
        [start((b"content-length", b"0")), {"type": "http.response.trailers"}],
    ],
    ids=["too long", "too short", "of two lengths", "started twice", "without a body"],
)
async def test_what_uvicorn_finds_fault_with_is_no_answer(messages: Sequence[Message]) -> None:
    done = await Exchange(*messages).run()
    assert (done.wire.closed, done.completed) == (True, 0)


async def test_a_second_answer_is_refused() -> None:
    done = await Exchange(start(LENGTH), body(b"abc"), start(LENGTH), body(b"def")).run()
    assert b"".join(done.wire.written).count(b"HTTP/1.1") == 1
    assert done.wire.closed


@pytest.mark.parametrize("place", ["name", "value"])
async def test_headers_hold_what_uvicorn_lets_through(place: str) -> None:
    for octet in map(bytes, zip(range(256), strict=True)):
        header = (b"x" + octet + b"y", b"1") if place == "name" else (b"x", b"1" + octet + b"2")
        exchange = Exchange(start(LENGTH, header), body(b"abc"))
        expected = await by_uvicorn(exchange)
        done = await exchange.run()
        assert b"".join(done.wire.written) == b"".join(expected.wire.written), octet
        assert (done.completed, done.wire.closed) == (expected.completed, expected.wire.closed)


async def test_a_client_is_not_told_to_go_on_after_its_answer() -> None:
    exchange = Exchange(start(LENGTH), body(b"abc"))
    exchange.cycle.waiting_for_100_continue = True
    await exchange.run()
    await exchange.cycle.receive()
    assert b"100 Continue" not in b"".join(exchange.wire.written)


async def test_an_answer_that_breaks_off_before_its_body_becomes_an_error() -> None:
    done = await Exchange(start(LENGTH)).run()
    assert b"".join(done.wire.written).startswith(b"HTTP/1.1 500 ")


async def test_nothing_is_sent_to_a_client_that_has_left() -> None:
    exchange = Exchange(start(LENGTH), body(b"abc"))
    exchange.cycle.disconnected = True
    done = await exchange.run()
    assert (done.wire.written, done.completed) == ([], 0)


async def test_an_answer_waits_until_the_client_reads() -> None:
    exchange = Exchange(start(LENGTH), body(b"abc"))
    exchange.cycle.flow.pause_writing()
    running = asyncio.create_task(exchange.run())
    await asyncio.sleep(0.01)
    assert exchange.wire.written == []
    exchange.cycle.keep_alive = False  # because the server stops
    exchange.cycle.flow.resume_writing()
    await running
    assert len(exchange.wire.written) == 1
    assert b"connection: close" in exchange.wire.written[0]


def app_at_once(scope: Scope, _receive: Receive, send: Send) -> Awaitable[None]:
    """Answer with the body's size, without a coroutine."""
    size = b"%d bytes" % len(body_at_hand(scope) or b"")
    assert send(start((b"content-length", b"%d" % len(size)))) is DONE
    return send(body(size))


async def test_an_app_may_answer_at_once() -> None:
    exchange = Exchange()
    exchange.cycle.body += b"12345"
    assert exchange.begin(app_at_once) is None
    assert exchange.wire.written[0].endswith(b"\r\n\r\n5 bytes")
    assert (exchange.completed, exchange.cycle.response_complete) == (1, True)
    exchange.cycle.on_response()
    assert exchange.completed == 1


async def test_nobody_is_left_to_be_answered_at_once() -> None:
    exchange = Exchange()
    exchange.cycle.disconnected = True
    assert exchange.begin(app_at_once) is None
    assert (exchange.wire.written, exchange.completed) == ([], 0)


async def test_an_answer_at_once_waits_until_the_client_reads() -> None:
    exchange = Exchange()
    exchange.cycle.flow.pause_writing()
    answering = exchange.begin(app_at_once)
    assert answering is not None
    assert exchange.wire.written == []
    exchange.cycle.flow.resume_writing()
    await answering
    assert len(exchange.wire.written) == 1


async def test_an_app_of_coroutines_is_left_to_a_task() -> None:
    exchange = Exchange(start(LENGTH), body(b"abc"))
    answering = exchange.begin(exchange.app)
    assert answering is not None
    assert exchange.wire.written == []
    await exchange.cycle.run_asgi(cast("Any", lambda *_: answering))
    assert exchange.wire.written[0].endswith(b"abc")


@pytest.mark.parametrize("fails", [True, False])
async def test_an_app_that_gives_no_answer_at_once_is_an_error(*, fails: bool) -> None:
    def app(_scope: Scope, _receive: Receive, send: Send) -> Awaitable[None]:
        if fails:
            raise ZeroDivisionError
        return send(start(LENGTH))

    exchange = Exchange()
    answering = exchange.begin(app)
    assert answering is not None
    await exchange.cycle.run_asgi(cast("Any", lambda *_: answering))
    assert b"".join(exchange.wire.written).startswith(b"HTTP/1.1 500 ")
