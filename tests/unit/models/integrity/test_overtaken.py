"""Whoever is overtaken decides again, even where others have made rows anew with the same keys and values."""

from functools import partial

import pytest

from models.integrity import departures
from tests.unit.models.constraints.shop import ORDERED
from tests.unit.models.integrity.shop_tables import KEY, OF_ORDER, TABLES, Shops


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.transactions.retrying.PATIENCE_SECONDS", 0.05)


@pytest.fixture
def _departing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have deletions only begin, so that whoever resumes lets the rows go that follow."""
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 0)
    monkeypatch.setattr(departures, "OWN_PAGES", 0)


async def anew(shops: Shops, *, lines: int = 0) -> None:
    """Finish the deletion of the order, and create it again, with lines."""
    await shops.departures.resume()
    await shops.create("Order", **ORDERED)
    await shops.follow(lines=lines)


async def test_a_row_that_comes_meanwhile_goes_too(shops: Shops) -> None:
    await shops.follow(lines=1)
    shops.meanwhile(lambda: shops.create("Line", id="late", **OF_ORDER))
    await shops.delete("Order", KEY)
    await shops.check_gone(notes=0)


@pytest.mark.parametrize("moment", [("batch_get_item", 1), ("transact_write_items", 2)])
async def test_a_row_that_lets_go_by_itself_meanwhile_hinders_no_other(
    shops: Shops, monkeypatch: pytest.MonkeyPatch, moment: tuple[str, int]
) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(departures, "OWN_PAGES", 2)  # one lets the notes go, one finds none
    await shops.follow(notes=3)
    # The order is gone; its notes are about to be read, or to let go.
    of, before = moment
    others = partial(shops.update, "Note", "n1", number=None, updatedAt="x")
    shops.meanwhile(others, before=before, of=of)
    await shops.delete("Order", KEY)
    await shops.check_gone(notes=3)
    assert (await shops.get("Note", "n1"))["updatedAt"] == {"S": "x"}


async def test_a_row_that_goes_before_it_is_read_is_not_looked_for(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 1)
    await shops.follow(lines=2)
    shops.meanwhile(partial(shops.delete, "Line", "l0"), of="batch_get_item")
    await shops.delete("Order", KEY)
    await shops.check_gone(notes=0)


async def test_a_row_that_is_there_anew_is_deleted(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", 1)
    await shops.follow(notes=2)

    async def others() -> None:
        await shops.delete("Order", KEY)
        await shops.create("Order", **ORDERED)

    shops.meanwhile(others)
    await shops.delete("Order", KEY)
    await shops.check_gone(notes=2)


@pytest.mark.usefixtures("_departing", "_impatient")
async def test_rows_that_follow_a_row_that_is_there_anew_stay(shops: Shops) -> None:
    await shops.follow(notes=2)
    await shops.delete("Order", KEY)

    async def others() -> None:
        await anew(shops)
        for key in ("n0", "n1"):
            await shops.update("Note", key, number="1")

    shops.meanwhile(others)
    assert await shops.departures.resume() == 1
    for key in ("n0", "n1"):
        assert (await shops.get("Note", key))["number"] == {"S": "1"}
    await shops.check()


@pytest.mark.parametrize("lines", [0, 1])
@pytest.mark.usefixtures("_departing")
async def test_a_row_that_is_there_anew_is_not_forgotten_with_the_departed_one(shops: Shops, lines: int) -> None:
    await shops.follow(lines=1)
    await shops.delete("Order", KEY)

    shops.meanwhile(partial(anew, shops, lines=lines), before=2)  # after the line has gone
    assert await shops.departures.resume() == 1
    assert await shops.count("Line") == lines
    await shops.check()


@pytest.mark.usefixtures("_departing")
async def test_a_row_changes_and_goes_while_the_one_that_it_follows_departs(shops: Shops) -> None:
    await shops.follow(lines=2)
    await shops.delete("Order", KEY)
    assert (await shops.update("Line", "l0", cost=9))["cost"] == {"N": "9"}
    assert (await shops.delete("Line", "l0"))["id"] == {"S": "l0"}
    await shops.departures.resume()
    await shops.check_gone(notes=0)


@pytest.mark.usefixtures("_departing")
async def test_a_row_goes_with_the_sum_of_one_that_is_there_anew(shops: Shops) -> None:
    await shops.follow(lines=2)
    await shops.delete("Order", KEY)

    shops.meanwhile(partial(anew, shops, lines=2), before=2)  # the first transaction finds the order gone
    await shops.delete("Line", "l1")
    await shops.check()


async def test_a_parent_that_goes_and_comes_again_meanwhile_gets_its_sum(shops: Shops) -> None:
    shop, table = await shops.get("Shop", "s"), TABLES["Shop"]
    shops.meanwhile(lambda: shops.undisturbed.delete(table, "s"))
    shops.meanwhile(lambda: shops.undisturbed.put(table, shop), before=2)
    await shops.delete("Order", KEY)
    assert float((await shops.get("Shop", "s"))["total"]["N"]) == 0
