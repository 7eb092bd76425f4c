"""Counters of windows in memory, bounded in number."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


def end_of_window(now: float, seconds: float) -> float:
    """Return when the clock's present window ends: on all servers at the same moment, a day's at 00:00 UTC."""
    return (now // seconds + 1) * seconds


@dataclass(slots=True)
class _Window:
    """What is counted for a key until a time.

    Args:
        end: the time.
        count: how much.
        shared: what of it the shared counter has.
    """

    end: float
    count: int = 0
    shared: int = 0


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
        self._windows: OrderedDict[str, _Window] = OrderedDict()  # in the order in which they began

    def __len__(self) -> int:
        return len(self._windows)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a key's count and return it; if its window is over, begin one of `expiry` seconds."""
        window = self._windows.get(key)
        if window is None or self._now() >= window.end:
            if amount <= 0:  # what is taken back is of a window that is over
                return 0
            window = self._begun(key, expiry)
        window.count = max(0, window.count + amount)
        return window.count

    def unshared(self, key: str) -> int:
        """Return what of a key's count the shared counter does not have."""
        window = self._present(key)
        return 0 if window is None else window.count - window.shared

    def note_shared(self, key: str, amount: int) -> None:
        """Note that the shared counter is given an amount; a negative one takes that back."""
        if (window := self._windows.get(key)) is not None:
            window.shared += amount

    def take_over(self, key: str, expiry: float, total: int) -> None:
        """Set a key's count to the shared counter's total and whatever the shared counter does not have yet."""
        window = self._present(key)
        if window is None:
            if total <= 0:
                return
            window = self._begun(key, expiry)
        window.count = max(0, total + window.count - window.shared)
        window.shared = total

    def get(self, key: str) -> int:
        """Return a key's count in its present window."""
        window = self._present(key)
        return 0 if window is None else window.count

    def get_expiry(self, key: str) -> float:
        """Return when a key's window ends."""
        window = self._windows.get(key)
        return self._now() if window is None else window.end

    def _present(self, key: str) -> _Window | None:
        """Return a key's present window, None if it has none; a window that is over is forgotten."""
        window = self._windows.get(key)
        if window is None or self._now() < window.end:
            return window
        del self._windows[key]
        return None

    def _begun(self, key: str, expiry: float) -> _Window:
        self._windows.pop(key, None)  # one that is over
        now = self._now()
        end = end_of_window(now, expiry) if self._by_the_clock else now + expiry
        window = self._windows[key] = _Window(end)
        if len(self._windows) > self._most:
            self._windows.popitem(last=False)
        return window
