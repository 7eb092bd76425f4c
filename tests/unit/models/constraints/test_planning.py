"""What changes of rows write beside them: guards of unique values, and what changes of the rows they refer to."""

from dataclasses import replace
from decimal import Decimal

import pytest

from models.constraints.declared import Constraints, OnDelete, Reference
from models.constraints.planning import Check, ParentChange, Plan, RowChange, Share, guard_id, plan_for
from models.constraints.ruled import Row, ruled_types
from models.errors import Code, Refusal
from tests.unit.models.constraints.shop import CONSTRAINTS, LINE, NOTE, ORDER, PAGE, created, order, wire

REFERENCE, UNIQUE = CONSTRAINTS["Order"].references[0], CONSTRAINTS["Order"].unique[0]
SHOP_S, SHOP_T = ("Shop", "s"), ("Shop", "t")


def planned(*changes: RowChange) -> Plan:
    plan = plan_for(changes)
    assert isinstance(plan, Plan)
    return plan


def updated(before: Row, **more: object) -> Plan:
    return planned(RowChange(ORDER, before, {**before, **wire(more)}))


def test_a_new_row_claims_its_values_and_counts_for_its_parents() -> None:
    row = order(stars=4, region="north")
    plan = planned(created(row))
    ((key, guard),) = plan.claimed.items()
    assert key == guard_id(ORDER, UNIQUE, row)
    assert (guard.unique, guard.holder) == (UNIQUE, '["c", "1"]')
    assert plan.freed == {}
    check = Check(REFERENCE, {"region": {"S": "north"}})
    share = Share(Decimal(4), 1)
    assert plan.parents == {
        SHOP_S: ParentChange({"Order(shopId)": 1}, {"total": Decimal("1.5")}, {"rating": share}, [check])
    }


def test_a_deleted_row_takes_back_what_it_gave() -> None:
    row = order(stars=4)
    plan = planned(RowChange(ORDER, row, None))
    assert plan.claimed == {}
    assert plan.freed.keys() == {guard_id(ORDER, UNIQUE, row)}
    share = Share(Decimal(-4), -1)
    assert plan.parents == {
        SHOP_S: ParentChange({"Order(shopId)": -1}, {"total": Decimal("-1.5")}, {"rating": share})
    }


def test_what_does_not_change_is_not_written() -> None:
    assert updated(order(stars=4), note="x").is_empty
    assert planned(RowChange(PAGE, None, wire({"id": "p"}))).is_empty


def test_a_parent_of_which_as_many_rows_come_as_go_keeps_its_figures() -> None:
    gone = RowChange(ORDER, order(stars=4), None)
    plan = planned(gone, created(order(number="2", code="y", stars=4)))
    assert plan.parents == {SHOP_S: ParentChange(checks=[Check(REFERENCE, {"region": None})])}


def test_a_parent_that_changes_with_its_rows_counts_them() -> None:
    line = RowChange(LINE, None, wire({"id": "l", "customer": "c", "number": "1"}))
    assert planned(created(order()), line).parents[("Order", ("c", "1"))].counts == {"Line(customer,number)": 1}


def test_a_changed_value_changes_a_total_by_the_difference() -> None:
    assert updated(order(amount=Decimal("0.1")), amount=Decimal("0.3")).parents == {
        SHOP_S: ParentChange(sums={"total": Decimal("0.2")})
    }
    stars = updated(order(stars=4), stars=5).parents[SHOP_S]
    assert stars.shares == {"rating": Share(Decimal(1), 0)}
    assert updated(order(), stars=5).parents[SHOP_S].shares == {"rating": Share(Decimal(5), 1)}


def test_a_row_that_moves_leaves_one_parent_and_counts_for_the_other() -> None:
    plan = updated(order(stars=4), shopId="t")
    one, other = plan.parents[SHOP_S], plan.parents[SHOP_T]
    assert (one.counts, other.counts) == ({"Order(shopId)": -1}, {"Order(shopId)": 1})
    assert (one.sums["total"], other.sums["total"]) == (Decimal("-1.5"), Decimal("1.5"))
    assert (one.shares["rating"], other.shares["rating"]) == (Share(Decimal(-4), -1), Share(Decimal(4), 1))
    assert (one.checks, other.checks) == ([], [Check(REFERENCE, {"region": None})])
    assert len(plan.claimed) == len(plan.freed) == 1
    assert plan.claimed.keys() != plan.freed.keys()


def test_what_must_be_the_same_in_both_is_checked_again_when_it_changes() -> None:
    parent = updated(order(region="north"), region="south").parents[SHOP_S]
    assert parent == ParentChange(checks=[Check(REFERENCE, {"region": {"S": "south"}})])
    assert updated(order(region="north"), note="x").is_empty


def test_one_of_several_that_must_be_the_same_is_enough_to_be_checked() -> None:
    both = replace(REFERENCE, same=("region", "currency"))
    kind = replace(ORDER, references=(both,))
    before = order(region="north", currency="EUR")
    plan = planned(RowChange(kind, before, {**before, **wire({"currency": "CHF"})}))
    assert plan.parents[SHOP_S].checks == [Check(both, {"region": {"S": "north"}, "currency": {"S": "CHF"}})]


def test_a_row_with_an_empty_field_has_no_parent_and_no_guard() -> None:
    assert planned(created(order(shopId=None))).is_empty
    assert guard_id(ORDER, UNIQUE, order(code=None)) is None
    assert guard_id(ORDER, UNIQUE, None) is None
    assert planned(RowChange(NOTE, None, wire({"id": "n", "customer": "c"}))).is_empty


def test_guards_of_other_values_types_and_fields_are_others() -> None:
    other_type = replace(ORDER, name="Other")
    keys = {
        guard_id(ORDER, UNIQUE, order()),
        guard_id(other_type, UNIQUE, order()),
        guard_id(ORDER, replace(UNIQUE, fields=("shopId", "customer")), order(customer="x")),
        guard_id(ORDER, UNIQUE, order(code="y")),
        # Nothing in a value ends it.
        guard_id(ORDER, UNIQUE, order(shopId="s\x1fx", code="y")),
        guard_id(ORDER, UNIQUE, order(shopId="s", code="x\x1fy")),
    }
    assert len(keys) == 6


def test_a_guard_does_not_depend_on_the_order_in_which_an_object_has_its_parts() -> None:
    parts = {"S": "1"}, {"S": "2"}
    orders = ({"a": parts[0], "b": parts[1]}, {"b": parts[1], "a": parts[0]})
    assert len({guard_id(ORDER, UNIQUE, {**order(), "code": {"M": one}}) for one in orders}) == 1


def test_what_rows_change_of_a_parent_that_goes_with_them_is_left_out() -> None:
    line = wire({"id": "l", "customer": "c", "number": "1"})
    note = wire({"id": "n", "customer": "c", "number": "1"})
    alone = wire({"id": "n", "customer": "c"})
    plan = planned(RowChange(ORDER, order(), None), RowChange(LINE, line, None), RowChange(NOTE, note, alone))
    assert plan.parents.keys() == {SHOP_S}
    assert planned(RowChange(LINE, line, None)).parents == {
        ("Order", ("c", "1")): ParentChange({"Line(customer,number)": -1})
    }


def test_a_row_is_not_its_own_parent() -> None:
    rules = {"A": Constraints(references=(Reference(("above",), "A", OnDelete.CASCADE, {}, ()),))}
    kind = ruled_types({"A": ("id",)}, rules)["A"]
    refusal = plan_for([RowChange(kind, None, wire({"id": "a", "above": "a"}))])
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.REFERENCE_NOT_FOUND
    assert planned(RowChange(kind, None, wire({"id": "a", "above": "b"}))).parents.keys() == {("A", "b")}


def test_a_change_is_of_some_row() -> None:
    with pytest.raises(AssertionError, match="neither was nor will be"):
        _ = RowChange(ORDER, None, None).place
