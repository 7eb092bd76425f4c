"""Hours are asked for as the app does, and come to hours of work at the service's rate, or are refused."""

from dataclasses import replace
from typing import Any

import pytest

from models.bookings.booking import BookingStatus
from models.errors import Code, Refusal
from models.exchanges.asking import ask_for_hours, invalid_hours_refusal
from models.requests.decision import Appointment, Change, Snapshot
from models.requests.statuses import RequestStatus
from tests.unit.builders import ALICE, BOB, EVE, NOW, SERVICE_ID, hours, make_request, make_service

BOOKING = Appointment(id="b", service_id=SERVICE_ID, provider_id=BOB, consumer_id=ALICE)


def asked(amount: str = "2", rate: str = "1", **changes: Any) -> Change | Refusal:
    given: dict[str, Any] = {"service": make_service(hourly_rate=hours(rate)), **changes}
    request = make_request(
        asked=hours(amount), estimated_hours=hours(amount), booking_id=given.pop("booking_id", None)
    )
    verdict = ask_for_hours(Snapshot(request=request, is_new=True, **given), NOW)
    assert isinstance(verdict, Change | Refusal)
    return verdict


@pytest.mark.parametrize(
    ("amount", "rate", "work"),
    [
        ("2", "1", "2"),
        ("2", "0.5", "4"),
        ("3", "1.5", "2"),
        ("0.03", "1.5", "0.02"),
        ("0.33", "0.33", "1"),
        ("0.09", "2.25", "0.04"),
        ("10000", "1000", "10"),
        ("0.01", "1", "0.01"),
    ],
)
def test_hours_are_asked_for_as_hours_of_work(amount: str, rate: str, work: str) -> None:
    change = asked(amount, rate)
    assert isinstance(change, Change)
    assert (change.request.estimated_hours, change.request.asked) == (hours(work), hours(amount))
    assert (change.request.status, change.request.version) == (RequestStatus.INITIATED, 1)


@pytest.mark.parametrize(
    ("amount", "rate", "step", "largest"),
    [
        ("0.01", "1.5", "0.03", "9999.99"),
        ("2", "0.33", "0.33", "3300.00"),
        ("1", "2.25", "0.09", "9999.99"),
        ("0.01", "1000", "10.00", "10000.00"),
        ("200", "0.01", "0.01", "100.00"),
    ],
)
def test_hours_that_no_hundredth_of_an_hour_costs_are_refused_with_those_that_fit(
    amount: str, rate: str, step: str, largest: str
) -> None:
    refused = asked(amount, rate)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_AMOUNT
    assert f"at {hours(rate)} an hour" in refused.message
    assert f"a multiple of {step} from {step} to {largest}" in refused.message
    assert refused.facts == {"field": "hoursSpent", "step": float(step), "largest": float(largest)}


@pytest.mark.parametrize(
    ("amount", "rate", "at"),
    [
        ("0", "1", ""),
        ("-1", "1", ""),
        ("10000.01", "1", ""),
        ("20000", "2", ""),
        ("101", "0.01", " at 0.01 an hour"),
    ],
)
def test_hours_beyond_the_limits_are_refused_and_their_price_is_named_if_that_is_why(
    amount: str, rate: str, at: str
) -> None:
    refused = asked(amount, rate)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_AMOUNT
    assert refused.message.startswith(f"hoursSpent: {hours(amount)} hours{at} cannot be asked for. ")


def test_hours_are_given() -> None:
    request = make_request(asked=None)
    assert ask_for_hours(Snapshot(request=request, service=make_service()), NOW) == invalid_hours_refusal(None)
    assert invalid_hours_refusal(1.234).facts["step"] == 0.01


def test_the_service_is_there_and_the_providers() -> None:
    gone, anothers = asked(service=None), asked(service=make_service(user_id=EVE))
    assert isinstance(gone, Refusal)
    assert isinstance(anothers, Refusal)
    assert (gone.code, gone.facts) == (Code.SERVICE_NOT_AVAILABLE, {"field": "serviceId"})
    assert (anothers.code, anothers.facts) == (Code.BAD_REQUEST, {"field": "providerId"})


def test_a_booking_is_of_the_same_service_between_the_same_members() -> None:
    booked = asked(booking_id="b", booking=BOOKING)
    assert isinstance(booked, Change)
    assert booked.request.booking_id == "b"
    others = [
        Appointment(id="b", service_id="another", provider_id=BOB, consumer_id=ALICE),
        Appointment(id="b", service_id=SERVICE_ID, provider_id=EVE, consumer_id=ALICE),
        Appointment(id="b", service_id=SERVICE_ID, provider_id=BOB, consumer_id=EVE),
    ]
    for booking in (None, *others):
        refused = asked(booking_id="b", booking=booking)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts) == (Code.BAD_REQUEST, {"field": "bookingId"})


@pytest.mark.parametrize("status", sorted(BookingStatus))
def test_a_booking_that_was_cancelled_is_named_no_more(status: BookingStatus) -> None:
    asks = asked(booking_id="b", booking=replace(BOOKING, status=status.value))
    if not status.name.startswith("CANCELLED_"):
        assert isinstance(asks, Change)
        return
    assert isinstance(asks, Refusal)
    assert (asks.code, asks.facts) == (
        Code.INVALID_BOOKING_STATUS,
        {"field": "bookingId", "status": status.value},
    )
    assert asks.message == f"bookingId: this booking is {status}; name another, or none."


def test_at_no_rate_at_all_no_hours_can_be_asked_for() -> None:
    refused = asked("2", "0")
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_AMOUNT
