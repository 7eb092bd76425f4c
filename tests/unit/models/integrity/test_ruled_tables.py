"""How rows that follow a deleted one are found, and what is left of its key in them."""

import pytest

from models.clock import from_text
from models.constraints.declared import CompositeField, Constraints, OnDelete, Reference
from models.constraints.ruled import ContradictionError
from models.integrity.ruled_tables import GUARDS, RuledTables, TypeTable, tally_key
from models.tables import TABLES as HOURBANK
from models.tables.base import KeyAttribute, index, table
from tests.unit.models.constraints.shop import CONSTRAINTS, NOTE, ORDER, wire
from tests.unit.models.integrity.shop_tables import DESCRIBED, RULED

NOW = from_text("2026-01-01T00:00:00.000Z")
ABOVE = Reference(("above",), "Page", OnDelete.CASCADE, {}, ())


def test_the_table_is_the_houses_own_and_only_of_apps_with_rules() -> None:
    assert GUARDS.Meta.table_name == ".Guard"
    assert GUARDS.Meta.stream_view_type is None
    assert GUARDS not in HOURBANK


def test_rows_are_found_by_what_narrows_them_most() -> None:
    line, note = (RULED.finders["Order", one.counter] for one in ORDER.followed)
    assert (line.index and line.index.Meta.index_name, line.covered) == ("byOrder", ("customer", "number"))
    assert line.filter(wire({"customer": "c", "number": "1"})) is None or line.filtered == ()
    assert line.hash_value(wire({"customer": "c", "number": "1"})) == "c#1"
    assert (note.index and note.index.Meta.index_name, note.filtered) == ("byCustomer", ("number",))


def test_the_table_itself_may_find_rows() -> None:
    pages = table("Page", KeyAttribute("above"), KeyAttribute("number"))
    rules = {"Page": Constraints(references=(Reference(("above", "number"), "Page", OnDelete.CASCADE, {}, ()),))}
    tables = RuledTables.of({"Page": TypeTable(pages, ("above", "number"))}, rules)
    (finder,) = tables.finders.values()
    assert (finder.index, finder.covered, finder.filtered) == (None, ("above",), ())


def test_where_rows_are_cannot_be_said_without_an_index() -> None:
    expected = r"Page\(above\): CASCADE must find the rows of Page; give Page an @index on above"
    with pytest.raises(ContradictionError, match=expected):
        RuledTables.of(DESCRIBED, CONSTRAINTS | {"Page": Constraints(references=(ABOVE,))})


def test_a_row_lets_go_in_all_attributes_that_hold_the_key() -> None:
    notes = table("Note", KeyAttribute("id"), indexes=[index("byCustomer", "customer", "number#text")])
    rules = Constraints(
        CONSTRAINTS["Note"].unique,
        CONSTRAINTS["Note"].references,
        composites=(CompositeField("orderKey", ("customer", "number")),),
    )
    tables = RuledTables.of(
        DESCRIBED | {"Note": TypeTable(notes, ("id",), frozenset({"number", "text"}))},
        CONSTRAINTS | {"Note": rules},
    )
    row = wire({"id": "n", "customer": "c", "number": "1", "text": "t", "number#text": "1#t", "orderKey": "c#1"})
    _, incoming = ORDER.followed
    assert incoming.child == NOTE.name
    assert tables.let_go(incoming, row, NOW) == {"number": None, "number#text": None, "orderKey": None}
    dated = {"number": None, "updatedAt": {"S": "2026-01-01T00:00:00.000Z"}}
    assert RULED.let_go(incoming, wire({"id": "n", "customer": "c", "number": "1"}), NOW) == dated


def test_tallies_of_different_rows_are_different() -> None:
    assert tally_key(("A", "x"))[1] == "tally"
    assert len({tally_key(place)[0] for place in (("A", "x"), ("B", "x"), ("A", "y"), ("A", ("x", "y")))}) == 4
