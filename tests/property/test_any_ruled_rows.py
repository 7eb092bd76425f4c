"""Any writes of rows that obey rules, while calls fail and servers die: the rows are those of a plain model.

After each step no row is an orphan, no two have the same unique values, and every count, sum and average is that
of the rows. Nothing here suspends: `drive` would raise if the writes awaited anything but calls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import Refusal
from models.integrity import departures
from models.storage.calls import drive
from models.storage.store import ConditionFailedError
from tests.chaos.books import rows
from tests.chaos.faults import CALL_ERRORS, Fault, at, no_faults
from tests.engines.embedded import Embedded
from tests.unit.models.constraints.shop import wire
from tests.unit.models.integrity.shop_tables import RULED, TABLES, Shops

Values = Mapping[str, Any]
DONE, EXISTS = "done", "exists"
STEPS = {None: {"NEW"}, "NEW": {"PAID", "GONE"}, "PAID": {"SENT"}}
# What the server writes, which the plain model does not have.
WRITTEN = {"place", "orderKey", "total", "rating", "cost", "updatedAt"}
FAULTS = (Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.REPEATED, Fault.KILLED_BEFORE, Fault.KILLED_AFTER)

shop_ids, customers, numbers = st.sampled_from("st"), st.sampled_from("cd"), st.sampled_from("12")
regions, codes = st.sampled_from([None, "north"]), st.sampled_from([None, "x", "y"])
amounts = st.one_of(st.none(), st.decimals(-1_000, 1_000, places=2))
stars, statuses = st.one_of(st.none(), st.integers(1, 5)), st.sampled_from(["NEW", "PAID", "SENT", "GONE"])
ids, places = st.sampled_from("abcdefg"), st.integers(0, 9)

is_open = st.sampled_from([True, True, False])
shops_made = st.fixed_dictionaries({"id": shop_ids, "isOpen": is_open, "region": regions})
of_order = {"customer": customers, "number": numbers}
of_shop = {"shopId": st.one_of(st.none(), shop_ids), "region": regions}
ordered = {**of_shop, "code": codes, "amount": amounts, "stars": stars}
orders_made = st.fixed_dictionaries({**of_order, **ordered, "status": st.just("NEW")})
lines_made = st.fixed_dictionaries({"id": ids, **of_order, "cost": st.integers(0, 9)})
others_made = st.fixed_dictionaries({"id": ids, **of_order})
creations = st.one_of(
    st.tuples(st.just("Shop"), shops_made),
    st.tuples(st.just("Order"), orders_made),
    st.tuples(st.just("Order"), orders_made),
    st.tuples(st.just("Line"), lines_made),
    st.tuples(st.sampled_from(["Line", "Note", "Note", "Claim"]), others_made),
)
changes = st.fixed_dictionaries({}, optional={**ordered, "status": statuses})
deleted = st.sampled_from(["Shop", "Order", "Order", "Line", "Note", "Claim"])
steps: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("create"), creations),
    st.tuples(st.just("create"), creations),
    st.tuples(st.just("update"), st.tuples(st.just("Order"), places, changes)),
    st.tuples(st.just("delete"), st.tuples(deleted, places, st.just({}))),
)
faults = st.one_of(st.none(), st.tuples(st.integers(0, 9), st.sampled_from(FAULTS)))


class AtOnce(Embedded):
    """Tables within this process; nobody waits before a retry."""

    async def pause(self, seconds: float) -> None:
        """Go on at once."""


@dataclass
class Plain:
    """The rows as a plain model has them: by type, and by key."""

    rows: dict[str, dict[Any, dict[str, Any]]] = field(default_factory=lambda: {name: {} for name in TABLES})

    def create(self, name: str, values: Values) -> str:
        """Create a row; return what comes of it."""
        row = {key: value for key, value in values.items() if value is not None}
        key = key_of(name, row)
        if key in self.rows[name]:
            return EXISTS
        if (refusal := self._refusal(name, key, {}, row)) is not None:
            return refusal
        self.rows[name][key] = row
        return DONE

    def update(self, key: tuple[str, str], changes: Values) -> str:
        """Change an order; return what comes of it."""
        before = self.rows["Order"][key]
        row = {name: value for name, value in {**before, **changes}.items() if value is not None}
        if row["status"] != before["status"] and row["status"] not in STEPS.get(before["status"], set()):
            return "INVALID_TRANSITION"
        if (refusal := self._refusal("Order", key, before, row)) is not None:
            return refusal
        self.rows["Order"][key] = row
        return DONE

    def delete(self, name: str, key: Any) -> str:
        """Delete a row and what follows it; return what comes of it."""
        if name == "Shop" and any(order.get("shopId") == key for order in self.rows["Order"].values()):
            return "STILL_REFERENCED"
        if name == "Order":
            if self._of_order("Claim", key):
                return "STILL_REFERENCED"
            for line in self._of_order("Line", key):
                del self.rows["Line"][line]
            for note in self._of_order("Note", key):
                del self.rows["Note"][note]["number"]
        del self.rows[name][key]
        return DONE

    def _of_order(self, name: str, key: Any) -> list[Any]:
        found = self.rows[name].items()
        return [one for one, row in found if (row["customer"], row.get("number")) == key]

    def _refusal(self, name: str, key: Any, before: Values, row: Values) -> str | None:
        if name == "Order":
            same = [
                other
                for one, other in self.rows["Order"].items()
                if one != key and "shopId" in row and "code" in row
                if (other.get("shopId"), other.get("code")) == (row["shopId"], row["code"])
            ]
            if same:
                return "DUPLICATE_VALUE"
            is_new = any(before.get(one) != row.get(one) for one in ("shopId", "region"))
            shop = self.rows["Shop"].get(row.get("shopId"))
            if "shopId" in row and is_new:
                fits = shop is not None and shop["isOpen"] and shop.get("region") == row.get("region")
                return None if fits else "REFERENCE_NOT_FOUND"
        elif name in {"Line", "Note", "Claim"} and (row["customer"], row["number"]) not in self.rows["Order"]:
            return "REFERENCE_NOT_FOUND"
        return None


def key_of(name: str, row: Values) -> Any:
    return (row["customer"], row["number"]) if name == "Order" else row["id"]


def write(act: Callable[[], Any]) -> str:
    """Return what comes of a write."""
    try:
        outcome = drive(act())
    except ConditionFailedError:
        return EXISTS
    return str(outcome.code) if isinstance(outcome, Refusal) else DONE


def run(shops: Shops, plain: Plain, wish: tuple[str, str, Any, Values], fault: tuple[int, Fault] | None) -> None:
    """Run a step on the tables and on the plain model, and compare what comes of it."""
    verb, name, key, values = wish
    acts: dict[str, Callable[[], Any]] = {
        "create": lambda: shops.create(name, **values),
        "update": lambda: shops.update(name, key, **values),
        "delete": lambda: shops.delete(name, key),
    }
    expected = {
        "create": lambda: plain.create(name, values),
        "update": lambda: plain.update(key, values),
        "delete": lambda: plain.delete(name, key),
    }[verb]()
    shops.calls.made.clear()
    shops.calls.plan = no_faults if fault is None else at(*fault)
    possible = {expected}
    try:
        outcome = write(acts[verb])
    except CALL_ERRORS:
        # Another server goes on, and the client sends it again.
        shops.calls.plan = no_faults
        drive(shops.departures.resume())
        is_gone = drive(shops.undisturbed.get(TABLES[name], key, consistent=True)) is None
        outcome = DONE if verb == "delete" and is_gone else write(acts[verb])
        possible |= {EXISTS} if (verb, expected) == ("create", DONE) else set()
    shops.calls.plan = no_faults
    assert outcome in possible


def wish_of(plain: Plain, verb: str, given_: Any) -> tuple[str, str, Any, Values] | None:
    """Return a step on rows that there are; None if there is none."""
    if verb == "create":
        name, values = given_
        return verb, name, key_of(name, values), values
    name, place, values = given_
    keys = sorted(plain.rows[name])
    return (verb, name, keys[place % len(keys)], values) if keys else None


@pytest.mark.parametrize("most", [20, 1])
def test_the_rows_are_those_of_a_plain_model(most: int, monkeypatch: pytest.MonkeyPatch, *, long: bool) -> None:
    monkeypatch.setattr(departures, "MOST_AT_ONCE", most)
    monkeypatch.setattr(departures, "GROUP", 2)

    @settings(max_examples=300 if long else 25)
    @given(st.lists(st.tuples(steps, faults), min_size=10, max_size=40))
    def try_any(wishes: list[tuple[Any, tuple[int, Fault] | None]]) -> None:
        shops, plain = Shops(engine=AtOnce), Plain()
        try:
            for (verb, given_), fault in wishes:
                if (wish := wish_of(plain, verb, given_)) is not None:
                    run(shops, plain, wish, fault)
                drive(shops.departures.resume())
                drive(shops.check())
                for name, expected in plain.rows.items():
                    found = drive(rows(shops.undisturbed, TABLES[name]))
                    assert {RULED.types[name].key_of(row): plain_values(row) for row in found} == {
                        key: exact(row) for key, row in expected.items()
                    }
        finally:
            shops.engine.close()

    try_any()


def plain_values(row: Values) -> dict[str, Any]:
    """Return what a stored row has but for what the server writes; numbers by their value."""
    kept = {name: value for name, value in row.items() if name not in WRITTEN}
    return {
        name: Decimal(value["N"]) if "N" in value else next(iter(value.values())) for name, value in kept.items()
    }


def exact(row: Values) -> dict[str, Any]:
    """Return a row of the plain model as the tables have it."""
    return plain_values(wire(row))
