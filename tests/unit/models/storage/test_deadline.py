"""A call has its time, without what the event loop spent on other things."""

import asyncio
from collections.abc import Iterator

import pytest

from models.storage.breaker import _Deadline


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock moves on to the next timer at once, and as a test tells it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__()

    def time(self) -> float:
        return self.seconds

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]  # asyncio's own
            self.seconds = max(self.seconds, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]

    def timers(self) -> list[asyncio.TimerHandle]:
        return [one for one in self._scheduled if not one.cancelled()]  # type: ignore[attr-defined]


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def test_a_call_has_exactly_its_time(loop: Loop) -> None:
    async def call() -> None:
        with pytest.raises(TimeoutError):
            async with _Deadline(1.5):
                await asyncio.sleep(30)

    loop.run_until_complete(call())
    assert loop.seconds == pytest.approx(1.5)
    assert loop.timers() == []


def test_a_call_has_only_the_time_back_in_which_nobody_listened(loop: Loop) -> None:
    async def call() -> None:
        def be_busy() -> None:
            loop.seconds += 7

        loop.call_later(0.2, be_busy)
        with pytest.raises(TimeoutError):
            async with _Deadline(1.5):
                await asyncio.sleep(30)

    loop.run_until_complete(call())
    # The second tenth of its time ended with the 7 s, and eight tenths remained.
    assert loop.seconds == pytest.approx(7.2 + 8 * 0.15)


def test_a_call_that_was_answered_leaves_no_timer(loop: Loop) -> None:
    async def call() -> None:
        async with _Deadline(1.5):
            await asyncio.sleep(0.2)

    loop.run_until_complete(call())
    assert loop.seconds == pytest.approx(0.2)
    assert loop.timers() == []
