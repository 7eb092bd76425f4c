"""Limits on a field's values beyond its type: how large a number, how long a text."""

from dataclasses import dataclass
from typing import Any, Protocol

from models.bookings import times
from models.limits import fixed_limit

_UNBOUNDED = frozenset({"Boolean", "Float", "Int", "AWSTimestamp"})


class Bound(Protocol):
    """A limit on a field's values."""

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a value and what is valid, None if it is within the limit."""


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `least` to `greatest`, with at most `places` decimal places."""

    least: float
    greatest: float
    places: int | None = None

    def problem(self, value: float) -> str | None:
        """Return what is wrong with a number; NaN is always wrong."""
        if not self.least <= value <= self.greatest:
            return f"must be {self.least} to {self.greatest}, not {value}"
        if self.places is not None and round(value, self.places) != value:
            return f"must have {self.places} decimal places at most, and {value} has more"
        return None


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some values."""

    values: tuple[Any, ...]

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a value."""
        return None if value in self.values else f"must be {' or '.join(map(str, self.values))}, not {value}"


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most `characters` characters."""

    characters: int

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a text."""
        if len(value) <= self.characters:
            return None
        return f"{len(value)} characters are too many; at most {self.characters} fit"


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of at most `elements` texts, each of at most `characters` characters."""

    elements: int
    characters: int

    def problem(self, values: list[str]) -> str | None:
        """Return what is wrong with a list of texts."""
        if len(values) > self.elements:
            return f"{len(values)} are too many; at most {self.elements} fit"
        each = Text(self.characters)
        return next(filter(None, map(each.problem, values)), None)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time of day, `HH:MM`."""

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a time of day."""
        return times.VALID if times.parse(value) is None else None


@dataclass(frozen=True, slots=True)
class Key:
    """A text that rows are found by: never empty, and limited in bytes, because DynamoDB's keys are."""

    bytes: int

    def problem(self, value: str) -> str | None:
        """Return what is wrong with a key."""
        return None if 0 < len(value.encode()) <= self.bytes else f"must have 1 to {self.bytes} bytes"


def _most(value: int, meaning: str) -> int:
    return fixed_limit(value, meaning, topic="rows", code="BadRequest")


# All texts of a row together stay far below DynamoDB's 400 KB, so that a workflow can add to the row.
KEY = Key(_most(128, "bytes of an id, or of another key by which rows are found"))
TEXT = Text(_most(10_000, "characters of a text, unless another line says otherwise"))
TEXTS = Texts(_most(50, "elements of a list of texts"), _most(100, "characters of each text of a list"))
JSON = Text(_most(50_000, "characters of an AWSJSON"))
# Copied into other rows and into notifications.
NAME = Text(_most(200, "characters of a title, or of the name of a category or skill"))


def usual_bound(type_name: str, *, is_list: bool, is_indexed: bool) -> Bound | None:
    """Return the usual bound of a field, for types that declare no other; None if its type is limit enough.

    Args:
        type_name: the GraphQL name of its type; for a list, of its elements' type.
        is_list: whether it is a list.
        is_indexed: whether it is the key of an index.
    """
    if type_name in _UNBOUNDED:
        return None
    if is_list:
        return TEXTS
    if is_indexed or type_name == "ID":
        return KEY
    return JSON if type_name == "AWSJSON" else TEXT
