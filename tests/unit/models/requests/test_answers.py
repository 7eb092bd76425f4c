"""Which answers people may give, when, and how often."""

from datetime import timedelta
from functools import partial

import pytest

from models.errors import Code, Refusal
from models.requests import answers
from models.requests.decision import Change, GuardAction
from models.requests.request import Passage
from models.requests.statuses import RequestStatus, Response, Step
from tests.unit.builders import (
    ALICE,
    BOB,
    NOW,
    REQUEST_ID,
    Bank,
    Rule,
    hours,
    make_request,
    make_service,
    make_snapshot,
)
from tests.unit.places import DISPUTE_RULES, REQUEST_RULES, bank_at, moved_to, say

ASKED = Step.WAIT_FOR_PROVIDER_RESPONSE


def test_a_request_is_born_submitted() -> None:
    bank = Bank.opened()
    verdict = bank.create(make_request(message="Please"))
    assert isinstance(verdict, Change)
    born = verdict.request
    assert (born.status, born.version, born.generation, born.created_at) == (
        RequestStatus.INITIATED,
        1,
        0,
        bank.now,
    )
    assert [passage.status for passage in born.passages] == [RequestStatus.INITIATED]
    event = verdict.events[0]
    assert (event.type, event.actor, event.data["estimatedHours"]) == ("Service Request Submitted", ALICE, 2.0)


@pytest.mark.parametrize("asked", ["0", "-1", "10000.01", "1000000000"])
def test_hours_that_no_request_can_be_about_are_refused(asked: str) -> None:
    refused = answers.create(make_snapshot(request=make_request(estimated_hours=hours(asked))), NOW)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_AMOUNT
    assert "estimatedHours" in refused.message
    assert refused.facts == {"smallest": 0.01, "largest": 10_000.0}


@pytest.mark.parametrize("rate", ["0", "-1", "5000.01"])
def test_so_is_a_price_that_cannot_be_paid(rate: str) -> None:
    refused = answers.create(
        make_snapshot(request=make_request(), service=make_service(hourly_rate=hours(rate))), NOW
    )
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_AMOUNT


def test_a_service_that_is_not_there_is_left_to_the_validation() -> None:
    assert isinstance(answers.create(make_snapshot(request=make_request(), service=None), NOW), Change)


def test_an_answer_says_who_said_what_and_when() -> None:
    bank = bank_at("AWAITING")
    change = bank.move(say(ASKED, BOB, Response.ACCEPTED, "Gladly"))
    assert isinstance(change, Change)
    answer = change.request.answer
    assert answer is not None
    assert (answer.wait, answer.round, answer.response) == (ASKED, 0, Response.ACCEPTED)
    assert (answer.by, answer.at, answer.message) == (BOB, bank.now, "Gladly")
    assert change.events[0].type == "Provider Response Received"
    assert change.events[0].actor == BOB


@pytest.mark.parametrize("place", ["AWAITING accepted", "ACCEPTED", "PAID rated", "WITHDRAWN"])
def test_a_second_and_different_answer_is_told_what_was_answered(place: str) -> None:
    bank = bank_at(place)
    different = [say(ASKED, BOB, Response.REJECTED), say(ASKED, BOB, Response.ACCEPTED, "Now with a message")]
    for rule in different:
        refused = bank.move(rule)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts["answered"]) == (Code.INVALID_REQUEST_STATUS, "ACCEPTED")


def test_the_last_moment_counts_and_the_deadline_does_not() -> None:
    bank = bank_at("AWAITING late")
    refused = bank.move(say(ASKED, BOB, Response.ACCEPTED))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.DEADLINE_PASSED
    assert refused.facts["deadline"].endswith("Z")
    bank.pass_time(-0.001)
    assert isinstance(bank.move(say(ASKED, BOB, Response.ACCEPTED)), Change)


def test_an_answer_to_an_earlier_round_is_no_answer_to_this_one() -> None:
    request = bank_at("AWAITING accepted").requests[REQUEST_ID]
    assert request.answer is not None
    assert request.wait is not None
    asked_again = make_request(
        status=RequestStatus.AWAITING_RESPONSE,
        negotiation_round=1,
        answers=(request.answer,),
        wait=bank_at("AWAITING").requests[REQUEST_ID].wait,
    )
    verdict = say(ASKED, BOB, Response.REJECTED)(make_snapshot(request=asked_again), NOW)
    assert isinstance(verdict, Change)
    assert verdict.request.answer is not None
    assert verdict.request.answer.round == 1


@pytest.mark.parametrize(
    ("place", "how", "by"), [("AWAITING", answers.CANCEL, ALICE), ("ACCEPTED", answers.WITHDRAW, BOB)]
)
def test_whoever_leaves_can_say_why(place: str, how: answers.EarlyExit, by: str) -> None:
    change = bank_at(place).move(partial(answers.end_early, how=how, by=by, message="Something came up"))
    assert isinstance(change, Change)
    assert "Something came up" in change.notices[0].message
    assert change.events[0].actor == by


def test_what_a_wait_does_not_ask_for_is_a_mistake_of_ours() -> None:
    bank = bank_at("AWAITING")
    with pytest.raises(ValueError, match="no answer to"):
        bank.move(say(ASKED, BOB, Response.CONFIRMED))


@pytest.mark.parametrize(
    ("asked", "rate", "at"),
    [
        ("0", "1", ""),
        ("10000.01", "1", ""),
        ("0", None, ""),
        ("0.01", "0.4", " at 0.40 an hour"),
        ("2", "9000", " at 9000.00 an hour"),
    ],
)
def test_hours_that_come_to_no_amount_are_not_asked_for(asked: str, rate: str | None, at: str) -> None:
    service = None if rate is None else make_service(hourly_rate=hours(rate))
    snapshot = make_snapshot(request=make_request(estimated_hours=hours(asked)), service=service)
    refused = answers.create(snapshot, NOW)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_AMOUNT
    assert refused.message.startswith(f"estimatedHours: {hours(asked)} hours{at} cannot be asked for. ")
    assert refused.facts == {"smallest": 0.01, "largest": 10_000.0}


def test_a_request_is_born_when_it_is_created() -> None:
    later = NOW + timedelta(hours=1)
    created = answers.create(make_snapshot(request=make_request()), later)
    assert isinstance(created, Change)
    request = created.request
    assert request.created_at == request.updated_at == later
    assert (request.version, request.status_reason) == (1, None)
    assert request.passages == (Passage(status=RequestStatus.INITIATED, at=later),)
    (event,) = created.events
    assert (event.type, event.actor, event.data["estimatedHours"]) == (answers.SUBMITTED, ALICE, 2.0)
    assert (created.movement, created.escrow, created.guard) == (None, None, GuardAction.KEEP)


@pytest.mark.parametrize(
    ("status", "rule", "words"),
    [
        (RequestStatus.AWAITING_RESPONSE, REQUEST_RULES["accept"], "It is not time for this yet."),
        (
            RequestStatus.NEGOTIATING,
            REQUEST_RULES["take"],
            "The provider has made no counter-offer that waits for an answer.",
        ),
    ],
)
def test_a_request_from_before_the_workflow_waits_for_no_answer_yet(
    status: RequestStatus, rule: Rule, words: str
) -> None:
    refused = rule(make_snapshot(request=make_request(status=status)), NOW)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.message) == (Code.INVALID_REQUEST_STATUS, words)


def test_a_wait_that_a_request_has_left_is_not_answered_any_more() -> None:
    bank = bank_at("AWAITING")
    moved_to(bank, status=RequestStatus.EXPIRED)
    refused = bank.move(say(ASKED, BOB, Response.ACCEPTED))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.message) == (Code.INVALID_REQUEST_STATUS, "The request is EXPIRED now.")


@pytest.mark.parametrize(("rate", "asked"), [("1", "2"), ("1.25", "2.50"), (None, "2")])
def test_a_request_knows_what_was_asked_for(rate: str | None, asked: str) -> None:
    service = None if rate is None else make_service(hourly_rate=hours(rate))
    change = answers.create(make_snapshot(request=make_request(), service=service), NOW)
    assert isinstance(change, Change)
    assert change.request.asked == hours(asked)
    assert change.request.exchange_id == REQUEST_ID


def test_an_early_mark_answers_its_wait_as_soon_as_that_opens() -> None:
    for place in ("ACCEPTED finished late", "ACCEPTED finished confirmed"):
        bank = bank_at(place)
        notices = len(bank.notices)
        change = bank.move(REQUEST_RULES["await work"])
        assert isinstance(change, Change)
        request = change.request
        assert request.answer is not None
        assert (request.status, request.early_mark) == (RequestStatus.IN_PROGRESS, None)
        assert (request.answer.by, request.answer.response, request.answer.at) == (BOB, Response.MARKED, bank.now)
        assert len(bank.notices) == notices, "nobody is asked for what is there"
        # The mark is there: the mutation for it returns it.
        assert bank.move(REQUEST_RULES["finish"]) is request
        for event in ("ask work", "confirm work", "complete", "pay"):
            bank.pass_time(1)
            assert isinstance(bank.move(REQUEST_RULES[event]), Change)
        bank.check()


def test_an_early_mark_outlives_a_dispute_that_is_dismissed() -> None:
    bank = bank_at("ACCEPTED finished")
    mark = bank.requests[REQUEST_ID].early_mark
    for event in ("dispute", "hear", "assign", "dismiss", "resolve"):
        assert isinstance(bank.move(DISPUTE_RULES[event]), Change)
    assert bank.requests[REQUEST_ID].early_mark == mark
    bank.move(REQUEST_RULES["confirm start"])
    bank.move(REQUEST_RULES["await work"])
    assert bank.requests[REQUEST_ID].answer is not None
    bank.check()


def test_an_early_mark_is_no_answer_to_what_an_admin_is_asked() -> None:
    bank = bank_at("ACCEPTED finished")
    for event in ("dispute", "hear"):
        assert isinstance(bank.move(DISPUTE_RULES[event]), Change)
    wait = bank.requests[REQUEST_ID].wait
    assert wait is not None
    assert (wait.name, wait.answer) == (Step.WAIT_FOR_ADMIN_DECISION, None)


def test_an_early_mark_leaves_due_time_and_failures_as_they_are() -> None:
    bank = bank_at("ACCEPTED asked")
    moved_to(bank, failing_since=bank.now, resumptions=2)
    before = bank.requests[REQUEST_ID]
    change = bank.move(REQUEST_RULES["finish early"])
    assert isinstance(change, Change)
    after = change.request
    assert (after.due_at, after.failing_since, after.resumptions) == (
        before.due_at,
        before.failing_since,
        before.resumptions,
    )
