"""A booking: its day, its time, its two sides, and which statuses are over."""

from datetime import date

import pytest

from models.bookings.booking import ENDED, FREEING, TAKING, BookingStatus, Side
from models.bookings.times import Span
from tests.unit.models.bookings.bookings import ANA, BEN, booking


def test_a_booking_takes_time_unless_it_came_to_nothing() -> None:
    taking = {"PENDING", "CONFIRMED", "IN_PROGRESS", "COMPLETED"}
    assert ({status.value for status in TAKING}, FREEING) == (taking, frozenset(BookingStatus) - TAKING)
    assert FREEING | {BookingStatus.COMPLETED} == ENDED


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
