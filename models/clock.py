"""Moments as HourBank stores them: UTC, to the millisecond, in fixed width, so that texts sort chronologically."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the current moment in UTC, truncated to the milliseconds that a row stores."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@lru_cache(maxsize=1024)  # rows repeat few moments; equal ones have the same text, as none of them has a `fold`
def to_text(moment: datetime) -> str:
    """Return `moment` as `YYYY-MM-DDTHH:mm:ss.sssZ`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Return the moment that an ISO-8601 text with an offset denotes, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
