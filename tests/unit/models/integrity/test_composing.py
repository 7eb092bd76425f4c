"""What a check of a parent asks for, in Python as in DynamoDB."""

from typing import Any

from models.constraints.declared import OnDelete, Reference
from models.constraints.planning import Check
from models.integrity.composing import check_condition, is_met
from models.storage.store import expressions

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
