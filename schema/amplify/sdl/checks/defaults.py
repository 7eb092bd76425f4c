"""Checks what `@default` says: a value of the field's type, as Amplify's transformer checks it."""

import math
import re
from collections.abc import Callable, Mapping

from schema.amplify.sdl.declarations import TypeReference
from schema.scalars import SCALARS

_LARGEST_INT = 2**31
_WHOLE = re.compile(r"[+-]?[0-9]+")


def default_problem(type_: TypeReference, text: str, enums: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return why a text is no default of a field's type; None if it is one.

    Args:
        type_: the field's type.
        text: what `@default` says.
        enums: the values of the app's enums, by name.
    """
    if type_.is_list:
        return f"@default is for single values, and {type_} is a list"
    if type_.name in enums:
        values = enums[type_.name]
        return None if text in values else f"{text!r} is no value of {type_.name}, which has {', '.join(values)}"
    check = _CHECKS.get(type_.name)
    if check is None:
        return f"@default is for scalars and enums, and {type_.name} is neither"
    try:
        check(text)
    except (ValueError, OverflowError):
        return f"{text!r} is no {type_.name}"
    return None


def _int(text: str) -> None:
    if not _WHOLE.fullmatch(text) or not -_LARGEST_INT <= int(text) < _LARGEST_INT:
        raise ValueError


def _float(text: str) -> None:
    if not math.isfinite(float(text)):
        raise ValueError


def _timestamp(text: str) -> None:
    if not _WHOLE.fullmatch(text):
        raise ValueError


def _flag(text: str) -> None:
    if text not in {"true", "false"}:
        raise ValueError


_CHECKS: Mapping[str, Callable[[str], object]] = {
    scalar.name: scalar.parse_value for scalar in SCALARS.values() if scalar.parse_value is not None
} | {
    "ID": str,
    "String": str,
    "Int": _int,
    "Float": _float,
    "Boolean": _flag,
    "AWSTimestamp": _timestamp,
}
