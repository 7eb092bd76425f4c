"""The movements of disputes: what is held, how it is divided, and that no id collides with a request's."""

from datetime import timedelta

import pytest

from models.disputes import movements
from models.ledger.balances import EscrowType
from models.ledger.movements import TransactionType
from models.requests.decision import Change
from models.requests.dispute import escrow_key
from models.requests.statuses import RequestStatus
from tests.unit.builders import (
    ALICE,
    BOB,
    NOW,
    REQUEST_ID,
    Bank,
    hours,
    make_dispute,
    make_escrow,
    make_request,
    make_service,
)
from tests.unit.places import DISPUTE_RULES, PATHS, REQUEST_RULES, bank_at, dispute
from tests.unit.stored import stored, written

OTHER_SERVICE = "33333333-3333-4333-8333-333333333333"
OTHER_ID = "55555555-5555-4555-8555-555555555555"


def with_another_request(bank: Bank, request_id: str) -> None:
    """Give the bank a second request of Alice's, for which three hours are held."""
    bank.services[OTHER_SERVICE] = make_service(id=OTHER_SERVICE)
    bank.create(make_request(id=request_id, service_id=OTHER_SERVICE, estimated_hours=hours("3")))
    for step in ("begin", "hold"):
        assert isinstance(bank.move(REQUEST_RULES[step], request_id), Change)


@pytest.mark.parametrize("place", ["IN_PROGRESS", "COMPLETED", "PAID rated"])
@pytest.mark.parametrize("decision", ["grant", "award", "divide", "dismiss"])
@pytest.mark.parametrize("by", [ALICE, BOB])
def test_a_dispute_with_a_requests_id_moves_nothing_of_that_request(place: str, decision: str, by: str) -> None:
    bank = bank_at(place)
    with_another_request(bank, OTHER_ID)
    held = bank.escrows[bank.requests[OTHER_ID].escrow_key]
    assert isinstance(bank.move(dispute(by, id=OTHER_ID)), Change)
    for event in ("hear", "assign", decision, "resolve"):
        assert isinstance(bank.move(DISPUTE_RULES[event]), Change)
    assert bank.escrows[held.id] == held
    bank.check_balances()
    assert isinstance(bank.move(REQUEST_RULES["cancel"], OTHER_ID), Change)
    bank.check_balances()
    assert bank.requests[OTHER_ID].status is RequestStatus.REJECTED


@pytest.mark.parametrize("decision", ["grant", "award", "divide", "dismiss"])
def test_a_deleted_disputes_id_is_another_dispute_over_another_request(decision: str) -> None:
    bank = bank_at("PAID granted")
    with_another_request(bank, OTHER_ID)
    for event in PATHS["COMPLETED"][2:]:
        assert isinstance(bank.move(REQUEST_RULES[event], OTHER_ID), Change)
    raised = bank.disputes.pop(make_dispute().id)
    again = dispute(ALICE, id=raised.id, request_id=OTHER_ID)
    assert isinstance(bank.move(again, OTHER_ID), Change)
    for event in ("hear", "assign", decision, "resolve"):
        assert isinstance(bank.move(DISPUTE_RULES[event], OTHER_ID), Change)
    bank.check_balances()


@pytest.mark.parametrize("decision", ["grant", "award", "divide", "dismiss"])
def test_a_dispute_that_has_its_own_requests_id_is_settled(decision: str) -> None:
    bank = bank_at("PAID rated")
    for event, rule in (("dispute", dispute(ALICE, id=REQUEST_ID)), *DISPUTE_RULES.items()):
        if event in {"dispute", "hear", "assign", decision, "resolve"}:
            bank.move(rule)
            bank.check_balances()
    assert bank.requests[REQUEST_ID].status is RequestStatus.PAID


def test_a_request_that_has_a_disputes_id_holds_hours_of_its_own() -> None:
    bank = bank_at("DISPUTED paid")
    raised = make_dispute()
    recalled = bank.escrows[escrow_key(REQUEST_ID, raised.id)]
    with_another_request(bank, raised.id)
    assert bank.escrows[recalled.id] == recalled
    bank.check_balances()


async def test_a_dispute_that_has_a_requests_id_writes_beside_that_requests_hours() -> None:
    bank = bank_at("PAID rated")
    with_another_request(bank, OTHER_ID)
    rule = dispute(BOB, id=OTHER_ID)
    async with stored(bank) as tables:
        await tables.transactions.move(REQUEST_ID, rule, dispute_id=OTHER_ID)
        bank.move(rule)
        assert (await tables.read())["Escrow"] == written(bank)["Escrow"]
        assert len(bank.escrows) == 3


@pytest.mark.parametrize(
    ("given", "kind", "kept"),
    [
        ("0", TransactionType.REFUND, "2"),
        ("2", TransactionType.TRANSFER, "0"),
        ("0.75", TransactionType.DISPUTE_RESOLUTION, "1.25"),
    ],
)
def test_what_is_divided_goes_to_whom_it_is_given_and_the_rest_back(
    given: str, kind: TransactionType, kept: str
) -> None:
    later = NOW + timedelta(hours=1)
    movement, ended = movements.divide(make_dispute(id=OTHER_ID), make_escrow(), given=hours(given), now=later)
    moved = [(leg.user_id, leg.type, leg.available, leg.escrowed) for leg in movement.legs]
    back, over = (ALICE, kind, hours(kept), -hours("2")), (BOB, kind, hours(given), hours("0"))
    assert moved == ([back, over] if hours(given) else [back])
    assert ended == (make_escrow().released(later) if hours(given) else make_escrow().cancelled(later))
    assert (movement.spends, movement.related_entity_id) == (False, OTHER_ID)


def test_what_is_held_for_a_dispute_says_so() -> None:
    raised = make_dispute(step_function_execution_arn="arn:1")
    movement, escrow = movements.recall(raised, provider=BOB, requester=ALICE, amount=hours("2"), now=NOW)
    assert escrow == make_escrow(
        id=escrow_key(REQUEST_ID, raised.id),
        from_user_id=BOB,
        to_user_id=ALICE,
        escrow_type=EscrowType.DISPUTE_RESOLUTION,
        step_function_execution_arn="arn:1",
    )
    (leg,) = movement.legs
    assert (leg.user_id, leg.type, leg.available, leg.escrowed) == (
        BOB, TransactionType.ESCROW, -hours("2"), hours("2"),
    )  # fmt: skip
    assert (movement.spends, movement.related_entity_id) == (False, raised.id)
