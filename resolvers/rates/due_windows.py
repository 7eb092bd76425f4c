"""Whose counts are to be added to the counter that all servers share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from models.limits import fixed_limit

MOST_DUE = fixed_limit(
    1_000,
    "minutes and days of callers that wait to be added to the servers' shared counter",
    topic="requests and sockets",
    code="none: counted by each server until the caller's next request",
)


class Window(NamedTuple):
    """The minute or the day of one caller.

    Args:
        who: the key by which they are counted.
        seconds: how long it is.
    """

    who: str
    seconds: int


class DueWindows:
    """A queue of windows; each is in it once, and stays known until it is dealt with.

    Args:
        parts: a window is due whenever this fraction of one of its limits was used.
    """

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self._queue: asyncio.Queue[Window] = asyncio.Queue()
        self._known: set[Window] = set()

    def add(self, window: Window) -> None:
        """Add a window, unless it is known or too many are; then its caller's next request adds it."""
        if window not in self._known and len(self._known) < MOST_DUE:
            self._known.add(window)
            self._queue.put_nowait(window)

    @asynccontextmanager
    async def next(self) -> AsyncIterator[Window]:
        """Wait for a window, which nobody else gets until the context ends."""
        window = await self._queue.get()
        try:
            yield window
        finally:
            self._known.discard(window)
