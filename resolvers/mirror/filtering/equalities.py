"""What a filter pins: the fields that must have one value, by which the rows can be found without a scan."""

from collections.abc import Iterator
from typing import Any

from resolvers.mirror.filtering.filters import Filter, bounded, parts_of


def equalities(filter_: Filter | None) -> dict[str, str]:
    """Return the text that each field must be equal to for a row to pass; other filters are still to be applied.

    Raises:
        schema.errors.InvalidInputError: the filter is too large.
    """
    return dict(_equalities(bounded(filter_)))


def _equalities(filter_: Filter) -> Iterator[tuple[str, str]]:
    for name, operand in filter_.items():
        if name == "and":
            for part in parts_of(operand or ()):
                yield from _equalities(part or {})
        elif name not in {"or", "not"} and isinstance(value := _equal(operand), str):
            yield name, str(value)


def _equal(operand: Any) -> Any:
    return operand.get("eq") if operand else None
