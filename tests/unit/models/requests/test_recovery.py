"""How a request is resumed, redriven or given up when its executions fail."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from models.requests import recovery, steps
from models.requests.decision import Change
from models.requests.recovery import LARGEST_PAUSE, LONGEST_CAUSE, RESUMED_FOR, Recovery
from models.requests.request import STEP_GRACE, Request
from models.requests.statuses import BEFORE_ACCEPTANCE
from models.requests.windows import DEFAULT_WINDOWS
from tests.unit.builders import EXECUTION, NOW, REQUEST_ID, make_request
from tests.unit.places import PATHS, REQUEST_RULES, bank_at, failing_at, request_at

resume = partial(recovery.resume, execution_arn=f"{EXECUTION}next")
fail = partial(recovery.note_failure, error="Lambda.Unknown", cause="x" * 5000)


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


def test_taking_a_wait_over_does_not_make_a_failing_request_healthy() -> None:
    """Otherwise an execution that fails right after each start would be resumed at once, forever."""
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


def test_a_disputed_request_whose_dispute_was_not_read_is_handed_on_itself() -> None:
    bank = bank_at("DISPUTED")
    snapshot = replace(bank.snapshot(bank.requests[REQUEST_ID]), dispute=None)
    change = recovery.resume(snapshot, bank.now, execution_arn="next")
    assert isinstance(change, Change)
    assert (change.dispute, change.request.step_function_execution_arn) == (None, "next")


def test_a_recovery_is_stored_in_the_fields_of_a_request() -> None:
    request = make_request(failing_since=NOW, resumptions=2).due(NOW + STEP_GRACE)
    recovery = Recovery.of(request)
    assert recovery == Recovery(failing_since=NOW, attempts=2, next_look=NOW + STEP_GRACE)
    assert recovery.applied_to(make_request()) == request
    given_up = recovery.given_up().applied_to(request)
    assert (given_up.failing_since, given_up.resumptions, given_up.due_at, given_up.due_shard) == (
        NOW,
        2,
        None,
        None,
    )


def test_a_request_is_hopeless_once_it_has_failed_for_longer_than_it_is_resumed() -> None:
    failing = Recovery(failing_since=NOW, attempts=9, next_look=NOW)
    assert not failing.is_hopeless(NOW + RESUMED_FOR)
    assert failing.is_hopeless(NOW + RESUMED_FOR + timedelta(seconds=1))
    assert not Recovery.forgotten(NOW).is_hopeless(NOW + 2 * RESUMED_FOR)


def test_a_failure_is_noted_until_an_execution_is_resumed() -> None:
    healthy = Recovery.forgotten(NOW)
    failed = healthy.failed(NOW)
    assert [one.is_noted for one in (healthy, failed, failed.resumed(NOW))] == [False, True, False]
