"""What took some time, and what happened at a moment; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a moment was."""

    EVENT = "event"
    STATUS = "status"
    HOURS = "hours"
    LINE = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened at a moment.

    Args:
        says: what it was.
        took: how long, if it is known to have begun then.
        by: who did it; None for the workflow itself.
        correlation_id: the GraphQL request, or the invocation, that led to it.
    """

    at: datetime
    kind: Kind
    says: str
    took: timedelta | None = None
    by: str | None = None
    correlation_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Span:
    """Something that took time: an execution, or one of its states.

    Args:
        ended: None if it goes on.
        outcome: how it stands, or what went wrong; empty if nothing did.
        is_bad: whether a person may have to look at it.
        within: what it took, and what happened meanwhile, in no particular order.
    """

    name: str
    began: datetime
    ended: datetime | None
    outcome: str = ""
    is_bad: bool = False
    within: "list[Span | Mark]" = field(default_factory=list)

    def lasts_at(self, moment: datetime) -> bool:
        """Return whether a moment is between its beginning and its end, both included."""
        return self.began <= moment and (self.ended is None or moment <= self.ended)

    @property
    def in_order(self) -> "list[Span | Mark]":
        """Return what it took and what happened meanwhile, the earliest first."""
        return sorted(self.within, key=began)


def began(one: Span | Mark) -> datetime:
    """Return when something began, or happened."""
    return one.began if isinstance(one, Span) else one.at


def place(marks: Iterable[Mark], root: Span) -> None:
    """Put each mark into the innermost span in which it happened; the later of two that meet at that moment."""
    for mark in marks:
        _innermost(mark.at, root).within.append(mark)


def _innermost(moment: datetime, root: Span) -> Span:
    found = root
    while (inner := _latest_at(moment, found)) is not None:
        found = inner
    return found


def _latest_at(moment: datetime, span: Span) -> Span | None:
    lasting = [one for one in span.within if isinstance(one, Span) and one.lasts_at(moment)]
    return max(lasting, key=began, default=None)


def walk(span: Span) -> Iterator[Span]:
    """Yield a span and all that it took."""
    yield span
    for one in span.within:
        if isinstance(one, Span):
            yield from walk(one)
