"""What an exchange says at every place of its request, and when it is written."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.exchanges.record import (
    Count,
    RecordChange,
    count_of,
    exchange_status,
    paid_at,
    record_change,
    record_of,
    removal_change,
)
from models.identifiers import derived
from models.requests.decision import Snapshot
from models.requests.request import Request
from models.requests.statuses import RequestStatus, TransactionStatus
from tests.unit.books import EXCHANGE_STATUSES
from tests.unit.builders import ALICE, BOB, NOW, REQUEST_ID, SERVICE_ID, hours, make_request, make_service
from tests.unit.places import PATHS, bank_at, request_at

LATER = NOW + timedelta(hours=1)


def written(before: Request, after: Request, **more: object) -> RecordChange | None:
    return record_change(replace(Snapshot(request=before), **more), after)  # type: ignore[arg-type]  # any fields


@pytest.mark.parametrize("status", RequestStatus)
def test_each_status_of_a_request_has_one_of_its_exchange(status: RequestStatus) -> None:
    assert exchange_status(make_request(status=status)) == EXCHANGE_STATUSES[status]


@pytest.mark.parametrize("place", PATHS)
def test_an_exchange_says_what_its_request_says(place: str) -> None:
    bank = bank_at(place)
    bank.check()
    record, request = bank.exchanges[REQUEST_ID], bank.requests[REQUEST_ID]
    assert (record.id, record.consumer_id, record.provider_id) == (REQUEST_ID, ALICE, BOB)
    assert (record.service_id, record.created_at) == (SERVICE_ID, NOW)
    assert record.status == EXCHANGE_STATUSES[request.status]
    assert record.description == "Garden help"


def test_a_message_describes_it_and_a_booking_is_named() -> None:
    record = record_of(make_request(message="Roses", booking_id="b"), "Garden help")
    assert (record.description, record.booking_id, record.updated_at) == ("Roses", "b", NOW)
    assert record_of(make_request(), "Garden help").description == "Garden help"


def test_the_hours_are_asked_for_then_held_then_paid() -> None:
    asked = make_request(asked=hours("3"))
    held = replace(asked, amount=hours("4"))
    paid = replace(held, earned=hours("1"))
    shown = [record_of(request, "").hours_spent for request in (make_request(), asked, held, paid)]
    assert shown == [hours("2"), hours("3"), hours("4"), hours("1")]


def test_only_what_changes_is_written() -> None:
    before = make_request(exchange_id=REQUEST_ID, status=RequestStatus.AWAITING_RESPONSE, version=5)
    assert written(before, replace(before, version=6)) is None
    assert written(before, replace(before, status=RequestStatus.NEGOTIATING)) is None
    accepted = written(before, replace(before, status=RequestStatus.ACCEPTED))
    assert accepted is not None
    assert (accepted.is_new, accepted.keeps_hours) == (False, False)
    assert accepted.record.status is TransactionStatus.IN_PROGRESS
    held = written(before, replace(before, amount=hours("5")))
    assert held is not None
    assert held.record.hours_spent == hours("5")


def test_a_new_request_is_written_and_an_older_one_when_it_next_moves() -> None:
    request = make_request()
    new = written(request, replace(request, exchange_id=REQUEST_ID), is_new=True, service=make_service())
    assert new is not None
    assert (new.is_new, new.record.id, new.record.description) == (True, REQUEST_ID, "Garden help")
    older = written(request, replace(request, version=4), service=make_service(title="Weeding"))
    assert older is not None
    assert (older.is_new, older.record.id, older.record.description) == (False, REQUEST_ID, "Weeding")


def test_what_was_paid_before_there_were_exchanges_keeps_its_row_and_its_hours() -> None:
    paid = make_request(status=RequestStatus.PAID, earned=hours("2"), version=9)
    disputed = replace(paid, status=RequestStatus.DISPUTED)
    change = written(paid, disputed)
    assert change is not None
    assert (change.record.id, change.keeps_hours) == (derived(REQUEST_ID, "exchange"), True)
    moved = paid.moved(LATER, status=RequestStatus.DISPUTED)
    assert moved.exchange_id == derived(REQUEST_ID, "exchange")
    refunded = replace(moved, status=RequestStatus.PAID, earned=hours("0"))
    assert count_of(moved, refunded) is None, "it was never counted"


def test_hours_that_are_taken_back_change_the_count_but_not_what_was_paid() -> None:
    paid = replace(request_at("PAID"), status=RequestStatus.DISPUTED)
    refunded = replace(paid, earned=hours("0.50"))
    assert written(paid, refunded) is None
    assert count_of(paid, refunded) == Count(hours=hours("-1.50"), exchanges=0, since=paid_at(paid))
    assert count_of(paid, replace(paid, earned=None)) == Count(hours=hours("-2"), exchanges=0, since=paid_at(paid))
    assert count_of(paid, paid) is None


def test_a_payment_counts_once_and_nothing_else_does() -> None:
    completed = request_at("COMPLETED")
    assert count_of(completed, completed) is None
    counted = count_of(completed, replace(completed, earned=hours("2")))
    assert counted == Count(hours=hours("2"), exchanges=1, since=None)


def test_it_was_paid_when_it_was_first_paid() -> None:
    assert paid_at(request_at("COMPLETED")) is None
    paid = request_at("PAID")
    assert paid_at(paid) == paid_at(request_at("PAID granted")) == paid.passages[-1].at


def test_a_request_that_is_deleted_leaves_no_exchange_open() -> None:
    change = removal_change(make_request(exchange_id=REQUEST_ID, message="Roses"), LATER)
    assert change is not None
    assert (change.record.status, change.record.updated_at) == (TransactionStatus.CANCELLED, LATER)
    assert (change.record.description, change.is_new, change.keeps_hours) == ("Roses", False, False)
    assert removal_change(make_request(), LATER) is None
    assert removal_change(request_at("REJECTED"), LATER) is None
    assert removal_change(request_at("PAID"), LATER) is None
