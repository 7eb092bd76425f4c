"""A request's life, place by place: what each step and each person can do there, and what comes next."""

from datetime import timedelta

import pytest

from models.errors import BrokenLedgerError, Code, Refusal
from models.requests.decision import Verdict
from models.requests.next_step import next_step
from models.requests.request import ANSWER_GRACE, DUE_SHARDS, MOST_PASSAGES, STEP_GRACE, Passage, Request
from models.requests.statuses import ENDED, RequestStatus, StatusReason, Step
from tests.unit.builders import ALICE, BOB, EVE, NOW, REQUEST_ID, Bank, make_request
from tests.unit.places import DISPUTE_RULES, PATHS, REQUEST_RULES, bank_at, party_rules, request_at

# What comes of it: a status; `=` the stored result again; `-` refused with the status that was found, `x` likewise
# for a completion; `~` refused while the workflow is about to move on; `late` the deadline is past; `rounds` there
# were enough of them; `answer` it stands now; `early` it stands for a wait to come; `asks` a new wait in the same
# status; `token` the open wait's new token; `told` a notice and no more.
WORKFLOW_TABLE = """
                       | begin      | validate | hold     | ask               | negotiate   | await start | ask start | await work  | ask work | complete  | refund   | expire  | pay  | rate
INITIATED              | VALIDATING | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
VALIDATING             | =          | =        | ESCROWED | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
ESCROWED               | -          | -        | =        | AWAITING_RESPONSE | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
AWAITING               | -          | -        | -        | token             | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
AWAITING late          | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | EXPIRED | -    | =
AWAITING accepted      | -          | -        | -        | -                 | -           | ACCEPTED    | -         | -           | -        | -         | -        | -       | -    | =
AWAITING rejected      | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | REJECTED | -       | -    | =
AWAITING offered       | -          | -        | -        | -                 | NEGOTIATING | -           | -         | -           | -        | -         | -        | -       | -    | =
NEGOTIATING            | -          | -        | -        | -                 | token       | -           | -         | -           | -        | -         | -        | -       | -    | =
NEGOTIATING late       | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | EXPIRED | -    | =
NEGOTIATING taken      | -          | -        | -        | -                 | -           | ACCEPTED    | -         | -           | -        | -         | -        | -       | -    | =
NEGOTIATING declined   | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | REJECTED | -       | -    | =
NEGOTIATING countered  | -          | -        | -        | AWAITING_RESPONSE | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
AWAITING again         | -          | -        | -        | token             | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
NEGOTIATING again      | -          | -        | -        | -                 | token       | -           | -         | -           | -        | -         | -        | -       | -    | =
AGREED                 | -          | -        | -        | -                 | -           | token       | -         | -           | -        | -         | -        | -       | -    | =
DECLINED               | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | =        | -       | -    | =
ACCEPTED               | -          | -        | -        | -                 | -           | token       | -         | -           | -        | -         | -        | -       | -    | =
ACCEPTED late          | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | EXPIRED | -    | =
ACCEPTED started       | -          | -        | -        | -                 | -           | -           | asks      | -           | -        | -         | -        | -       | -    | =
ACCEPTED asked         | -          | -        | -        | -                 | -           | -           | token     | -           | -        | -         | -        | -       | -    | =
ACCEPTED asked late    | -          | -        | -        | -                 | -           | -           | -         | IN_PROGRESS | -        | -         | -        | -       | -    | =
ACCEPTED confirmed     | -          | -        | -        | -                 | -           | -           | -         | IN_PROGRESS | -        | -         | -        | -       | -    | =
ACCEPTED finished      | -          | -        | -        | -                 | -           | -           | token     | -           | -        | -         | -        | -       | -    | =
ACCEPTED finished late | -          | -        | -        | -                 | -           | -           | -         | IN_PROGRESS | -        | -         | -        | -       | -    | =
ACCEPTED finished confirmed| -          | -        | -        | -                 | -           | -           | -         | IN_PROGRESS | -        | -         | -        | -       | -    | =
IN_PROGRESS            | -          | -        | -        | -                 | -           | -           | -         | token       | -        | -         | -        | -       | -    | =
IN_PROGRESS late       | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | EXPIRED | -    | =
IN_PROGRESS finished   | -          | -        | -        | -                 | -           | -           | -         | -           | asks     | -         | -        | -       | -    | =
IN_PROGRESS asked      | -          | -        | -        | -                 | -           | -           | -         | -           | token    | -         | -        | -       | -    | =
IN_PROGRESS asked late | -          | -        | -        | -                 | -           | -           | -         | -           | -        | COMPLETED | -        | -       | -    | =
IN_PROGRESS confirmed  | -          | -        | -        | -                 | -           | -           | -         | -           | -        | COMPLETED | -        | -       | -    | =
COMPLETED              | -          | -        | -        | -                 | -           | -           | -         | -           | -        | =         | -        | -       | PAID | =
PAID                   | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | =    | told
PAID rated             | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | =    | =
REJECTED               | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | =        | -       | -    | =
CANCELLED              | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
WITHDRAWN              | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
EXPIRED                | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | =       | -    | =
DISPUTED               | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
DISPUTED heard         | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
DISPUTED heard late    | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
DISPUTED assigned      | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
DISPUTED decided       | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
DISPUTED paid          | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
DISPUTED paid decided  | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
GRANTED                | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | -    | =
AWARDED                | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | =    | told
DIVIDED                | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | =    | told
DISMISSED              | -          | -        | -        | -                 | -           | -           | -         | token       | -        | -         | -        | -       | -    | =
PAID granted           | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | =    | =
PAID dismissed         | -          | -        | -        | -                 | -           | -           | -         | -           | -        | -         | -        | -       | =    | =
"""  # noqa: E501 — a table is as wide as it is

# The same for people, each on the side that the action belongs to.
PEOPLE_TABLE = """
                       | accept | reject | offer  | take   | decline | counter | start  | confirm start | finish | finish early | confirm work | cancel   | withdraw
INITIATED              | -      | -      | -      | -      | -       | -       | -      | -             | x      | -            | x            | REJECTED | -
VALIDATING             | -      | -      | -      | -      | -       | -       | -      | -             | x      | -            | x            | REJECTED | -
ESCROWED               | -      | -      | -      | -      | -       | -       | -      | -             | x      | -            | x            | REJECTED | -
AWAITING               | answer | answer | answer | -      | -       | -       | -      | -             | x      | -            | x            | REJECTED | -
AWAITING late          | late   | late   | late   | -      | -       | -       | -      | -             | x      | -            | x            | REJECTED | -
AWAITING accepted      | =      | -      | -      | ~      | ~       | ~       | ~      | ~             | ~      | ~            | ~            | ~        | ~
AWAITING rejected      | -      | =      | -      | ~      | ~       | ~       | ~      | ~             | ~      | ~            | ~            | ~        | ~
AWAITING offered       | -      | -      | =      | ~      | ~       | ~       | ~      | ~             | ~      | ~            | ~            | ~        | ~
NEGOTIATING            | -      | -      | =      | answer | answer  | answer  | -      | -             | x      | -            | x            | REJECTED | -
NEGOTIATING late       | -      | -      | =      | late   | late    | late    | -      | -             | x      | -            | x            | REJECTED | -
NEGOTIATING taken      | -      | -      | =      | =      | -       | -       | ~      | ~             | ~      | ~            | ~            | ~        | ~
NEGOTIATING declined   | -      | -      | =      | -      | =       | -       | ~      | ~             | ~      | ~            | ~            | ~        | ~
NEGOTIATING countered  | -      | -      | =      | -      | -       | =       | ~      | ~             | ~      | ~            | ~            | ~        | ~
AWAITING again         | answer | answer | answer | -      | -       | =       | -      | -             | x      | -            | x            | REJECTED | -
NEGOTIATING again      | -      | -      | =      | answer | answer  | rounds  | -      | -             | x      | -            | x            | REJECTED | -
AGREED                 | -      | -      | =      | =      | -       | -       | answer | -             | x      | -            | x            | -        | REJECTED
DECLINED               | -      | -      | =      | -      | =       | -       | -      | -             | x      | -            | x            | -        | -
ACCEPTED               | =      | -      | -      | -      | -       | -       | answer | -             | x      | -            | x            | -        | REJECTED
ACCEPTED late          | =      | -      | -      | -      | -       | -       | late   | -             | x      | -            | x            | -        | REJECTED
ACCEPTED started       | =      | -      | -      | ~      | ~       | ~       | =      | ~             | ~      | ~            | ~            | ~        | ~
ACCEPTED asked         | =      | -      | -      | -      | -       | -       | =      | answer        | x      | early        | x            | -        | REJECTED
ACCEPTED asked late    | =      | -      | -      | -      | -       | -       | =      | late          | x      | late         | x            | -        | REJECTED
ACCEPTED confirmed     | =      | -      | -      | ~      | ~       | ~       | =      | =             | ~      | ~            | ~            | ~        | ~
ACCEPTED finished      | =      | -      | -      | -      | -       | -       | =      | answer        | x      | =            | x            | -        | REJECTED
ACCEPTED finished late | =      | -      | -      | -      | -       | -       | =      | late          | x      | =            | x            | -        | REJECTED
ACCEPTED finished confirmed| =      | -      | -      | ~      | ~       | ~       | =      | =             | ~      | =            | ~            | ~        | ~
IN_PROGRESS            | =      | -      | -      | -      | -       | -       | =      | =             | answer | -            | x            | -        | REJECTED
IN_PROGRESS late       | =      | -      | -      | -      | -       | -       | =      | =             | late   | -            | x            | -        | REJECTED
IN_PROGRESS finished   | =      | -      | -      | ~      | ~       | ~       | =      | =             | =      | ~            | ~            | ~        | ~
IN_PROGRESS asked      | =      | -      | -      | -      | -       | -       | =      | =             | =      | -            | answer       | -        | REJECTED
IN_PROGRESS asked late | =      | -      | -      | -      | -       | -       | =      | =             | =      | -            | late         | -        | REJECTED
IN_PROGRESS confirmed  | =      | -      | -      | ~      | ~       | ~       | =      | =             | =      | ~            | =            | ~        | ~
COMPLETED              | =      | -      | -      | -      | -       | -       | =      | =             | =      | -            | =            | -        | -
PAID                   | =      | -      | -      | -      | -       | -       | =      | =             | =      | -            | =            | -        | -
PAID rated             | =      | -      | -      | -      | -       | -       | =      | =             | =      | -            | =            | -        | -
REJECTED               | -      | =      | -      | -      | -       | -       | -      | -             | x      | -            | x            | -        | -
CANCELLED              | -      | -      | -      | -      | -       | -       | -      | -             | x      | -            | x            | =        | -
WITHDRAWN              | =      | -      | -      | -      | -       | -       | -      | -             | x      | -            | x            | -        | =
EXPIRED                | -      | -      | -      | -      | -       | -       | -      | -             | x      | -            | x            | -        | -
DISPUTED               | =      | -      | -      | -      | -       | -       | =      | =             | x      | -            | x            | -        | -
DISPUTED heard         | =      | -      | -      | -      | -       | -       | =      | =             | x      | -            | x            | -        | -
DISPUTED heard late    | =      | -      | -      | -      | -       | -       | =      | =             | x      | -            | x            | -        | -
DISPUTED assigned      | =      | -      | -      | -      | -       | -       | =      | =             | x      | -            | x            | -        | -
DISPUTED decided       | =      | -      | -      | ~      | ~       | ~       | =      | =             | ~      | ~            | ~            | ~        | ~
DISPUTED paid          | =      | -      | -      | -      | -       | -       | =      | =             | =      | -            | =            | -        | -
DISPUTED paid decided  | =      | -      | -      | ~      | ~       | ~       | =      | =             | =      | ~            | =            | ~        | ~
GRANTED                | =      | -      | -      | -      | -       | -       | =      | =             | x      | -            | x            | -        | -
AWARDED                | =      | -      | -      | -      | -       | -       | =      | =             | x      | -            | x            | -        | -
DIVIDED                | =      | -      | -      | -      | -       | -       | =      | =             | x      | -            | x            | -        | -
DISMISSED              | =      | -      | -      | -      | -       | -       | =      | =             | answer | -            | x            | -        | REJECTED
PAID granted           | =      | -      | -      | -      | -       | -       | =      | =             | =      | -            | =            | -        | -
PAID dismissed         | =      | -      | -      | -      | -       | -       | =      | =             | =      | -            | =            | -        | -
"""  # noqa: E501 — likewise

NEXT_STEPS = {
    "INITIATED": Step.VALIDATE_REQUEST,
    "VALIDATING": Step.VALIDATE_REQUEST,
    "ESCROWED": Step.WAIT_FOR_PROVIDER_RESPONSE,
    "AWAITING": Step.WAIT_FOR_PROVIDER_RESPONSE,
    "AWAITING late": Step.EXPIRE_REQUEST,
    "AWAITING accepted": Step.START_SERVICE_EXECUTION,
    "AWAITING rejected": Step.REFUND_ESCROW,
    "AWAITING offered": Step.WAIT_FOR_NEGOTIATION_RESPONSE,
    "NEGOTIATING": Step.WAIT_FOR_NEGOTIATION_RESPONSE,
    "NEGOTIATING late": Step.EXPIRE_REQUEST,
    "NEGOTIATING taken": Step.START_SERVICE_EXECUTION,
    "NEGOTIATING declined": Step.REFUND_ESCROW,
    "NEGOTIATING countered": Step.WAIT_FOR_PROVIDER_RESPONSE,
    "AWAITING again": Step.WAIT_FOR_PROVIDER_RESPONSE,
    "NEGOTIATING again": Step.WAIT_FOR_NEGOTIATION_RESPONSE,
    "AGREED": Step.WAIT_FOR_SERVICE_START,
    "DECLINED": Step.COMPLETE_WORKFLOW,
    "ACCEPTED": Step.WAIT_FOR_SERVICE_START,
    "ACCEPTED late": Step.EXPIRE_REQUEST,
    "ACCEPTED started": Step.CONFIRM_SERVICE_START,
    "ACCEPTED asked": Step.CONFIRM_SERVICE_START,
    "ACCEPTED asked late": Step.WAIT_FOR_COMPLETION,
    "ACCEPTED confirmed": Step.WAIT_FOR_COMPLETION,
    "ACCEPTED finished": Step.CONFIRM_SERVICE_START,
    "ACCEPTED finished late": Step.WAIT_FOR_COMPLETION,
    "ACCEPTED finished confirmed": Step.WAIT_FOR_COMPLETION,
    "IN_PROGRESS": Step.WAIT_FOR_COMPLETION,
    "IN_PROGRESS late": Step.EXPIRE_REQUEST,
    "IN_PROGRESS finished": Step.CONFIRM_SERVICE_COMPLETION,
    "IN_PROGRESS asked": Step.CONFIRM_SERVICE_COMPLETION,
    "IN_PROGRESS asked late": Step.PROCESS_SERVICE_COMPLETION,
    "IN_PROGRESS confirmed": Step.PROCESS_SERVICE_COMPLETION,
    "COMPLETED": Step.PROCESS_PAYMENT,
    "PAID": Step.ENABLE_RATING,
    "PAID rated": Step.ENABLE_RATING,
    "REJECTED": Step.COMPLETE_WORKFLOW,
    "CANCELLED": Step.COMPLETE_WORKFLOW,
    "WITHDRAWN": Step.COMPLETE_WORKFLOW,
    "EXPIRED": Step.COMPLETE_WORKFLOW,
    "DISPUTED": Step.WAIT_FOR_ADMIN_DECISION,
    "DISPUTED heard": Step.WAIT_FOR_ADMIN_DECISION,
    "DISPUTED heard late": Step.RAISE_DISPUTE_ALARM,
    "DISPUTED assigned": Step.WAIT_FOR_ADMIN_DECISION,
    "DISPUTED decided": Step.PARTIAL_REFUND,
    "DISPUTED paid": Step.WAIT_FOR_ADMIN_DECISION,
    "DISPUTED paid decided": Step.REFUND_TO_REQUESTER,
    "GRANTED": Step.COMPLETE_WORKFLOW,
    "AWARDED": Step.ENABLE_RATING,
    "DIVIDED": Step.ENABLE_RATING,
    "DISMISSED": Step.WAIT_FOR_COMPLETION,
    "PAID granted": Step.ENABLE_RATING,
    "PAID dismissed": Step.ENABLE_RATING,
}

_REFUSED = {
    Code.INVALID_REQUEST_STATUS: "-",
    Code.INVALID_STATUS_FOR_COMPLETION: "x",
    Code.DEADLINE_PASSED: "late",
    Code.NEGOTIATION_ROUNDS_EXCEEDED: "rounds",
}


def cells(table: str) -> list[tuple[str, str, str]]:
    """Return a table's (place, event, outcome)."""
    head, *rows = [[cell.strip() for cell in line.split("|")] for line in table.strip("\n").splitlines()]
    return [(row[0], event, outcome) for row in rows for event, outcome in zip(head[1:], row[1:], strict=True)]


def outcome(before: Request, verdict: Verdict) -> str:
    """Return a verdict in the tables' words."""
    if isinstance(verdict, Refusal):
        return "~" if verdict.is_transient else _REFUSED[verdict.code]
    if isinstance(verdict, Request):
        assert verdict is before
        return "="
    after = verdict.request
    if after.status is not before.status:
        return after.status.value
    for word, mark in (("answer", "answer"), ("early", "early_mark")):
        if getattr(after, mark) and not getattr(before, mark):
            return word
    if after.wait is None:
        return "told"
    return "token" if before.wait and before.wait.name is after.wait.name else "asks"


@pytest.mark.parametrize(("place", "event", "expected"), cells(WORKFLOW_TABLE) + cells(PEOPLE_TABLE))
def test_what_comes_of_each_event_in_each_place(place: str, event: str, expected: str) -> None:
    bank = bank_at(place)
    before = bank.requests[REQUEST_ID]

    verdict = bank.move(REQUEST_RULES[event])

    assert outcome(before, verdict) == expected
    bank.check()
    if expected in {"-", "x", "~", "late", "="}:
        assert bank.requests[REQUEST_ID] is before


@pytest.mark.parametrize("place", PATHS)
@pytest.mark.parametrize("event", REQUEST_RULES)
def test_whatever_is_repeated_has_its_one_effect(place: str, event: str) -> None:
    bank = bank_at(place)
    bank.move(REQUEST_RULES[event])
    once = effects(bank)

    bank.move(REQUEST_RULES[event])

    assert effects(bank) == once


def effects(bank: Bank) -> tuple[object, ...]:
    """Return what is observable: status, answers, and how many entries, events and notices were written."""
    request = bank.requests[REQUEST_ID]
    counts = (len(bank.entries), len(bank.exchanges), len(bank.events), len(bank.notices))
    answers = (request.answer, request.answers, request.early_mark)
    return (request.status, request.status_reason, *answers, request.passages, *counts)


def test_the_tables_are_whole() -> None:
    assert {place for place, _, _ in cells(WORKFLOW_TABLE)} == set(PATHS) == set(NEXT_STEPS)
    assert {place for place, _, _ in cells(PEOPLE_TABLE)} == set(PATHS)
    assert {event for _, event, _ in cells(WORKFLOW_TABLE) + cells(PEOPLE_TABLE)} == set(REQUEST_RULES)
    assert {request_at(place).status for place in PATHS} == set(RequestStatus)


@pytest.mark.parametrize("place", PATHS)
@pytest.mark.parametrize("action", party_rules())
def test_only_the_right_side_may_act(place: str, action: str) -> None:
    bank = bank_at(place)
    before = bank.requests[REQUEST_ID]
    swapped, strange = (
        party_rules(by_provider=ALICE, by_requester=BOB),
        party_rules(by_provider=EVE, by_requester=EVE),
    )
    by_provider = action in {"accept", "reject", "offer", "start", "finish", "finish early", "withdraw"}

    other_side, stranger = bank.move(swapped[action]), bank.move(strange[action])

    assert isinstance(other_side, Refusal)
    assert other_side.code is (Code.UNAUTHORIZED_PROVIDER if by_provider else Code.UNAUTHORIZED_REQUESTER)
    assert isinstance(stranger, Refusal)
    assert stranger.code is Code.REQUEST_NOT_FOUND
    assert not stranger.facts
    assert bank.requests[REQUEST_ID] is before


@pytest.mark.parametrize(("place", "step"), NEXT_STEPS.items())
def test_the_next_step(place: str, step: Step) -> None:
    bank = bank_at(place)
    assert next_step(bank.requests[REQUEST_ID], bank.now) is step


@pytest.mark.parametrize(
    ("decision", "step"),
    [
        ("grant", Step.REFUND_TO_REQUESTER),
        ("award", Step.PAY_TO_PROVIDER),
        ("divide", Step.PARTIAL_REFUND),
        ("dismiss", Step.DISMISS_DISPUTE),
    ],
)
def test_each_decision_leads_to_its_step(decision: str, step: Step) -> None:
    bank = bank_at("DISPUTED assigned")
    bank.move(DISPUTE_RULES[decision])
    assert next_step(bank.requests[REQUEST_ID], bank.now) is step


@pytest.mark.parametrize("place", [place for place in PATHS if "accepted" in place or place.endswith("confirmed")])
def test_an_answer_before_the_deadline_wins_over_the_timer(place: str) -> None:
    request = request_at(place)
    assert request.wait is not None
    long_after = request.wait.deadline + timedelta(days=1)
    assert next_step(request, long_after) is NEXT_STEPS[place]


def test_a_request_that_waits_for_nobody_yet_is_led_to_its_wait() -> None:
    """Rows from before the workflow have a status and nothing else."""
    for status, wait in (
        (RequestStatus.AWAITING_RESPONSE, Step.WAIT_FOR_PROVIDER_RESPONSE),
        (RequestStatus.NEGOTIATING, Step.WAIT_FOR_NEGOTIATION_RESPONSE),
        (RequestStatus.ACCEPTED, Step.WAIT_FOR_SERVICE_START),
        (RequestStatus.IN_PROGRESS, Step.WAIT_FOR_COMPLETION),
    ):
        assert next_step(make_request(status=status), NOW) is wait


@pytest.mark.parametrize("place", PATHS)
def test_somebody_looks_after_every_request_that_lives(place: str) -> None:
    bank = bank_at(place)
    request, now = bank.requests[REQUEST_ID], bank.now
    if place in {"PAID", "AWARDED", "DIVIDED"}:  # not over until the rating is enabled
        assert (request.due_at, request.is_over) == (now + STEP_GRACE, False)
    elif request.status in ENDED:
        assert (request.due_at, request.due_shard, request.is_over) == (None, None, True)
    elif request.wait is None:
        assert request.due_at == request.updated_at + STEP_GRACE
    else:
        answer = request.wait.answer
        due = request.updated_at + STEP_GRACE if place == "DISMISSED" else request.wait.deadline
        assert request.due_at == (answer.at + ANSWER_GRACE if answer else due)
    assert request.due_shard is None or 0 <= int(request.due_shard) < DUE_SHARDS


def test_moving_notes_the_passage_and_forgets_the_failures() -> None:
    request = make_request(resumptions=3, failing_since=NOW)
    after = request.moved(NOW, status=RequestStatus.VALIDATING)
    assert after.passages == (Passage(status=RequestStatus.VALIDATING, at=NOW),)
    assert (after.version, after.resumptions, after.failing_since) == (1, 0, None)


def test_an_escrow_that_is_older_than_the_workflow_keeps_its_id() -> None:
    assert make_request(escrow_id="of old").escrow_key == "of old"


def test_a_request_that_waits_for_an_admin_is_stranded_and_not_over() -> None:
    request = request_at("ACCEPTED").due(None)
    assert (request.is_over, request.is_stranded) == (False, True)
    for place in ("ACCEPTED", "REJECTED", "DISPUTED"):
        assert not request_at(place).is_stranded
    disputed = request_at("DISPUTED").due(None)
    assert (disputed.is_stranded, disputed.is_given_up) == (False, True)
    assert not request_at("PAID rated").is_given_up


def test_who_stays_where_they_are_comes_through_nothing_and_a_new_status_has_its_own_reason() -> None:
    request = make_request(status_reason=StatusReason.DISPUTE_PAID)
    same = request.moved(NOW, status=RequestStatus.INITIATED)
    assert (same.passages, same.status_reason) == ((), StatusReason.DISPUTE_PAID)
    assert request.moved(NOW, status=RequestStatus.VALIDATING).status_reason is None


def test_a_dispute_is_open_while_the_request_is_disputed() -> None:
    assert make_request(status=RequestStatus.DISPUTED).dispute is None
    assert request_at("DISMISSED").dispute is None
    disputed = request_at("DISPUTED")
    assert disputed.dispute == disputed.disputes[-1]


def test_no_life_is_endless() -> None:
    almost = make_request(passages=(Passage(status=RequestStatus.INITIATED, at=NOW),) * (MOST_PASSAGES - 1))
    assert len(almost.moved(NOW, status=RequestStatus.VALIDATING).passages) == MOST_PASSAGES
    request = make_request(passages=(Passage(status=RequestStatus.INITIATED, at=NOW),) * MOST_PASSAGES)
    with pytest.raises(BrokenLedgerError, match="more statuses"):
        request.moved(NOW, status=RequestStatus.VALIDATING)
