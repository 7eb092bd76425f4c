"""How much of the processor some work takes, whatever else runs on the machine."""

import os
import time
from collections.abc import Awaitable, Callable

# The least of several is the work's own: what the others took longer for (a collection of garbage, a neighbour in
# the processor's caches) is not.
TIMES = 5
# How many times longer the same work may take where other tests share the processor. `make test-long` runs the
# tests with such limits alone, by the exact ones.
CROWDED = 2 if "PYTEST_XDIST_WORKER" in os.environ else 1


def least_seconds(work: Callable[[], object]) -> float:
    """Return the processor's time for some work, in this thread, the least of several."""
    spent = []
    for _ in range(TIMES):
        began = time.thread_time()
        work()
        spent.append(time.thread_time() - began)
    return min(spent)


async def least_seconds_async(work: Callable[[], Awaitable[object]]) -> float:
    """Return the time that some work keeps this thread's event loop busy, the least of several."""
    spent = []
    for _ in range(TIMES):
        began = time.thread_time()
        await work()
        spent.append(time.thread_time() - began)
    return min(spent)
