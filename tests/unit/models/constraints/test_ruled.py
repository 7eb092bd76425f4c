"""Types know the rules from both sides, and rules that contradict each other are refused by name."""

from dataclasses import replace

import pytest

from models.constraints.declared import (
    Aggregate,
    CompositeField,
    Constraints,
    OnDelete,
    Reference,
    Transitions,
    Unique,
)
from models.constraints.ruled import (
    ContradictionError,
    changed,
    composed,
    joined_key,
    referred,
    ruled_types,
    started,
)
from tests.unit.models.constraints.shop import (
    CONSTRAINTS,
    KEYS,
    LINE,
    NOTE,
    ORDER,
    PAGE,
    SHOP,
    order,
    wire,
    with_rules,
)

CASCADE = Reference(("noteId",), "Note", OnDelete.CASCADE, {}, ())
RESTRICT = Reference(("lineId",), "Line", OnDelete.RESTRICT, {}, ())
STEPS = Transitions("step", ("a",), {})
LET_GO = Reference(("step",), "Note", OnDelete.SET_NULL, {}, ())


def test_a_type_knows_who_refers_to_it_and_what_is_summed_there() -> None:
    assert [one.counter for one in SHOP.incoming] == ["Order(shopId)"]
    assert [one.counter for one in ORDER.followed] == ["Line(customer,number)", "Note(customer,number)"]
    assert SHOP.followed == ()
    assert [one.into for one in SHOP.totals] == ["total", "rating"]
    assert ORDER.judged == {
        "shopId", "code", "region", "status", "customer", "amount", "stars",
    }  # fmt: skip


def test_a_type_without_rules_is_free() -> None:
    assert PAGE.is_free
    assert not any(kind.is_free for kind in (SHOP, ORDER, LINE, NOTE))


def test_a_total_keeps_its_row_from_deletion_if_nothing_else_does() -> None:
    total = Aggregate("size", "Shop", "size", ("shopId",), is_average=False)
    again = replace(total, into="again")
    types = ruled_types(KEYS, {"Page": Constraints(aggregates=(total, again))} | CONSTRAINTS)
    assert types["Page"].references == (Reference(("shopId",), "Shop", OnDelete.RESTRICT, {}, ()),)


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("Order", {"expires_by": "until"}, "Order: DynamoDB deletes rows by @ttl without regard to @unique"),
        ("Shop", {"expires_by": "until"}, "Shop: DynamoDB deletes rows by @ttl"),
        ("Line", {"expires_by": "until"}, "Line: DynamoDB deletes rows by @ttl"),
        ("Page", {"expires_by": "until", "unique": (Unique(("a",)),)}, "Page: DynamoDB deletes rows by @ttl"),
        ("Page", {"expires_by": "until", "references": (CASCADE,)}, "Page: DynamoDB deletes rows by @ttl"),
        ("Page", {"aggregates": (Aggregate("n", "Shop", "total", ("shopId",), is_average=True),)},
         "Shop.total: two rules write it"),
        ("Page", {"references": (CASCADE, CASCADE)}, "Page(noteId) refers to Note by two rules; one can say all"),
        ("Page", {"references": (RESTRICT,)}, "Line(customer,number): CASCADE from Order deletes rows of Line"),
        ("Shop", {"composites": (CompositeField("total", ("id",)),)}, "Shop.total: two rules write it"),
        ("Shop", {"unique": (Unique(("rating",)),)}, "Shop.rating is a total of other rows, and no other rule of"),
        ("Page", {"composites": (CompositeField("a", ("b",)), CompositeField("b", ("c",)))},
         "Page.b is joined of other fields, and cannot be a part of a joined one"),
        ("Page", {"transitions": (STEPS, STEPS)}, "Page.step: two rules say how it changes; one can say all"),
        ("Page", {"references": (LET_GO,), "transitions": (STEPS,)}, "Page.step: SET_NULL takes it away, and"),
        ("Page", {"references": (LET_GO,), "fixed": frozenset({"step"})}, "Page.step: SET_NULL takes it away"),
    ],
)  # fmt: skip
def test_rules_that_contradict_each_other_are_refused(
    name: str, changes: dict[str, object], expected: str
) -> None:
    with pytest.raises(ContradictionError) as caught:
        ruled_types(KEYS, with_rules(name, **changes))
    assert str(caught.value).startswith(expected)
    assert caught.value.args[0].count(";") == (";" in expected) + ("RESTRICT" in caught.value.args[0])


@pytest.mark.parametrize(
    ("references", "fixed"),
    [
        # A note is let go when its order is deleted, whoever refers to it.
        ((replace(CASCADE, on_delete=OnDelete.RESTRICT),), frozenset[str]()),
        ((replace(CASCADE, on_delete=OnDelete.RESTRICT),), frozenset({"noteId"})),
        ((CASCADE,), frozenset({"noteId"})),
    ],
)
def test_rules_that_agree_are_not_refused(references: tuple[Reference, ...], fixed: frozenset[str]) -> None:
    assert ruled_types(KEYS, with_rules("Page", references=references, fixed=fixed))["Page"].references


def test_a_total_may_have_a_fraction_unless_it_says_otherwise() -> None:
    assert not Aggregate("n", "Shop", "total", ("shopId",), is_average=False).is_whole


def test_what_expires_may_be_ruled_otherwise() -> None:
    assert (
        ruled_types({"A": ("id",)}, {"A": Constraints(expires_by="until")})["A"].constraints.expires_by == "until"
    )


def test_a_key_is_a_text_or_two() -> None:
    assert (joined_key(["a"]), joined_key(["a", "b"]), joined_key(["a", "b", "c"])) == (
        "a",
        ("a", "b"),
        ("a", "b#c"),
    )
    assert ORDER.key_of(order()) == ("c", "1")
    assert referred(("shopId",), order()) == "s"
    assert referred(("shopId", "none"), order()) is None
    assert referred(("shopId",), None) is None


def test_the_server_writes_what_other_fields_make() -> None:
    assert composed(ORDER, order()) == {"place": {"S": "s#c"}}
    assert composed(ORDER, wire({"customer": "c"})) == {"place": None}
    assert started(SHOP, wire({"id": "s", "total": 9})) == wire({"id": "s", "total": 0, "rating": 0})
    assert started(ORDER, wire({"customer": "c", "place": "x"})) == wire({"customer": "c", "cost": 0})


def test_a_change_removes_what_is_none() -> None:
    assert changed(wire({"a": "1", "b": "2"}), {"a": None, "c": {"S": "3"}}) == wire({"b": "2", "c": "3"})
