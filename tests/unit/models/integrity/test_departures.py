"""Rows that follow a deleted one go with it, all of them, whoever is killed meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from models import clock
from models.constraints.declared import Aggregate, OnDelete, Reference
from models.constraints.ruled import Row, RuledType
from models.errors import Code, ContentionError, Refusal
from models.integrity import departures
from models.integrity.composing import count_in
from models.integrity.departures import Departed, Departures
from models.integrity.ruled_tables import GUARDS, RuledTables
from models.storage.store import ConditionFailedError, key_of
from tests.chaos.books import rows
from tests.chaos.faults import Call, Fault, KilledError, at
from tests.unit.models.constraints.shop import CONSTRAINTS, ORDERED
from tests.unit.models.integrity.shop_tables import DESCRIBED, TABLES, Shops

KEY = ("c", "1")
OF_ORDER = {"customer": "c", "number": "1"}
AGAIN = Reference(("other", "otherNumber"), "Order", OnDelete.CASCADE, {}, ())


@pytest.fixture
async def shops() -> AsyncIterator[Shops]:
    opened = Shops()
    await opened.create("Shop", id="s", isOpen=True)
    await opened.create("Order", **ORDERED)
    yield opened
    opened.engine.close()


async def follow(shops: Shops, lines: int, notes: int) -> None:
    for number in range(lines):
        await shops.create("Line", id=f"l{number}", **OF_ORDER, cost=number)
    for number in range(notes):
        await shops.create("Note", id=f"n{number}", **OF_ORDER)


async def house(shops: Shops) -> list[str]:
    return sorted(one["kind"]["S"] for one in await rows(shops.undisturbed, GUARDS))


async def check_gone(shops: Shops, notes: int) -> None:
    assert [await shops.count(name) for name in ("Order", "Line", "Note")] == [0, 0, notes]
    for note in await rows(shops.undisturbed, TABLES["Note"]):
        assert note.keys() == {"id", "customer", "updatedAt"}
    assert await house(shops) == ["tally"]  # of the shop
    await shops.check()


async def test_few_rows_go_in_one_transaction(shops: Shops) -> None:
    await follow(shops, lines=3, notes=2)
    shops.calls.made.clear()
    assert (await shops.delete("Order", KEY))["number"] == {"S": "1"}
    assert [call.operation for call in shops.calls.made if call.writes] == ["transact_write_items"]
    await check_gone(shops, notes=2)


async def test_a_row_that_none_follow_goes_alone(shops: Shops) -> None:
    await follow(shops, lines=1, notes=1)
    await shops.delete("Line", "l0")
    await shops.update("Note", "n0", number=None, updatedAt="x")
    assert (await shops.delete("Order", KEY))["number"] == {"S": "1"}
    await check_gone(shops, notes=1)


@pytest.mark.parametrize("pages", [1, 5])
async def test_many_rows_go_page_by_page(shops: Shops, monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    monkeypatch.setattr(departures, "PAGE", 30)
    monkeypatch.setattr(departures, "OWN_PAGES", pages)
    await follow(shops, lines=60, notes=25)
    await shops.delete("Order", KEY)
    if pages == 1:
        assert await shops.count("Line") == 30
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
    await check_gone(shops, notes=25)
    await shops.create("Order", **ORDERED)
    await shops.check()


async def test_a_row_that_is_kept_keeps_those_that_follow(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    await follow(shops, lines=2, notes=0)
    before = await shops.get("Order", KEY)
    for most in (20, 1):
        monkeypatch.setattr(departures, "MOST_AT_ONCE", most)
        with pytest.raises(ConditionFailedError):
            await shops.departures.delete("Order", before, key_of(TABLES["Order"]) == "d")
    assert await shops.count("Line") == 2
    await shops.check()


async def test_a_row_that_comes_meanwhile_goes_too(shops: Shops) -> None:
    await follow(shops, lines=1, notes=0)
    upstream, left = shops.engine.call, ["late"]

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "transact_write_items" and left:
            await shops.create("Line", id=left.pop(), **OF_ORDER)
        return await upstream(service, operation, **params)

    shops.engine.call = call  # type: ignore[method-assign]  # for this test only
    await shops.delete("Order", KEY)
    await check_gone(shops, notes=0)


async def test_a_row_that_lets_go_by_itself_meanwhile_is_left_alone(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 1)
    await follow(shops, lines=0, notes=3)
    upstream, written = shops.engine.call, list[str]()

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "transact_write_items":
            written.append(operation)
            if len(written) == 2:  # the order is gone; its notes are about to let go
                await shops.update("Note", "n1", number=None, updatedAt="x")
        return await upstream(service, operation, **params)

    shops.engine.call = call  # type: ignore[method-assign]  # for this test only
    await shops.delete("Order", KEY)
    await check_gone(shops, notes=3)
    assert (await shops.get("Note", "n1"))["updatedAt"] == {"S": "x"}


@pytest.mark.parametrize("most", [20, 1])
async def test_an_index_that_lags_is_waited_for(shops: Shops, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", most)
    await follow(shops, lines=2, notes=1)
    upstream, lag = shops.engine.call, [1, 1, 1, 1]

    async def call(service: str, operation: str, **params: Any) -> Any:
        answer = await upstream(service, operation, **params)
        if operation == "query" and lag:
            lag.pop()
            return {**answer, "Items": []}
        return answer

    shops.engine.call = call  # type: ignore[method-assign]  # for this test only
    await shops.delete("Order", KEY)
    await check_gone(shops, notes=1)


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
        await follow(shops, lines=3, notes=2)
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
        await check_gone(shops, notes=2)
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
    await follow(shops, lines=2, notes=0)
    for number in range(4):
        await shops.create("Part", id=str(number), lineId=f"l{number % 2}")
    await shops.delete("Order", KEY)
    assert await shops.count("Part") == 0
    await check_gone(shops, notes=0)


async def test_a_row_that_follows_twice_goes_once(shops: Shops) -> None:
    rules = replace(CONSTRAINTS["Line"], references=(*CONSTRAINTS["Line"].references, AGAIN))
    twice = RuledTables.of(DESCRIBED, CONSTRAINTS | {"Line": rules})
    shops.rows.tables = twice
    await shops.create("Line", id="l", **OF_ORDER, other="c", otherNumber="1")
    order = await shops.get("Order", KEY)
    await Departures.over(shops.store, twice, clock.now).delete("Order", order, None)
    await check_gone(shops, notes=0)


async def chained(shops: Shops, length: int) -> Departures:
    """Make lines of which each follows the one before; return what deletes them."""
    rules = replace(
        CONSTRAINTS["Line"],
        references=(*CONSTRAINTS["Line"].references, Reference(("other",), "Line", OnDelete.CASCADE, {}, ())),
    )
    shops.rows.tables = RuledTables.of(DESCRIBED, CONSTRAINTS | {"Line": rules})
    await shops.create("Line", id="0")
    for number in range(1, length):
        await shops.create("Line", id=str(number), other=str(number - 1))
    return Departures(shops.rows, clock.now)


async def test_a_chain_of_rows_may_be_longer_than_pythons_stack(shops: Shops) -> None:
    gone = await chained(shops, 120)
    await gone.delete("Line", await shops.get("Line", "0"), None)
    assert await shops.count("Line") == 120 - departures.OWN_PAGES - 1
    await gone.resume()
    assert await shops.count("Line") == 0
    assert await house(shops) == ["tally", "unique"]  # of the order


async def test_rows_that_follow_go_whatever_is_left_of_a_sum(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 1)
    spent = Aggregate("cost", "Shop", "spent", ("other",), is_average=False, is_whole=True)
    lines = replace(CONSTRAINTS["Line"], aggregates=(spent,))
    shops.rows.tables = RuledTables.of(DESCRIBED, CONSTRAINTS | {"Line": lines})
    for key, cost, of in (("a", 9, OF_ORDER), ("b", 9, OF_ORDER), ("c", -(2**31), {}), ("d", -18, {})):
        await shops.create("Line", id=key, other="s", cost=cost, **of)
    await Departures(shops.rows, clock.now).delete("Order", await shops.get("Order", KEY), None)
    assert await shops.count("Line") == 2
    assert (await shops.get("Shop", "s"))["spent"] == {"N": str(-(2**31) - 18)}


async def test_a_circle_of_rows_goes_whole(shops: Shops) -> None:
    gone = await chained(shops, 3)
    await shops.update("Line", "0", other="2")
    await gone.delete("Line", await shops.get("Line", "1"), None)
    assert await shops.count("Line") == 0
    assert await house(shops) == ["tally", "unique"]  # of the order


class Hindered(Departures):
    """Finds one row changed all the time."""

    hindered = ""

    async def _go_on(self, kind: RuledType, row: Row) -> tuple[bool, list[Departed]]:
        if row["id"]["S"] == self.hindered:
            raise ContentionError
        return await super()._go_on(kind, row)


async def test_a_row_that_is_changed_all_the_time_hinders_no_other(shops: Shops) -> None:
    await chained(shops, 4)
    gone = Hindered(shops.rows, clock.now)
    first = await shops.get("Line", "0")
    gone.hindered = "1"
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
    await follow(shops, lines=2, notes=0)
    await shops.create("Claim", id="x", **OF_ORDER)
    refusal = await shops.delete("Order", KEY)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.facts) == (Code.STILL_REFERENCED, {"by": ["Claim(customer,number)"]})
    assert await shops.count("Line") == 2
    await shops.check()


async def test_many_rows_go_although_whoever_lets_them_go_is_killed_again_and_again(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(3)  # noqa: S311 — no secret
    monkeypatch.setattr(departures, "PAGE", 20)
    await follow(shops, lines=90, notes=60)
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
        if await house(shops) == ["tally"]:
            break
    assert kills > 5
    await check_gone(shops, notes=60)


async def check_no_strays(shops: Shops) -> None:
    """Assert that the tally of an order counts the rows that are left, whether it is still there or not."""
    tally = await shops.tally("Order", KEY)
    for name, counter in (("Line", "Line(customer,number)"), ("Note", "Note(customer,number)")):
        left = [row for row in await rows(shops.undisturbed, TABLES[name]) if "number" in row]
        assert count_in(tally, counter) == len(left)
