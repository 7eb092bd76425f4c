"""How rows that follow a deleted one are found, and what is left of its key in them."""

import pytest
from pynamodb.expressions.operand import Path

from models.clock import from_text
from models.constraints.declared import CompositeField, Constraints, OnDelete, Reference
from models.constraints.ruled import ContradictionError
from models.identifiers import derived
from models.integrity.ruled_tables import GUARDS, ChildFinder, RuledTables, TypeTable, tally_key
from models.tables import TABLES as HOURBANK
from models.tables.base import KeyAttribute, index, table
from tests.unit.models.constraints.shop import CONSTRAINTS, NOTE, ORDER, ORDER_KEY, wire, with_rules
from tests.unit.models.integrity.shop_tables import DESCRIBED, RULED

NOW = from_text("2026-01-01T00:00:00.000Z")
ABOVE = Reference(("above",), "Page", OnDelete.CASCADE, {}, ())


def test_the_table_is_the_houses_own_and_only_of_apps_with_rules() -> None:
    assert GUARDS.Meta.table_name == ".Guard"
    assert GUARDS.Meta.stream_view_type is None
    assert GUARDS not in HOURBANK


def test_rows_are_found_by_what_narrows_them_most() -> None:
    finders = RuledTables.of(DESCRIBED, CONSTRAINTS).finders
    line, note = (finders["Order", one.counter] for one in ORDER.followed)
    assert (line.index and line.index.Meta.index_name, line.covered) == ("byOrder", ("customer", "number"))
    assert (line.filtered, line.filter(wire({"customer": "c", "number": "1"}))) == ((), None)
    assert line.hash_value(wire({"customer": "c", "number": "1"})) == "c#1"
    assert (note.index and note.index.Meta.index_name, note.filtered) == ("byCustomer", ("number",))


def test_an_index_of_fewer_fields_or_of_others_beside_them_is_not_taken() -> None:
    composites = [CompositeField("orderKey", ORDER_KEY), CompositeField("wide", (*ORDER_KEY, "text"))]
    indexes = [
        index("byWide", "wide", None),
        index("byOrder", "orderKey", None),
        index("byCustomer", "customer", None),
    ]
    notes = TypeTable(table("Note", KeyAttribute("id"), indexes=indexes), ("id",), frozenset({"number"}))
    rules = with_rules("Note", composites=tuple(composites))
    finder = RuledTables.of(DESCRIBED | {"Note": notes}, rules).finders["Order", ORDER.followed[1].counter]
    assert (finder.index and finder.index.Meta.index_name, finder.covered) == ("byOrder", ORDER_KEY)


def test_rows_are_told_apart_by_all_values_that_the_hash_key_does_not_have() -> None:
    finder = ChildFinder(None, ("a",), ("b", "c"))
    expected = (Path(["b"]) == {"S": "x"}) & (Path(["c"]) == {"S": "y"})
    assert str(finder.filter(wire({"a": "w", "b": "x", "c": "y"}))) == str(expected)


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


def test_a_tally_is_found_again_by_later_versions() -> None:
    assert tally_key(("Shop", "mine")) == (derived("Shop", "mine"), "tally")
    assert tally_key(("Order", ("c", "1"))) == (derived("Order", "c", "1"), "tally")


def test_tallies_of_different_rows_are_different() -> None:
    assert len({tally_key(place)[0] for place in (("A", "x"), ("B", "x"), ("A", "y"), ("A", ("x", "y")))}) == 4
