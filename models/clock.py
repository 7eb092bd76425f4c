"""Time as HourBank writes it: UTC, to the millisecond, of fixed width, so that text sorts as time does."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the present moment in UTC, cut to the millisecond that a row can hold."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_text(moment: datetime) -> str:
    """Return `moment` as `YYYY-MM-DDTHH:mm:ss.sssZ`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Return the moment that an ISO-8601 text with offset names."""
    return datetime.fromisoformat(text).astimezone(UTC)
