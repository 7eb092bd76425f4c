"""For how long some work keeps the event loop without giving way to others."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from tests.unit.processor_time import CROWDED

T = TypeVar("T")
# What one request may keep the event loop for; a slice is a quarter of it, so that there is a margin for a machine
# whose caches others use, too.
MOST_SECONDS = 0.02 * CROWDED
# What one answer may cost in all, however much it asks for.
ANSWER_SECONDS = 0.5 * CROWDED


@dataclass
class Stretches:
    """The processor's time that this thread took, in all and at most between two turns of the event loop."""

    longest: float = 0.0
    total: float = 0.0


@asynccontextmanager
async def _stretches() -> AsyncIterator[Stretches]:
    """Measure the turns of the event loop, in processor time: what other processes take does not count."""
    found, began = Stretches(), time.thread_time()

    async def turn() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            found.longest = max(found.longest, now - last)
            last = now

    turning = asyncio.create_task(turn())
    await asyncio.sleep(0)
    try:
        yield found
    finally:
        await asyncio.sleep(0)
        found.total = time.thread_time() - began
        turning.cancel()


async def least_stretches(work: Callable[[], Awaitable[T]]) -> tuple[T, Stretches]:
    """Do some work three times; return its last result, and the least of each figure, which is the work's own.

    What else happens in this thread, such as a collection of the tests' own garbage, only adds to a figure.
    """
    least = Stretches(math.inf, math.inf)
    for _ in range(3):
        async with _stretches() as taken:
            result = await work()
        least = Stretches(min(least.longest, taken.longest), min(least.total, taken.total))
    return result, least
