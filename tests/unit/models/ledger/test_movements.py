"""Movements: legs that add up, ids that a repetition has again, and hours held, released and refunded."""

from decimal import Decimal

import pytest

from models.errors import BrokenLedgerError
from models.hours import ZERO
from models.ledger import movements
from models.ledger.movements import Leg, Movement, TransactionType
from tests.unit.builders import ALICE, BOB, REQUEST_ID, Bank, hours
from tests.unit.models.ledger.sample_log import BONUS, HOLD, REFUND, RELEASE
from tests.unit.places import bank_at


@pytest.mark.parametrize("movement", [HOLD, RELEASE, REFUND, BONUS])
def test_movements_add_up(movement: Movement) -> None:
    movements.check_conserved(movement)


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (Leg(user_id=ALICE, type=TransactionType.TRANSFER, description=""),),
        (Leg(user_id=ALICE, type=TransactionType.TRANSFER, description="", available=hours("1")),),
        (Leg(user_id=ALICE, type=TransactionType.TRANSFER, description="", issued=hours("1")),),
        (
            Leg(user_id=ALICE, type=TransactionType.TRANSFER, description="", available=hours("-20000")),
            Leg(user_id=BOB, type=TransactionType.TRANSFER, description="", available=hours("20000")),
        ),
    ],
    ids=["no legs", "nothing moved", "from nobody", "issued to nobody", "too much at once"],
)
def test_what_does_not_add_up_is_never_posted(legs: tuple[Leg, ...]) -> None:
    with pytest.raises(BrokenLedgerError, match="does not add up"):
        movements.check_conserved(Movement(id="m", legs=legs, related_entity_id=REQUEST_ID))


def test_a_movement_that_is_repeated_has_the_same_ids() -> None:
    again = movements.hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2"))
    assert again.id == HOLD.id
    assert len({movement.id for movement in (HOLD, RELEASE, REFUND, BONUS)}) == 4


def test_alice_asks_bob_for_two_hours() -> None:
    def balances(bank: Bank) -> list[tuple[Decimal, Decimal]]:
        found = (bank.balances[ALICE], bank.balances[BOB])
        return [(balance.available_balance, balance.escrowed_balance) for balance in found]

    ten = (hours("10"), ZERO)
    assert balances(bank_at("INITIATED")) == [ten, ten]
    assert balances(bank_at("IN_PROGRESS")) == [(hours("8"), hours("2")), ten]
    assert balances(bank_at("PAID")) == [(hours("8"), ZERO), (hours("12"), ZERO)]
    assert balances(bank_at("EXPIRED")) == [ten, ten]


@pytest.mark.parametrize(
    ("held", "amount", "type_", "description"),
    [
        ("2", "3", TransactionType.ESCROW, "More hours held, as agreed"),
        ("3", "2", TransactionType.REFUND, "Held hours returned, as agreed"),
    ],
)
def test_an_adjustment_says_which_way_it_goes(
    held: str, amount: str, type_: TransactionType, description: str
) -> None:
    adjustment = movements.adjust(
        request_id=REQUEST_ID, round=1, from_user_id=ALICE, held=hours(held), amount=hours(amount)
    )
    assert adjustment is not None
    assert (adjustment.legs[0].type, adjustment.legs[0].description) == (type_, description)
    assert adjustment.spends


def test_hours_that_change_hands_in_escrow_are_bounded_too() -> None:
    kind = TransactionType.TRANSFER
    legs = (
        Leg(user_id=ALICE, type=kind, description="", available=hours("1"), escrowed=hours("-20001")),
        Leg(user_id=BOB, type=kind, description="", escrowed=hours("20000")),
    )
    with pytest.raises(BrokenLedgerError, match="does not add up"):
        movements.check_conserved(Movement(id="m", legs=legs, related_entity_id=REQUEST_ID))


def test_a_movement_spends_only_if_it_says_so() -> None:
    assert not Movement(id="m", legs=(), related_entity_id=REQUEST_ID).spends
    assert movements.hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2")).spends
    assert [movement.spends for movement in (HOLD, RELEASE, REFUND, BONUS)] == [True, False, False, False]
