"""AppSync's scalars. All are text, only AWSTimestamp is a number; inputs are checked.

A parse error says what is expected; `schema.errors` adds which field it was.
"""

import re
from collections.abc import Callable
from datetime import date, time
from ipaddress import ip_interface
from typing import Any, NewType
from urllib.parse import urlsplit

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

from models import clock
from schema.unstorable import unstorable_in_json

AWSDate = NewType("AWSDate", str)
AWSTime = NewType("AWSTime", str)
AWSDateTime = NewType("AWSDateTime", str)
AWSTimestamp = NewType("AWSTimestamp", int)
AWSEmail = NewType("AWSEmail", str)
AWSJSON = NewType("AWSJSON", str)
AWSURL = NewType("AWSURL", str)
AWSPhone = NewType("AWSPhone", str)
AWSIPAddress = NewType("AWSIPAddress", str)

_DATE_CHARACTERS = len("2026-03-01")
_OFFSET = r"(Z|[+-]\d{2}:\d{2}(:\d{2})?)"
_DATE = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}{_OFFSET}?")
_TIME = re.compile(rf"\d{{2}}:\d{{2}}(:\d{{2}}(\.\d{{1,9}})?)?{_OFFSET}?")
_DATE_TIME = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}T\d{{2}}:\d{{2}}(:\d{{2}}(\.\d{{1,9}})?)?{_OFFSET}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"\+?\d[\d ()-]{2,24}\d")


class UnstorableError(ValueError):
    """A text is well formed, but holds a value that cannot be stored; the message says what and where."""


def _matching(pattern: re.Pattern[str]) -> Callable[[str], object]:
    def check(text: str) -> None:
        if pattern.fullmatch(text) is None:
            raise ValueError

    return check


def _check_date(text: str) -> None:
    _matching(_DATE)(text)
    date.fromisoformat(_without_offset(text))


def _check_time(text: str) -> None:
    _matching(_TIME)(text)
    time.fromisoformat(text)


def _check_date_time(text: str) -> None:
    _matching(_DATE_TIME)(text)
    clock.from_text(text)


def _check_url(text: str) -> None:
    parts = urlsplit(text)
    if not (parts.scheme and parts.netloc):
        raise ValueError


def _check_json(text: str) -> None:
    """Check that a text is JSON.

    Raises:
        UnstorableError: it would be, but for a value that cannot be stored.
        ValueError: it is not.
    """
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        if (found := unstorable_in_json(text)) is not None:
            raise UnstorableError(found) from None
        raise


def _without_offset(text: str) -> str:
    """Return a date without the offset that AppSync allows behind it: a day is the same day everywhere."""
    return text[:_DATE_CHARACTERS]


def _as_is(text: str) -> str:
    return text


def _moment(text: str) -> str:
    return clock.to_text(clock.from_text(text))


def as_stored(type_name: str, value: Any) -> Any:
    """Return a value that a filter compares with as rows store it; parts of dates are not changed.

    Args:
        type_name: the GraphQL name of the field's type.
        value: a text for a date; anything else is returned unchanged.
    """
    check, spell = _STORED.get(type_name, (None, _as_is))
    if check is None or not isinstance(value, str):
        return value
    try:
        check(value)
        return spell(value)
    except (ValueError, OverflowError):
        return value


def _text(
    name: str, expected: str, check: Callable[[str], object], spell: Callable[[str], str] = _as_is
) -> ScalarDefinition:
    """Declare a scalar that is text.

    Args:
        name: its GraphQL name.
        expected: what it looks like.
        check: raises a ValueError or OverflowError if a text is invalid.
        spell: returns a valid text as resolvers get it.
    """

    def parse(value: Any) -> str:
        if isinstance(value, str):
            try:
                check(value)
            except UnstorableError as error:
                raise ValueError(f"This {name} has {error}") from error
            except (ValueError, OverflowError):
                pass
            else:
                return spell(value)
        raise ValueError(f"{value!r} is not a valid {name}: it must be {expected}")

    return strawberry.scalar(name=name, description=expected, serialize=str, parse_value=parse)


def _parse_timestamp(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is not a valid AWSTimestamp: it must be whole seconds since 1970-01-01T00:00Z")


# How dates are compared: what a whole one looks like, and how rows spell it.
_STORED: dict[str, tuple[Callable[[str], object], Callable[[str], str]]] = {
    "AWSDate": (_check_date, _without_offset),
    "AWSDateTime": (_check_date_time, _moment),
}

SCALARS: dict[object, ScalarDefinition] = {
    AWSDate: _text("AWSDate", "a date such as 2026-03-01", _check_date, _without_offset),
    AWSTime: _text("AWSTime", "a time such as 09:30:00.000 or 09:30Z", _check_time),
    AWSDateTime: _text(
        "AWSDateTime", "an ISO-8601 moment with offset such as 2026-03-01T09:30:00.000Z", _check_date_time
    ),
    AWSTimestamp: strawberry.scalar(
        name="AWSTimestamp",
        description="whole seconds since 1970-01-01T00:00Z",
        serialize=int,
        parse_value=_parse_timestamp,
    ),
    AWSEmail: _text("AWSEmail", "an address such as alice@example.com", _matching(_EMAIL)),
    AWSJSON: _text("AWSJSON", 'JSON as text, such as "{\\"a\\": 1}"', _check_json),
    AWSURL: _text("AWSURL", "a URL such as https://example.com/x", _check_url),
    AWSPhone: _text("AWSPhone", "a telephone number such as +41 44 668 18 00", _matching(_PHONE)),
    AWSIPAddress: _text("AWSIPAddress", "an IPv4 or IPv6 address, with or without prefix", ip_interface),
}
