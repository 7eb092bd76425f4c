"""How large an answer becomes, before it is written."""

from typing import Any

from schema.documents.sizes import size_of_texts


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
        return size_of_texts((value,))
    if not isinstance(value, dict | list):
        return 1
    known = measured.get(id(value))
    if known is None:
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        known = measured[id(value)] = sum(_size(part, measured) for part in parts)
    return known
