"""A payload is looked at before it is worked with."""

from typing import Any

import pytest

from resolvers.transport.payloads import VALUES, payload_problem
from tests.unit.processor_time import least_seconds


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ({"query": "{ a }"}, None),
        ({"query": "{ a }", "variables": None, "operationName": None}, None),
        ({"query": "{ a }", "variables": {"a": [{"b": 1}]}, "operationName": "A"}, None),
        ({"query": "{ a }", "variables": {"a": ["x"] * (VALUES - 1)}}, None),
        ({}, "query"),
        ({"query": None}, "query"),
        ({"query": 5}, "query"),
        ({"query": "{ a }", "variables": []}, "variables"),
        ({"query": "{ a }", "operationName": {}}, "operationName"),
        ({"query": "{ a }", "variables": {"a": ["x"] * VALUES}}, str(VALUES)),
        ({"query": "{ a }", "variables": {"a": [{"b": [1]}] * VALUES}}, str(VALUES)),
        ({"query": "{ a }", "variables": {"a": [{"eq": "x"}] * 250_000}}, str(VALUES)),
        ({"query": "{ a }", "variables": {"input": {"id": "\ud800"}}}, "a lone surrogate at variables.input.id"),
        ({"query": "{ a }", "variables": {"a": ["x"] * (VALUES - 2) + ["\ud800"]}}, f"variables.a[{VALUES - 2}]"),
        ({"query": "{ a }", "operationName": "\udfff"}, "a lone surrogate at operationName"),
        ({"query": '{ a(id: "\ud800") }'}, "a lone surrogate at id"),
    ],
)
def test_a_fault_is_named_at_once(payload: dict[str, Any], fault: str | None) -> None:
    assert least_seconds(lambda: payload_problem(payload)) < 0.25
    found = payload_problem(payload)
    assert found is None if fault is None else fault in str(found)
