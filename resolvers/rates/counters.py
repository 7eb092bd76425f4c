"""Counters of windows in memory, bounded in number."""

import time
from collections import OrderedDict
from collections.abc import Callable


def end_of_window(now: float, seconds: float) -> float:
    """Return when the clock's present window ends: on all servers at the same moment, a day's at 00:00 UTC."""
    return (now // seconds + 1) * seconds


class Counters:
    """Counts for each key in a window that begins with the key's first count.

    Args:
        most: keys that are remembered; beyond it, the one whose window began first is forgotten.
        now: returns the time in seconds.
        by_the_clock: whether windows are those of the clock instead, so that several servers have the same ones.
    """

    def __init__(self, most: int, now: Callable[[], float] = time.time, *, by_the_clock: bool = False) -> None:
        self._most = most
        self._now = now
        self._by_the_clock = by_the_clock
        self._counts: OrderedDict[str, int] = OrderedDict()  # in the order in which the windows began
        self._ends: dict[str, float] = {}
        self._shared: dict[str, int] = {}  # what of a count the shared counter has

    def __len__(self) -> int:
        return len(self._counts)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a key's count and return it; if its window is over, begin one of `expiry` seconds."""
        end = self._ends.get(key)
        if end is not None and self._now() < end:  # the usual case, in half the time of what follows
            count = self._counts[key] = max(0, self._counts[key] + amount)
            return count
        count = max(0, self.get(key) + amount)  # what is taken back may be of a window that is over
        if not count and key not in self._ends:
            return 0
        self._put(key, expiry, count)
        return count

    def unshared(self, key: str) -> int:
        """Return what of a key's count the shared counter does not have."""
        return self.get(key) - self._shared.get(key, 0)

    def note_shared(self, key: str, amount: int) -> None:
        """Note that the shared counter is given an amount; a negative one takes that back."""
        if key in self._counts:
            self._shared[key] = self._shared.get(key, 0) + amount

    def take_over(self, key: str, expiry: float, total: int) -> None:
        """Set a key's count to the shared counter's total and whatever the shared counter does not have yet."""
        count = max(0, total + self.unshared(key))
        if count or key in self._ends:
            self._put(key, expiry, count)
            self._shared[key] = total

    def _put(self, key: str, expiry: float, count: int) -> None:
        if key not in self._ends:
            now = self._now()
            self._ends[key] = end_of_window(now, expiry) if self._by_the_clock else now + expiry
        self._counts[key] = count
        if len(self._counts) > self._most:
            forgotten, _ = self._counts.popitem(last=False)
            del self._ends[forgotten]
            self._shared.pop(forgotten, None)

    def get(self, key: str) -> int:
        """Return a key's count in its present window."""
        end = self._ends.get(key)
        if end is None:
            return 0
        if end <= self._now():
            self.clear(key)
            return 0
        return self._counts[key]

    def get_expiry(self, key: str) -> float:
        """Return when a key's window ends."""
        return self._ends.get(key, self._now())

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._counts.pop(key, None)
        self._ends.pop(key, None)
        self._shared.pop(key, None)

    def reset(self) -> int:
        """Forget every key; return how many there were."""
        forgotten = len(self._counts)
        self._counts.clear()
        self._ends.clear()
        self._shared.clear()
        return forgotten
