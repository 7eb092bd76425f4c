"""An event loop whose clock jumps to whatever comes next, so that days pass in moments and in the same order."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _Jump(selectors.DefaultSelector):
    """Waits for nothing: the time that it would have waited has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and for nothing that time would bring")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time; what runs on it must do no I/O of its own."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the seconds since this loop began."""
        return self._jump.now


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in virtual time to its end, and cancel whatever still goes on then."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
