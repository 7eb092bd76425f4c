"""The hours that come here and go back: movement, event and notice."""

import pytest

from models.events import EventEntityType, EventSource, NotificationType
from models.hours import ZERO
from models.identifiers import derived
from models.ledger.balances import Balance
from models.ledger.movements import Leg, Movement, TransactionType, check_conserved
from models.migration.handover import closing, handed_over, opening
from tests.unit.builders import ALICE, NOW, hours, make_balance


def test_hours_are_issued_to_the_member_who_had_them() -> None:
    found = opening(Balance.empty(ALICE, NOW), hours("7.5"))
    cause = derived(ALICE, "opening", 0)
    leg = Leg(
        user_id=ALICE,
        type=TransactionType.ADMIN_ADJUSTMENT,
        description="Hours brought from the former app",
        available=hours("7.5"),
        issued=hours("7.5"),
    )
    assert found.movement == Movement(id=cause, legs=(leg,), related_entity_id=handed_over(ALICE))
    assert (found.cause, found.hours) == (cause, hours("7.5"))
    check_conserved(found.movement)


def test_all_hours_are_taken_back() -> None:
    found = closing(make_balance(ALICE, "9", version=4))
    assert found.movement is not None
    (leg,) = found.movement.legs
    assert (leg.available, leg.issued, leg.escrowed) == (hours("-9"), hours("-9"), ZERO)
    assert leg.description == "Hours given back to the former app"
    assert (found.cause, found.hours) == (derived(ALICE, "closing", 4), hours("-9"))
    check_conserved(found.movement)


@pytest.mark.parametrize("version", [0, 3])
def test_nobody_is_issued_nothing(version: int) -> None:
    balance = make_balance(ALICE, "0", version=version)
    assert opening(balance, ZERO).movement is None
    assert closing(balance).movement is None


def test_no_more_go_at_once_than_a_movement_may_have() -> None:
    assert opening(Balance.empty(ALICE, NOW), hours("25000")).hours == hours("10000")
    assert closing(make_balance(ALICE, "25000")).hours == hours("-10000")


def test_it_is_logged_and_the_member_is_told() -> None:
    came, went = opening(make_balance(ALICE, "0", version=2), hours("7.5")), closing(make_balance(ALICE, "9"))
    assert [(one.event.type, one.event.data) for one in (came, went)] == [
        ("Opening Balance Taken Over", {"userId": ALICE, "amount": 7.5}),
        ("Balance Given Back", {"userId": ALICE, "amount": -9.0}),
    ]
    for one in (came, went):
        event = one.event
        assert (event.source, event.entity_type) == (EventSource.BALANCES, EventEntityType.TRANSACTION)
        assert (event.entity_id, event.actor) == (ALICE, None)
        assert (one.notice.user_id, one.notice.type) == (ALICE, NotificationType.SYSTEM_UPDATE)
    assert [(one.notice.title, one.notice.message) for one in (came, went)] == [
        ("Your hours are here now", "7.50 hours that you had before have been moved here."),
        ("Your hours have moved", "Your 9.00 hours are in the former app again."),
    ]


def test_nothing_else_names_what_these_entries_name() -> None:
    assert handed_over(ALICE) == derived(ALICE, "handed over") != handed_over("bob")
