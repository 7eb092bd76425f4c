"""A pending result is polled for at growing intervals, and not for ever."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
import tenacity

from resolvers import polling
from resolvers.polling import poll


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses between attempts; only they take time, and only by this test's clock."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(polling, "asyncio", SimpleNamespace(sleep=pause))
    monkeypatch.setattr(tenacity, "time", SimpleNamespace(monotonic=lambda: sum(made)))
    return made


def attempts(results: list[str]) -> Callable[[], Awaitable[str]]:
    """Return an attempt that has one result after the other; the last one stays."""

    async def attempt() -> str:
        return results.pop(0) if len(results) > 1 else results[0]

    return attempt


def is_pending(result: str) -> bool:
    return result == "pending"


async def test_a_final_result_is_returned_at_once(pauses: list[float]) -> None:
    assert await poll(attempts(["done"]), is_pending=is_pending) == "done"
    assert pauses == []


async def test_the_intervals_grow(pauses: list[float]) -> None:
    attempt = attempts(["pending"] * 7 + ["done"])
    assert await poll(lambda: attempt(), is_pending=is_pending) == "done"  # noqa: PLW0108 — no coroutine function
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 0.8, 0.8]


async def test_the_last_result_is_returned_when_the_time_has_run_out(pauses: list[float]) -> None:
    assert await poll(attempts(["pending"]), is_pending=is_pending) == "pending"
    assert 5 <= sum(pauses) < 5.8


async def test_an_exception_ends_the_polling(pauses: list[float]) -> None:
    async def fail() -> str:
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        await poll(fail, is_pending=is_pending)
    assert pauses == []
