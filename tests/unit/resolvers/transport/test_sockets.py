"""How long a socket lives, and what it is closed with."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket
from strawberry.http.exceptions import WebSocketDisconnected
from structlog.testing import capture_logs

from resolvers.transport.over_sockets import sockets
from resolvers.transport.over_sockets.sockets import SocketLifetime, TextFrames


class Frames(TextFrames):
    """A socket whose client may stop reading."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.reads = asyncio.Event()
        self.reads.set()
        socket = WebSocket({"type": "websocket"}, self._receive, self._send)
        super().__init__(cast("Any", None), socket, socket)

    async def _receive(self) -> Any:
        return {"type": "websocket.connect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            await self.reads.wait()
        self.sent.append(message)

    @property
    def end(self) -> tuple[int, str]:
        """Return the code and reason that the socket was closed with."""
        return self.sent[-1]["code"], self.sent[-1]["reason"]


@pytest.fixture
async def frames() -> Frames:
    frames = Frames()
    await frames.ws.accept()
    return frames


async def live(frames: Frames, begin: Callable[[SocketLifetime], object]) -> tuple[int, str]:
    """Serve until the socket is closed; return the code and reason."""
    lifetime = SocketLifetime(frames)

    async def serve() -> None:
        begin(lifetime)
        await asyncio.Event().wait()

    async with asyncio.timeout(3):
        await lifetime.run(serve())
    return frames.end


@pytest.mark.parametrize("seconds", [5, math.inf])
async def test_an_expired_token_closes_it_at_once(frames: Frames, seconds: float) -> None:
    assert await live(frames, lambda lifetime: lifetime.extend_until(time.time() - seconds)) == (
        4403,
        "Token expired",
    )


async def test_the_last_deadline_counts(frames: Frames) -> None:
    def begin(lifetime: SocketLifetime) -> None:
        lifetime.close_in(0.01, 4408, "too late")
        lifetime.extend_until(math.inf)
        lifetime.close_in(60, 4000, "much later")
        lifetime.extend_until(time.time() + 0.1)

    began = time.monotonic()
    assert await live(frames, begin) == (4403, "Token expired")
    assert time.monotonic() - began >= 0.09


async def test_an_expired_token_is_as_final_as_a_close(frames: Frames) -> None:
    def begin(lifetime: SocketLifetime) -> None:
        lifetime.extend_until(time.time() - 1)
        lifetime.close(1013, "later")
        lifetime.extend_until(math.inf)

    assert await live(frames, begin) == (4403, "Token expired")


async def test_a_deadline_that_has_passed_is_final(frames: Frames) -> None:
    lifetime = SocketLifetime(frames)

    async def serve() -> None:
        lifetime.close_in(0.01, 4408, "too late")
        try:
            await asyncio.Event().wait()
        finally:
            lifetime.extend_until(math.inf)
            lifetime.close(1013, "later")

    await lifetime.run(serve())
    assert frames.end == (4408, "too late")


async def test_closing_is_final(frames: Frames) -> None:
    def begin(lifetime: SocketLifetime) -> None:
        lifetime.close(1013, "now")
        lifetime.close_in(60, 4000, "later")
        lifetime.extend_until(math.inf)

    assert await live(frames, begin) == (1013, "now")


async def test_a_client_that_does_not_read_is_cut_off(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.01)
    frames.reads.clear()
    lifetime = SocketLifetime(frames)

    async def serve() -> None:
        with pytest.raises(WebSocketDisconnected):
            await lifetime.send({})
        await asyncio.Event().wait()

    await lifetime.run(serve())
    assert frames.end == (1013, "Closed: messages were not read")
    with pytest.raises(WebSocketDisconnected):
        await lifetime.send({})


async def test_an_unforeseen_error_is_masked_by_a_number_to_quote(frames: Frames) -> None:
    async def fail() -> None:
        raise RuntimeError("a secret")

    with capture_logs() as logs:
        await SocketLifetime(frames).run(fail())
    code, reason = frames.end
    assert code == 1011
    assert logs[0]["correlation_id"] in reason
    assert "secret" not in reason


async def test_a_reason_fits_into_its_frame(frames: Frames) -> None:
    await frames.close(4000, "ä" * 100)
    _, reason = frames.end
    assert reason == "ä" * 61
