"""Counters of fixed windows in memory: a storage for the library `limits`, which does the arithmetic.

The library's own storage in memory is not used, because it has no bound, and because its clean-up starts a thread
up to a hundred times a second, which looks at every counter.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from limits.storage import Storage


class Counters(Storage):
    """Counts for each key in a window that begins with the key's first count.

    Args:
        most: keys that are remembered; beyond it, the one whose window began first is forgotten.
        now: returns the time in seconds.
    """

    STORAGE_SCHEME = None

    def __init__(self, most: int, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._most = most
        self._now = now
        self._counts: OrderedDict[str, int] = OrderedDict()  # in the order in which the windows began
        self._ends: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what the library may wrap; nothing here fails."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a key's count and return it; if its window is over, begin one of `expiry` seconds."""
        count = max(0, self.get(key) + amount)  # what is taken back may be of a window that is over
        if not count and key not in self._ends:
            return 0
        if key not in self._ends:
            self._ends[key] = self._now() + expiry
        self._counts[key] = count
        if len(self._counts) > self._most:
            forgotten, _ = self._counts.popitem(last=False)
            del self._ends[forgotten]
        return count

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

    def check(self) -> bool:
        """Return whether the storage can be used."""
        return True

    def reset(self) -> int:
        """Forget every key; return how many there were."""
        forgotten = len(self._counts)
        self._counts.clear()
        self._ends.clear()
        return forgotten
