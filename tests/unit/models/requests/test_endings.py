"""How requests end without payment."""

from dataclasses import replace
from typing import Any

import pytest

from models.errors import BrokenLedgerError, Code
from models.ledger.balances import EscrowStatus
from models.requests import endings, recovery
from models.requests.decision import Change
from models.requests.statuses import RequestStatus, StatusReason
from tests.unit.builders import (
    ALICE,
    BOB,
    NOW,
    REQUEST_ID,
    Rule,
    hours,
    make_escrow,
    make_request,
    make_snapshot,
)
from tests.unit.places import ADMIN_RULES, REQUEST_RULES, bank_at, failing_at, moved_to

# The place, what ends it there, where it ends and why, whether its hours go back, and who is notified.
ENDINGS = [
    ("INITIATED", "cancel", "REJECTED", "REQUESTER_CANCELLED", False, []),
    ("VALIDATING", "cancel", "REJECTED", "REQUESTER_CANCELLED", False, []),
    ("ESCROWED", "cancel", "REJECTED", "REQUESTER_CANCELLED", True, []),
    ("AWAITING", "cancel", "REJECTED", "REQUESTER_CANCELLED", True, [BOB]),
    ("AWAITING rejected", "refund", "REJECTED", "PROVIDER_REJECTED", True, [ALICE]),
    ("NEGOTIATING", "cancel", "REJECTED", "REQUESTER_CANCELLED", True, [BOB]),
    ("NEGOTIATING declined", "refund", "REJECTED", "REQUESTER_REJECTED", True, [BOB]),
    ("NEGOTIATING late", "expire", "EXPIRED", "NEGOTIATION_TIMEOUT", True, [ALICE, BOB]),
    ("NEGOTIATING taken", "give up", "REJECTED", "WORKFLOW_ERROR", True, [ALICE, BOB]),
    ("AWAITING late", "expire", "EXPIRED", "RESPONSE_TIMEOUT", True, [ALICE, BOB]),
    ("ACCEPTED late", "expire", "EXPIRED", "START_TIMEOUT", True, [ALICE, BOB]),
    ("ACCEPTED", "withdraw", "REJECTED", "PROVIDER_WITHDREW", True, [ALICE]),
    ("IN_PROGRESS late", "expire", "EXPIRED", "COMPLETION_TIMEOUT", True, [ALICE, BOB]),
    ("IN_PROGRESS", "withdraw", "REJECTED", "PROVIDER_WITHDREW", True, [ALICE]),
    ("ESCROWED", "give back", "REJECTED", "ADMIN_CANCELLED", True, [ALICE]),
    ("IN_PROGRESS asked", "give back", "REJECTED", "ADMIN_CANCELLED", True, [ALICE, BOB]),
    ("INITIATED", "give up", "REJECTED", "WORKFLOW_ERROR", False, [ALICE]),
    ("AWAITING", "give up", "REJECTED", "WORKFLOW_ERROR", True, [ALICE, BOB]),
    ("AWAITING accepted", "give up", "REJECTED", "WORKFLOW_ERROR", True, [ALICE, BOB]),
]
RULES: dict[str, Rule] = {**REQUEST_RULES, **ADMIN_RULES, "give up": recovery.give_up}


@pytest.mark.parametrize(("place", "event", "status", "reason", "held", "notified"), ENDINGS)
def test_an_ending_gives_back_what_is_held_and_says_why(
    place: str, event: str, status: str, reason: str, *, held: bool, notified: list[str]
) -> None:
    bank = failing_at(place) if event == "give up" else bank_at(place)
    change = bank.move(RULES[event])

    assert isinstance(change, Change)
    assert (change.request.status, change.request.status_reason) == (status, reason)
    assert (change.request.wait, change.request.expires_at, change.request.due_at) == (None, None, None)
    assert (change.movement is not None) is held
    assert [notice.user_id for notice in change.notices] == notified
    assert bank.balances[ALICE].available_balance == hours("10")
    assert not bank.guards
    bank.check()


def test_the_reason_that_a_person_gives_is_passed_on() -> None:
    bank = bank_at("AWAITING")
    bank.move(REQUEST_RULES["reject"])
    request = bank.requests[REQUEST_ID]
    assert request.wait is not None
    assert request.wait.answer is not None
    answer = replace(request.wait.answer, message="On holiday")
    moved_to(bank, wait=replace(request.wait, answer=answer))
    change = bank.move(endings.decline)
    assert isinstance(change, Change)
    assert "On holiday" in change.notices[0].message
    assert change.events[0].data["message"] == "On holiday"


@pytest.mark.parametrize("escrow", [None, make_escrow(status=EscrowStatus.RELEASED)])
def test_a_request_whose_hours_are_gone_does_not_end_quietly(escrow: Any) -> None:
    awaiting = make_request(status=RequestStatus.AWAITING_RESPONSE, escrow_id=make_escrow().id)
    with pytest.raises(BrokenLedgerError, match="without hours in escrow"):
        REQUEST_RULES["cancel"](make_snapshot(request=awaiting, escrow=escrow), NOW)


def test_every_reason_to_end_is_put_in_words() -> None:
    reasons = {StatusReason(row[3]) for row in ENDINGS}
    assert reasons == set(endings._ENDINGS)


def test_a_request_that_holds_nothing_gives_nothing_back() -> None:
    snapshot = make_snapshot(request=make_request(status=RequestStatus.VALIDATING), escrow=make_escrow())
    change = REQUEST_RULES["cancel"](snapshot, NOW)
    assert isinstance(change, Change)
    assert (change.movement, change.escrow, len(change.events)) == (None, None, 1)


@pytest.mark.parametrize("status", RequestStatus)
def test_a_request_that_hours_are_held_for_is_not_deleted(status: RequestStatus) -> None:
    refused = endings.removal_refusal(make_request(status=status))
    if status in {RequestStatus.INITIATED, RequestStatus.PAID, RequestStatus.REJECTED, RequestStatus.EXPIRED}:
        assert refused is None
    else:
        assert refused is not None
        assert (refused.code, refused.facts) == (Code.INVALID_REQUEST_STATUS, {"status": status})
        assert f"The request is {status}" in refused.message
