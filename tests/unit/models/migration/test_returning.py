"""Open requests end when everything goes back to the former app."""

import pytest

from models.errors import Code, Refusal
from models.hours import ZERO
from models.migration.returning import wind_up
from models.requests.decision import Change, needs_whole_snapshot
from models.requests.statuses import RequestStatus, StatusReason
from tests.unit.builders import ALICE, REQUEST_ID, hours, make_request
from tests.unit.places import bank_at, moved_to


@pytest.mark.parametrize(
    "place", ["INITIATED", "VALIDATING", "ESCROWED", "AWAITING", "NEGOTIATING", "ACCEPTED", "IN_PROGRESS late"]
)
def test_hours_go_back_before_the_work_is_done(place: str) -> None:
    bank = bank_at(place)
    change = bank.move(wind_up)
    assert isinstance(change, Change)
    after = bank.requests[REQUEST_ID]
    assert (after.status, after.status_reason) == (RequestStatus.REJECTED, StatusReason.ADMIN_CANCELLED)
    assert after.is_over
    assert bank.balances[ALICE].escrowed_balance == ZERO
    assert bank.balances[ALICE].available_balance == hours("10")
    assert bank.events[-2 if change.escrow else -1].type == "Service Request Ended By Rollback"
    bank.check()
    assert bank.move(wind_up) is after


def test_work_that_was_confirmed_is_paid_and_then_over() -> None:
    bank = bank_at("COMPLETED")
    assert isinstance(bank.move(wind_up), Change)
    assert bank.requests[REQUEST_ID].status is RequestStatus.PAID
    assert bank.move(wind_up) is bank.requests[REQUEST_ID]
    bank.check()


def test_an_answer_that_the_workflow_is_about_to_act_on_goes_first() -> None:
    bank = bank_at("AWAITING accepted")
    refusal = bank.move(wind_up)
    assert isinstance(refusal, Refusal)
    assert refusal.is_transient


def test_an_answer_that_nobody_acts_on_any_more_holds_nothing_up() -> None:
    bank = bank_at("AWAITING accepted")
    moved_to(bank, due_at=None, due_shard=None)
    assert isinstance(bank.move(wind_up), Change)


@pytest.mark.parametrize("place", ["PAID rated", "CANCELLED", "EXPIRED"])
def test_what_has_ended_stays(place: str) -> None:
    bank = bank_at(place)
    assert bank.move(wind_up) is bank.requests[REQUEST_ID]


def test_a_dispute_is_decided_by_a_person() -> None:
    bank = bank_at("DISPUTED")
    refusal = bank.move(wind_up)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.INVALID_REQUEST_STATUS
    assert not refusal.is_transient


def test_it_reads_every_row() -> None:
    assert needs_whole_snapshot(wind_up, make_request())
