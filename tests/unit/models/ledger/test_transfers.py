"""Direct transfers: who may move what, and what each moves."""

from decimal import Decimal
from typing import Any

import pytest

from models.errors import Code, Refusal
from models.ledger import entries
from models.ledger.movements import TransactionType
from models.ledger.transfers import LONGEST_DESCRIPTION, Transfer, TransferRequest, build_transfer
from tests.unit.builders import ADA, ALICE, BOB, NOW, Bank, hours, make_balance

SALT = "5a17"
ID = "44444444-4444-4444-8444-444444444444"


def wish(**changes: Any) -> TransferRequest:
    given: dict[str, Any] = {
        "id": ID,
        "salt": SALT,
        "by": ALICE,
        "is_admin": False,
        "type": TransactionType.TRANSFER,
        "amount": 2.5,
        "from_user_id": ALICE,
        "to_user_id": BOB,
        **changes,
    }
    return TransferRequest(**given)


def by_admin(kind: TransactionType, **parties: str | None) -> TransferRequest:
    return wish(by=ADA, is_admin=True, type=kind, **{"from_user_id": None, "to_user_id": None, **parties})


def made(given: TransferRequest) -> Transfer:
    transfer = build_transfer(given)
    assert isinstance(transfer, Transfer), transfer
    return transfer


T, R, A = TransactionType.TRANSFER, TransactionType.REFUND, TransactionType.ADMIN_ADJUSTMENT


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        (wish(id="7"), Code.BAD_REQUEST, "id"),
        (wish(description="x" * (LONGEST_DESCRIPTION + 1)), Code.BAD_REQUEST, "description"),
        (wish(from_user_id=None), Code.BAD_REQUEST, "fromUserId"),
        (wish(from_user_id=""), Code.BAD_REQUEST, "fromUserId"),
        (wish(to_user_id=None), Code.BAD_REQUEST, "toUserId"),
        (wish(to_user_id=ALICE), Code.BAD_REQUEST, "toUserId"),
        (wish(by=BOB), Code.UNAUTHORIZED, "fromUserId"),
        (wish(by=ADA, is_admin=True), Code.UNAUTHORIZED, "fromUserId"),
        *[(wish(amount=odd), Code.INVALID_AMOUNT, "amount") for odd in (0, -1, 0.001, 10_000.01, float("nan"))],
        *[(wish(type=kind, from_user_id=None), Code.UNAUTHORIZED, "transactionType") for kind in (R, A)],
        *[
            (by_admin(kind, to_user_id=BOB), Code.BAD_REQUEST, "transactionType")
            for kind in set(TransactionType) - {T, R, A}
        ],
        (by_admin(R), Code.BAD_REQUEST, "toUserId"),
        (by_admin(R, from_user_id=ALICE, to_user_id=BOB), Code.BAD_REQUEST, "fromUserId"),
        (by_admin(R, from_user_id=ALICE), Code.BAD_REQUEST, "fromUserId"),
        (by_admin(A), Code.BAD_REQUEST, "toUserId"),
        *[(by_admin(kind, to_user_id=ADA), Code.UNAUTHORIZED_ADMIN, "toUserId") for kind in (R, A)],
        (by_admin(A, from_user_id=ADA), Code.UNAUTHORIZED_ADMIN, "fromUserId"),
        (by_admin(A, from_user_id=ADA, to_user_id=""), Code.UNAUTHORIZED_ADMIN, "fromUserId"),
        (by_admin(A, from_user_id=ALICE, to_user_id=BOB), Code.BAD_REQUEST, "toUserId"),
    ],
)
def test_what_nobody_may_move_is_refused_by_its_field(given: TransferRequest, code: Code, field: str) -> None:
    refused = build_transfer(given)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts["field"]) == (code, field)
    assert refused.message.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        (wish(), {ALICE: ("-2.5", "0"), BOB: ("2.5", "0")}),
        (by_admin(R, to_user_id=BOB), {BOB: ("2.5", "2.5")}),
        (by_admin(A, to_user_id=BOB), {BOB: ("2.5", "2.5")}),
        (by_admin(A, from_user_id=ALICE), {ALICE: ("-2.5", "-2.5")}),
    ],
)
def test_what_each_moves_and_issues(given: TransferRequest, changes: dict[str, tuple[str, str]]) -> None:
    movement = made(given).movement
    found = {leg.user_id: (leg.available, leg.issued) for leg in movement.legs}
    assert found == {member: (hours(one), hours(two)) for member, (one, two) in changes.items()}
    bank = Bank.opened()
    assert bank.post_movement(movement) is None
    bank.check()


@pytest.mark.parametrize(
    ("given", "parties"),
    [
        (wish(), {"fromUserId": ALICE, "toUserId": BOB}),
        (by_admin(R, to_user_id=BOB), {"fromUserId": None, "toUserId": BOB}),
        (by_admin(A, from_user_id=ALICE, to_user_id=""), {"fromUserId": ALICE, "toUserId": None}),
        (by_admin(A, from_user_id="", to_user_id=BOB), {"fromUserId": None, "toUserId": BOB}),
    ],
)
def test_the_log_says_who_gave_what_to_whom(given: TransferRequest, parties: dict[str, str | None]) -> None:
    transfer = made(given)
    assert transfer.event.data == {
        **parties,
        "transactionId": transfer.movement.id,
        "transactionType": given.type.value,
        "amount": 2.5,
        "description": transfer.description,
    }
    assert (transfer.event.entity_id, transfer.event.actor) == (ID, given.by)


@pytest.mark.parametrize(
    ("given", "kind"), [(wish(), "TRANSACTION_COMPLETED"), (by_admin(R, to_user_id=BOB), "SYSTEM_UPDATE")]
)
def test_a_gift_is_told_as_a_transaction_and_an_admins_as_news(given: TransferRequest, kind: str) -> None:
    assert {notice.type for notice in made(given).notices} == {kind}


def test_a_description_that_a_person_wrote_can_be_erased_and_ours_need_not() -> None:
    for given, salt in ((wish(description="For the cake"), SALT), (wish(), None), (wish(description=""), None)):
        assert {leg.salt for leg in made(given).movement.legs} == {salt}


def test_a_description_may_be_as_long_as_it_may() -> None:
    assert made(wish(description="x" * LONGEST_DESCRIPTION)).description == "x" * LONGEST_DESCRIPTION


def test_who_asks_for_no_amount_learns_which_there_are() -> None:
    refused = build_transfer(wish(amount=0))
    assert isinstance(refused, Refusal)
    assert refused.facts == {"field": "amount", "smallest": 0.01, "largest": 10_000.0}


def test_its_own_entry_is_the_givers_or_that_of_whom_it_is_for() -> None:
    for given, member in (
        (wish(), ALICE),
        (by_admin(A, from_user_id=ALICE), ALICE),
        (by_admin(R, to_user_id=BOB), BOB),
    ):
        transfer = made(given)
        bank = Bank.opened()
        bank.post_movement(transfer.movement)
        (entry,) = [entry for entry in bank.entries if entry.id == transfer.entry_id]
        assert (entry.user_id, entry.related_entity_id) == (member, ID)


def test_everybody_but_who_did_it_is_told() -> None:
    assert [notice.user_id for notice in made(wish()).notices] == [BOB]
    assert [notice.user_id for notice in made(by_admin(A, from_user_id=ALICE)).notices] == [ALICE]
    (notice,) = made(wish(description="For the cake")).notices
    assert "2.50 hours are yours: “For the cake”" in notice.message


@pytest.mark.parametrize(
    ("given", "refused"), [(wish(), Code.ACCOUNT_LOCKED), (by_admin(A, from_user_id=ALICE), None)]
)
def test_a_locked_account_gives_nothing_but_admins_take_back(given: TransferRequest, refused: Code | None) -> None:
    movement = made(given).movement
    posted = entries.post(make_balance(ALICE, locked_at=NOW), movement.legs[0], movement, now=NOW)
    assert (posted.code if isinstance(posted, Refusal) else None) == refused


def test_no_more_than_there_is_can_be_given_or_taken() -> None:
    for given in (wish(amount=10.01), by_admin(A, from_user_id=ALICE)):
        bank = Bank.opened()
        bank.balances[ALICE] = make_balance(ALICE, "1")
        refused = bank.post_movement(made(given).movement)
        assert refused is not None
        assert refused.code is Code.INSUFFICIENT_BALANCE


def test_the_same_id_is_the_same_movement_and_amounts_are_exact() -> None:
    assert made(wish()).movement.id == made(wish(amount=3)).movement.id
    assert made(wish(amount=0.1)).amount == Decimal("0.10")


def test_an_admin_gives_their_own_hours_as_every_member_does() -> None:
    assert made(wish(by=ADA, is_admin=True, from_user_id=ADA)).parties == {"fromUserId": ADA, "toUserId": BOB}


@pytest.mark.parametrize(
    ("by", "actor", "changes", "expected"),
    [
        (ADA, ADA, {}, True),
        (ADA, BOB, {"requestedBy": ADA}, True),
        (BOB, BOB, {"requestedBy": ADA}, True),
        (BOB, ADA, {}, False),
        (BOB, ADA, {"requestedBy": ALICE}, False),
        (ADA, None, {}, False),
        (ADA, ADA, {"amount": 2.51}, False),
        (ADA, ADA, {"description": "Another"}, False),
    ],
)
def test_a_logged_transfer_is_repeated_by_who_asked_for_it(
    by: str,
    actor: str | None,
    changes: dict[str, Any],
    expected: bool,  # noqa: FBT001 — a table's column
) -> None:
    transfer = made(wish(by=by, is_admin=True, type=A, from_user_id=None, to_user_id="carol"))
    assert transfer.is_logged_as({**transfer.content, **changes}, actor) is expected
