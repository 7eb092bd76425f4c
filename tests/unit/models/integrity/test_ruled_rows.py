"""Rows are written with all that their rules ask for, or not at all."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.expressions.operand import Path

from models import clock
from models.constraints.declared import Constraints, OnDelete, Reference, Unique
from models.constraints.ruled import started
from models.errors import Code, ContentionError, Refusal
from models.integrity.judged_writing import OvertakenError
from models.integrity.ruled_rows import RuledRows
from models.integrity.ruled_tables import DEPARTING, GUARDS, RuledTables, tally_key
from models.storage.store import ConditionFailedError, key_of
from tests.chaos.faults import Fault, each_write
from tests.unit.models.constraints.shop import CONSTRAINTS, ORDER, ORDERED, order, wire, with_rules
from tests.unit.models.integrity.shop_tables import DESCRIBED, KEY, OF_ORDER, RULED, TABLES, Shops


@pytest.fixture
async def shops() -> AsyncIterator[Shops]:
    opened = Shops()
    for key, is_open in (("s", True), ("t", True), ("shut", False)):
        await opened.create("Shop", id=key, isOpen=is_open)
    yield opened
    opened.engine.close()


def code_of(outcome: Any) -> Code:
    assert isinstance(outcome, Refusal)
    return outcome.code


def sent_by(shops: Shops, afterwards: Callable[[], Awaitable[object]] | None = None) -> list[tuple[str, Any]]:
    """Return the calls from now on, with their parameters, and let something happen after each transaction."""
    sent: list[tuple[str, Any]] = []
    upstream = shops.engine.call

    async def call(service: str, operation: str, **params: Any) -> Any:
        sent.append((operation, params))
        answer = await upstream(service, operation, **params)
        if afterwards is not None and operation == "transact_write_items":
            await afterwards()
        return answer

    shops.engine.call = call  # type: ignore[method-assign]  # for this test only
    return sent


async def test_a_row_is_written_with_what_it_changes_of_its_parent(shops: Shops) -> None:
    created = await shops.create("Order", **ORDERED | {"stars": 4})
    assert created == await shops.get("Order", KEY)
    assert created["place"] == {"S": "s#c"}
    shop = await shops.get("Shop", "s")
    assert (shop["total"], shop["rating"]) == ({"N": "1.5"}, {"N": "4"})
    assert await shops.tally("Shop", "s") == wire({"Order(shopId)": 1, "rating.sum": 4, "rating.count": 1})
    await shops.check()


async def test_a_row_without_anything_beside_it_is_one_plain_write(shops: Shops) -> None:
    shops.calls.made.clear()
    await shops.create("Page", id="p")
    await shops.update("Page", "p", text="x")
    await shops.delete("Page", "p")
    writes = [call.operation for call in shops.calls.made if call.writes]
    assert writes == ["put_item", "update_item", "delete_item"]


async def test_a_change_that_no_rule_looks_at_is_one_plain_write(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    shops.calls.made.clear()
    updated = await shops.update("Order", KEY, note="x")
    assert updated["note"] == {"S": "x"}
    assert [call.operation for call in shops.calls.made if call.writes] == ["update_item"]


async def test_values_that_another_row_has_are_refused(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    assert code_of(await shops.create("Order", **ORDERED | {"number": "2"})) is Code.DUPLICATE_VALUE
    await shops.create("Order", **ORDERED | {"number": "2", "code": "y"})
    assert code_of(await shops.update("Order", ("c", "2"), code="x")) is Code.DUPLICATE_VALUE
    # Values that are given back are free.
    await shops.update("Order", KEY, code=None)
    assert (await shops.update("Order", ("c", "2"), code="x"))["code"] == {"S": "x"}
    await shops.check()


async def test_a_row_that_is_there_is_not_written_again(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    for condition in (None, Path(["status"]) == "NEW"):
        with pytest.raises(ConditionFailedError) as caught:
            await shops.rows.create("Order", started(ORDER, order()), condition)
        assert caught.value.item == await shops.get("Order", KEY)
    await shops.check()


@pytest.mark.parametrize("shop", ["none", "shut"])
async def test_a_parent_must_be_there_and_be_as_it_must(shops: Shops, shop: str) -> None:
    assert code_of(await shops.create("Order", **ORDERED | {"shopId": shop})) is Code.REFERENCE_NOT_FOUND
    await shops.create("Order", **ORDERED)
    assert code_of(await shops.update("Order", KEY, shopId=shop)) is Code.REFERENCE_NOT_FOUND
    await shops.check()


async def test_what_must_be_the_same_is_the_same(shops: Shops) -> None:
    await shops.create("Shop", id="n", isOpen=True, region="north")
    assert code_of(await shops.create("Order", **ORDERED | {"shopId": "n"})) is Code.REFERENCE_NOT_FOUND
    await shops.create("Order", **ORDERED | {"shopId": "n", "region": "north"})
    refusal = await shops.update("Order", KEY, region="south")
    assert code_of(refusal) is Code.REFERENCE_NOT_FOUND
    assert code_of(await shops.update("Order", KEY, shopId="s")) is Code.REFERENCE_NOT_FOUND
    await shops.check()


async def test_a_parent_stays_as_long_as_rows_refer_to_it(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    refusal = await shops.delete("Shop", "s")
    assert (code_of(refusal), refusal.facts) == (Code.STILL_REFERENCED, {"by": ["Order(shopId)"]})
    await shops.update("Order", KEY, shopId="t")
    assert (await shops.delete("Shop", "s"))["id"] == {"S": "s"}
    await shops.delete("Order", KEY)
    await shops.delete("Shop", "t")
    await shops.check()


async def test_sums_are_exact_and_averages_follow(shops: Shops) -> None:
    for number, (amount, stars) in enumerate((("0.1", 5), ("0.2", 4), ("0.3", 4), ("1e-20", None))):
        values = {"number": str(number), "code": str(number), "amount": Decimal(amount), "stars": stars}
        await shops.create("Order", **ORDERED | values)
    shop = await shops.get("Shop", "s")
    assert shop["total"] == {"N": "0.60000000000000000001"}
    assert shop["rating"] == {"N": "4.333333333333333"}
    await shops.update("Order", ("c", "0"), amount=Decimal(-1), stars=None)
    await shops.update("Order", ("c", "1"), shopId="t")
    await shops.delete("Order", ("c", "2"))
    shop = await shops.get("Shop", "s")
    assert (Decimal(shop["total"]["N"]), shop["rating"]) == (Decimal("-0.99999999999999999999"), {"N": "0"})
    await shops.check()


@pytest.mark.parametrize("sign", [1, -1])
async def test_a_sum_has_no_more_than_the_bits_of_an_int(shops: Shops, sign: int) -> None:
    (costs,) = CONSTRAINTS["Line"].aggregates
    whole = with_rules("Line", aggregates=(replace(costs, is_whole=True),))
    shops.rows.tables = RuledTables.of(DESCRIBED, whole)
    await shops.create("Order", **ORDERED)
    most = 2**31 - 1 if sign > 0 else -(2**31)
    await shops.create("Line", id="a", **OF_ORDER, cost=most - sign)
    await shops.create("Line", id="b", **OF_ORDER, cost=sign)
    for outcome in (
        await shops.create("Line", id="c", **OF_ORDER, cost=sign),
        await shops.update("Line", "b", cost=2 * sign),
    ):
        assert (code_of(outcome), outcome.facts) == (Code.BAD_REQUEST, {"sums": ["Order.cost"]})
    assert (await shops.get("Order", KEY))["cost"] == {"N": str(most)}
    await shops.create("Line", id="d", **OF_ORDER, cost=-sign)
    await shops.create("Line", id="c", **OF_ORDER, cost=sign)
    refusal = await shops.create("Line", id="e", **OF_ORDER | {"number": "2"}, cost=9 * sign)
    assert code_of(refusal) is Code.REFERENCE_NOT_FOUND
    await shops.check()


async def test_a_sum_that_is_no_int_may_be_larger_than_one(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    await shops.create("Line", id="a", **OF_ORDER, cost=2**31)
    assert (await shops.get("Order", KEY))["cost"] == {"N": str(2**31)}


async def test_steps_are_checked(shops: Shops) -> None:
    assert code_of(await shops.create("Order", **ORDERED | {"status": "PAID"})) is Code.INVALID_TRANSITION
    await shops.create("Order", **ORDERED)
    assert code_of(await shops.update("Order", KEY, status="SENT")) is Code.INVALID_TRANSITION
    assert (await shops.update("Order", KEY, status="PAID"))["status"] == {"S": "PAID"}


async def test_a_write_rests_on_what_was_read(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    before = await shops.get("Order", KEY)
    await shops.update("Order", KEY, status="GONE")
    for changes in (wire({"status": "PAID"}), wire({"amount": 2})):
        with pytest.raises(ConditionFailedError) as caught:
            await shops.rows.update("Order", before, changes, None)
        assert caught.value.item == await shops.get("Order", KEY)
    with pytest.raises(ConditionFailedError):
        await shops.rows.delete("Order", before, None)
    await shops.check()


async def test_a_change_that_no_rule_looks_at_does_not_rest_on_what_was_read(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    before = await shops.get("Order", KEY)
    await shops.update("Order", KEY, status="PAID")
    updated = await shops.rows.update("Order", before, wire({"note": "x"}), None)
    assert updated == await shops.get("Order", KEY)


async def test_a_clients_condition_is_met_or_nothing_is_written(shops: Shops) -> None:
    table = TABLES["Order"]
    condition = key_of(table).exists() & (key_of(table) == "d")
    await shops.create("Order", **ORDERED)
    before = await shops.get("Order", KEY)
    for changes in (wire({"amount": 2}), wire({"note": "x"})):
        with pytest.raises(ConditionFailedError):
            await shops.rows.update("Order", before, changes, condition)
    with pytest.raises(ConditionFailedError):
        await shops.rows.delete("Order", before, condition)
    new = started(ORDER, order(number="2", code="y"))
    with pytest.raises(ConditionFailedError) as caught:
        await shops.rows.create("Order", new, condition)
    assert caught.value.item is None
    await shops.create("Page", id="p")
    page = await shops.get("Page", "p")
    with pytest.raises(ConditionFailedError):
        await shops.rows.create("Page", wire({"id": "q"}), key_of(TABLES["Page"]) == "d")
    with pytest.raises(ConditionFailedError):
        await shops.rows.delete("Page", page, key_of(TABLES["Page"]) == "d")
    await shops.check()


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.THROTTLED, Fault.CONFLICT, Fault.REPEATED])
async def test_a_write_is_done_once_whatever_becomes_of_its_answer(shops: Shops, fault: Fault) -> None:
    shops.calls.plan = each_write(fault)
    await shops.create("Order", **ORDERED | {"stars": 3})
    shops.calls.plan = each_write(fault)
    before = await shops.get("Order", KEY)
    is_new = Path(["status"]) == "NEW"
    await shops.rows.update("Order", before, wire({"status": "PAID", "amount": 7, "stars": 5}), is_new)
    await shops.check()
    shops.calls.plan = each_write(fault)
    await shops.delete("Order", KEY)
    await shops.check()


@pytest.mark.parametrize("others", [{"stars": 3}, {"stars": None}, {"stars": 0, "number": "3", "code": "z"}])
async def test_an_average_that_others_change_meanwhile_is_decided_again(
    shops: Shops, others: dict[str, Any]
) -> None:
    await shops.create("Order", **ORDERED | {"stars": 1})

    async def change() -> None:
        if "number" in others:
            await shops.create("Order", **ORDERED | others)
        else:
            await shops.update("Order", KEY, **others)

    shops.meanwhile(change)
    await shops.create("Order", **ORDERED | {"number": "2", "code": "y", "stars": 5})
    await shops.check()


async def test_a_row_does_not_refer_to_itself(shops: Shops) -> None:
    above = Reference(("above",), "Page", OnDelete.RESTRICT, {}, ())
    shops.rows.tables = RuledTables.of(DESCRIBED, with_rules("Page", references=(above,)))
    assert code_of(await shops.create("Page", id="p", above="p")) is Code.REFERENCE_NOT_FOUND
    await shops.create("Page", id="p")
    assert code_of(await shops.update("Page", "p", above="p")) is Code.REFERENCE_NOT_FOUND


async def test_a_row_is_not_made_again_while_rows_still_follow_the_one_before(shops: Shops) -> None:
    key, kind = tally_key(("Line", "l"))
    await shops.undisturbed.put(GUARDS, {"id": {"S": key}, "kind": {"S": kind}, DEPARTING: {"BOOL": True}})
    assert isinstance(await shops.create("Line", id="l"), Refusal)
    assert await shops.count("Line") == 0


async def test_a_condition_that_holds_does_not_let_a_row_be_made_twice(shops: Shops) -> None:
    await shops.create("Page", id="p", text="x")
    with pytest.raises(ConditionFailedError):
        await shops.rows.create("Page", wire({"id": "p"}), Path(["text"]) == "x")
    assert (await shops.get("Page", "p"))["text"] == {"S": "x"}


async def test_a_condition_that_holds_of_a_missing_row_neither_makes_nor_deletes_one(shops: Shops) -> None:
    await shops.create("Page", id="p")
    before, is_empty = await shops.get("Page", "p"), Path(["text"]).does_not_exist()
    await shops.delete("Page", "p")
    with pytest.raises(ConditionFailedError):
        await shops.rows.update("Page", before, wire({"text": "x"}), is_empty)
    with pytest.raises(ConditionFailedError):
        await shops.rows.delete("Page", before, is_empty)
    assert await shops.count("Page") == 0


async def test_a_changed_row_is_returned_as_it_is_stored(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    noted, is_there = [Path(["note"]).set({"S": "another's"})], key_of(TABLES["Order"]).exists()
    sent_by(shops, lambda: shops.undisturbed.update(TABLES["Order"], KEY, noted, condition=is_there))
    assert (await shops.update("Order", KEY, amount=2))["note"] == {"S": "another's"}


async def test_a_changed_row_that_is_gone_by_then_is_returned_as_it_was_written(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    is_there = key_of(TABLES["Order"]).exists()
    sent_by(shops, lambda: shops.undisturbed.delete(TABLES["Order"], KEY, condition=is_there))
    assert (await shops.update("Order", KEY, amount=3))["amount"] == {"N": "3"}


async def test_what_is_decided_on_and_returned_is_read_consistently(shops: Shops) -> None:
    sent = sent_by(shops)
    await shops.create("Order", **ORDERED | {"stars": 4})
    before = await shops.get("Order", KEY)
    sent.clear()
    await shops.rows.update("Order", before, wire({"stars": 5}), None)
    assert [operation for operation, _ in sent] == ["batch_get_item", "transact_write_items", "get_item"]
    (tallies,) = sent[0][1]["RequestItems"].values()
    assert (tallies["ConsistentRead"], sent[2][1]["ConsistentRead"]) == (True, True)


async def test_only_averages_need_their_tally(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    shops.calls.made.clear()
    await shops.create("Claim", id="k", customer="c", number="1")
    assert [call.operation for call in shops.calls.made] == ["transact_write_items"]


async def test_a_deleted_row_is_no_longer_counted(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    await shops.create("Claim", id="k", customer="c", number="1")
    await shops.delete("Claim", "k")
    await shops.check()
    await shops.delete("Order", KEY)
    await shops.check()


async def test_a_row_lets_go_only_of_one_that_is_departing(shops: Shops) -> None:
    await shops.create("Order", **ORDERED)
    await shops.create("Note", id="n", customer="c", number="1")
    note = await shops.get("Note", "n")
    with pytest.raises(OvertakenError):
        await shops.rows.update("Note", note, {"number": None}, None, ("Order", KEY))
    await shops.check()


async def test_an_invalid_write_fails(shops: Shops) -> None:
    shops.calls.plan = each_write(Fault.INVALID)
    with pytest.raises(ClientError):
        await shops.create("Order", **ORDERED)


async def test_a_guard_of_another_row_is_not_taken_away(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.transactions.retrying.PATIENCE_SECONDS", 0.05)
    await shops.create("Order", **ORDERED)
    (guard,) = [one for one in (await shops.undisturbed.scan_page(GUARDS, limit=9)).items if "holder" in one]
    await shops.undisturbed.put(GUARDS, guard | {"holder": {"S": "somebody's"}})
    with pytest.raises(ContentionError):
        await shops.delete("Order", KEY)


async def test_a_type_that_no_rule_is_about_needs_none() -> None:
    assert RULED.ruled("Page") is None
    assert RULED.ruled("Shop") is RULED


async def test_more_than_a_transaction_takes_is_refused(shops: Shops) -> None:
    many = Constraints(unique=tuple(Unique((f"f{number}",)) for number in range(100)))
    tables = RuledTables.of(DESCRIBED, CONSTRAINTS | {"Page": many})
    page = wire({"id": "p"} | {f"f{number}": "x" for number in range(100)})
    refusal = await RuledRows(shops.store, tables, clock.now).create("Page", page, None)
    assert code_of(refusal) is Code.BAD_REQUEST
    assert await shops.count("Page") == 0
