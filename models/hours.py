"""Hours, the currency: a Decimal with two places, never a float.

Floats exist only at the GraphQL edge (`to_float`, `from_float`). DynamoDB stores hours as decimal text, and the
hash chain covers them as integer hundredths.
"""

import math
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from models.limits import fixed_limit

Hours = Decimal

HUNDREDTH = Decimal("0.01")
ZERO = Decimal("0.00")
SMALLEST_AMOUNT = HUNDREDTH
LARGEST_AMOUNT = fixed_limit(Decimal(10_000), "hours of one movement", topic="accounts", code="INVALID_AMOUNT")
# The price of an hour of a service that names none, as rows do which Amplify has written.
USUAL_RATE = Decimal("1.00")
# Far above any balance that LARGEST_AMOUNT can build up; a float below it still represents two places exactly.
LARGEST_FIGURE = Decimal(1_000_000_000)


class InvalidHoursError(ValueError):
    """The value is not a number of hours: not finite, not a multiple of 0.01, or beyond ±10^9."""


def exact(value: Decimal | int | str) -> Hours:
    """Return `value` as hours with two places.

    Raises:
        InvalidHoursError: it is not a finite number, not a multiple of 0.01, or beyond ±10^9.
    """
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise InvalidHoursError(f"{value} is not a number of hours") from error
    if not number.is_finite() or abs(number) > LARGEST_FIGURE:
        raise InvalidHoursError(f"{value} is not a number of hours")
    rounded = number.quantize(HUNDREDTH)
    if rounded != number:
        raise InvalidHoursError(f"{value} is not a multiple of 0.01 hours")
    return rounded


def from_float(value: float) -> Hours:
    """Return the hours that a GraphQL Float represents, by its shortest decimal text.

    Raises:
        InvalidHoursError: as `exact` does.
    """
    if not math.isfinite(value):
        raise InvalidHoursError(f"{value} is not a number of hours")
    return exact(repr(value))


def to_float(value: Hours) -> float:
    """Return hours as a GraphQL Float."""
    return float(value)


def hundredths(value: Hours) -> int:
    """Return hours as integer hundredths, the form that the hash chain covers."""
    return int(value.scaleb(2))


def priced(hours: Hours, rate: Hours) -> Hours:
    """Return `hours × rate`, rounded half-even to 0.01."""
    return (hours * rate).quantize(HUNDREDTH, rounding=ROUND_HALF_EVEN)


def is_amount(value: Hours) -> bool:
    """Return whether a movement may be of `value` hours: 0.01 to 10,000."""
    return SMALLEST_AMOUNT <= value <= LARGEST_AMOUNT
