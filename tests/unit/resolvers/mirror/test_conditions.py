"""Filters become DynamoDB conditions, or a clear error before DynamoDB refuses them."""

from typing import Any

import pytest

from models.storage.store import expressions
from resolvers.mirror.filtering.conditions import condition_of, mentions
from resolvers.mirror.filtering.filters import DEPTH, OPERATORS
from schema.enums import ModelAttributeTypes
from schema.errors import InvalidInputError
from tests.unit.mirror import ADMIN, EVE, MemoryStore, execute, schema_over


def written(**filter_: Any) -> tuple[str, list[Any]]:
    """Return a filter's condition as text, with names instead of their placeholders, and its values."""
    params = expressions(filter=condition_of(filter_))
    text = params["FilterExpression"]
    for placeholder, name in params["ExpressionAttributeNames"].items():
        text = text.replace(placeholder, name)
    return text, list(params.get("ExpressionAttributeValues", {}).values())


@pytest.mark.parametrize(
    ("filter_", "text", "values"),
    [
        ({"a": {"eq": "x"}}, "a = :0", [{"S": "x"}]),
        ({"a": {"ne": 2.5}}, "a <> :0", [{"N": "2.5"}]),
        ({"a": {"le": 1}}, "a <= :0", [{"N": "1"}]),
        ({"a": {"gt": 1e20}}, "a > :0", [{"N": "1E+20"}]),
        ({"a": {"eq": False}}, "a = :0", [{"BOOL": False}]),
        ({"a": {"eq": None}}, "attribute_not_exists (a)", []),
        ({"a": {"ne": None}}, "attribute_exists (a)", []),
        ({"a": {"between": [1, 2]}}, "a BETWEEN :0 AND :1", [{"N": "1"}, {"N": "2"}]),
        ({"a": {"beginsWith": "x"}}, "begins_with (a, :0)", [{"S": "x"}]),
        ({"a": {"contains": "x"}}, "contains (a, :0)", [{"S": "x"}]),
        ({"a": {"notContains": "x"}}, "(NOT contains (a, :0))", [{"S": "x"}]),
        ({"a": {"size": {"ge": 2}}}, "size (a) >= :0", [{"N": "2"}]),
        ({"a": {"attributeExists": False}}, "attribute_not_exists (a)", []),
        ({"a": {"attributeType": ModelAttributeTypes.string}}, "attribute_type (a, :0)", [{"S": "S"}]),
        ({"a": {"eq": 1}, "b": {"eq": 2}}, "(a = :0 AND b = :1)", [{"N": "1"}, {"N": "2"}]),
        ({"or": [{"a": {"eq": 1}}, {}, {"b": {"eq": 2}}]}, "(a = :0 OR b = :1)", [{"N": "1"}, {"N": "2"}]),
        ({"not": {"a": {"eq": 1}}}, "(NOT a = :0)", [{"N": "1"}]),
        ({"and": [], "a": {"eq": 1, "gt": None}, "or": None}, "a = :0", [{"N": "1"}]),
    ],
)
def test_a_filter_is_written(filter_: dict[str, Any], text: str, values: list[Any]) -> None:
    assert written(**filter_) == (text, values)


@pytest.mark.parametrize("filter_", [None, {}, {"and": []}, {"a": {}}, {"not": {"or": [{}]}}, {"a": {"gt": None}}])
def test_a_filter_without_operators_is_no_condition(filter_: dict[str, Any] | None) -> None:
    assert condition_of(filter_) is None


@pytest.mark.parametrize(
    "filter_",
    [
        {"a": {"between": [2, 1]}},
        {"a": {"between": [1]}},
        {"a": {"between": [None, 1]}},
        {"a": {"eq": 1e200}},
        {"a": {"eq": -1e-200}},
        {"or": [{"a": {"eq": n}} for n in range(OPERATORS)]},
        {"or": [{f"attribute-of-some-length-{n}": {"eq": n}} for n in range(OPERATORS + 1)]},
    ],
)
def test_what_dynamodb_would_refuse_is_refused(filter_: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        condition_of(filter_)
    assert caught.value.info == {"field": "filter"}


def test_the_depth_of_a_filter_is_bounded() -> None:
    filter_: dict[str, Any] = {"a": {"eq": 1}}
    for _ in range(DEPTH - 1):
        filter_ = {"not": filter_}
    assert condition_of(filter_) is not None
    with pytest.raises(InvalidInputError):
        condition_of({"not": filter_})


def test_many_operators_do_not_recurse_deep() -> None:
    assert condition_of({"or": [{"a": {"eq": n}} for n in range(OPERATORS // 2)]}) is not None


def test_a_field_is_found_however_deep() -> None:
    names = frozenset({"createdAt"})
    assert mentions({"or": [{"not": {"createdAt": {"gt": "x"}}}]}, names)
    assert not mentions({"or": [{"not": {"id": {"gt": "x"}}}], "createdAt": None}, names)


async def test_operators_of_the_access_rules_count_too() -> None:
    store = MemoryStore()
    query = """query ($filter: ModelServiceRequestFilterInput) {
        serviceRequestsByStatus(status: INITIATED, filter: $filter) { items { id } } }"""
    filter_ = {"or": [{"message": {"eq": "x"}}] * (OPERATORS // 2)}
    for caller, refused in ((ADMIN, []), (EVE, ["BadRequest"])):
        _, errors = await execute(schema_over(store), store, caller, query, filter=filter_)
        assert [error["errorType"] for error in errors] == refused
