"""The terms of a new booking."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from models.bookings.booking import BookingStatus, Offer, Provider
from models.bookings.terms import (
    FURTHEST_DAYS,
    Terms,
    agreed,
    day_problem,
    length_problem,
    offered,
    provider_refusal,
)
from models.bookings.times import Span
from models.errors import Code, Refusal
from tests.unit.models.bookings.bookings import ANA, BEN, BOOKING, NOW, OFFER, booking, offer

HOUR = Span(600, 660)


def refusal(found: Any) -> Refusal:
    assert isinstance(found, Refusal)
    return found


def test_a_booking_is_of_a_service_that_its_provider_offers() -> None:
    assert offered(BOOKING, OFFER) is OFFER
    theirs = offer(user_id="ben::Ben")
    assert offered(BOOKING, theirs) is theirs


@pytest.mark.parametrize("found", [None, offer(is_active=False), offer(user_id="eve")])
def test_no_other_service_is_booked(found: Offer | None) -> None:
    assert refusal(offered(BOOKING, found)).code is Code.SERVICE_NOT_AVAILABLE


def test_only_a_member_who_is_active_is_booked() -> None:
    for is_active in (True, None):
        assert provider_refusal(Provider(BEN, is_active)) is None
    for provider in (None, Provider(BEN, is_active=False)):
        refused = refusal(provider_refusal(provider))
        assert (refused.code, refused.facts) == (Code.USER_NOT_ACTIVE, {"field": "providerId"})


def test_nobody_books_their_own_service() -> None:
    own = refusal(offered(booking(consumer_id=BEN), OFFER))
    assert (own.code, own.message) == (Code.SELF_REQUEST, "You cannot book your own service.")
    assert BOOKING.consumer_id == ANA


@pytest.mark.parametrize("cost", [1.25, 1.2500000001, 2, 2.0000000001])
def test_cost_is_the_price_of_the_hours_also_where_the_app_shows_another(cost: float) -> None:
    assert agreed(BOOKING, 1, cost, OFFER) == Terms(HOUR, 1.0, Decimal("1.25"))


@pytest.mark.parametrize(
    ("end", "rate", "duration", "cost"),
    [
        ("10:20", "1.00", 0.33, "0.33"),
        ("10:20", "100.00", 1 / 3, "33.33"),
        ("10:30", "0.01", 0.5, "0.00"),
        ("10:30", "0.03", 0.5, "0.02"),
        ("12:30", "1.25", 2.5, "3.12"),
    ],
)
def test_hours_and_cost_are_rounded_half_even(end: str, rate: str, duration: float, cost: str) -> None:
    found = agreed(booking(end_time=end), duration, float(cost), offer(hourly_rate=Decimal(rate)))
    assert isinstance(found, Terms)
    assert (found.duration, found.total_cost) == (round(duration, 2), Decimal(cost))


def test_a_service_that_says_nothing_usually_takes_an_hour() -> None:
    assert isinstance(agreed(BOOKING, 1, 1, offer(hourly_duration=None)), Terms)


@pytest.mark.parametrize(
    ("duration", "cost", "field", "words"),
    [
        (1.01, 1.25, "duration", "10:00 to 11:00 is 1.00 hours, not 1.01"),
        (2, 1.25, "duration", "not 2"),
        (1, 1.26, "totalCost", "1.00 hours at 1.25 hours each cost 1.25, not 1.26"),
        (1, 0, "totalCost", "not 0"),
    ],
)
def test_what_does_not_follow_is_refused_with_what_does(
    duration: float, cost: float, field: str, words: str
) -> None:
    found = refusal(agreed(BOOKING, duration, cost, OFFER))
    assert (found.code, found.facts) == (Code.BAD_REQUEST, {"field": field})
    assert found.message.startswith(f"{field}: ")
    assert words in found.message


def test_times_that_make_no_sense_are_refused() -> None:
    assert refusal(agreed(booking(end_time="10:00"), 1, 1.25, OFFER)).facts == {"field": "startTime"}


@pytest.mark.parametrize("status", sorted(set(BookingStatus) - {BookingStatus.PENDING}))
def test_a_booking_begins_pending(status: BookingStatus) -> None:
    found = refusal(agreed(booking(status=status), 1, 1.25, OFFER))
    assert found.code is Code.INVALID_BOOKING_STATUS
    assert found.facts == {"field": "status", "status": status, "possible": ["PENDING"]}
    assert f"not as {status};" in found.message


def test_a_service_is_booked_for_so_many_hours() -> None:
    limited = offer(min_booking_hours=Decimal("1.00"), max_booking_hours=Decimal("2.00"))
    assert [length_problem(Span(0, minutes), limited) for minutes in (60, 120)] == [None, None]
    assert (
        length_problem(Span(0, 59), limited) == "this service is booked for 1.00 hours at least (minBookingHours)"
    )
    assert (
        length_problem(Span(0, 121), limited) == "this service is booked for 2.00 hours at most (maxBookingHours)"
    )
    assert length_problem(Span(0, 1), OFFER) is None


def test_a_members_own_day_may_lag_behind_but_no_more() -> None:
    # It is 12:00; fourteen hours ago it was 22:00 of the day before.
    assert day_problem(date(2026, 2, 28), 22 * 60, OFFER, NOW) is None
    assert day_problem(date(2026, 2, 28), 22 * 60 - 1, OFFER, NOW) == "this time is past"


@pytest.mark.parametrize("days", [0, 3])
def test_a_service_is_booked_so_many_days_ahead(days: int) -> None:
    # It is 12:00, and fourteen hours ahead the next day has begun.
    last = NOW.date() + timedelta(days=days + 1)
    limited = offer(advance_booking_days=days)
    assert day_problem(last, 23 * 60, limited, NOW) is None
    assert day_problem(last, 0, limited, NOW - timedelta(hours=2)) is None
    problem = f"this service is booked {days} days ahead at most (advanceBookingDays)"
    assert day_problem(last, 0, limited, NOW - timedelta(hours=2, minutes=1)) == problem
    assert day_problem(last + timedelta(days=1), 0, limited, NOW) == problem


@pytest.mark.parametrize("found", [OFFER, offer(advance_booking_days=10**9)])
def test_nothing_is_booked_ten_years_ahead(found: Offer) -> None:
    assert day_problem(NOW.date() + timedelta(days=FURTHEST_DAYS), 0, found, NOW) is None
    assert day_problem(date.max, 0, found, NOW) is not None
