"""Lone surrogates: halves of a character that JSON's escapes can write, and that no UTF-8 text can hold.

Python's strings and its own JSON parser let them through, while orjson, DynamoDB and every client refuse them.
They come from texts that were cut in the middle of an emoji.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

_HALF = re.compile("[\ud800-\udfff]")
# An escape that could be a half; looked for before JSON is parsed a second time.
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
# The same in a GraphQL document, which writes `\u{d800}`, too.
_DOCUMENT_ESCAPE = re.compile(r"\\u(\{0*)?[dD][89a-fA-F]")
# The name before a text that is not yet at its end, or before a list of texts.
_ARGUMENT = re.compile(r'(\w+)\s*:\s*(?:\[[^\]]*)?"[^"\n]*$')
_CHARACTERS = 200  # of a place: it repeats names that the client sent
_VALUES = 15_000  # that are looked at; an operation may hold fewer


class LoneSurrogateError(ValueError):
    """A text holds half of a character.

    Args:
        place: where, such as `variables.input.title`; "" for the whole.
    """

    def __init__(self, place: str) -> None:
        where = f" at {place}" if place else ""
        super().__init__(f"a lone surrogate{where}: half of a character, as if a text was cut inside an emoji")
        self.place = place


def parse_json(data: str | bytes) -> Any:
    """Parse JSON whose texts may hold lone surrogates, so that their place can be named.

    Raises:
        orjson.JSONDecodeError: it is not JSON for any other reason.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        parsed = _parse_leniently(data)
        if lone_surrogate(parsed) is None:
            raise
        return parsed


def lone_surrogate_in_json(data: str) -> str | None:
    """Return where JSON holds a lone surrogate; None if it holds none, or is not JSON."""
    return lone_surrogate(_parse_leniently(data))


def lone_surrogate(value: Any) -> str | None:
    """Return where a value of JSON holds a lone surrogate, such as `input.tags[1]`; None if it holds none."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _place(value)
    return None


def lone_surrogate_in_document(text: str, position: int | None = None) -> str | None:
    """Return which argument or input field has a lone surrogate in its text; None if there is none.

    Args:
        text: a GraphQL document.
        position: where an escape may be one; None to look for a half that is not escaped.
    """
    half = _HALF.search(text) if position is None else _DOCUMENT_ESCAPE.match(text, position)
    if half is None:
        return None
    named = _ARGUMENT.search(text[max(0, half.start() - _CHARACTERS) : half.start()])
    return named[1] if named else "query"


def _place(value: Any) -> str | None:
    """Return where the first lone surrogate is, if it is among the first values."""
    remaining: list[tuple[str, Any]] = [("", value)]
    for _ in range(_VALUES):
        if not remaining:
            break
        place, inner = remaining.pop()
        if isinstance(inner, str) and _HALF.search(inner):
            return place.encode(errors="backslashreplace").decode()
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


def _parse_leniently(data: str | bytes) -> Any:
    """Return JSON as Python parses it, if it may hold a lone surrogate; None if not, or if it is not JSON."""
    try:
        text = data if isinstance(data, str) else data.decode(errors="surrogatepass")
        if _ESCAPED.search(text) or _HALF.search(text):
            return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        pass
    return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
