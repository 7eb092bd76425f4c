"""How long a socket lives, and what it is told at its end."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket
from strawberry.http.exceptions import WebSocketDisconnected
from structlog.testing import capture_logs

from resolvers.transport import sockets
from resolvers.transport.sockets import SocketLifetime, TextFrames


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
        """What the client was told at last."""
        return self.sent[-1]["code"], self.sent[-1]["reason"]


@pytest.fixture
async def frames() -> Frames:
    frames = Frames()
    await frames.ws.accept()
    return frames


async def live(frames: Frames, begin: Callable[[SocketLifetime], object]) -> tuple[int, str]:
    """Serve until the end, and return what was told then."""
    life = SocketLifetime(frames)

    async def serve() -> None:
        begin(life)
        await asyncio.Event().wait()

    async with asyncio.timeout(3):
        await life.of(serve())
    return frames.end


@pytest.mark.parametrize("seconds", [5, math.inf])
async def test_a_token_that_has_expired_ends_it_at_once(frames: Frames, seconds: float) -> None:
    assert await live(frames, lambda life: life.last_until(time.time() - seconds)) == (4403, "Token expired")


async def test_what_was_said_last_counts(frames: Frames) -> None:
    def begin(life: SocketLifetime) -> None:
        life.end_in(0.01, 4408, "too late")
        life.last_until(math.inf)
        life.end_in(60, 4000, "much later")
        life.last_until(time.time() + 0.1)

    began = time.monotonic()
    assert await live(frames, begin) == (4403, "Token expired")
    assert time.monotonic() - began >= 0.09


async def test_nothing_puts_off_an_end_that_has_come(frames: Frames) -> None:
    def begin(life: SocketLifetime) -> None:
        life.end_in(0, 1013, "now")
        life.end_in(60, 4000, "later")
        life.last_until(math.inf)

    assert await live(frames, begin) == (1013, "now")


async def test_a_client_that_does_not_read_is_cut_off(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.01)
    frames.reads.clear()
    life = SocketLifetime(frames)

    async def serve() -> None:
        with pytest.raises(WebSocketDisconnected):
            await life.send({})
        await asyncio.Event().wait()

    await life.of(serve())
    assert frames.end == (1013, "Closed: messages were not read")
    with pytest.raises(WebSocketDisconnected):
        await life.send({})


async def test_what_nobody_foresaw_is_told_by_a_number_to_quote(frames: Frames) -> None:
    async def fail() -> None:
        raise RuntimeError("a secret")

    with capture_logs() as logs:
        await SocketLifetime(frames).of(fail())
    code, reason = frames.end
    assert code == 1011
    assert logs[0]["correlation_id"] in reason
    assert "secret" not in reason


async def test_a_reason_fits_into_its_frame(frames: Frames) -> None:
    await frames.close(4000, "ä" * 100)
    _, reason = frames.end
    assert reason == "ä" * 61
