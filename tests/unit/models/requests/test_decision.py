"""Which rules are given the whole snapshot, and for which requests."""

from functools import partial
from typing import Any

import pytest

from models.disputes import deciding, raising, resolving
from models.requests import admin, answers, endings, payment, recovery, steps
from models.requests.decision import (
    Snapshot,
    Verdict,
    needs_whole_snapshot,
    reads_everything,
    reads_everything_when,
)
from models.requests.request import Request
from models.requests.statuses import Step
from tests.unit.builders import make_request
from tests.unit.places import request_at

WAITS = [
    Step.WAIT_FOR_PROVIDER_RESPONSE,
    Step.WAIT_FOR_NEGOTIATION_RESPONSE,
    Step.WAIT_FOR_SERVICE_START,
    Step.CONFIRM_SERVICE_START,
    Step.WAIT_FOR_COMPLETION,
    Step.CONFIRM_SERVICE_COMPLETION,
]


@pytest.mark.parametrize(
    "rule",
    [
        *(steps.validate, steps.hold_hours, payment.check_payable, payment.pay, endings.decline, endings.expire),
        *(admin.release_escrow, admin.cancel_escrow, answers.end_early, recovery.give_up),
        *(raising.raise_dispute, deciding.assign, deciding.decide, deciding.raise_alarm, deciding.check_frozen),
        resolving.resolve,
    ],
)
def test_rules_about_hours_and_disputes_read_everything(rule: Any) -> None:
    assert needs_whole_snapshot(rule, make_request())
    assert needs_whole_snapshot(partial(rule, some="keyword"), make_request())


@pytest.mark.parametrize(
    "rule",
    [
        *(steps.begin_validation, steps.complete, payment.enable_rating, deciding.await_decision),
        *(recovery.note_failure, recovery.look_later, recovery.begin_anew),
    ],
)
def test_other_rules_read_the_request_alone(rule: Any) -> None:
    for place in ("INITIATED", "DISPUTED"):
        assert not needs_whole_snapshot(partial(rule, some="keyword"), request_at(place))


def test_only_the_wait_that_removes_a_guard_reads_everything() -> None:
    needed = [step for step in WAITS if needs_whole_snapshot(partial(steps.begin_wait, step=step), make_request())]
    assert needed == [Step.WAIT_FOR_SERVICE_START]


def test_only_an_answer_to_a_counter_offer_reads_everything() -> None:
    needed = [wait for wait in WAITS if needs_whole_snapshot(partial(answers.answer, wait=wait), make_request())]
    assert needed == [Step.WAIT_FOR_NEGOTIATION_RESPONSE]
    assert [wait for wait in WAITS if answers.may_move_hours(wait)] == needed


@pytest.mark.parametrize("rule", [recovery.resume, recovery.redrive])
def test_only_a_disputed_request_is_resumed_with_its_dispute(rule: Any) -> None:
    resumed = partial(rule, execution_arn="next")
    assert [
        needs_whole_snapshot(resumed, request_at(place)) for place in ("COMPLETED", "DISPUTED", "GRANTED")
    ] == [
        False,
        True,
        False,
    ]


def test_a_declared_rule_is_the_same_function() -> None:
    def rule(snapshot: Snapshot, _now: Any) -> Verdict:
        return snapshot.request

    assert reads_everything(rule) is rule
    assert needs_whole_snapshot(rule, make_request())


def test_a_condition_is_asked_with_the_request_and_the_keywords_of_the_rule() -> None:
    asked: list[tuple[Request, dict[str, Any]]] = []

    def condition(request: Request, **keywords: Any) -> bool:
        asked.append((request, keywords))
        return False

    @reads_everything_when(condition)
    def rule(snapshot: Snapshot, _now: Any, **_keywords: Any) -> Verdict:
        return snapshot.request

    request = make_request()
    assert not needs_whole_snapshot(partial(rule, one=1), request)
    assert not needs_whole_snapshot(rule, request)
    assert asked == [(request, {"one": 1}), (request, {})]
