"""Polling for conditions that no event reports."""

import asyncio
import time
from collections.abc import Callable

# Longer than even a busy machine takes.
SOON = 30.0


def comes_true(condition: Callable[[], bool], *, within: float) -> bool:
    """Return whether a condition becomes true within so many seconds."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


async def until(condition: Callable[[], object], *, within: float = SOON) -> None:
    """Wait for a condition that this process's own event loop brings about.

    Raises:
        TimeoutError: it did not become true in time.
    """
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 — no event reports it
            await asyncio.sleep(0.01)
