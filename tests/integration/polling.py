"""Looking again and again at what will be so soon, where nothing tells of it."""

import asyncio
import time
from collections.abc import Callable

# Longer than any machine takes that is only busy.
SOON = 30.0


def comes_true(condition: Callable[[], bool], *, within: float) -> bool:
    """Tell whether a condition holds before so many seconds are over."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


async def until(condition: Callable[[], object], *, within: float = SOON) -> None:
    """Wait for what this process's own loop brings about.

    Raises:
        TimeoutError: it has not come true.
    """
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 — nothing tells of it
            await asyncio.sleep(0.01)
