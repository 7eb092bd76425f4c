"""A payload is checked before it is used, quickly even if it is huge."""

import time
from typing import Any

import pytest

from resolvers.transport.payloads import VALUES, payload_problem


@pytest.mark.parametrize(
    ("payload", "problem"),
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
    ],
)
def test_a_problem_is_found_quickly(payload: dict[str, Any], problem: str | None) -> None:
    began = time.perf_counter()
    found = payload_problem(payload)
    assert time.perf_counter() - began < 0.25
    assert found is None if problem is None else problem in str(found)
