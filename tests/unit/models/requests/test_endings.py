"""How requests end without payment, and how the sweep hands them on."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from models.errors import BrokenLedgerError
from models.ledger.balances import EscrowStatus
from models.requests import endings, recovery, steps
from models.requests.decision import Change
from models.requests.recovery import LARGEST_PAUSE, LONGEST_CAUSE, RESUMED_FOR
from models.requests.request import STEP_GRACE, Request
from models.requests.statuses import BEFORE_ACCEPTANCE, RequestStatus, StatusReason
from models.requests.windows import DEFAULT_WINDOWS
from tests.unit.builders import (
    ALICE,
    BOB,
    EXECUTION,
    NOW,
    REQUEST_ID,
    Bank,
    Rule,
    hours,
    make_escrow,
    make_request,
    make_snapshot,
)
from tests.unit.places import ADMIN_RULES, PATHS, REQUEST_RULES, bank_at, moved_to, request_at

# The place, what ends it there, where it ends and why, whether its hours go back, and who is told.
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

resume = partial(recovery.resume, execution_arn=f"{EXECUTION}next")
fail = partial(recovery.note_failure, error="Lambda.Unknown", cause="x" * 5000)


@pytest.mark.parametrize(("place", "event", "status", "reason", "held", "told"), ENDINGS)
def test_an_ending_gives_back_what_is_held_and_says_why(
    place: str, event: str, status: str, reason: str, *, held: bool, told: list[str]
) -> None:
    bank = failing_at(place) if event == "give up" else bank_at(place)
    change = bank.move(RULES[event])

    assert isinstance(change, Change)
    assert (change.request.status, change.request.status_reason) == (status, reason)
    assert (change.request.wait, change.request.expires_at, change.request.due_at) == (None, None, None)
    assert (change.movement is not None) is held
    assert [notice.user_id for notice in change.notices] == told
    assert bank.balances[ALICE].available_balance == hours("10")
    assert not bank.guards
    bank.check()


def test_the_reason_that_a_person_gives_is_passed_on() -> None:
    bank = bank_at("AWAITING")
    bank.move(REQUEST_RULES["reject"])
    told = bank.requests[REQUEST_ID]
    assert told.wait is not None
    assert told.wait.answer is not None
    answer = replace(told.wait.answer, message="On holiday")
    moved_to(bank, wait=replace(told.wait, answer=answer))
    change = bank.move(endings.decline)
    assert isinstance(change, Change)
    assert "On holiday" in change.notices[0].message
    assert change.events[0].data["message"] == "On holiday"


@pytest.mark.parametrize("escrow", [None, make_escrow(status=EscrowStatus.RELEASED)])
def test_a_request_whose_hours_are_gone_does_not_end_quietly(escrow: Any) -> None:
    awaiting = make_request(status=RequestStatus.AWAITING_RESPONSE, escrow_id=make_escrow().id)
    with pytest.raises(BrokenLedgerError, match="without hours in escrow"):
        REQUEST_RULES["cancel"](make_snapshot(request=awaiting, escrow=escrow), NOW)


@pytest.mark.parametrize("place", PATHS)
def test_resuming_hands_every_live_request_to_the_next_generation(place: str) -> None:
    bank = bank_at(place)
    before = bank.requests[REQUEST_ID]

    verdict = bank.move(resume)

    if before.is_over:
        assert verdict is before
        return
    assert isinstance(verdict, Change)
    after = verdict.request
    assert after.generation == before.generation + 1
    moved_by = verdict.dispute if before.dispute else after
    assert moved_by is not None
    assert moved_by.step_function_execution_arn == f"{EXECUTION}next"
    assert (after.resumptions, after.failing_since) == (1, bank.now)
    assert (after.status, after.wait, after.passages) == (before.status, before.wait, before.passages)
    assert verdict.movement is None
    bank.check()


def test_resuming_pauses_longer_and_longer() -> None:
    bank = bank_at("COMPLETED")
    since, pauses = bank.now, []
    for _ in range(12):
        bank.pass_time(1)
        bank.move(resume)
        request = bank.requests[REQUEST_ID]
        assert request.due_at is not None
        pauses.append(request.due_at - bank.now)
    assert pauses[:4] == [STEP_GRACE, STEP_GRACE * 2, STEP_GRACE * 4, STEP_GRACE * 8]
    assert pauses[-1] == max(pauses) == LARGEST_PAUSE
    assert bank.requests[REQUEST_ID].failing_since == since + timedelta(seconds=1)
    bank.move(REQUEST_RULES["pay"])
    assert bank.requests[REQUEST_ID].failing_since is None


@pytest.mark.parametrize("place", PATHS)
def test_a_failure_is_put_on_record_and_moves_nothing(place: str) -> None:
    bank = bank_at(place)
    before, entries = bank.requests[REQUEST_ID], len(bank.entries)

    verdict = bank.move(fail)

    if before.is_over:
        assert verdict is before
        return
    assert isinstance(verdict, Change)
    assert verdict.request.due_at == bank.now
    assert (verdict.request.status, verdict.request.wait) == (before.status, before.wait)
    assert len(verdict.events[0].data["cause"]) == LONGEST_CAUSE
    assert len(bank.entries) == entries
    bank.check()


def test_a_repeated_failure_waits_for_its_pause() -> None:
    bank = bank_at("COMPLETED")
    bank.move(resume)
    due = bank.requests[REQUEST_ID].due_at
    bank.pass_time(1)
    bank.move(fail)
    assert bank.requests[REQUEST_ID].due_at == due


@pytest.mark.parametrize("place", PATHS)
def test_a_person_restarts_what_failed_however_long_and_moves_nothing(place: str) -> None:
    bank = failing_at(place)
    if bank.requests[REQUEST_ID].status not in BEFORE_ACCEPTANCE:
        bank.move(recovery.give_up)
    before, entries = bank.requests[REQUEST_ID], len(bank.entries)
    verdict = bank.move(partial(recovery.redrive, execution_arn="next"))
    if before.is_over:
        assert verdict is before
        return
    after = bank.requests[REQUEST_ID]
    assert (after.status, after.wait, len(bank.entries)) == (before.status, before.wait, entries)
    moving = after if after.dispute is None else bank.disputes[after.dispute.id]
    assert (after.generation, moving.step_function_execution_arn) == (before.generation + 1, "next")
    assert (after.resumptions, after.failing_since) == (1, bank.now)
    assert after.due_at == bank.now + STEP_GRACE


def test_a_look_is_put_off_once_it_is_due() -> None:
    bank = bank_at("AWAITING")
    before = bank.requests[REQUEST_ID]
    assert bank.move(recovery.look_later) is before
    bank.pass_time(24 * 3600)
    bank.move(recovery.look_later)
    assert bank.requests[REQUEST_ID].due_at == bank.now + STEP_GRACE
    over = bank_at("EXPIRED")
    assert isinstance(over.move(recovery.look_later), Request)


def test_a_look_at_an_open_wait_is_put_off_to_its_deadline() -> None:
    bank = bank_at("AWAITING")
    deadline = bank.requests[REQUEST_ID].due_at
    bank.move(fail)
    bank.pass_time(1)
    bank.move(recovery.look_later)
    assert bank.requests[REQUEST_ID].due_at == deadline


def test_once_its_functions_are_back_a_request_that_kept_failing_is_looked_after_at_once() -> None:
    bank = bank_at("AWAITING")
    for _ in range(3):
        bank.move(fail)
        bank.move(resume)
    assert bank.requests[REQUEST_ID].due_at == bank.now + 4 * STEP_GRACE
    bank.move(recovery.begin_anew)
    request = bank.requests[REQUEST_ID]
    assert (request.resumptions, request.failing_since, request.due_at) == (0, None, bank.now + STEP_GRACE)
    bank.move(fail)
    assert bank.requests[REQUEST_ID].due_at == bank.now


@pytest.mark.parametrize("place", PATHS)
def test_nothing_begins_anew_for_what_has_not_failed(place: str) -> None:
    bank = bank_at(place)
    assert bank.move(recovery.begin_anew) is bank.requests[REQUEST_ID]


def test_a_request_that_was_due_soon_is_no_later_when_it_begins_anew() -> None:
    bank = bank_at("AWAITING")
    bank.move(fail)
    bank.move(recovery.begin_anew)
    assert bank.requests[REQUEST_ID].due_at == bank.now


def test_what_was_given_up_stays_so() -> None:
    bank = failing_at("ACCEPTED")
    bank.move(recovery.give_up)
    assert bank.move(recovery.begin_anew) is bank.requests[REQUEST_ID]


def failing_at(place: str) -> Bank:
    """Return a bank whose request's executions have failed for longer than they are resumed."""
    bank = bank_at(place)
    moved_to(bank, failing_since=bank.now - RESUMED_FOR - timedelta(seconds=1))
    return bank


@pytest.mark.parametrize("place", [place for place in PATHS if request_at(place).is_over])
def test_what_is_over_cannot_be_given_up(place: str) -> None:
    bank = failing_at(place)
    assert bank.move(recovery.give_up) is bank.requests[REQUEST_ID]


@pytest.mark.parametrize("place", PATHS)
def test_what_does_not_fail_is_not_given_up(place: str) -> None:
    bank = bank_at(place)
    assert bank.move(recovery.give_up) is bank.requests[REQUEST_ID]


@pytest.mark.parametrize("place", PATHS)
def test_giving_up_again_changes_nothing(place: str) -> None:
    bank = failing_at(place)
    bank.move(recovery.give_up)
    assert bank.move(recovery.give_up) is bank.requests[REQUEST_ID]


@pytest.mark.parametrize("place", [place for place in PATHS if request_at(place).status not in BEFORE_ACCEPTANCE])
def test_nobody_gives_up_what_was_accepted(place: str) -> None:
    bank = failing_at(place)
    before, entries = bank.requests[REQUEST_ID], len(bank.entries)
    bank.move(recovery.give_up)
    after = bank.requests[REQUEST_ID]
    assert (after.status, after.status_reason, after.wait) == (before.status, before.status_reason, before.wait)
    assert after.due_at is None
    assert len(bank.entries) == entries


def test_every_reason_to_end_is_put_in_words() -> None:
    reasons = {StatusReason(row[3]) for row in ENDINGS}
    assert reasons == set(endings._ENDINGS)


def test_taking_a_wait_over_does_not_make_a_failing_request_healthy() -> None:
    """Else an execution that dies right after each beginning would be resumed at once, for ever."""
    bank = bank_at("AWAITING")
    bank.move(fail)
    bank.move(resume)
    failing = bank.requests[REQUEST_ID]
    assert failing.wait is not None
    bank.move(partial(steps.begin_wait, step=failing.wait.name, token="next", windows=DEFAULT_WINDOWS))  # noqa: S106 — no secret
    taken_over = bank.requests[REQUEST_ID]
    assert taken_over.wait is not None
    assert taken_over.wait.token == "next"  # noqa: S105 — no secret
    assert (taken_over.resumptions, taken_over.failing_since) == (1, failing.failing_since)
    assert taken_over.due_at == failing.due_at


def test_an_execution_that_is_found_running_has_recovered() -> None:
    bank = bank_at("AWAITING")
    bank.move(fail)
    bank.move(resume)
    bank.pass_time(61)
    bank.move(recovery.look_later)
    request = bank.requests[REQUEST_ID]
    assert (request.resumptions, request.failing_since) == (0, None)
    assert request.wait is not None
    assert request.due_at == request.wait.deadline


def test_a_request_that_holds_nothing_gives_nothing_back() -> None:
    snapshot = make_snapshot(request=make_request(status=RequestStatus.VALIDATING), escrow=make_escrow())
    change = REQUEST_RULES["cancel"](snapshot, NOW)
    assert isinstance(change, Change)
    assert (change.movement, change.escrow, len(change.events)) == (None, None, 1)


def test_a_disputed_request_whose_dispute_was_not_read_is_handed_on_itself() -> None:
    bank = bank_at("DISPUTED")
    snapshot = replace(bank.snapshot(bank.requests[REQUEST_ID]), dispute=None)
    change = recovery.resume(snapshot, bank.now, execution_arn="next")
    assert isinstance(change, Change)
    assert (change.dispute, change.request.step_function_execution_arn) == (None, "next")
