"""Hours are exact, or they are refused."""

from decimal import Decimal

import pytest

from models import hours
from models.hours import InvalidHoursError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2", "2.00"),
        (2, "2.00"),
        ("0.01", "0.01"),
        ("-3.5", "-3.50"),
        (Decimal("1E+1"), "10.00"),
        ("1e9", "1000000000.00"),
    ],
)
def test_hours_have_two_places(value: Decimal | int | str, expected: str) -> None:
    assert str(hours.exact(value)) == expected


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "0.001",
        "1e-7",
        "1e10",
        "-1e10",
        "1000000000.01",
        "0.30000000000000004",
        "two",
    ],
)
def test_what_is_no_number_of_hours_is_refused(value: str) -> None:
    with pytest.raises(InvalidHoursError, match="hours"):
        hours.exact(value)


@pytest.mark.parametrize(
    ("value", "expected"), [(2.0, "2.00"), (0.1, "0.10"), (1.15, "1.15"), (0.07, "0.07"), (1e9, "1000000000.00")]
)
def test_a_float_is_taken_by_its_shortest_text(value: float, expected: str) -> None:
    assert str(hours.from_float(value)) == expected
    assert hours.to_float(hours.from_float(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 0.001, 1e-7, 1e10, 0.1 + 0.2])
def test_a_float_that_is_no_number_of_hours_is_refused(value: float) -> None:
    with pytest.raises(InvalidHoursError, match="hours"):
        hours.from_float(value)


@pytest.mark.parametrize(
    ("asked", "rate", "price"),
    [
        ("2.00", "1.00", "2.00"),
        ("0.01", "0.50", "0.00"),  # 0.005, to the even 0.00
        ("0.03", "0.50", "0.02"),  # 0.015, to the even 0.02
        ("0.05", "0.50", "0.02"),  # 0.025, to the even 0.02
        ("1.50", "1.33", "2.00"),  # 1.995, to the even 2.00
        ("10000.00", "1000000000.00", "10000000000000.00"),
    ],
)
def test_a_price_is_rounded_half_even(asked: str, rate: str, price: str) -> None:
    assert str(hours.priced(Decimal(asked), Decimal(rate))) == price


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.01", True),
        ("10000.00", True),
        ("0.00", False),
        ("-1.00", False),
        ("10000.01", False),
        ("1000000000.00", False),
    ],
)
def test_an_amount_is_a_hundredth_to_ten_thousand(value: str, expected: bool) -> None:  # noqa: FBT001 — a table's column
    assert hours.is_amount(Decimal(value)) is expected


def test_hundredths_are_the_same_however_dynamodb_writes_the_number() -> None:
    assert hours.hundredths(Decimal("2.00")) == hours.hundredths(Decimal(2)) == 200
    assert hours.hundredths(Decimal("-0.07")) == -7
