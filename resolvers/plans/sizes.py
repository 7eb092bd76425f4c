"""How large an answer becomes, before it is written."""

from collections.abc import Iterable
from typing import Any

import orjson

# Longer texts are measured as JSON writes them; in a shorter one an escaped character counts as one byte.
_SHORT = 100


def written_size(texts: Iterable[str]) -> int:
    """Return about how many bytes texts take in an answer."""
    return sum([len(text) if len(text) <= _SHORT else len(orjson.dumps(text)) for text in texts])


def answer_size(answer: Any) -> int:
    """Return about how many bytes an answer takes.

    Rows are answered once and shared by all that lead to them, so that a small answer in memory may be a large one
    once it is written: what is shared is measured once, and counted wherever it stands.

    Args:
        answer: dicts, lists and leaves.
    """
    return _size(answer, {})


def _size(value: Any, measured: dict[int, int]) -> int:
    if isinstance(value, str):
        return written_size((value,))
    if not isinstance(value, dict | list):
        return 1
    known = measured.get(id(value))
    if known is None:
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        known = measured[id(value)] = sum(_size(part, measured) for part in parts)
    return known
