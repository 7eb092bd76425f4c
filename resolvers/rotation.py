"""A rotation: work that comes in crowds is done a few pieces at a time, so that others are served in between."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Iterator

# How long the turns of one round should take, in seconds; and the most of them.
_ROUND_SECONDS = 0.005
_LARGEST_ROUND = 16


class Rotation:
    """Gives turns to callers one after another, however much one of them has to do.

    In each round of the event loop a few turns are given. How many, follows from how long the last ones took.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._giving: asyncio.Task[None] | None = None
        self._began = 0.0

    async def turn(self, who: str) -> None:
        """Wait for a turn; it lasts until the caller awaits something."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(waiter)
        if self._giving is None:
            self._giving = asyncio.create_task(self._run_rounds(), name="turns of subscribers")
        await waiter
        self._began = self._began or time.perf_counter()

    async def _run_rounds(self) -> None:
        together = 1
        while self._waiting:
            self._began = 0.0
            for waiter in self._next(together):
                waiter.set_result(None)
            # Those tasks run next, and then this one.
            await asyncio.sleep(0)
            took = time.perf_counter() - self._began if self._began else 0.0
            together = max(1, together // 2) if took > _ROUND_SECONDS else min(together + 1, _LARGEST_ROUND)
        self._giving = None

    def _next(self, most: int) -> Iterator[asyncio.Future[None]]:
        """Yield the next waiters, one of each caller in turn."""
        while most and self._waiting:
            who, waiters = self._waiting.popitem(last=False)
            waiter = waiters.popleft()
            if waiters:
                self._waiting[who] = waiters
            if not waiter.done():  # a subscription that has ended waits no longer
                most -= 1
                yield waiter
