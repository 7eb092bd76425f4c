"""How long the feed waits before it reads again after failures."""

import random

_FIRST = 0.2
# How late the first event is after AWS was gone for a while.
_LONGEST = 1.0


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row."""
    longest = min(_LONGEST, _FIRST * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 — spreads retries, keeps no secret
