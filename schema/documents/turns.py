"""Turns on the event loop: operations that take long work in slices, and let everybody else work in between."""

import asyncio
from collections import deque
from time import perf_counter

# Seconds for which all long operations together may keep the event loop before the others' turn.
SLICE = 0.005
# Those that wait and are woken at once; each asks again whether there is time left.
_WOKEN = 16


class Turns:
    """Shares the event loop's time among the long operations of a process.

    Example:
        >>> for row in rows:
        ...     while turns.are_over():
        ...         await turns.next()
        ...     work_on(row)
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends: float | None = None
        self._is_scheduled = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def are_over(self) -> bool:
        """Return whether the time is used up, so that `next` must be awaited before any more work."""
        now = perf_counter()
        if self._ends is None or self._loop is not asyncio.get_running_loop():
            self._schedule()
            self._ends = now + SLICE
            return False
        return now > self._ends

    async def next(self) -> None:
        """Wait until the others have had their turn."""
        self._schedule()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _schedule(self) -> None:
        """Have the time start again as soon as the event loop has run whatever is ready now."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # nothing of another loop's is left to wake
            self._loop, self._is_scheduled, self._waiting = loop, False, deque()
        if not self._is_scheduled:
            self._is_scheduled = True
            loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._ends, self._is_scheduled = None, False
        for _ in range(min(_WOKEN, len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():  # its operation may have been cancelled
                turn.set_result(None)
        if self._waiting:
            self._schedule()


# The turns of this process.
turns = Turns()
