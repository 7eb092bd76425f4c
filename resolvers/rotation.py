"""A rotation: work that comes in crowds is done a few pieces at a time, so that others are served in between."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable

# How long the turns of one round should take, in seconds; and the most of them.
_ROUND_SECONDS = 0.005
_LARGEST_ROUND = 16
# So many calls count as one turn: what a call takes is known at once, and it takes less.
_CALLS = 4

_Turn = asyncio.Future[None] | Callable[[], object]


class Rotation:
    """Gives turns to callers one after another, however much one of them has to do.

    In each round of the event loop a few turns are given. How many, follows from how long the last ones took.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[_Turn]] = OrderedDict()
        self._giving: asyncio.Task[None] | None = None
        self._began = 0.0

    async def turn(self, who: str) -> None:
        """Wait for a turn; it lasts until the caller awaits something."""
        waiter = asyncio.get_running_loop().create_future()
        self._wait(who, waiter)
        await waiter
        self._note_begin()

    def call(self, who: str, work: Callable[[], object]) -> None:
        """Have some work done when it is the caller's turn; the loop's exception handler gets what it raises."""
        self._wait(who, work)

    def _wait(self, who: str, turn: _Turn) -> None:
        self._waiting.setdefault(who, deque()).append(turn)
        if self._giving is None or self._giving.done():  # it may have been cancelled, too
            self._giving = asyncio.create_task(self._run_rounds(), name="turns of subscribers")

    def _note_begin(self) -> None:
        """Note when the first turn of a round begins."""
        self._began = self._began or time.perf_counter()

    async def _run_rounds(self) -> None:
        together = 1
        while self._waiting:
            self._began = 0.0
            self._give(together)
            # Those tasks run next, and then this one.
            await asyncio.sleep(0)
            took = time.perf_counter() - self._began if self._began else 0.0
            together = max(1, together // 2) if took > _ROUND_SECONDS else min(together + 1, _LARGEST_ROUND)

    def _give(self, together: int) -> None:
        """Give the turns of a round, one of each caller after another."""
        left = together * _CALLS
        while left > 0 and self._waiting:
            who, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[who] = turns
            if not isinstance(turn, asyncio.Future):
                self._note_begin()
                _run(turn)
                left -= 1
                if time.perf_counter() - self._began > _ROUND_SECONDS:
                    return
            elif not turn.done():  # one that has ended waits no longer
                turn.set_result(None)
                left -= _CALLS


def _run(call: Callable[[], object]) -> None:
    """Do a caller's work; if it fails, the turns of all others go on, as after a callback of the loop."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 — whatever it is, it is reported
        context = {"message": "A turn of a subscriber has failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)
