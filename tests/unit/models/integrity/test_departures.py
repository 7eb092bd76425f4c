"""Rows that follow a deleted one go with it, all of them, whoever is killed meanwhile."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from models import clock
from models.constraints.declared import Aggregate, OnDelete, Reference
from models.constraints.planning import RowChange
from models.constraints.ruled import Row, RuledType
from models.errors import Code, ContentionError, Refusal
from models.integrity import departures
from models.integrity.composing import count_in, departure
from models.integrity.departures import Departed, Departures
from models.integrity.ruled_tables import DEPARTING, GUARDS, RuledTables
from models.storage.store import ConditionFailedError, key_of
from tests.chaos.books import rows
from tests.chaos.faults import Call, Fault, KilledError, at
from tests.unit.models.constraints.shop import CONSTRAINTS, ORDER, ORDERED, order
from tests.unit.models.integrity.shop_tables import DESCRIBED, KEY, OF_ORDER, TABLES, Shops

AGAIN = Reference(("other", "otherNumber"), "Order", OnDelete.CASCADE, {}, ())


async def test_few_rows_go_in_one_transaction(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 5)
    await shops.follow(lines=3, notes=2)
    shops.calls.made.clear()
    assert (await shops.delete("Order", KEY))["number"] == {"S": "1"}
    assert [call.operation for call in shops.calls.made if call.writes] == ["transact_write_items"]
    await shops.check_gone(notes=2)


async def test_a_row_that_none_follow_goes_alone(shops: Shops) -> None:
    await shops.follow(lines=1, notes=1)
    await shops.delete("Line", "l0")
    await shops.update("Note", "n0", number=None, updatedAt="x")
    assert (await shops.delete("Order", KEY))["number"] == {"S": "1"}
    await shops.check_gone(notes=1)


TALLY_READ, FOUND, WRITTEN = ["get_item"], ["query", "batch_get_item"], ["transact_write_items"]
DEPARTS = [*TALLY_READ, *FOUND, "batch_get_item", *WRITTEN]
FOLLOWS = [*TALLY_READ, *FOUND, "batch_get_item", *TALLY_READ, *FOUND, *WRITTEN, *TALLY_READ]
FORGOTTEN = [*TALLY_READ, *WRITTEN]
CALLS = {
    "no row can follow": ("Part", "p", WRITTEN),
    "no row follows": ("Line", "l1", [*TALLY_READ, *WRITTEN]),
    "one row follows": ("Line", "l0", [*TALLY_READ, *FOUND, *WRITTEN]),
    "rows follow a row that follows": ("Order", KEY, [*DEPARTS, *FOLLOWS, *FORGOTTEN]),
}


@pytest.mark.parametrize(("name", "key", "calls"), CALLS.values(), ids=CALLS)
async def test_no_call_is_made_in_vain(shops: Shops, name: str, key: Any, calls: list[str]) -> None:
    await shops.follow(lines=1)
    await shops.create("Line", id="l1")
    await shops.create("Part", id="p", lineId="l0")
    shops.calls.made.clear()
    await shops.delete(name, key)
    assert [call.operation for call in shops.calls.made] == calls


@pytest.mark.parametrize(("notes", "transactions"), [(20, 1), (21, 5)])
async def test_so_many_rows_go_in_one_transaction(shops: Shops, notes: int, transactions: int) -> None:
    await shops.follow(notes=notes)
    shops.calls.made.clear()
    await shops.delete("Order", KEY)
    # More go ten at a time, between the row's departure and its being forgotten.
    assert [call.operation for call in shops.calls.made if call.writes] == WRITTEN * transactions
    await shops.check_gone(notes=notes)


async def test_so_many_rows_are_read_at_a_time(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "OWN_PAGES", 1)
    await shops.follow(notes=101)
    await shops.delete("Order", KEY)
    assert sum("number" in note for note in await rows(shops.undisturbed, TABLES["Note"])) == 1


async def test_so_many_departures_are_finished_at_a_time(shops: Shops) -> None:
    for number in range(26):
        row = order(number=str(number))
        await shops.undisturbed.put(GUARDS, departure(RowChange(ORDER, row, None)))
    assert await shops.departures.resume() == 25


@pytest.mark.parametrize("pages", [1, 5])
async def test_many_rows_go_page_by_page(shops: Shops, monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    monkeypatch.setattr(departures, "PAGE", 30)
    monkeypatch.setattr(departures, "OWN_PAGES", pages)
    await shops.follow(lines=60, notes=25)
    await shops.delete("Order", KEY)
    if pages == 1:
        assert await shops.count("Line") == 30
        assert (await shops.tally("Order", KEY))[DEPARTING] == {"BOOL": True}
        refusal = await shops.create("Order", **ORDERED)
        assert isinstance(refusal, Refusal)
        assert refusal.code is Code.CONTENTION
        refusal = await shops.create("Line", id="new", **OF_ORDER)
        assert isinstance(refusal, Refusal)
        assert refusal.code is Code.REFERENCE_NOT_FOUND
        # A row that others change goes on without the departed one.
        await shops.delete("Line", (await rows(shops.undisturbed, TABLES["Line"]))[0]["id"]["S"])
        assert await shops.departures.resume() == 1
    assert await shops.departures.resume() == 0
    await shops.check_gone(notes=25)
    await shops.create("Order", **ORDERED)
    await shops.check()


async def test_a_departure_that_is_remembered_is_not_written_over(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.transactions.retrying.PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 0)
    await shops.follow(lines=1)
    await shops.undisturbed.put(GUARDS, departure(RowChange(ORDER, await shops.get("Order", KEY), None)))
    with pytest.raises(ContentionError):
        await shops.delete("Order", KEY)


async def test_a_row_that_is_kept_keeps_those_that_follow(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    await shops.follow(lines=2)
    before = await shops.get("Order", KEY)
    for most in (20, 1):
        monkeypatch.setattr(departures, "MOST_AT_ONCE", most)
        with pytest.raises(ConditionFailedError):
            await shops.departures.delete("Order", before, key_of(TABLES["Order"]) == "d")
    assert await shops.count("Line") == 2
    await shops.check()


@pytest.mark.parametrize("most", [20, 1])
async def test_an_index_that_lags_is_waited_for(shops: Shops, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", most)
    await shops.follow(lines=2, notes=1)
    upstream, lag = shops.engine.call, [1, 1, 1, 1]

    async def call(service: str, operation: str, **params: Any) -> Any:
        answer = await upstream(service, operation, **params)
        if operation == "query" and lag:
            lag.pop()
            return {**answer, "Items": []}
        return answer

    shops.engine.call = call  # type: ignore[method-assign]  # for this test only
    await shops.delete("Order", KEY)
    await shops.check_gone(notes=1)


async def test_what_an_index_never_shows_is_not_waited_for_forever(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.transactions.retrying.PATIENCE_SECONDS", 0.05)
    await shops.follow(lines=1)
    upstream = shops.engine.call

    async def call(service: str, operation: str, **params: Any) -> Any:
        answer = await upstream(service, operation, **params)
        return {**answer, "Items": []} if "IndexName" in params else answer

    shops.engine.call = call  # type: ignore[method-assign]  # for this test only
    await shops.delete("Order", KEY)
    with pytest.raises(ContentionError):
        await shops.departures.resume()


async def test_rows_that_follow_others_are_not_read(shops: Shops) -> None:
    await shops.create("Order", **ORDERED | {"number": "2", "code": "y"})
    await shops.create("Note", id="other", customer="c", number="2")
    await shops.follow(notes=1)
    upstream, read = shops.engine.call, list[Any]()

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "batch_get_item":
            read.extend(key for of in params["RequestItems"].values() for key in of["Keys"])
        return await upstream(service, operation, **params)

    shops.engine.call = call  # type: ignore[method-assign]  # for this test only
    await shops.delete("Order", KEY)
    assert read == [{"id": {"S": "n0"}}]


@pytest.mark.parametrize("most", [20, 1])
@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.LOST, Fault.CONFLICT])
async def test_a_deletion_is_finished_whichever_call_fails(
    monkeypatch: pytest.MonkeyPatch, most: int, fault: Fault
) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", most)
    monkeypatch.setattr(departures, "GROUP", 2)
    number = 0
    while True:
        shops = Shops()
        await shops.create("Shop", id="s", isOpen=True)
        await shops.create("Order", **ORDERED)
        await shops.follow(lines=3, notes=2)
        shops.calls.made.clear()
        shops.calls.plan = at(number, fault)
        before = await shops.get("Order", KEY)
        killed = False
        try:
            await shops.departures.delete("Order", before, None)
        except KilledError:
            killed = True
        shops.calls.plan = no_plan
        # Somebody else goes on; if the deletion never began, its client sends it again.
        await shops.departures.resume()
        if await shops.undisturbed.get(TABLES["Order"], KEY, consistent=True) is not None:
            assert killed
            await shops.delete("Order", KEY)
        await shops.check_gone(notes=2)
        shops.engine.close()
        if number >= len(shops.calls.made):
            break
        number += 1
    assert number > 2


def no_plan(_: Call) -> Fault | None:
    return None


@pytest.mark.parametrize("most", [20, 1])
async def test_rows_that_follow_those_that_follow_go_too(
    shops: Shops, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", most)
    await shops.follow(lines=2)
    for number in range(4):
        await shops.create("Part", id=str(number), lineId=f"l{number % 2}")
    await shops.delete("Order", KEY)
    assert await shops.count("Part") == 0
    await shops.check_gone(notes=0)


async def test_a_row_that_follows_twice_goes_once(shops: Shops) -> None:
    rules = replace(CONSTRAINTS["Line"], references=(*CONSTRAINTS["Line"].references, AGAIN))
    twice = RuledTables.of(DESCRIBED, CONSTRAINTS | {"Line": rules})
    shops.rows.tables = twice
    await shops.create("Line", id="l", **OF_ORDER, other="c", otherNumber="1")
    order = await shops.get("Order", KEY)
    await Departures.over(shops.store, twice, clock.now).delete("Order", order, None)
    await shops.check_gone(notes=0)


async def chained(shops: Shops, follows: Mapping[int, int]) -> Departures:
    """Make lines of which some follow others; return what deletes them."""
    rules = replace(
        CONSTRAINTS["Line"],
        references=(*CONSTRAINTS["Line"].references, Reference(("other",), "Line", OnDelete.CASCADE, {}, ())),
    )
    shops.rows.tables = RuledTables.of(DESCRIBED, CONSTRAINTS | {"Line": rules})
    await shops.create("Line", id="0")
    for number, other in follows.items():
        await shops.create("Line", id=str(number), other=str(other))
    return Departures(shops.rows, clock.now)


def chain(length: int) -> dict[int, int]:
    return {number: number - 1 for number in range(1, length)}


async def test_a_chain_of_rows_may_be_longer_than_pythons_stack(shops: Shops) -> None:
    gone = await chained(shops, chain(120))
    await gone.delete("Line", await shops.get("Line", "0"), None)
    assert await shops.count("Line") == 120 - 20 - 1
    await gone.resume()
    assert await shops.count("Line") == 0
    assert await shops.house() == ["tally", "unique"]  # of the order


@pytest.mark.parametrize("parts", [0, 2])
async def test_rows_that_follow_go_whatever_is_left_of_a_sum(
    shops: Shops, monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 1)
    spent = Aggregate("cost", "Shop", "spent", ("other",), is_average=False, is_whole=True)
    lines = replace(CONSTRAINTS["Line"], aggregates=(spent,))
    shops.rows.tables = RuledTables.of(DESCRIBED, CONSTRAINTS | {"Line": lines})
    for key, cost, of in (("a", 9, OF_ORDER), ("b", 9, OF_ORDER), ("c", -(2**31), {}), ("d", -18, {})):
        await shops.create("Line", id=key, other="s", cost=cost, **of)
        for number in range(parts):
            await shops.create("Part", id=f"{key}{number}", lineId=key)
    await Departures(shops.rows, clock.now).delete("Order", await shops.get("Order", KEY), None)
    assert await shops.count("Line") == 2
    assert (await shops.get("Shop", "s"))["spent"] == {"N": str(-(2**31) - 18)}


async def test_a_circle_of_rows_goes_whole(shops: Shops) -> None:
    gone = await chained(shops, chain(3))
    await shops.update("Line", "0", other="2")
    await gone.delete("Line", await shops.get("Line", "1"), None)
    assert await shops.count("Line") == 0
    assert await shops.house() == ["tally", "unique"]  # of the order


class Hindered(Departures):
    """Finds one row changed all the time."""

    hindered = ""

    async def _go_on(self, kind: RuledType, row: Row) -> tuple[bool, list[Departed]]:
        if row["id"]["S"] == self.hindered:
            raise ContentionError
        return await super()._go_on(kind, row)


@pytest.mark.parametrize("hindered", ["1", "2"])
async def test_a_row_that_is_changed_all_the_time_hinders_no_other(shops: Shops, hindered: str) -> None:
    await chained(shops, {1: 0, 2: 0, 3: 1, 4: 2, 5: 3, 6: 4})
    gone = Hindered(shops.rows, clock.now)
    first = await shops.get("Line", "0")
    gone.hindered = hindered
    await gone.delete("Line", first, None)
    assert await shops.count("Line") == 2
    # What began with another row is remembered by itself, and whoever asks for just that is told.
    with pytest.raises(ContentionError):
        await gone.resume()
    gone.hindered = ""
    await gone.resume()
    assert await shops.count("Line") == 0


@pytest.mark.parametrize("most", [20, 1])
async def test_what_must_not_be_left_alone_keeps_all(
    shops: Shops, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", most)
    await shops.follow(lines=2)
    await shops.create("Claim", id="x", **OF_ORDER)
    refusal = await shops.delete("Order", KEY)
    assert shops.calls.made[-1].writes
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.facts) == (Code.STILL_REFERENCED, {"by": ["Claim(customer,number)"]})
    assert await shops.count("Line") == 2
    await shops.check()


async def test_many_rows_go_although_whoever_lets_them_go_is_killed_again_and_again(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(3)  # noqa: S311 — no secret
    monkeypatch.setattr(departures, "PAGE", 20)
    await shops.follow(lines=90, notes=60)
    before, kills = await shops.get("Order", KEY), 0
    for _ in range(200):
        shops.calls.made.clear()
        shops.calls.plan = at(random.randrange(1, 12), random.choice([Fault.KILLED_BEFORE, Fault.KILLED_AFTER]))
        is_there = await shops.undisturbed.get(TABLES["Order"], KEY, consistent=True) is not None
        try:
            if is_there:
                await shops.departures.delete("Order", before, None)
            else:
                await shops.departures.resume()
        except KilledError:
            kills += 1
        shops.calls.plan = no_plan
        await check_no_strays(shops)
        if await shops.house() == ["tally"]:
            break
    assert kills > 5
    await shops.check_gone(notes=60)


async def check_no_strays(shops: Shops) -> None:
    """Assert that the tally of an order counts the rows that are left, whether it is still there or not."""
    tally = await shops.tally("Order", KEY)
    for name, counter in (("Line", "Line(customer,number)"), ("Note", "Note(customer,number)")):
        left = [row for row in await rows(shops.undisturbed, TABLES[name]) if "number" in row]
        assert count_in(tally, counter) == len(left)
