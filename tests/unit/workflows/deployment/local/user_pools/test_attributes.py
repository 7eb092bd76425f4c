"""Clients set their own attributes only, and nobody is found by another's name."""

from typing import Any

import pytest

from workflows.deployment.local.user_pools import attributes
from workflows.deployment.local.user_pools.refusals import RefusedError

SUB = "0b6f2a1e-5d7c-4e0a-9a53-3f1f0c1d2e3f"


def user(sub: str, **described: str) -> dict[str, Any]:
    return {"Username": sub, "Attributes": attributes.listed({"sub": sub, **described})}


DORA = user(SUB, email="Dora@Example.org", preferred_username="Dora", nickname="dodo")
EMIL = user("emil", phone_number="+15551234567", preferred_username="emil")
POOL: dict[str, Any] = {
    "UsernameAttributes": ["email", "phone_number"],
    "AliasAttributes": ["preferred_username"],
    "_users": {one["Username"]: one for one in (DORA, EMIL)},
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("dora@example.org", DORA),
        (" DORA@EXAMPLE.ORG ", DORA),
        ("dora", DORA),
        (SUB, DORA),
        (SUB.upper(), DORA),
        ("+15551234567", EMIL),
        ("dodo", None),
        ("", None),
        (None, None),
        (7, None),
        ("dora@example", None),
    ],
)
def test_a_name_stands_for_one_user(name: object, found: dict[str, Any] | None) -> None:
    assert attributes.find(POOL, name) is found


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("sub", SUB, "NotAuthorizedException"),
        ("email_verified", "true", "NotAuthorizedException"),
        ("phone_number_verified", "true", "NotAuthorizedException"),
        ("cognito:groups", "admin", "InvalidParameterException"),
        ("custom:tier", "gold", "InvalidParameterException"),
        ("email", "nonsense", "InvalidParameterException"),
        ("email", "a\n@example.org", "InvalidParameterException"),
        ("email", "[bold]@example.org", "InvalidParameterException"),
        ("email", "a" * 128 + "@example.org", "InvalidParameterException"),
        ("phone_number", "5551234", "InvalidParameterException"),
        ("nickname", "a" * 2049, "InvalidParameterException"),
        ("preferred_username", "", "InvalidParameterException"),
        ("preferred_username", "two words", "InvalidParameterException"),
        ("preferred_username", "emil@example.org", "InvalidParameterException"),
        ("preferred_username", "+15551234567", "InvalidParameterException"),
        ("preferred_username", SUB.upper(), "InvalidParameterException"),
        ("preferred_username", "a\u200bb", "InvalidParameterException"),
    ],
)
def test_what_a_client_may_not_set(name: str, value: str, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        attributes.given([{"Name": name, "Value": value}])
    assert refused.value.code == code


def test_what_a_client_may_set() -> None:
    wanted = {"email": "dora@example.org", "preferred_username": "dora", "given_name": "Dora", "website": ""}
    assert attributes.given(attributes.listed(wanted)) == wanted
    assert attributes.given(None) == {}


@pytest.mark.parametrize(
    ("wanted", "is_free"),
    [
        ({"preferred_username": "DORA"}, False),
        ({"preferred_username": "fred"}, True),
        ({"email": "dora@example.org"}, False),
        ({"nickname": "dodo"}, True),
    ],
)
def test_one_name_is_one_users(wanted: dict[str, str], *, is_free: bool) -> None:
    attributes.check_free(POOL, wanted, but=DORA, code="AliasExistsException")
    if is_free:
        attributes.check_free(POOL, wanted, but=EMIL, code="AliasExistsException")
        return
    with pytest.raises(RefusedError, match="already exists"):
        attributes.check_free(POOL, wanted, but=EMIL, code="AliasExistsException")


def test_a_user_name_is_an_address() -> None:
    assert attributes.kind_of_address("dora@example.org") == "email"
    assert attributes.kind_of_address("+15551234567") == "phone_number"
    for name in ("dora", "a" * 128 + "@example.org", SUB):
        with pytest.raises(RefusedError, match="either an email or a phone number"):
            attributes.kind_of_address(name)


def test_addresses_are_shown_in_part() -> None:
    assert attributes.masked("email", "dora@example.org") == "d***@e***"
    assert attributes.masked("phone_number", "+15551234567") == "+*******4567"
