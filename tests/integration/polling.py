"""Looking again and again at what will be so soon, where nothing tells of it."""

import time
from collections.abc import Callable


def comes_true(condition: Callable[[], bool], *, within: float) -> bool:
    """Tell whether a condition holds before so many seconds are over."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
