"""A booking: its day, its time, its two sides, and which statuses are over."""

from datetime import date

import pytest

from models.bookings.booking import ENDED, FREEING, OPEN, BookingStatus, Side
from models.bookings.times import Span
from tests.unit.models.bookings.bookings import ANA, BEN, booking


def test_a_booking_is_open_or_over() -> None:
    assert frozenset({BookingStatus.PENDING, BookingStatus.CONFIRMED, BookingStatus.IN_PROGRESS}) == OPEN
    assert ENDED == FREEING | {BookingStatus.COMPLETED} == frozenset(BookingStatus) - OPEN


def test_a_booking_belongs_to_its_providers_day() -> None:
    made = booking(booking_date="2026-03-04Z")
    assert (made.day, made.day_key) == (date(2026, 3, 4), "ben#2026-03-04")
    assert made.span == Span(600, 660)
    assert booking(end_time="later").span is None


@pytest.mark.parametrize(
    ("member", "side"), [(ANA, Side.CONSUMER), (BEN, Side.PROVIDER), ("eve", None), ("", None)]
)
def test_a_member_is_on_one_side_or_on_none(member: str, side: Side | None) -> None:
    assert booking().side_of(member) is side
    assert booking(provider_id="ben::Ben", consumer_id="ana::Ana").side_of(member) is side
