"""How often a stream is read: at intervals, and sooner after this server's own writes."""

import asyncio
from contextlib import suppress


class Pace:
    """The pace of one stream's reader.

    Args:
        interval: seconds between two reads while nothing is expected.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._expected = 0  # reads that come early
        self._expecting = asyncio.Event()
        self._read_until = 0.0  # the event loop's time by which so many reads are due
        self.writes = 0

    def expect(self) -> None:
        """Read soon, and once more if nothing is found: what was just written may not be in the stream yet."""
        self.writes += 1
        self._expected = 2
        self._expecting.set()

    def found(self, writes: int) -> None:
        """Expect nothing more, because a read has found changes, unless there were more writes meanwhile.

        Args:
            writes: how many there had been when the read began.
        """
        if self.writes == writes:
            self._expected = 0

    async def pause(self) -> None:
        """Wait until the next read: for an interval, or for a quarter of it if something is expected.

        In the long run there are at most two reads in an interval.
        """
        half, now = self._interval / 2, asyncio.get_running_loop().time()
        self._read_until = max(self._read_until, now) + half
        soonest = max(half / 2, self._read_until - half - now)
        await asyncio.sleep(soonest)
        if not self._expected:
            self._expecting.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval - soonest):
                    await self._expecting.wait()
        self._expected = max(0, self._expected - 1)
