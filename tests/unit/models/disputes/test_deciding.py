"""Disputes: who may raise and decide them at which place, and what each decision does with the hours."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from models.disputes import deciding
from models.errors import BrokenLedgerError, Code, Refusal
from models.hours import ZERO
from models.ledger.balances import EscrowStatus, EscrowType
from models.ledger.movements import TransactionType
from models.requests import recovery
from models.requests.decision import Change, Verdict
from models.requests.dispute import DisputeStatus, escrow_key
from models.requests.next_step import next_step
from models.requests.request import STEP_GRACE
from models.requests.statuses import RequestStatus, Response, StatusReason, Step
from models.requests.windows import DEFAULT_WINDOWS
from tests.unit.builders import ADA, ALICE, BOB, EVE, EXECUTION, REQUEST_ID, Bank, hours, make_dispute
from tests.unit.models.requests.test_next_step import cells, effects, outcome
from tests.unit.places import DISPUTE_RULES, PATHS, REQUEST_RULES, bank_at, decide, dispute, moved_to

# As in the tables of `test_lifecycle`; `none` there is no dispute, `whose` it is not this admin's, `over` it has
# been decided otherwise.
TABLE = """
                       | dispute  | object   | hear  | alarm | assign | grant  | award  | divide | dismiss | resolve
INITIATED              | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
VALIDATING             | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
ESCROWED               | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
AWAITING               | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
AWAITING late          | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
AWAITING accepted      | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
AWAITING rejected      | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
AWAITING offered       | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
NEGOTIATING            | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
NEGOTIATING late       | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
NEGOTIATING taken      | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
NEGOTIATING declined   | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
NEGOTIATING countered  | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
AWAITING again         | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
NEGOTIATING again      | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
AGREED                 | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
DECLINED               | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED               | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED late          | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED started       | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED asked         | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED asked late    | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED confirmed     | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED finished      | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED finished late | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
ACCEPTED finished confirmed| ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
IN_PROGRESS            | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
IN_PROGRESS late       | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
IN_PROGRESS finished   | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
IN_PROGRESS asked      | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
IN_PROGRESS asked late | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
IN_PROGRESS confirmed  | ~        | ~        | -     | -     | none   | none   | none   | none   | none    | -
COMPLETED              | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
PAID                   | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
PAID rated             | DISPUTED | DISPUTED | -     | -     | none   | none   | none   | none   | none    | -
REJECTED               | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
CANCELLED              | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
WITHDRAWN              | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
EXPIRED                | -        | -        | -     | -     | none   | none   | none   | none   | none    | -
DISPUTED               | =        | -        | asks  | -     | told   | whose  | whose  | whose  | whose   | -
DISPUTED heard         | =        | -        | token | -     | token  | whose  | whose  | whose  | whose   | -
DISPUTED heard late    | =        | -        | -     | token | token  | whose  | whose  | whose  | whose   | -
DISPUTED assigned      | =        | -        | token | -     | =      | answer | answer | answer | answer  | -
DISPUTED decided       | =        | ~        | -     | -     | =      | over   | over   | =      | over    | PAID
DISPUTED paid          | =        | -        | token | -     | =      | answer | answer | answer | answer  | -
DISPUTED paid decided  | =        | ~        | -     | -     | =      | =      | over   | over   | over    | PAID
GRANTED                | =        | -        | -     | -     | =      | =      | over   | over   | over    | =
AWARDED                | =        | DISPUTED | -     | -     | =      | over   | =      | over   | over    | =
DIVIDED                | =        | DISPUTED | -     | -     | =      | over   | over   | =      | over    | =
DISMISSED              | =        | DISPUTED | -     | -     | =      | over   | over   | over   | =       | =
PAID granted           | =        | DISPUTED | -     | -     | =      | =      | over   | over   | over    | =
PAID dismissed         | =        | DISPUTED | -     | -     | =      | over   | over   | over   | =       | =
"""  # noqa: E501 — a table is as wide as it is

_WORDS = {
    Code.DISPUTE_NOT_FOUND: "none",
    Code.UNAUTHORIZED_ADMIN: "whose",
    Code.INVALID_DISPUTE_STATUS: "over",
}


@pytest.mark.parametrize(("place", "event", "expected"), cells(TABLE))
def test_what_comes_of_each_event_in_each_place(place: str, event: str, expected: str) -> None:
    bank = bank_at(place)
    before = bank.requests[REQUEST_ID]

    verdict = bank.move(DISPUTE_RULES[event])

    refused = _WORDS.get(verdict.code) if isinstance(verdict, Refusal) else None
    assert (refused or outcome(before, verdict)) == expected
    bank.check()


def test_the_table_is_whole() -> None:
    assert {place for place, _, _ in cells(TABLE)} == set(PATHS)
    assert {event for _, event, _ in cells(TABLE)} == set(DISPUTE_RULES)


@pytest.mark.parametrize("place", PATHS)
@pytest.mark.parametrize("event", sorted(DISPUTE_RULES.keys() - {"alarm"}))
def test_whatever_is_repeated_has_its_one_effect(place: str, event: str) -> None:
    bank = bank_at(place)
    bank.move(DISPUTE_RULES[event])
    once = effects(bank), bank.disputes, bank.escrows

    bank.move(DISPUTE_RULES[event])

    assert (effects(bank), bank.disputes, bank.escrows) == once


# Where, which decision, where the request is then and why; what Alice and Bob have, and the row of the escrow.
RESOLUTIONS = [
    ("DISPUTED assigned", "grant", "REJECTED", "DISPUTE_REFUNDED", "10", "10", "CANCELLED", "REFUND"),
    ("DISPUTED assigned", "award", "PAID", "DISPUTE_PAID", "8", "12", "RELEASED", "TRANSFER"),
    ("DISPUTED assigned", "divide", "PAID", "DISPUTE_SPLIT", "9.25", "10.75", "RELEASED", "DISPUTE_RESOLUTION"),
    ("DISPUTED assigned", "dismiss", "IN_PROGRESS", None, "8", "10", "ESCROWED", "ESCROW"),
    ("DISPUTED paid", "grant", "PAID", "DISPUTE_REFUNDED", "10", "10", "RELEASED", "TRANSFER"),
    ("DISPUTED paid", "award", "PAID", "DISPUTE_PAID", "8", "12", "CANCELLED", "REFUND"),
    ("DISPUTED paid", "divide", "PAID", "DISPUTE_SPLIT", "9.25", "10.75", "RELEASED", "DISPUTE_RESOLUTION"),
    ("DISPUTED paid", "dismiss", "PAID", None, "8", "12", "CANCELLED", "REFUND"),
]


@pytest.mark.parametrize(
    ("place", "decision", "status", "reason", "alice", "bob", "escrow", "movement"), RESOLUTIONS
)
def test_each_decision_moves_the_hours_once(
    place: str, decision: str, status: str, reason: str | None, alice: str, bob: str, escrow: str, movement: str
) -> None:
    bank = bank_at(place)
    raised = bank.requests[REQUEST_ID].disputes[-1]
    bank.move(DISPUTE_RULES[decision])
    count = len(bank.notices)
    bank.move(DISPUTE_RULES["resolve"])

    after, decided = bank.requests[REQUEST_ID], bank.disputes[raised.id]
    assert (after.status, after.status_reason) == (status, reason)
    have = [bank.balances[member].available_balance for member in (ALICE, BOB)]
    assert have == [hours(alice), hours(bob)]
    held = bank.escrows[escrow_key(REQUEST_ID, raised.id) if decided.is_after_payment else after.escrow_key]
    assert (held.status, bank.entries[-1].transaction_type) == (escrow, movement)
    is_dismissed = decision == "dismiss"
    assert decided.status is (DisputeStatus.DISMISSED if is_dismissed else DisputeStatus.RESOLVED)
    assert (decided.resolved_at, decided.resolution, decided.admin_id) == (bank.now, "So be it", ADA)
    assert [notice.user_id for notice in bank.notices[count:]] == [ALICE, BOB]
    assert all("So be it" in notice.message for notice in bank.notices[count:])
    assert after.due_at == (None if after.is_over else bank.now + STEP_GRACE)
    assert after.generation == (0 if after.is_over else 1)
    bank.check()


def test_the_parties_raise_it_and_nobody_else() -> None:
    bank = bank_at("IN_PROGRESS")
    stranger = bank.move(dispute(EVE, against_user_id=ALICE))
    assert isinstance(stranger, Refusal)
    assert (stranger.code, dict(stranger.facts)) == (Code.REQUEST_NOT_FOUND, {})
    for by, code in ((ALICE, Code.UNAUTHORIZED_PROVIDER), (BOB, Code.UNAUTHORIZED_REQUESTER)):
        for against in (EVE, by):
            refused = bank.move(dispute(by, against_user_id=against))
            assert isinstance(refused, Refusal)
            assert refused.code is code


def test_each_side_raises_one_and_one_is_open_at_a_time() -> None:
    bank = bank_at("DISMISSED")
    again = bank.move(dispute(ALICE, id="another"))
    assert isinstance(again, Refusal)
    assert again.code is Code.INVALID_REQUEST_STATUS
    assert again.facts == {"disputeId": make_dispute().id, "status": "IN_PROGRESS"}
    assert isinstance(bank.move(DISPUTE_RULES["object"]), Change)
    for event in ("hear", "assign", "dismiss", "resolve"):
        assert isinstance(bank.move(DISPUTE_RULES[event]), Change)
    bank.check()
    request = bank.requests[REQUEST_ID]
    assert (request.status, request.generation, len(request.disputes)) == (RequestStatus.IN_PROGRESS, 2, 2)


def test_raising_it_freezes_what_is_held_and_sets_the_wait_aside() -> None:
    bank = bank_at("IN_PROGRESS")
    before, entries = bank.requests[REQUEST_ID], len(bank.entries)
    bank.move(DISPUTE_RULES["object"])
    after = bank.requests[REQUEST_ID]
    assert (after.set_aside, after.wait, after.expires_at) == (before.wait, None, None)
    assert after.due_at == bank.now + STEP_GRACE
    assert len(bank.entries) == entries
    assert bank.disputes[make_dispute(BOB).id].status_before is RequestStatus.IN_PROGRESS
    assert bank.notices[-1].user_id == ALICE
    assert "The weeds are still there" in bank.notices[-1].message


def test_a_dismissal_gives_back_the_time_and_the_wait() -> None:
    bank = bank_at("DISPUTED assigned")
    request = bank.requests[REQUEST_ID]
    assert request.set_aside is not None
    left = request.set_aside.deadline - request.disputes[-1].at
    bank.pass_time(40 * 86_400)
    bank.move(DISPUTE_RULES["dismiss"])
    bank.move(DISPUTE_RULES["resolve"])
    after = bank.requests[REQUEST_ID]
    assert after.wait is not None
    assert (after.wait.name, after.wait.deadline) == (Step.WAIT_FOR_COMPLETION, bank.now + left)
    assert (after.wait.token, after.expires_at, after.set_aside) == (None, bank.now + left, None)
    assert after.step_function_execution_arn == f"{EXECUTION}next"
    count = len(bank.notices)
    assert isinstance(bank.move(REQUEST_RULES["await work"]), Change)
    assert len(bank.notices) == count


def test_completed_work_is_paid_after_a_dismissal() -> None:
    bank = bank_at("COMPLETED")
    for event in ("dispute", "hear", "assign", "dismiss", "resolve"):
        bank.move(DISPUTE_RULES[event])
    assert next_step(bank.requests[REQUEST_ID], bank.now) is Step.PROCESS_PAYMENT
    bank.move(REQUEST_RULES["pay"])
    bank.check()
    assert bank.balances[BOB].available_balance == hours("12")


def spent(bank: Bank, left: str) -> None:
    """Let Bob have fewer hours, and all of them locked."""
    gone = bank.balances[BOB].available_balance - hours(left)
    bank.balances[BOB] = replace(
        bank.balances[BOB], available_balance=hours(left), total_balance=hours(left), locked_at=bank.now
    )
    bank.balances[ALICE] = replace(
        bank.balances[ALICE],
        available_balance=bank.balances[ALICE].available_balance + gone,
        total_balance=bank.balances[ALICE].total_balance + gone,
    )


@pytest.mark.parametrize(("left", "held"), [("12", "2"), ("2", "2"), ("1.5", "1.5"), ("0.01", "0.01"), ("0", "0")])
def test_after_the_payment_as_much_is_held_as_is_there(left: str, held: str) -> None:
    bank = bank_at("PAID rated")
    spent(bank, left)
    change = bank.move(DISPUTE_RULES["dispute"])
    assert isinstance(change, Change)
    assert change.dispute is not None
    assert bank.balances[BOB].escrowed_balance == hours(held)
    assert (change.movement is None) == (hours(held) == ZERO)
    if change.escrow is None:
        assert change.dispute.escrow_id is None
    else:
        assert change.escrow.escrow_type is EscrowType.DISPUTE_RESOLUTION
        assert (change.escrow.from_user_id, change.escrow.to_user_id) == (BOB, ALICE)
        assert bank.entries[-1].transaction_type is TransactionType.ESCROW
        assert f"{hours(held)} of your hours" in change.notices[0].message


@pytest.mark.parametrize("decision", ["grant", "award", "dismiss"])
def test_what_is_not_there_is_not_collected(decision: str) -> None:
    bank = bank_at("PAID rated")
    spent(bank, "0")
    for event in ("dispute", "hear", "assign"):
        assert isinstance(bank.move(DISPUTE_RULES[event]), Change)
    refused = bank.move(DISPUTE_RULES["divide"])
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.INVALID_AMOUNT, {"held": 0.0})
    entries = len(bank.entries)
    assert isinstance(bank.move(DISPUTE_RULES[decision]), Change)
    assert isinstance(bank.move(DISPUTE_RULES["resolve"]), Change)
    assert (bank.requests[REQUEST_ID].status, len(bank.entries)) == (RequestStatus.PAID, entries)


@pytest.mark.parametrize(("place", "more"), [("PAID granted", "0"), ("DIVIDED", "0.75"), ("PAID dismissed", "2")])
def test_no_second_dispute_takes_what_the_provider_no_longer_has_of_it(place: str, more: str) -> None:
    bank = bank_at(place)
    assert bank.requests[REQUEST_ID].earned == hours(more)
    bank.move(DISPUTE_RULES["object"])
    assert bank.balances[BOB].escrowed_balance == hours(more)
    bank.check()


def test_a_payment_can_be_disputed_for_thirty_days() -> None:
    bank = bank_at("PAID rated")
    paid = next(one.at for one in bank.requests[REQUEST_ID].passages if one.status is RequestStatus.PAID)
    bank.now = paid + DEFAULT_WINDOWS.dispute
    refused = bank.move(DISPUTE_RULES["dispute"])
    assert isinstance(refused, Refusal)
    assert refused.code is Code.DEADLINE_PASSED
    bank.now -= timedelta(milliseconds=1)
    assert isinstance(bank.move(DISPUTE_RULES["dispute"]), Change)


def test_a_request_from_before_earnings_were_counted_has_its_whole_amount() -> None:
    bank = bank_at("PAID rated")
    moved_to(bank, earned=None, passages=())
    bank.move(DISPUTE_RULES["dispute"])
    assert bank.balances[BOB].escrowed_balance == hours("2")


@pytest.mark.parametrize("share", ["0", "-1", "2", "2.01", "5000", None])
def test_a_share_is_a_part_of_what_is_held(share: str | None) -> None:
    bank = bank_at("DISPUTED assigned")
    refused = bank.move(decide(Response.PARTIAL_REFUND, share))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.INVALID_AMOUNT, {"held": 2.0})


@pytest.mark.parametrize("share", ["0.01", "1.99"])
def test_the_smallest_and_the_largest_share(share: str) -> None:
    bank = bank_at("DISPUTED assigned")
    bank.move(decide(Response.PARTIAL_REFUND, share))
    bank.move(DISPUTE_RULES["resolve"])
    bank.check()
    assert bank.balances[BOB].available_balance == hours("10") + hours(share)


def code(verdict: Verdict) -> Code | None:
    return verdict.code if isinstance(verdict, Refusal) else None


def test_one_admin_decides_and_another_takes_over_only_when_it_is_late() -> None:
    bank = bank_at("DISPUTED assigned")
    other = partial(deciding.assign, by="ann")
    assert code(bank.move(other)) is Code.UNAUTHORIZED_ADMIN
    assert code(bank.move(decide(Response.PAY_TO_PROVIDER, by="ann"))) is Code.UNAUTHORIZED_ADMIN
    bank.pass_time(49 * 3600)
    assert isinstance(bank.move(DISPUTE_RULES["alarm"]), Change)
    assert isinstance(bank.move(other), Change)
    assert code(bank.move(DISPUTE_RULES["award"])) is Code.UNAUTHORIZED_ADMIN
    assert isinstance(bank.move(decide(Response.PAY_TO_PROVIDER, by="ann")), Change)
    assert code(bank.move(DISPUTE_RULES["assign"])) is Code.INVALID_DISPUTE_STATUS


@pytest.mark.parametrize("party", [ALICE, BOB])
def test_an_admin_decides_no_dispute_of_their_own(party: str) -> None:
    assert code(bank_at("DISPUTED").move(partial(deciding.assign, by=party))) is Code.UNAUTHORIZED_ADMIN
    bank = bank_at("DISPUTED heard")
    key = make_dispute().id
    bank.disputes[key] = replace(bank.disputes[key], admin_id=party)
    assert code(bank.move(decide(Response.DISMISS_DISPUTE, by=party))) is Code.UNAUTHORIZED_ADMIN


def test_it_is_never_too_late_for_a_decision_and_nothing_decides_by_itself() -> None:
    bank = bank_at("DISPUTED heard late")
    bank.move(DISPUTE_RULES["alarm"])
    late = bank.disputes[make_dispute().id]
    request = bank.requests[REQUEST_ID]
    assert (late.overdue_at, request.status) == (bank.now, RequestStatus.DISPUTED)
    assert request.wait is not None
    assert request.wait.deadline == bank.now + DEFAULT_WINDOWS.decision
    assert bank.events[-1].type == deciding.OVERDUE
    assert isinstance(bank.move(DISPUTE_RULES["alarm"]), Refusal)
    bank.pass_time(400 * 86_400)
    assert isinstance(bank.move(DISPUTE_RULES["assign"]), Change)
    assert isinstance(bank.move(DISPUTE_RULES["grant"]), Change)
    assert isinstance(bank.move(DISPUTE_RULES["alarm"]), Refusal)


def test_a_decision_that_comes_before_its_wait_is_asked_to_wait_a_moment() -> None:
    bank = bank_at("DISPUTED")
    bank.move(DISPUTE_RULES["assign"])
    refused = bank.move(DISPUTE_RULES["grant"])
    assert isinstance(refused, Refusal)
    assert refused.is_transient


def test_hours_that_should_be_held_and_are_not_stop_everything() -> None:
    for place, event in (("IN_PROGRESS", "dispute"), ("DISPUTED decided", "resolve")):
        bank = bank_at(place)
        key = bank.requests[REQUEST_ID].escrow_key
        bank.escrows[key] = replace(bank.escrows[key], status=EscrowStatus.CANCELLED)
        with pytest.raises(BrokenLedgerError, match="not held"):
            bank.move(DISPUTE_RULES[event])
    bank = bank_at("DISPUTED")
    assert bank.move(deciding.check_frozen) is bank.requests[REQUEST_ID]
    bank.escrows.clear()
    with pytest.raises(BrokenLedgerError, match="not held"):
        bank.move(deciding.check_frozen)


def test_a_decision_wakes_a_dispute_that_the_sweep_has_given_up() -> None:
    bank = bank_at("DISPUTED assigned")
    moved_to(bank, failing_since=bank.now - 2 * recovery.RESUMED_FOR)
    bank.move(recovery.give_up)
    assert bank.requests[REQUEST_ID].due_at is None
    bank.move(DISPUTE_RULES["grant"])
    assert bank.requests[REQUEST_ID].due_at is not None


def test_the_reason_before_comes_back_with_a_dismissal() -> None:
    bank = bank_at("AWARDED")
    for event in ("object", "hear", "assign", "dismiss", "resolve"):
        assert isinstance(bank.move(DISPUTE_RULES[event]), Change)
    assert bank.requests[REQUEST_ID].status_reason is StatusReason.DISPUTE_PAID
