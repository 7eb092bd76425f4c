"""A change of one row, as the feed passes it to subscribers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.changes import ChangeKind
from models.storage.store import Item
from resolvers.feed.kept_answers import KeptAnswers

_VALUE_BYTES = 250  # Python's overhead for a value beside its text: a dict of one entry, and the str object


@dataclass(frozen=True, slots=True)
class RowChange:
    """A change of one row.

    Args:
        kind: what happened.
        item: the whole row after the change; for a deletion, as it was before.
        size: bytes of memory that the row takes, approximately.
        answers: what subscribers are told of it; see `resolvers.push.answers`.
    """

    kind: ChangeKind
    item: Item
    size: int
    answers: KeptAnswers = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", KeptAnswers(self.size))

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "RowChange":
        """Return the change that a stream's record describes; an update's row as it was before is dropped."""
        image = record["dynamodb"]
        return cls.sized(ChangeKind(record["eventName"]), image.get("NewImage") or image["OldImage"])

    @classmethod
    def sized(cls, kind: ChangeKind, item: Item) -> "RowChange":
        """Return a change of a row whose size is found out."""
        return cls(kind, item, sum(map(_size, item.values())))


def _size(value: Mapping[str, Any]) -> int:
    """Return approximately how many bytes of memory a value of a row takes, with all that it contains."""
    match value:
        case {"L": list(members)}:
            return _VALUE_BYTES + sum(map(_size, members))
        case {"M": dict(members)}:
            return _VALUE_BYTES + sum(map(_size, members.values()))
        case {"S": str(text)} | {"N": str(text)}:
            return _VALUE_BYTES + len(text)
        case {"B": bytes(data)}:
            return _VALUE_BYTES + len(data)
        case {"SS": list(texts)} | {"NS": list(texts)} | {"BS": list(texts)}:
            return _VALUE_BYTES * (1 + len(texts)) + sum(map(len, texts))
    return _VALUE_BYTES
