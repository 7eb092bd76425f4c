"""The checks that our own operations share, with the messages that clients see."""

import pytest

from models.errors import Code, Refusal
from resolvers.operations.fields import accepted, check_goes_with, optional_text, required_reason
from schema.errors import InvalidInputError, RefusedError


def test_an_outcome_is_returned_and_a_refusal_raised() -> None:
    assert accepted("done") == "done"
    with pytest.raises(RefusedError, match="not now") as raised:
        accepted(Refusal(Code.INVALID_REQUEST_STATUS, "not now", {"status": "PAID"}))
    assert (raised.value.error_type, raised.value.info) == ("INVALID_REQUEST_STATUS", {"status": "PAID"})


@pytest.mark.parametrize(("text", "expected"), [(None, None), ("", None), ("abc", "abc")])
def test_a_text_that_fits_is_returned(text: str | None, expected: str | None) -> None:
    assert optional_text("message", text, 3) == expected


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidInputError) as raised:
        optional_text("message", "abcd", 3)
    assert str(raised.value) == "message: 4 characters are too many; at most 3 fit."
    assert raised.value.info == {"field": "message"}


@pytest.mark.parametrize("text", ["", "  ", "abcd"])
def test_a_reason_is_neither_blank_nor_too_long(text: str) -> None:
    assert required_reason("resolution", "abc", 3) == "abc"
    with pytest.raises(InvalidInputError) as raised:
        required_reason("resolution", text, 3)
    expected = f"resolution: say in 1 to 3 characters why it is so, not in {len(text)}."
    assert str(raised.value) == expected
    assert raised.value.info == {"field": "resolution"}


@pytest.mark.parametrize(("value", "problem"), [(None, "is required"), (0.0, "does not go")])
def test_an_argument_goes_with_the_choices_that_require_it(value: float | None, problem: str) -> None:
    is_required = value is None
    check_goes_with("hours", value, "Refund", is_required=not is_required)
    with pytest.raises(InvalidInputError) as raised:
        check_goes_with("hours", value, "Refund", is_required=is_required)
    assert str(raised.value) == f"hours: {problem} with Refund"
    assert raised.value.info == {"field": "hours"}
