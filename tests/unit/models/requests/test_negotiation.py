"""Counter-offers: who may offer what, how often, and what is held then."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from models.errors import BrokenLedgerError, Code, Refusal
from models.ledger import movements
from models.ledger.balances import EscrowStatus
from models.requests import answers, negotiation
from models.requests.decision import Change
from models.requests.statuses import Response, Step
from tests.unit.builders import ALICE, BOB, NOW, REQUEST_ID, Bank, Rule, hours, make_balance, make_escrow
from tests.unit.places import REQUEST_RULES, bank_at, moved_to, say, terms, wait_for

OFFER = Step.WAIT_FOR_PROVIDER_RESPONSE
ANSWER = Step.WAIT_FOR_NEGOTIATION_RESPONSE
ASKED, OFFERED, COUNTERED = hours("2"), hours("4.5"), hours("1.65")


def agreed(bank: Bank) -> tuple[object, ...]:
    """Return what the request says, what is held, and what is free."""
    request, balance = bank.requests[REQUEST_ID], bank.balances[ALICE]
    assert bank.escrows[request.escrow_key].amount == request.amount == balance.escrowed_balance
    return request.estimated_hours, request.agreed_rate, request.amount, balance.available_balance


def test_an_offer_changes_nothing_until_it_is_taken() -> None:
    bank = bank_at("NEGOTIATING")
    assert agreed(bank) == (hours("2"), hours("1"), ASKED, hours("8"))
    request = bank.requests[REQUEST_ID]
    assert (request.offered_hours, request.offered_rate, request.negotiation_round) == (
        hours("3"),
        hours("1.5"),
        1,
    )
    assert "3.00 hours at 1.50 an hour" in bank.notices[-1].message


def test_who_takes_an_offer_holds_what_it_comes_to() -> None:
    bank = bank_at("NEGOTIATING taken")
    assert agreed(bank) == (hours("3"), hours("1.5"), OFFERED, hours("5.5"))
    assert bank.entries[-1].transaction_type == "ESCROW"


def test_who_offers_less_gets_the_rest_back() -> None:
    bank = bank_at("NEGOTIATING countered")
    assert agreed(bank) == (hours("1.5"), hours("1.1"), COUNTERED, hours("8.35"))
    assert bank.entries[-1].transaction_type == "REFUND"
    assert bank_at("AGREED").requests[REQUEST_ID].negotiation_round == 2


def test_terms_that_come_to_the_same_move_nothing() -> None:
    bank = bank_at("AWAITING")
    bank.move(say(OFFER, BOB, Response.COUNTER_OFFER, terms=terms("1", "2")))
    bank.move(wait_for(ANSWER))
    entries, held = len(bank.entries), dict(bank.escrows)
    assert isinstance(bank.move(say(ANSWER, ALICE, Response.ACCEPT)), Change)
    assert len(bank.entries) == entries
    assert bank.escrows == held
    assert agreed(bank) == (hours("1"), hours("2"), ASKED, hours("8"))


@pytest.mark.parametrize("response", [Response.ACCEPT, Response.COUNTER])
def test_who_has_too_few_hours_changes_nothing(response: Response) -> None:
    bank = bank_at("NEGOTIATING")
    before = bank.requests[REQUEST_ID]
    bank.balances[ALICE] = make_balance(ALICE, "1", "2")
    given = terms("9") if response is Response.COUNTER else None
    refused = bank.move(say(ANSWER, ALICE, response, terms=given))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INSUFFICIENT_BALANCE
    assert bank.requests[REQUEST_ID] is before


def test_a_locked_account_holds_no_more_but_may_hold_less() -> None:
    bank = bank_at("NEGOTIATING")
    bank.balances[ALICE] = make_balance(ALICE, "8", "2", locked_at=NOW)
    refused = bank.move(say(ANSWER, ALICE, Response.ACCEPT))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ACCOUNT_LOCKED
    assert isinstance(bank.move(say(ANSWER, ALICE, Response.COUNTER, terms=terms("1"))), Change)


@pytest.mark.parametrize(
    ("worked", "rate"),
    [("0", "1"), ("1", "0"), ("-1", "-1"), ("200", "100"), ("0.01", "0.1"), ("10001", "0.5"), ("0.5", "10001")],
)
def test_terms_that_come_to_no_amount_are_refused(worked: str, rate: str) -> None:
    refused = bank_at("AWAITING").move(say(OFFER, BOB, Response.COUNTER_OFFER, terms=terms(worked, rate)))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_AMOUNT
    assert "counterOffer" in refused.message
    assert refused.facts == {"smallest": 0.01, "largest": 10_000.0}


def test_a_third_round_is_refused() -> None:
    bank = bank_at("NEGOTIATING again")
    refused = bank.move(say(ANSWER, ALICE, Response.COUNTER, terms=terms("1")))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.NEGOTIATION_ROUNDS_EXCEEDED


def test_another_answer_than_the_one_that_stands_is_refused() -> None:
    bank = bank_at("AWAITING offered")
    refused = bank.move(say(OFFER, BOB, Response.COUNTER_OFFER, terms=terms("4")))
    assert isinstance(refused, Refusal)
    assert refused.facts["answered"] == "COUNTER_OFFER"


def test_each_round_moves_hours_once() -> None:
    first, second = (
        movements.adjust(request_id=REQUEST_ID, round=round_, from_user_id=ALICE, held=ASKED, amount=OFFERED)
        for round_ in (1, 2)
    )
    assert first
    assert second
    assert first.id != second.id
    assert movements.adjust(request_id=REQUEST_ID, round=1, from_user_id=ALICE, held=ASKED, amount=ASKED) is None


def test_hours_that_are_not_held_are_not_adjusted() -> None:
    bank = bank_at("NEGOTIATING")
    request = bank.requests[REQUEST_ID]
    taken = REQUEST_RULES["take"]
    for escrow in (None, make_escrow(status=EscrowStatus.RELEASED)):
        with pytest.raises(BrokenLedgerError, match="without hours in escrow"):
            taken(replace(bank.snapshot(request), escrow=escrow), bank.now)


@pytest.mark.parametrize("field", ["offered_hours", "offered_rate"])
def test_an_offer_that_an_older_row_does_not_tell_is_taken_as_it_was_asked(field: str) -> None:
    bank = bank_at("NEGOTIATING")
    moved_to(bank, **{field: None})
    change = bank.move(REQUEST_RULES["take"])
    assert isinstance(change, Change)
    assert (change.movement, change.escrow, change.request.amount) == (None, None, ASKED)


def test_without_an_answer_nothing_is_settled() -> None:
    bank = bank_at("NEGOTIATING")
    unchanged = Change(request=bank.requests[REQUEST_ID], events=())
    assert negotiation.with_adjusted_hold(bank.snapshot(unchanged.request), bank.now, unchanged) == unchanged


def in_round(wait: Step, by: str, response: Response, round: int, **more: Any) -> Rule:
    return partial(answers.answer, wait=wait, by=by, response=response, round=round, **more)


@pytest.mark.parametrize(
    ("place", "rule", "answered"),
    [
        ("AWAITING", in_round(OFFER, BOB, Response.ACCEPTED, 0), True),
        ("AWAITING", in_round(OFFER, BOB, Response.ACCEPTED, 1), False),
        ("AWAITING again", in_round(OFFER, BOB, Response.ACCEPTED, 1), True),
        ("AWAITING again", in_round(OFFER, BOB, Response.ACCEPTED, 0), False),
        ("AWAITING again", in_round(OFFER, BOB, Response.ACCEPTED, 2), False),
        ("NEGOTIATING", in_round(ANSWER, ALICE, Response.ACCEPT, 1), True),
        ("NEGOTIATING", in_round(ANSWER, ALICE, Response.ACCEPT, 0), False),
        ("NEGOTIATING again", in_round(ANSWER, ALICE, Response.ACCEPT, 2), True),
        ("NEGOTIATING again", in_round(ANSWER, ALICE, Response.ACCEPT, 1), False),
    ],
)
def test_an_answer_to_another_round_is_refused(place: str, rule: Rule, *, answered: bool) -> None:
    bank = bank_at(place)
    before = bank.requests[REQUEST_ID]
    verdict = bank.move(rule)
    if answered:
        assert isinstance(verdict, Change)
        return
    assert isinstance(verdict, Refusal)
    assert verdict.code is Code.INVALID_REQUEST_STATUS
    assert bank.requests[REQUEST_ID] is before


def test_a_refused_round_is_told_which_it_is_now() -> None:
    refused = bank_at("AWAITING again").move(in_round(OFFER, BOB, Response.ACCEPTED, 2))
    assert isinstance(refused, Refusal)
    assert "in round 1, not 2" in refused.message
    assert refused.facts == {"status": "AWAITING_RESPONSE", "negotiationRound": 1}


def test_an_offer_that_is_repeated_in_its_round_is_no_second_offer() -> None:
    bank = bank_at("AWAITING again")
    offer = in_round(OFFER, BOB, Response.COUNTER_OFFER, 0, terms=terms("3", "1.5"))
    assert bank.move(offer) is bank.requests[REQUEST_ID]
    assert isinstance(bank.move(in_round(OFFER, BOB, Response.COUNTER_OFFER, 0, terms=terms("3"))), Refusal)
    # Without its round it is read as a new one.
    assert isinstance(bank.move(say(OFFER, BOB, Response.COUNTER_OFFER, terms=terms("3", "1.5"))), Change)


def test_an_offer_is_repeated_in_its_round_whatever_was_answered_since() -> None:
    bank = bank_at("NEGOTIATING taken")
    offer = in_round(OFFER, BOB, Response.COUNTER_OFFER, 0, terms=terms("3", "1.5"))
    assert bank.move(offer) is bank.requests[REQUEST_ID]


def test_an_answer_that_stands_is_repeated_in_its_round() -> None:
    bank = bank_at("AWAITING accepted")
    assert bank.move(in_round(OFFER, BOB, Response.ACCEPTED, 0)) is bank.requests[REQUEST_ID]
