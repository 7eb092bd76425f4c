"""Passwords follow the pool's policy and cannot be tried without end."""

from typing import Any

import pytest

from workflows.deployment.local.user_pools import passwords
from workflows.deployment.local.user_pools.refusals import RefusedError

POOL: dict[str, Any] = {"Id": "eu-west-1_abc"}
STRICT = {"RequireUppercase": True, "RequireLowercase": True, "RequireNumbers": True, "RequireSymbols": True}


def with_policy(**policy: Any) -> dict[str, Any]:
    return {**POOL, "Policies": {"PasswordPolicy": policy}}


@pytest.mark.parametrize(
    ("policy", "password", "lacks"),
    [
        ({}, "1234567", "not long enough"),
        ({"MinimumLength": 10}, "123456789", "not long enough"),
        ({}, "1" * 257, "too long"),
        (STRICT, "abcdef1!", "uppercase"),
        (STRICT, "ABCDEF1!", "lowercase"),
        (STRICT, "Abcdefg!", "numeric"),
        (STRICT, "Abcdefg1", "symbol"),
    ],
)
def test_a_weak_password_is_refused(policy: dict[str, Any], password: str, lacks: str) -> None:
    with pytest.raises(RefusedError, match=lacks) as refused:
        passwords.check_policy(with_policy(**policy), password)
    assert refused.value.code == "InvalidPasswordException"


@pytest.mark.parametrize(("policy", "password"), [({}, "12345678"), (STRICT, "Abcdef1!"), ({}, "1" * 256)])
def test_a_strong_one_is_taken(policy: dict[str, Any], password: str) -> None:
    passwords.check_policy(with_policy(**policy), password)


def tried(user: dict[str, Any], password: str, now: float) -> str:
    try:
        passwords.check(POOL, user, password, now)
    except RefusedError as refused:
        return refused.message
    return "right"


def test_wrong_passwords_lock_the_account_for_longer_and_longer() -> None:
    user: dict[str, Any] = {"Username": "u", "_password": "clear"}
    passwords.store(POOL, user, "right one")
    assert "_password" not in user
    wrong, locked = "Incorrect username or password.", "Password attempts exceeded"
    assert [tried(user, "wrong one", 0) for _ in range(6)] == [wrong] * 6
    assert [tried(user, "right one", 1.9), tried(user, "wrong one", 2)] == [locked, wrong]
    assert [tried(user, "right one", 5.9), tried(user, "right one", 6)] == [locked, "right"]
    assert [tried(user, "wrong one", 6) for _ in range(5)] + [tried(user, "right one", 6)] == [wrong] * 5 + [
        "right"
    ]


def test_no_lock_lasts_longer_than_a_quarter_of_an_hour() -> None:
    user: dict[str, Any] = {"Username": "u"}
    for _ in range(2000):
        with pytest.raises(RefusedError):
            passwords.count(user, 0, right=False)
    assert tried(user, "any", 899) == "Password attempts exceeded"
    assert tried(user, "any", 900) == "Incorrect username or password."
