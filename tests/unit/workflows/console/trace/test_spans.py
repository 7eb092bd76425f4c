"""What happened is put where it happened."""

from datetime import datetime, timedelta

from tests.unit.builders import NOW
from workflows.console.trace.spans import Kind, Mark, Span, place


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def mark(seconds: float) -> Mark:
    return Mark(at=at(seconds), kind=Kind.EVENT, says=f"at {seconds}")


def said(span: Span) -> list[str]:
    return [one.says if isinstance(one, Mark) else one.name for one in span.in_order]


def test_a_mark_is_in_the_innermost_span_and_in_the_later_of_two_that_meet() -> None:
    inner = Span(name="inner", began=at(2), ended=at(3))
    first = Span(name="first", began=at(1), ended=at(4), within=[inner])
    second = Span(name="second", began=at(4), ended=None)
    root = Span(name="root", began=at(0), ended=None, within=[second, first])
    place([mark(9), mark(0.5), mark(2.5), mark(4), mark(3.5), mark(1)], root)
    assert said(root) == ["at 0.5", "first", "second"]
    assert said(first) == ["at 1", "inner", "at 3.5"]
    assert said(inner) == ["at 2.5"]
    assert said(second) == ["at 4", "at 9"]


def test_what_happened_before_everything_is_at_the_root() -> None:
    root = Span(name="root", began=at(0), ended=at(1), within=[Span(name="only", began=at(0), ended=at(1))])
    place([mark(-1), mark(2)], root)
    assert said(root) == ["at -1", "only", "at 2"]
