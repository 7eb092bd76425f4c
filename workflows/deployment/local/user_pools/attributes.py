"""Users' attributes: which a client may set, their form, and who is found by them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from workflows.deployment.local.user_pools.refusals import RefusedError, invalid, not_authorized

User = dict[str, Any]

# OpenID Connect's, without those that the pool itself sets: `sub`, `email_verified`, `phone_number_verified`.
_WRITABLE = frozenset({
    "address", "birthdate", "email", "family_name", "gender", "given_name", "locale", "middle_name", "name",
    "nickname", "phone_number", "picture", "preferred_username", "profile", "updated_at", "website", "zoneinfo",
})  # fmt: skip
_KEPT = frozenset({"sub", "email_verified", "phone_number_verified", "identities"})
_LONGEST_VALUE = 2048
_LONGEST_NAME = 128
_ADDRESS_FORMS = {
    "email": (
        re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+\.[^\s@<>()\[\]\\,;:\"]+"),
        "email address",
    ),
    "phone_number": (re.compile(r"\+[0-9]{4,15}"), "phone number"),
}
ADDRESSES = tuple(_ADDRESS_FORMS)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def of(user: Mapping[str, Any]) -> dict[str, str]:
    """Return a stored user's attributes by their names."""
    return {one["Name"]: one["Value"] for one in user.get("Attributes", ()) if "Name" in one}


def listed(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """Return attributes as Cognito lists them."""
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def given(request: Iterable[Any] | None) -> dict[str, str]:
    """Return the attributes that a client sets.

    Raises:
        RefusedError: a client may not set one of them, or its form is wrong.
    """
    wanted = {str(one.get("Name")): str(one.get("Value", "")) for one in request or () if isinstance(one, Mapping)}
    for name, value in wanted.items():
        if name in _KEPT:
            raise not_authorized("A client attempted to write unauthorized attribute")
        if name not in _WRITABLE:
            raise invalid(
                f"Attributes did not conform to the schema: Type for attribute {{{name}}} could not be determined"
            )
        if len(value) > (_LONGEST_NAME if name in {"email", "preferred_username"} else _LONGEST_VALUE):
            raise invalid(f"Attributes did not conform to the schema: {name}: String must be no longer")
        if value and name in _ADDRESS_FORMS:
            _check_form(name, value)
    _check_user_name(wanted.get("preferred_username"))
    return wanted


def kind_of_address(username: str) -> str:
    """Return the attribute that a user name stands for: `email` or `phone_number`.

    Raises:
        RefusedError: it is neither.
    """
    for name, (form, _called) in _ADDRESS_FORMS.items():
        if len(username) <= _LONGEST_NAME and form.fullmatch(username):
            return name
    raise invalid("Username should be either an email or a phone number.")


def _check_form(name: str, value: str) -> None:
    form, called = _ADDRESS_FORMS[name]
    if not form.fullmatch(value):
        raise invalid(f"Invalid {called} format.")


def _check_user_name(name: str | None) -> None:
    """Check that a user name cannot be taken for another user's address or `sub`."""
    if name is None:
        return
    if not name.strip() or any(map(str.isspace, name.strip())) or not name.isprintable():
        raise invalid("preferred_username must not be empty or contain spaces.")
    if _UUID.fullmatch(name) or any(form.fullmatch(name) for form, _called in _ADDRESS_FORMS.values()):
        raise invalid("preferred_username must not look like an email address, a phone number or a user's id.")


def find(pool: Mapping[str, Any], name: object) -> User | None:
    """Return the user whom a name that was typed stands for: an id, an address or a user name, in any case."""
    if not isinstance(name, str) or not name:
        return None
    wanted = name.strip().casefold()
    users: Mapping[str, User] = pool["_users"]
    if name in users:
        return users[name]
    described = [(user, of(user)) for user in users.values()]
    for kinds in (("sub",), _found_by(pool)):
        for user, attributes in described:
            if user["Username"].casefold() == wanted or any(
                attributes.get(kind, "").casefold() == wanted for kind in kinds
            ):
                return user
    return None


def _found_by(pool: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the attributes by which the pool finds its users."""
    return (*pool.get("UsernameAttributes", ()), *pool.get("AliasAttributes", ()))


def check_free(pool: Mapping[str, Any], attributes: Mapping[str, str], *, but: User | None, code: str) -> None:
    """Check that nobody else is found by these attributes.

    Args:
        pool: as MiniStack stores it.
        attributes: what a user wants to be found by, among others.
        but: the user, if they exist already.
        code: the name of the error.

    Raises:
        RefusedError: somebody else is.
    """
    for kind in _found_by(pool):
        value = attributes.get(kind)
        other = find(pool, value) if value else None
        if other is not None and other is not but:
            raise RefusedError(code, f"An account with the given {kind} already exists.")


def masked(kind: str, address: str) -> str:
    """Return an address as a client may show it: `d***@e***`, `+*******4567`."""
    if kind == "email":
        local, _, domain = address.partition("@")
        return f"{local[:1]}***@{domain[:1]}***"
    return "+*******" + address[-4:]
