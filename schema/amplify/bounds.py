"""What a field's value may be, beyond its type: how large a number, how long a text."""

from dataclasses import dataclass
from typing import Any, Protocol

_UNBOUNDED = frozenset({"Boolean", "Float", "Int", "AWSTimestamp"})


class Bound(Protocol):
    """A limit on a field's values."""

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a value and what would do, None if nothing is."""


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `least` to `greatest`, with at most so many decimal places."""

    least: float
    greatest: float
    places: int | None = None

    def problem(self, value: float) -> str | None:
        """Return what is wrong with a number; NaN is nowhere between."""
        if not self.least <= value <= self.greatest:
            return f"must be {self.least} to {self.greatest}, not {value}"
        if self.places is not None and round(value, self.places) != value:
            return f"must have {self.places} decimal places at most, not be {value}"
        return None


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most so many characters."""

    characters: int

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a text."""
        if len(value) <= self.characters:
            return None
        return f"{len(value)} characters are too many; at most {self.characters} fit"


@dataclass(frozen=True, slots=True)
class Texts:
    """At most so many texts, each of at most so many characters."""

    elements: int
    characters: int

    def problem(self, values: list[str]) -> str | None:
        """Return what is wrong with a list of texts."""
        if len(values) > self.elements:
            return f"{len(values)} are too many; at most {self.elements} fit"
        each = Text(self.characters)
        return next(filter(None, map(each.problem, values)), None)


@dataclass(frozen=True, slots=True)
class Key:
    """A text that rows are found by: never empty, which no index takes, and measured in bytes, as indexes do."""

    bytes: int

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a key."""
        return None if 0 < len(value.encode()) <= self.bytes else f"must have 1 to {self.bytes} bytes"


# All of a row's texts together stay far below the 400 KB that DynamoDB takes, so that a workflow can add to it.
KEY = Key(128)
TEXT = Text(10_000)
TEXTS = Texts(50, 100)
JSON = Text(50_000)
# Titles and names are copied: into other rows, into what members are told.
NAME = Text(200)


def usual_bound(type_name: str, *, is_list: bool, is_indexed: bool) -> Bound | None:
    """Return the bound of a field whose type declares no other, None for what is bounded by its type.

    Args:
        type_name: the GraphQL name of its type, of its elements' type if it is a list.
        is_list: it is a list.
        is_indexed: rows are found by it.
    """
    if type_name in _UNBOUNDED:
        return None
    if is_list:
        return TEXTS
    if is_indexed or type_name == "ID":
        return KEY
    return JSON if type_name == "AWSJSON" else TEXT
