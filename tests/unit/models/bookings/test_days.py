"""What is taken of a provider's day."""

from models.bookings.days import MOST_BOOKINGS, Day, Taken
from models.bookings.times import Span
from models.errors import Code, Refusal
from tests.unit.models.bookings.bookings import booking

KEY = "ben#2026-03-04"
DAY = Day(KEY, (Taken("a", 600, 660),), 3)


def test_a_booking_takes_its_time() -> None:
    made = DAY.with_booking("b", Span(660, 700))
    assert made == Day(KEY, (Taken("a", 600, 660), Taken("b", 660, 700)), 4)
    assert isinstance(made, Day)
    assert made.spans == [Span(600, 660), Span(660, 700)]


def test_two_bookings_never_overlap() -> None:
    refused = DAY.with_booking("b", Span(659, 700))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.SLOT_TAKEN
    assert "getAvailableTimeSlots" in refused.message


def test_a_day_has_so_many_bookings_and_no_more() -> None:
    full = Day(KEY, tuple(Taken(str(number), number, number + 1) for number in range(MOST_BOOKINGS)), 1)
    refused = full.with_booking("b", Span(1000, 1001))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.SLOT_TAKEN
    assert "96 bookings a day" in refused.message
    assert isinstance(full.without_booking("0").with_booking("b", Span(1000, 1001)), Day)


def test_a_booking_gives_its_time_back() -> None:
    assert DAY.without_booking("a") == Day(KEY, (), 4)
    assert DAY.without_booking("b") == Day(KEY, (Taken("a", 600, 660),), 4)


def test_a_day_begins_with_the_bookings_that_were_made_before_it_was_kept() -> None:
    others = [
        booking(id="c", booking_date="2026-03-05"),
        booking(id="d", provider_id="eve"),
        booking(id="e", start_time="?"),
    ]
    found = Day.of_bookings(KEY, [booking(), *others])
    assert found == Day(KEY, (Taken("b", 600, 660),), 0)
