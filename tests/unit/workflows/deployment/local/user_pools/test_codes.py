"""Codes hold for a while, for one purpose, once, and cannot be guessed."""

from typing import Any

import pytest

from workflows.deployment.local.user_pools import codes
from workflows.deployment.local.user_pools.codes import Purpose
from workflows.deployment.local.user_pools.refusals import RefusedError

HOUR = 3600.0


def refusal(user: dict[str, Any], code: str, now: float, purpose: Purpose = Purpose.SIGN_UP) -> str:
    with pytest.raises(RefusedError) as refused:
        codes.use(user, purpose, code, now)
    return refused.value.code


def other(code: str) -> str:
    return "000000" if code != "000000" else "000001"


@pytest.mark.parametrize(("purpose", "hours"), [(Purpose.SIGN_UP, 24), (Purpose.RESET, 1)])
def test_a_code_holds_as_long_as_cognitos(purpose: Purpose, hours: int) -> None:
    user: dict[str, Any] = {}
    late = codes.issue(user, purpose, 0)
    assert refusal(user, late, hours * HOUR, purpose) == "ExpiredCodeException"
    in_time = codes.issue(user, purpose, 0)
    codes.use(user, purpose, f" {in_time} ", hours * HOUR - 1)
    assert refusal(user, in_time, hours * HOUR - 1, purpose) == "ExpiredCodeException"


def test_a_code_is_for_one_purpose_and_the_newest_counts() -> None:
    user: dict[str, Any] = {}
    assert refusal(user, "123456", 0) == "ExpiredCodeException"
    first = codes.issue(user, Purpose.SIGN_UP, 0)
    assert len(first) == 6
    assert refusal(user, first, 0, Purpose.RESET) == "ExpiredCodeException"
    second = codes.issue(user, Purpose.SIGN_UP, 0)
    while second == first:
        second = codes.issue(user, Purpose.SIGN_UP, 2 * HOUR)
    assert refusal(user, first, 0) == "CodeMismatchException"
    codes.use(user, Purpose.SIGN_UP, second, 0)


def test_five_wrong_tries_are_the_end_of_a_code() -> None:
    user: dict[str, Any] = {}
    code = codes.issue(user, Purpose.RESET, 0)
    tries = [refusal(user, wrong, 0, Purpose.RESET) for wrong in ("", "✓", *([other(code)] * 3))]
    assert set(tries) == {"CodeMismatchException"}
    assert refusal(user, code, 0, Purpose.RESET) == "LimitExceededException"
    codes.use(user, Purpose.RESET, codes.issue(user, Purpose.RESET, 0), 0)


def test_five_codes_an_hour_are_sent() -> None:
    user: dict[str, Any] = {}
    for minute in range(5):
        codes.issue(user, Purpose.RESET, minute * 60)
    with pytest.raises(RefusedError, match="Attempt limit exceeded"):
        codes.issue(user, Purpose.RESET, HOUR - 1)
    codes.issue(user, Purpose.SIGN_UP, HOUR - 1)
    codes.issue(user, Purpose.RESET, HOUR)
