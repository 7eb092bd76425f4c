"""Refusals name the fields and the way out."""

from models.constraints.declared import OnDelete, Reference, Unique
from models.constraints.refusals import (
    departing_refusal,
    duplicate_refusal,
    reference_refusal,
    referenced_refusal,
    size_refusal,
    sum_refusal,
)
from models.errors import Code, Refusal
from tests.unit.models.constraints.shop import CONSTRAINTS, ORDER, SHOP


def test_a_duplicate_names_its_fields() -> None:
    assert duplicate_refusal(ORDER, Unique(("shopId", "code"))) == Refusal(
        Code.DUPLICATE_VALUE,
        "shopId, code: another Order has these values already; give another.",
        {"fields": ["shopId", "code"]},
    )
    assert duplicate_refusal(ORDER, Unique(("code",))).message.startswith("code: another Order has this value ")


def test_a_missing_parent_and_an_unfit_one_are_refused_alike() -> None:
    assert reference_refusal(CONSTRAINTS["Order"].references[0]) == Refusal(
        Code.REFERENCE_NOT_FOUND,
        "shopId: there is no Shop with this key whose isOpen is True and whose region is the same as here; "
        "create it first, or name another.",
        {"fields": ["shopId"]},
    )
    bare = reference_refusal(Reference(("a", "b"), "Order", OnDelete.RESTRICT, {}, ()))
    assert bare.message == "a, b: there is no Order with this key; create it first, or name another."


def test_what_keeps_a_row_is_named() -> None:
    assert referenced_refusal(SHOP, SHOP.incoming) == Refusal(
        Code.STILL_REFERENCED,
        "This Shop is referred to by Order(shopId); delete those rows first, or change them.",
        {"by": ["Order(shopId)"]},
    )


def test_a_key_whose_rows_are_still_going_is_named() -> None:
    refusal = departing_refusal(ORDER)
    assert (refusal.code, refusal.facts) == (Code.CONTENTION, {"fields": ["customer", "number"]})
    assert refusal.message.startswith("customer, number: the Order with this key was deleted")


def test_a_sum_that_is_too_large_is_named() -> None:
    assert sum_refusal("Shop", ["total", "more"]) == Refusal(
        Code.BAD_REQUEST,
        "Shop.total or Shop.more would be more than an Int can hold.",
        {"sums": ["Shop.total", "Shop.more"]},
    )


def test_too_many_rows_are_refused_with_the_number() -> None:
    assert size_refusal(100) == Refusal(
        Code.BAD_REQUEST,
        "The rules would change more than 100 rows at once; change fewer fields in one mutation.",
    )
