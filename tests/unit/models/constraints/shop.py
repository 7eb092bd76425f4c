"""A small app with every rule: shops, their orders, the lines and parts of those, notes and claims about them."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from models.constraints.declared import (
    Aggregate,
    CompositeField,
    Constraints,
    OnDelete,
    Reference,
    Transitions,
    Unique,
)
from models.constraints.planning import RowChange
from models.constraints.ruled import Row, ruled_types

KEYS = {
    "Shop": ("id",),
    "Order": ("customer", "number"),
    "Line": ("id",),
    "Note": ("id",),
    "Page": ("id",),
    "Part": ("id",),
    "Claim": ("id",),
}
ORDER_KEY = ("customer", "number")
CONSTRAINTS: dict[str, Constraints] = {
    "Order": Constraints(
        unique=(Unique(("shopId", "code")),),
        references=(Reference(("shopId",), "Shop", OnDelete.RESTRICT, {"isOpen": True}, ("region",)),),
        transitions=(Transitions("status", ("NEW",), {"NEW": ("PAID", "GONE"), "PAID": ("SENT",)}),),
        composites=(CompositeField("place", ("shopId", "customer")),),
        aggregates=(
            Aggregate("amount", "Shop", "total", ("shopId",), is_average=False),
            Aggregate("stars", "Shop", "rating", ("shopId",), is_average=True),
        ),
    ),
    "Line": Constraints(
        references=(Reference(ORDER_KEY, "Order", OnDelete.CASCADE, {}, ()),),
        composites=(CompositeField("orderKey", ORDER_KEY),),
        aggregates=(Aggregate("cost", "Order", "cost", ORDER_KEY, is_average=False),),
    ),
    "Claim": Constraints(references=(Reference(ORDER_KEY, "Order", OnDelete.RESTRICT, {}, ()),)),
    "Part": Constraints(references=(Reference(("lineId",), "Line", OnDelete.CASCADE, {}, ()),)),
    "Note": Constraints(references=(Reference(ORDER_KEY, "Order", OnDelete.SET_NULL, {}, ()),)),
}
TYPES = ruled_types(KEYS, CONSTRAINTS)
SHOP, ORDER, LINE, NOTE, PAGE, PART, CLAIM = TYPES.values()


def wire(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as rows store them, without nulls."""
    return {name: _wire(value) for name, value in values.items() if value is not None}


def _wire(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


ORDERED: dict[str, Any] = {
    "customer": "c",
    "number": "1",
    "shopId": "s",
    "code": "x",
    "amount": Decimal("1.5"),
    "status": "NEW",
}


def order(**more: Any) -> Row:
    """Return a new order's row."""
    return wire({**ORDERED, **more})


def created(row: Row) -> RowChange:
    """Return the creation of an order."""
    return RowChange(ORDER, None, row)


def with_rules(name: str, **changes: Any) -> dict[str, Constraints]:
    """Return the rules with others for one type."""
    return CONSTRAINTS | {name: replace(CONSTRAINTS.get(name, Constraints()), **changes)}
