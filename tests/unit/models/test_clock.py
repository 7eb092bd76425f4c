"""Moments are UTC, of fixed width, and sort as text."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from models import clock


def test_text_is_of_fixed_width_and_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    assert clock.to_text(datetime(2026, 1, 5, 13, 0, tzinfo=berlin)) == "2026-01-05T12:00:00.000Z"
    assert clock.to_text(datetime(2026, 1, 5, 12, 0, 0, 123_999, tzinfo=UTC)) == "2026-01-05T12:00:00.123Z"


def test_text_sorts_as_time_does() -> None:
    start = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    moments = [start + timedelta(milliseconds=step) for step in (0, 1, 10, 999, 1_000, 86_400_000)]
    texts = [clock.to_text(moment) for moment in moments]
    assert texts == sorted(texts)


def test_a_moment_survives_its_row() -> None:
    now = clock.now()
    assert clock.from_text(clock.to_text(now)) == now
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


def test_now_is_cut_to_the_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Frozen":
            return cls(2026, 1, 5, 12, 0, 0, 999_900, tzinfo=tz)

    monkeypatch.setattr(clock, "datetime", Frozen)
    assert clock.now() == datetime(2026, 1, 5, 12, 0, 0, 999_000, tzinfo=UTC)


def test_any_offset_is_read() -> None:
    assert clock.from_text("2026-01-05T13:00:00+01:00") == datetime(2026, 1, 5, 12, tzinfo=UTC)
