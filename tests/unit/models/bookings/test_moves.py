"""Who may move a booking on, and what of it stays as it was agreed."""

from datetime import timedelta
from itertools import product

import pytest

from models.bookings.booking import ENDED, BookingStatus, Offer, Side
from models.bookings.moves import MOMENTS, frees, move_refusal, removal_refusal, terms_refusal
from models.errors import Code
from tests.unit.models.bookings.bookings import NOW, OFFER, booking, offer

PROVIDER, CONSUMER = Side.PROVIDER, Side.CONSUMER
# The contract, move by move.
ALLOWED = {
    ("PENDING", "CONFIRMED", PROVIDER),
    ("PENDING", "CANCELLED_BY_PROVIDER", PROVIDER),
    ("PENDING", "CANCELLED_BY_CONSUMER", CONSUMER),
    ("CONFIRMED", "IN_PROGRESS", PROVIDER),
    ("CONFIRMED", "NO_SHOW_CONSUMER", PROVIDER),
    ("CONFIRMED", "NO_SHOW_PROVIDER", CONSUMER),
    ("CONFIRMED", "CANCELLED_BY_PROVIDER", PROVIDER),
    ("CONFIRMED", "CANCELLED_BY_CONSUMER", CONSUMER),
    ("IN_PROGRESS", "COMPLETED", PROVIDER),
}


@pytest.mark.parametrize(("before", "after", "side"), list(product(BookingStatus, BookingStatus, Side)))
def test_a_booking_moves_as_the_contract_says(before: BookingStatus, after: BookingStatus, side: Side) -> None:
    refused = move_refusal(booking(status=before), after, side, OFFER, NOW)
    assert (refused is None) is (before is after or (before.value, after.value, side) in ALLOWED)
    if refused is not None:
        assert refused.code is Code.INVALID_BOOKING_STATUS
        assert refused.facts["status"] == before
        possible = {to for found, to, by in ALLOWED if (found, by) == (before, side)}
        assert set(refused.facts["possible"]) == possible
        assert all(word in refused.message for word in (before, side, *(possible or {"nothing else"})))


@pytest.mark.parametrize(
    ("left", "hours", "allowed"),
    [(24, 24, True), (23.98, 24, False), (-1, 0, False), (0, 0, True), (1, None, True)],
)
def test_a_consumer_cancels_what_is_confirmed_in_time(left: float, hours: int | None, *, allowed: bool) -> None:
    confirmed = booking(status=BookingStatus.CONFIRMED, booking_date="2026-03-04", start_time="10:00")
    now = NOW + timedelta(days=3) - timedelta(hours=2) - timedelta(hours=left)
    limited = offer(cancellation_hours=hours)
    refused = move_refusal(confirmed, BookingStatus.CANCELLED_BY_CONSUMER, CONSUMER, limited, now)
    assert (refused is None) is allowed
    if refused is not None:
        assert refused.facts == {"status": "CONFIRMED", "possible": [] if left > 0 else ["NO_SHOW_PROVIDER"]}
        assert f"until {hours} hours before" in refused.message
        assert "ask the provider" in refused.message
    assert move_refusal(confirmed, BookingStatus.CANCELLED_BY_PROVIDER, PROVIDER, limited, now) is None


# 0.01 h is within the last minute before the time.
@pytest.mark.parametrize(("left", "allowed"), [(24, True), (23.98, False), (0.01, False), (0, True), (-1, True)])
def test_a_provider_is_not_missed_before_the_time_instead_of_cancelling(left: float, *, allowed: bool) -> None:
    confirmed = booking(status=BookingStatus.CONFIRMED, booking_date="2026-03-04", start_time="10:00")
    now = NOW + timedelta(days=3) - timedelta(hours=2) - timedelta(hours=left)
    limited = offer(cancellation_hours=24)
    refused = move_refusal(confirmed, BookingStatus.NO_SHOW_PROVIDER, CONSUMER, limited, now)
    assert (refused is None) is allowed


@pytest.mark.parametrize(
    ("status", "time", "found"),
    [("PENDING", "10:00", OFFER), ("CONFIRMED", "?", OFFER), ("CONFIRMED", "10:00", None)],
)
def test_whatever_else_is_cancelled_at_any_time(status: str, time: str, found: Offer | None) -> None:
    made = booking(status=BookingStatus(status), start_time=time)
    limited = None if found is None else offer(cancellation_hours=10_000)
    assert move_refusal(made, BookingStatus.CANCELLED_BY_CONSUMER, CONSUMER, limited, NOW) is None


@pytest.mark.parametrize(("status", "side"), list(product(BookingStatus, Side)))
def test_what_is_open_is_deleted_as_far_as_it_can_be_called_off(status: BookingStatus, side: Side) -> None:
    found = booking(status=status)
    late = offer(cancellation_hours=10_000)
    called_off = BookingStatus(f"CANCELLED_BY_{side.upper()}")
    for terms in (OFFER, late):
        refused = removal_refusal(found, side, terms, NOW)
        assert refused == (None if status in ENDED else move_refusal(found, called_off, side, terms, NOW))
    assert (removal_refusal(found, side, late, NOW) is None) is (
        status is not BookingStatus.IN_PROGRESS and (status, side) != (BookingStatus.CONFIRMED, CONSUMER)
    )


@pytest.mark.parametrize("name", ["bookingDate", "startTime", "endTime", "duration", "totalCost"])
def test_what_was_agreed_stays(name: str) -> None:
    refused = terms_refusal({name, "status"})
    assert refused is not None
    assert (refused.code, refused.facts) == (Code.BAD_REQUEST, {"field": name})
    assert "cancel it and book anew" in refused.message


def test_both_sides_write_notes() -> None:
    assert terms_refusal({"notes", "providerNotes", "cancellationReason", "status"}) is None


def test_what_comes_to_nothing_gives_its_time_back_once() -> None:
    freed = {(a, b) for a, b in product(BookingStatus, BookingStatus) if frees(a, b)}
    over = {"CANCELLED_BY_CONSUMER", "CANCELLED_BY_PROVIDER", "NO_SHOW_CONSUMER", "NO_SHOW_PROVIDER"}
    kept = {"PENDING", "CONFIRMED", "IN_PROGRESS", "COMPLETED"}
    assert freed == set(product(kept, over))


def test_the_server_dates_four_moves() -> None:
    assert MOMENTS == {
        "CONFIRMED": "confirmedAt",
        "COMPLETED": "completedAt",
        "CANCELLED_BY_CONSUMER": "cancelledAt",
        "CANCELLED_BY_PROVIDER": "cancelledAt",
    }
