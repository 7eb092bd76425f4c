"""AppSync's scalars take what AppSync takes, and say what they would take instead."""

from typing import Any

import pytest

from schema.scalars import SCALARS

PARSERS: dict[str, Any] = {scalar.name: scalar.parse_value for scalar in SCALARS.values()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWSDateTime", "2026-03-01T09:30Z"),
        ("AWSDateTime", "2026-03-01T09:30:00.123456789+05:30"),
        ("AWSDate", "2024-02-29"),
        ("AWSTime", "09:30:00.000"),
        ("AWSTime", "09:30Z"),
        ("AWSTimestamp", -1),
        ("AWSEmail", "alice@example.com"),
        ("AWSJSON", '{"a": 1}'),
        ("AWSURL", "https://example.com/x"),
        ("AWSPhone", "+41 44 668 18 00"),
        ("AWSIPAddress", "::1"),
        ("AWSIPAddress", "10.0.0.0/8"),
    ],
)
def test_a_value_is_taken_as_it_is(name: str, value: Any) -> None:
    assert PARSERS[name](value) == value


@pytest.mark.parametrize("offset", ["Z", "+00:00", "-08:00", "+05:30", "+05:30:00"])
def test_a_days_offset_is_taken_and_dropped(offset: str) -> None:
    assert PARSERS["AWSDate"](f"2026-03-01{offset}") == "2026-03-01"


def test_json_with_half_a_character_is_told_so() -> None:
    with pytest.raises(ValueError, match=r"This AWSJSON has a lone surrogate at a\.b\[0\]"):
        PARSERS["AWSJSON"](r'{"a": {"b": ["\ud800"]}}')


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWSDate", "2026-03-01 Z"),
        ("AWSDate", "2026-03-01T"),
        ("AWSDate", "2026-03-01+5"),
        ("AWSDateTime", "2026-03-01T09:30"),
        ("AWSDateTime", "2026-13-01T09:30Z"),
        ("AWSDateTime", "0001-01-01T00:00:00+23:00"),
        ("AWSDateTime", 5),
        ("AWSDate", "2026-02-29"),
        ("AWSDate", "20260201"),
        ("AWSTime", "25:00"),
        ("AWSTimestamp", True),
        ("AWSTimestamp", "1"),
        ("AWSEmail", "alice"),
        ("AWSJSON", "{"),
        ("AWSURL", "example"),
        ("AWSPhone", "x"),
        ("AWSIPAddress", "1.2.3"),
    ],
)
def test_another_is_refused_with_what_is_expected(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"is not a valid {name}: it must be"):
        PARSERS[name](value)
