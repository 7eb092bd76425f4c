"""How much of the processor some work takes, whatever else runs on the machine."""

import os
import time
from collections.abc import Awaitable, Callable

# The least of several is the work's own: what the others took longer for (a collection of garbage, a neighbour in
# the processor's caches) is not.
TIMES = 5
# How many times longer the same work may take where other tests share the processor; alone, the limits are exact.
CROWDED = 2 if "PYTEST_XDIST_WORKER" in os.environ else 1


def least_seconds(work: Callable[[], object]) -> float:
    """Return the processor's time that some work would take alone, the least of several."""
    spent = []
    for _ in range(TIMES):
        began = time.thread_time()
        work()
        spent.append(time.thread_time() - began)
    return min(spent) / CROWDED


async def least_seconds_async(work: Callable[[], Awaitable[object]]) -> float:
    """Return the time for which some work alone keeps this event loop busy, the least of several."""
    spent = []
    for _ in range(TIMES):
        began = time.thread_time()
        await work()
        spent.append(time.thread_time() - began)
    return min(spent) / CROWDED
