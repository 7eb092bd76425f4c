"""A filter that we evaluate matches the same rows as if DynamoDB evaluated it."""

from functools import partial
from typing import Any

import pytest

from models.ledger.balances import EscrowStatus
from resolvers.mirror.filtering.conditions import condition_of, mentions
from resolvers.mirror.filtering.filters import DEPTH, OPERATORS, compile_filter
from schema.errors import InvalidInputError
from tests.unit.processor_time import least_seconds

ROW: dict[str, dict[str, Any]] = {
    "id": {"S": "r1"},
    "status": {"S": "ESCROWED"},
    "estimatedHours": {"N": "2.1"},
    "isActive": {"BOOL": True},
    "tags": {"L": [{"S": "garden"}, {"S": "outdoors"}]},
    "flags": {"L": [{"BOOL": True}, {"N": "0"}]},
    "gone": {"NULL": True},
    "face": {"S": "😀"},
}


def passes(**filter_: Any) -> bool:
    return compile_filter(filter_)(ROW)


@pytest.mark.parametrize(
    ("field", "operators", "expected"),
    [
        ("id", {"eq": "r1"}, True),
        ("id", {"eq": "r2"}, False),
        ("id", {"ne": "r2"}, True),
        ("id", {"ne": "r1"}, False),
        ("id", {"beginsWith": "r"}, True),
        ("id", {"beginsWith": "1"}, False),
        ("id", {"in": ["r0", "r1"]}, True),
        ("id", {"in": []}, False),
        ("id", {"notIn": ["r0"]}, True),
        ("id", {"notIn": ["r1"]}, False),
        ("status", {"contains": "CROW"}, True),
        ("status", {"notContains": "CROW"}, False),
        ("status", {"between": ["E", "F"]}, True),
        ("status", {"gt": "F"}, False),
        ("estimatedHours", {"eq": 2.1}, True),
        ("estimatedHours", {"between": [2, 2.1]}, True),
        ("estimatedHours", {"gt": 2.1}, False),
        ("estimatedHours", {"ge": 2.1, "le": 2.1}, True),
        ("estimatedHours", {"lt": 10}, True),
        ("estimatedHours", {"in": [1, 2.1]}, True),
        ("isActive", {"in": [1]}, False),
        ("isActive", {"notIn": [1]}, True),
        ("isActive", {"in": [True]}, True),
        ("flags", {"contains": True}, True),
        ("flags", {"contains": 1}, False),
        ("isActive", {"eq": True}, True),
        ("isActive", {"eq": False}, False),
        ("isActive", {"ne": False}, True),
        ("tags", {"contains": "garden"}, True),
        ("tags", {"contains": "gard"}, False),
        ("id", {"attributeExists": True}, True),
        ("id", {"attributeExists": False}, False),
        ("id", {"attributeType": "string"}, True),
        ("tags", {"attributeType": "string"}, False),
        ("id", {"size": {"between": [1, 2], "ne": 3}}, True),
        ("id", {"size": {"gt": 2}}, False),
        ("status", {"eq": EscrowStatus.ESCROWED}, True),
        ("status", {"ne": EscrowStatus.ESCROWED}, False),
        ("face", {"size": {"eq": 2}}, True),  # as DynamoDB counts, in UTF-16
    ],
)
def test_an_operator(field: str, operators: dict[str, Any], *, expected: bool) -> None:
    assert passes(**{field: operators}) is expected


@pytest.mark.parametrize("field", ["absent", "gone"])
@pytest.mark.parametrize("operator", ["eq", "le", "lt", "ge", "gt", "contains", "beginsWith"])
def test_an_absent_field_meets_no_comparison(field: str, operator: str) -> None:
    assert not passes(**{field: {operator: "a"}})


@pytest.mark.parametrize("field", ["absent", "gone"])
def test_an_absent_field_meets_negated_operators(field: str) -> None:
    assert passes(**{field: {"ne": "a", "notContains": "a", "notIn": ["a"], "size": {"ne": 1}}})


def test_a_stored_null_exists_and_equals_nothing() -> None:
    assert passes(gone={"attributeExists": True, "attributeType": "_null", "ne": None})
    assert not passes(gone={"eq": None})
    assert not passes(absent={"attributeExists": True})
    assert not passes(gone={"in": [None]})


def test_null_asks_whether_there_is_a_value() -> None:
    assert passes(absent={"eq": None}, id={"ne": None})
    assert not passes(id={"eq": None})
    assert not passes(absent={"ne": None})


@pytest.mark.parametrize(
    "filter_",
    [
        None,
        {},
        {"and": []},
        {"or": []},
        {"or": [{}]},
        {"and": [None]},
        {"id": None},
        {"id": {}},
        {"id": {"gt": None}},
        {"id": {"size": None}},
        {"not": {"id": {"size": {"gt": None, "between": None}}}},
    ],
)
def test_empty_members_are_ignored(filter_: dict[str, Any] | None) -> None:
    assert compile_filter(filter_)(ROW)


def test_all_members_must_hold_and_one_of_the_alternatives() -> None:
    right, wrong = {"id": {"eq": "r1"}}, {"id": {"eq": "r2"}}
    assert passes(**{"or": [wrong, right], "and": [right, right]})
    assert not passes(**{"or": [wrong, wrong]})
    assert not passes(**{"and": [right, wrong]})
    assert not passes(**right, **{"or": [wrong]})
    assert passes(**{"or": [wrong, {"and": [right, {"or": [wrong, right]}]}]})


def test_not_negates_the_whole_member() -> None:
    assert passes(**{"not": {"id": {"eq": "r1"}, "status": {"eq": "PAID"}}})
    assert not passes(**{"not": {"id": {"eq": "r1"}, "status": {"eq": "ESCROWED"}}})
    assert passes(**{"not": {}})


@pytest.mark.parametrize("bounds", [["a"], [None, None], ["b", "a"], [None, "a"]])
def test_a_range_has_two_ends(bounds: list[str | None]) -> None:
    with pytest.raises(InvalidInputError, match="two values"):
        passes(id={"between": bounds})
    with pytest.raises(InvalidInputError, match="two values"):
        passes(id={"size": {"between": [None, None]}})


def test_a_filter_has_limits() -> None:
    many = {"and": [{"id": {"eq": "r1"}}] * OPERATORS}
    assert compile_filter(many)(ROW)
    with pytest.raises(InvalidInputError, match=str(OPERATORS)):
        compile_filter({**many, "id": {"ne": "x"}})
    deep: dict[str, Any] = {"id": {"eq": "r1"}}
    for _ in range(DEPTH):
        deep = {"or": [deep]}
    with pytest.raises(InvalidInputError, match=str(DEPTH)):
        compile_filter(deep)


@pytest.mark.parametrize(
    "filter_",
    [
        {"or": [{"id": {"eq": "r1"}}] * 250_000},
        {"or": [{"or": [{}] * 100_000}] * 100_000},
        {"and": [None] * 250_000},
        {"id": {"in": ["r1"] * 250_000}},
        {"id": {"size": {"eq": 1, "ne": 2}}, "and": [{"id": {"eq": "r1"}}] * (OPERATORS - 1)},
    ],
)
def test_what_is_too_large_is_refused_before_anything_is_built_of_it(filter_: dict[str, Any]) -> None:
    def refuse() -> None:
        for use in (compile_filter, condition_of, partial(mentions, names=frozenset({"createdAt"}))):
            with pytest.raises(InvalidInputError, match="at most"):
                use(filter_)

    assert least_seconds(refuse) < 0.5
