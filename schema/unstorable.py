r"""What JSON can write and nobody can store: lone surrogates (`"\ud800"`) and numbers beyond a double (`1e999`).

orjson calls either a syntax error, so that a client would look for a missing bracket. Here they are parsed by
Python's own parser, which lets them through, and found again by their place.
"""

import json
import math
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson

_HALF = re.compile("[\ud800-\udfff]")
# A word of orjson's error for either of them. Its errors for other mistakes have neither word.
_SIGNS = ("surrogate", "infinity")
# Half of a character in a GraphQL document, which writes `\u{d800}`, too.
_DOCUMENT_ESCAPE = re.compile(r"\\u(\{0*)?[dD][89a-fA-F]")
# The name before a text that is not yet at its end, or before a list of texts.
_ARGUMENT = re.compile(r'(\w+)\s*:\s*(?:\[[^\]]*)?"[^"\n]*$')
_CHARACTERS = 200  # of a place: it repeats names that the client sent
_VALUES = 15_000  # that are looked at; an operation may hold fewer


def parse_json(data: str | bytes) -> Any:
    """Parse JSON which may hold values that cannot be stored, so that they can be named.

    Raises:
        orjson.JSONDecodeError: it is not JSON for any other reason.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        parsed = _parse_leniently(data, error)
        if _find(parsed) is None:
            raise
        return parsed


def unstorable_in_json(data: str) -> str | None:
    """Return what in JSON cannot be stored, and where; None if all can be, or if it is not JSON."""
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _find(_parse_leniently(data, error))
    return None


def unstorable(value: Any) -> str | None:
    """Return what cannot be stored in a value that `parse_json` returned, and where; None if all can be."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _find(value)
    return None


def unstorable_in_document(text: str, position: int | None = None) -> str | None:
    """Return which argument or input field of a document has a lone surrogate; None if no field has one.

    Args:
        text: a GraphQL document.
        position: where an escape may be one; None to look for a half that is not escaped.
    """
    if position is None and text.isascii():
        return None
    half = _HALF.search(text) if position is None else _DOCUMENT_ESCAPE.match(text, position)
    if half is None:
        return None
    named = _ARGUMENT.search(text[max(0, half.start() - _CHARACTERS) : half.start()])
    return _half_at(named[1] if named else "query")


def _half_at(place: str) -> str:
    where = f" at {place}" if place else ""
    return f"a lone surrogate{where}: half of a character, as if a text was cut inside an emoji"


def _find(value: Any) -> str | None:
    """Return the first value that cannot be stored, if it is among the first values."""
    remaining: list[tuple[str, Any]] = [("", value)]
    for _ in range(_VALUES):
        if not remaining:
            break
        place, inner = remaining.pop()
        if isinstance(inner, str) and _HALF.search(inner):
            return _half_at(place.encode(errors="backslashreplace").decode())
        if isinstance(inner, Decimal) or (isinstance(inner, int) and abs(inner) > sys.float_info.max):
            return f"a number at {place.encode(errors='backslashreplace').decode()} that is out of range"
        remaining.extend(_members(place, inner))
    return None


def _members(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the members of an object or a list, and an object's names, each with its place."""
    if isinstance(value, dict):
        for name, member in value.items():
            at = (f"{place}.{name}" if place else name)[:_CHARACTERS]
            yield at, member
            yield at, name
    elif isinstance(value, list):
        yield from ((f"{place}[{number}]"[:_CHARACTERS], member) for number, member in enumerate(value[:_VALUES]))


def _parse_leniently(data: str | bytes, error: orjson.JSONDecodeError) -> Any:
    """Return JSON as Python parses it; None if orjson refused it for another reason, or if Python refuses it, too.

    Args:
        data: the JSON.
        error: why orjson refused it.
    """
    if not any(sign in error.msg for sign in _SIGNS):
        return None
    try:
        text = data if isinstance(data, str) else data.decode(errors="surrogatepass")
        return json.loads(text, parse_float=_number, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> float | Decimal:
    """Return a number as orjson does, or one beyond a double as a Decimal, which orjson cannot write."""
    number = float(text)
    return number if math.isfinite(number) else Decimal(text)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
