"""Every write conditions on what it was decided on, and is bounded."""

import json
from dataclasses import replace
from typing import Any

import pytest

from models import tables
from models.errors import BrokenLedgerError, Code, Refusal
from models.ledger import movements
from models.ledger.balances import Balance
from models.ledger.movements import Movement
from models.requests.decision import Change
from models.storage.names import Names
from models.transactions.composition import compose
from models.transactions.writing import LARGEST_TRANSACTION, Writing, event_item
from tests.unit.builders import ALICE, BOB, NOW, REQUEST_ID, Rule, hours, make_balance, make_escrow, make_request
from tests.unit.places import REQUEST_RULES, bank_at

NAMES = Names(stack="bank", region="us-east-1", account="000000000000")


def laid_out(place: str, event: str, **seen: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (operation, table, parameters) of what a step writes; `seen` is found instead of what is there."""
    bank = bank_at(place)
    rule: Rule = REQUEST_RULES[event]
    snapshot = replace(bank.snapshot(bank.requests[REQUEST_ID]), **seen)
    change = rule(snapshot, bank.now)
    assert isinstance(change, Change)
    writing = Writing(NAMES, bank.now)
    assert compose(writing, snapshot, change, bank.now) is None
    return [
        (operation, params["TableName"].removeprefix("bank-"), params)
        for item in writing.items
        for operation, params in item.items()
    ]


def summary(place: str, event: str, **seen: Any) -> list[str]:
    return sorted(f"{operation} {table}" for operation, table, _ in laid_out(place, event, **seen))


@pytest.mark.parametrize(("found", "is_removed"), [(REQUEST_ID, True), (None, True), ("another", False)])
def test_a_guard_is_removed_unless_it_is_anothers(found: str | None, *, is_removed: bool) -> None:
    assert ("Delete RequestGuard" in summary("AWAITING", "cancel", guarded_by=found)) == is_removed


def test_holding_is_one_transaction() -> None:
    assert summary("VALIDATING", "hold") == [
        "ConditionCheck Service",
        "ConditionCheck User",
        "ConditionCheck User",
        "Put Escrow",
        "Put EventLog",
        "Put EventLog",
        "Put RequestGuard",
        "Put TransactionLog",
        "Update ServiceRequest",
        "Update UserBalance",
    ]


def test_paying_is_one_transaction() -> None:
    assert summary("COMPLETED", "pay") == [
        "Put EventLog",
        "Put EventLog",
        "Put Notification",
        "Put Notification",
        "Put TransactionLog",
        "Put TransactionLog",
        "Update Escrow",
        "Update ServiceRequest",
        "Update Transaction",
        "Update User",
        "Update User",
        "Update UserBalance",
        "Update UserBalance",
    ]


def test_a_provider_without_a_balance_is_paid_into_a_new_one() -> None:
    bank = bank_at("COMPLETED")
    del bank.balances[BOB]
    snapshot = bank.snapshot(bank.requests[REQUEST_ID])
    change = REQUEST_RULES["pay"](snapshot, bank.now)
    assert isinstance(change, Change)
    writing = Writing(NAMES, bank.now)
    assert compose(writing, snapshot, change, bank.now) is None
    assert [
        item["Put"]["Item"]["userId"]["S"] for item in writing.items if "totalBalance" in str(item.get("Put"))
    ] == [BOB]


def test_refunding_is_one_transaction() -> None:
    assert summary("AWAITING late", "expire") == [
        "Delete RequestGuard",
        "Put EventLog",
        "Put EventLog",
        "Put Notification",
        "Put Notification",
        "Put TransactionLog",
        "Update Escrow",
        "Update ServiceRequest",
        "Update Transaction",
        "Update UserBalance",
    ]


@pytest.mark.parametrize(
    ("place", "event"), [("VALIDATING", "hold"), ("COMPLETED", "pay"), ("AWAITING late", "expire")]
)
def test_every_write_has_its_condition(place: str, event: str) -> None:
    for operation, table, params in laid_out(place, event):
        if table == "Transaction":
            assert "ConditionExpression" not in params, "it follows its request, whose version has one"
            continue
        condition = params["ConditionExpression"]
        names = set(params["ExpressionAttributeNames"].values())
        if operation == "Put":
            assert condition.startswith("attribute_not_exists")
        elif table in {"ServiceRequest", "UserBalance", "Escrow"}:
            assert "version" in names
        assert table not in {"ServiceRequest", "Escrow"} or operation == "Put" or "status" in names
        assert table != "Escrow" or operation == "Put" or "amount" in names


def test_a_first_balance_is_put_and_a_stored_one_is_changed() -> None:
    writing = Writing(NAMES, NOW)
    hold = movements.hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2"))
    release = movements.release(request_id=REQUEST_ID, from_user_id=ALICE, to_user_id=BOB, amount=hours("2"))
    assert writing.movement(hold, lambda _: make_balance(ALICE)) is None
    balances = {ALICE: make_balance(ALICE, "8", "2"), BOB: Balance.empty(BOB, NOW)}
    assert writing.movement(release, balances.__getitem__) is None
    operations = [next(iter(item)) for item in writing.items if tables.UserBalance.Meta.table_name in str(item)]
    assert operations == ["Update", "Update", "Put"]


def test_hours_that_cannot_be_moved_are_refused_or_broken() -> None:
    writing = Writing(NAMES, NOW)
    hold = movements.hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("11"))
    refused = writing.movement(hold, lambda _: make_balance(ALICE))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INSUFFICIENT_BALANCE
    with pytest.raises(BrokenLedgerError):
        writing.movement(Movement(id="m", legs=(), related_entity_id="r"), lambda _: make_balance(ALICE))


def test_a_refusal_of_the_ledger_is_the_refusal_of_the_change() -> None:
    bank = bank_at("VALIDATING")
    snapshot = bank.snapshot(bank.requests[REQUEST_ID])
    change = REQUEST_RULES["hold"](snapshot, bank.now)
    assert isinstance(change, Change)
    bank.balances[ALICE] = make_balance(ALICE, "1")
    refused = compose(Writing(NAMES, NOW), bank.snapshot(snapshot.request), change, NOW)
    assert isinstance(refused, Refusal)


def test_a_row_that_is_put_is_found_by_its_table_and_its_key() -> None:
    writing = Writing(NAMES, NOW)
    for table, key in ((tables.Escrow, "a"), (tables.TransactionLog, "b"), (tables.TransactionLog, "a")):
        writing.put(table, {"id": {"S": key}})
    assert writing.put_item(tables.TransactionLog, "a") is writing.items[2]["Put"]["Item"]


def test_a_transaction_is_bounded() -> None:
    writing = Writing(NAMES, NOW)
    for number in range(LARGEST_TRANSACTION):
        writing.create(tables.ServiceRequest, make_request(id=str(number)))
    with pytest.raises(OverflowError, match="100 items"):
        writing.create(tables.ServiceRequest, make_request())


def test_an_escrow_that_has_ended_is_not_begun_again() -> None:
    for ended in (make_escrow().released(NOW), make_escrow().cancelled(NOW)):
        with pytest.raises(BrokenLedgerError, match="moves no hours any more"):
            Writing(NAMES, NOW).escrow(ended, make_escrow())


def test_an_escrow_is_put_once_and_changed_as_it_was_found() -> None:
    writing = Writing(NAMES, NOW)
    writing.escrow(None, make_escrow())
    writing.escrow(make_escrow(), make_escrow().released(NOW))
    put, update = (next(iter(item.items())) for item in writing.items)
    assert put[0] == "Put"
    assert update[0] == "Update"
    assert put[1]["TableName"] == update[1]["TableName"] == NAMES.table(tables.Escrow)


def test_an_event_is_the_same_row_at_every_repetition() -> None:
    event = bank_at("PAID").events[0]
    first, again = event_item(event, "cause", NOW, None), event_item(event, "cause", NOW, "arn")
    other = event_item(event, "another cause", NOW, None)
    assert first["id"] == again["id"] != other["id"]
    assert json.loads(first["eventData"]["S"]) == dict(event.data)
    assert set(first) <= set(tables.EventLog.get_attributes())


def test_hours_are_held_for_a_service_or_for_nothing() -> None:
    bank = bank_at("VALIDATING")
    snapshot = bank.snapshot(bank.requests[REQUEST_ID])
    change = REQUEST_RULES["hold"](snapshot, bank.now)
    assert isinstance(change, Change)
    with pytest.raises(BrokenLedgerError, match="for no service"):
        compose(Writing(NAMES, NOW), replace(snapshot, service=None), change, NOW)


def test_an_exchange_is_counted_for_who_is_still_there() -> None:
    bank = bank_at("COMPLETED")
    del bank.members[ALICE]
    snapshot = bank.snapshot(bank.requests[REQUEST_ID])
    change = REQUEST_RULES["pay"](snapshot, bank.now)
    assert isinstance(change, Change)
    writing = Writing(NAMES, NOW)
    assert compose(writing, snapshot, change, NOW) is None
    counted = [item["Update"]["Key"] for item in writing.items if "bank-User'" in str(item.get("Update"))]
    assert counted == [{"id": {"S": BOB}}]
