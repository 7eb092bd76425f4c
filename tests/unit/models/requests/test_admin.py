"""What an admin does about held hours: who is notified, and what is left to the dispute and to the workflow."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.errors import Code, Refusal
from models.requests import admin
from models.requests.decision import Change
from models.requests.recovery import RESUMED_FOR, give_up
from models.requests.statuses import RequestStatus, StatusReason
from tests.unit.builders import ADA, ALICE, BOB, REQUEST_ID, Bank, make_escrow
from tests.unit.models.requests.test_next_step import cells, outcome
from tests.unit.places import ADMIN_RULES, PATHS, bank_at, moved_to

# What comes of it, in the words of the tables in test_lifecycle; `none` there is no escrow, `ended` it has ended.
ADMIN_TABLE = """
                       | pay out | give back
INITIATED              | none    | none
VALIDATING             | none    | none
ESCROWED               | -       | REJECTED
AWAITING               | -       | REJECTED
AWAITING late          | -       | REJECTED
AWAITING accepted      | -       | ~
AWAITING rejected      | -       | ~
AWAITING offered       | -       | ~
NEGOTIATING            | -       | REJECTED
NEGOTIATING late       | -       | REJECTED
NEGOTIATING taken      | -       | ~
NEGOTIATING declined   | -       | ~
NEGOTIATING countered  | -       | ~
AWAITING again         | -       | REJECTED
NEGOTIATING again      | -       | REJECTED
AGREED                 | -       | REJECTED
DECLINED               | ended   | ended
ACCEPTED               | -       | REJECTED
ACCEPTED late          | -       | REJECTED
ACCEPTED started       | -       | ~
ACCEPTED asked         | -       | REJECTED
ACCEPTED asked late    | -       | REJECTED
ACCEPTED confirmed     | -       | ~
ACCEPTED finished      | -       | REJECTED
ACCEPTED finished late | -       | REJECTED
ACCEPTED finished confirmed| -       | ~
IN_PROGRESS            | -       | REJECTED
IN_PROGRESS late       | -       | REJECTED
IN_PROGRESS finished   | -       | ~
IN_PROGRESS asked      | -       | REJECTED
IN_PROGRESS asked late | -       | REJECTED
IN_PROGRESS confirmed  | -       | ~
COMPLETED              | PAID    | -
PAID                   | =       | ended
PAID rated             | =       | ended
REJECTED               | ended   | ended
CANCELLED              | none    | none
WITHDRAWN              | ended   | ended
EXPIRED                | ended   | ended
DISPUTED               | -       | -
DISPUTED heard         | -       | -
DISPUTED heard late    | -       | -
DISPUTED assigned      | -       | -
DISPUTED decided       | -       | -
DISPUTED paid          | -       | -
DISPUTED paid decided  | -       | -
GRANTED                | ended   | ended
AWARDED                | =       | ended
DIVIDED                | =       | ended
DISMISSED              | -       | REJECTED
PAID granted           | =       | ended
PAID dismissed         | =       | ended
"""

_REFUSED = {Code.ESCROW_NOT_FOUND: "none", Code.INVALID_ESCROW_STATUS: "ended"}


@pytest.mark.parametrize(("place", "event", "expected"), cells(ADMIN_TABLE))
def test_what_comes_of_it_in_each_place_whoever_repeats_it(place: str, event: str, expected: str) -> None:
    bank = bank_at(place)
    before = bank.requests[REQUEST_ID]
    verdict = bank.move(ADMIN_RULES[event])
    known = isinstance(verdict, Refusal) and _REFUSED.get(verdict.code)
    assert (known or outcome(before, verdict)) == expected
    bank.check()
    after, counts = bank.requests[REQUEST_ID], (len(bank.entries), len(bank.events), len(bank.notices))
    if expected not in set(RequestStatus):
        assert after is before
    bank.move(ADMIN_RULES[event])
    assert bank.requests[REQUEST_ID] is after
    assert (len(bank.entries), len(bank.events), len(bank.notices)) == counts


def test_the_table_is_whole() -> None:
    assert {place for place, _, _ in cells(ADMIN_TABLE)} == set(PATHS)
    assert {event for _, event, _ in cells(ADMIN_TABLE)} == set(ADMIN_RULES)


def stranded_at(place: str) -> Bank:
    """Return a bank whose request has failed for a day, and waits for an admin."""
    bank = bank_at(place)
    moved_to(bank, failing_since=bank.now - RESUMED_FOR - timedelta(seconds=1))
    assert isinstance(bank.move(give_up), Change)
    assert bank.requests[REQUEST_ID].is_stranded
    return bank


@pytest.mark.parametrize(
    "place", ["ACCEPTED", "ACCEPTED started", "IN_PROGRESS finished", "IN_PROGRESS confirmed"]
)
def test_what_has_failed_for_a_day_may_be_given_back_whatever_answer_stands(place: str) -> None:
    bank = stranded_at(place)
    bank.move(ADMIN_RULES["give back"])
    request = bank.requests[REQUEST_ID]
    assert (request.status, request.status_reason) == (RequestStatus.REJECTED, StatusReason.ADMIN_CANCELLED)
    bank.check()


def test_what_has_failed_for_a_day_may_be_paid_and_then_lives_on() -> None:
    bank = stranded_at("COMPLETED")
    bank.move(ADMIN_RULES["pay out"])
    request = bank.requests[REQUEST_ID]
    assert request.status is RequestStatus.PAID
    assert not request.is_over
    bank.check()


@pytest.mark.parametrize("place", ["AWAITING", "PAID", "REJECTED"])
def test_no_other_request_is_stranded(place: str) -> None:
    assert not bank_at(place).requests[REQUEST_ID].is_stranded


def test_both_are_told_why_and_the_log_says_who() -> None:
    bank = bank_at("IN_PROGRESS")
    request = bank.requests[REQUEST_ID]
    change = admin.cancel_escrow(
        bank.snapshot(request), bank.now, escrow_id=request.escrow_key, by=ADA, reason="They asked me to"
    )
    assert isinstance(change, Change)
    assert {notice.user_id for notice in change.notices} == {ALICE, BOB}
    assert all("“They asked me to”" in notice.message for notice in change.notices)
    assert [event.actor for event in change.events] == [ADA, None]


def test_a_payment_by_an_admin_says_who() -> None:
    bank = bank_at("COMPLETED")
    bank.move(ADMIN_RULES["pay out"])
    assert [event.type for event in bank.events if event.actor == ADA] == ["Escrow Released By Administrator"]


@pytest.mark.parametrize("place", ["COMPLETED", "PAID"])
@pytest.mark.parametrize("action", ADMIN_RULES)
def test_what_is_disputed_is_left_to_the_dispute(action: str, place: str) -> None:
    bank = bank_at(place)
    moved_to(bank, status=RequestStatus.DISPUTED)
    refused = bank.move(ADMIN_RULES[action])
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts["status"]) == (Code.INVALID_REQUEST_STATUS, "DISPUTED")


@pytest.mark.parametrize("act", [admin.release_escrow, admin.cancel_escrow])
def test_a_disputes_own_escrow_is_left_to_it(act: object) -> None:
    bank = bank_at("COMPLETED")
    snapshot = bank.snapshot(bank.requests[REQUEST_ID])
    refused = act(snapshot, bank.now, escrow_id="another", by=ADA)  # type: ignore[operator]  # either of the two
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_ESCROW_STATUS
    gone = act(replace(snapshot, escrow=None), bank.now, escrow_id=make_escrow().id, by=ADA)  # type: ignore[operator]  # the rules take different arguments
    assert gone.code is Code.ESCROW_NOT_FOUND


@pytest.mark.parametrize(("place", "event"), [("AWAITING", "give back"), ("COMPLETED", "pay out")])
def test_what_an_admin_has_done_is_left_as_it_is(place: str, event: str) -> None:
    bank = bank_at(place)
    assert isinstance(bank.move(ADMIN_RULES[event]), Change)
    assert bank.move(ADMIN_RULES[event]) is bank.requests[REQUEST_ID]


@pytest.mark.parametrize("place", PATHS)
@pytest.mark.parametrize("party", [ALICE, BOB])
def test_a_party_decides_nothing_about_their_own_request(place: str, party: str) -> None:
    bank = bank_at(place)
    before = bank.requests[REQUEST_ID]
    for rule in (admin.release_escrow, admin.cancel_escrow):
        snapshot = bank.snapshot(before)
        refused = rule(snapshot, bank.now, escrow_id=before.escrow_key, by=party)
        assert isinstance(refused, Refusal)
        assert refused.code is Code.UNAUTHORIZED_ADMIN
