"""What a transaction is made of; what a check of a parent asks for, in Python as in DynamoDB."""

from typing import Any

import pytest

from models.clock import now
from models.constraints.declared import OnDelete, Reference
from models.constraints.planning import Check, RowChange
from models.integrity.composing import Composition, Figures, RowWrite, check_condition, failed, is_met
from models.integrity.judged_writing import JudgedWriting
from models.integrity.ruled_rows import plan_of
from models.storage.store import expressions
from tests.unit.models.constraints.shop import CLAIM, LINE, wire
from tests.unit.models.integrity.shop_tables import NAMES, OF_ORDER, RULED

WHERE = {"status": "DONE", "isOpen": True, "rank": 1.50}
CHECK = Check(
    Reference(("a",), "A", OnDelete.RESTRICT, WHERE, ("owner", "team")),
    {"owner": {"S": "ann"}, "team": None},
)
FIT: dict[str, dict[str, Any]] = {
    "status": {"S": "DONE"},
    "isOpen": {"BOOL": True},
    "rank": {"N": "1.5"},
    "owner": {"S": "ann"},
}


def test_a_row_is_met_as_a_whole() -> None:
    assert is_met(CHECK, FIT)
    for name in FIT:
        assert not is_met(CHECK, {other: FIT[other] for other in FIT if other != name})
        assert not is_met(CHECK, FIT | {name: {"S": "x"}})
    assert not is_met(CHECK, FIT | {"team": {"S": "red"}})


def test_dynamodb_is_asked_the_same() -> None:
    asked = expressions(condition=check_condition(CHECK))
    assert [*asked["ExpressionAttributeValues"].values()] == [FIT[name] for name in FIT]
    assert asked["ConditionExpression"].count("=") == 4
    assert "attribute_not_exists" in asked["ConditionExpression"]
    assert check_condition(Check(Reference(("a",), "A", OnDelete.RESTRICT, {}, ()), {})) is None


ROW = wire({"id": "x", **OF_ORDER, "cost": 1})
PARTS = {
    "a new row is counted, and its parent must be there": (
        RowChange(CLAIM, None, ROW),
        ["Put Claim", "Update .Guard", "ConditionCheck Order"],
    ),
    "a row that goes is counted no more, whatever its parent is like": (
        RowChange(CLAIM, ROW, None),
        ["Delete Claim", "Update .Guard"],
    ),
    "a sum changes, although there are as many rows as before": (
        RowChange(LINE, ROW, ROW | wire({"cost": 2})),
        ["Update Line", "Update Order"],
    ),
}


@pytest.mark.parametrize(("change", "parts"), PARTS.values(), ids=PARTS)
def test_a_transaction_has_no_part_that_no_rule_needs(change: RowChange, parts: list[str]) -> None:
    writing = JudgedWriting(NAMES, now())
    composition = Composition(writing, RULED, Figures())
    composition.row(RowWrite(change, change.after or {}, None, failed))
    composition.beside(plan_of([change]))
    named = [(operation, part["TableName"]) for item in writing.items for operation, part in item.items()]
    assert [f"{operation} {table.removeprefix('shop-')}" for operation, table in named] == parts
