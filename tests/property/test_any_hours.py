"""Hours parsed from any input."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from models import hours
from models.hours import InvalidHoursError

hundredths = st.integers(min_value=-(10**11), max_value=10**11)
amounts = st.integers(min_value=0, max_value=10**6).map(lambda number: Decimal(number).scaleb(-2))


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_float_is_exact_or_refused(value: float) -> None:
    try:
        taken = hours.from_float(value)
    except InvalidHoursError:
        return
    assert hours.to_float(taken) == value
    assert taken.as_tuple().exponent == -2


@given(hundredths)
def test_every_hundredth_survives_the_edge_and_the_chain(number: int) -> None:
    value = hours.exact(Decimal(number).scaleb(-2))
    assert hours.from_float(hours.to_float(value)) == value
    assert hours.hundredths(value) == number


@given(amounts, amounts)
def test_a_price_is_within_half_a_hundredth(asked: Decimal, rate: Decimal) -> None:
    price = hours.priced(asked, rate)
    assert abs(price - asked * rate) <= Decimal("0.005")
    assert hours.exact(price) == price
