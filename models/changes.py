"""The change of one row as it travels from a table's stream to every server: its shape, and its text on the way.

A function reads the stream and publishes each change as one message of a FIFO topic. A message's group is the
row, so that the changes of one row stay in order; its id follows from the stream's record, so that a change that
is published twice is delivered once.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

Row = dict[str, dict[str, Any]]

# Bytes. SNS takes 262,144 in one call, and in one message.
LARGEST_CALL = 256_000
# A larger row stays where it is: its message points to it.
LARGEST_ROW = 200_000
# SNS takes as many messages in one call.
MOST_MESSAGES = 10
# Of a deleted row that is too large; a row has some thirty values.
_LARGEST_VALUE = 1_000
# The tag of a server's queue that says when its server last lived, in epoch seconds.
HEARTBEAT = "hourbank:heartbeat"


class Feed(StrEnum):
    """How servers hear of changes: each reads the streams itself, or a queue of its own that a topic fills."""

    STREAMS = "streams"
    QUEUE = "queue"


class ChangeKind(StrEnum):
    """What happened to a row; the values are the event names of DynamoDB Streams."""

    CREATE = "INSERT"
    UPDATE = "MODIFY"
    DELETE = "REMOVE"


@dataclass(frozen=True, slots=True)
class Message:
    """A change as it is published.

    Args:
        group: names the row, in characters that SNS allows.
        id: names the change; no other change ever has it.
        text: the change, as JSON in ASCII.
    """

    group: str
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a record of a table's stream says.

    Args:
        table: the table's name.
        kind: what happened.
        key: the row's key.
        sequence: the record's sequence number; a later change of the same row has a greater one.
        row: the whole row after the change; for a deletion, as it was before. None means that it was too large to
            travel, and must be read.
        stream: the label of the table's stream. A table that was deleted and made again has another one, and only
            sequence numbers of one stream can be compared. A publisher of a former release does not name it.
    """

    table: str
    kind: ChangeKind
    key: Row
    sequence: int
    row: Row | None
    stream: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Change":
        """Return the change that a stream's record describes, as Lambda passes it to a function.

        Raises:
            LookupError, ValueError: it is no such record, or its stream has no images.
        """
        # arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/stream/LABEL
        _, table, _, stream = record["eventSourceARN"].split("/")
        image = record["dynamodb"]
        row = image["NewImage"] if "NewImage" in image else image["OldImage"]
        kind = ChangeKind(record["eventName"])
        return cls(table, kind, image["Keys"], int(image["SequenceNumber"]), row, stream)

    @classmethod
    def decoded(cls, text: str) -> "Change":
        """Return the change of a message's text.

        Raises:
            LookupError, TypeError, ValueError: the text is not the text of a change's message.
        """
        read = json.loads(text)
        kind = ChangeKind(read["kind"])
        return cls(read["table"], kind, read["key"], int(read["sequence"]), read["row"], read.get("stream", ""))

    @property
    def row_id(self) -> str:
        """Return the name of the row, the same for each of its changes."""
        return _named(self.table, json.dumps(self.key, sort_keys=True))

    def message(self) -> Message:
        """Return the message that tells of it."""
        row_id = self.row_id
        return Message(row_id, _named(row_id, self.stream, str(self.sequence)), self._text())

    def _text(self) -> str:
        text = self._with(self.row)
        if len(text) > LARGEST_ROW and self.row is not None:
            # Where a row can no longer be read, its long values are cut.
            text = self._with(_shortened(self.row) if self.kind is ChangeKind.DELETE else None)
        # Of very many values, however short, the key's are told.
        return text if len(text) <= LARGEST_ROW else self._with(self.key)

    def _with(self, row: Row | None) -> str:
        told = {
            "table": self.table,
            "kind": self.kind,
            "key": self.key,
            "sequence": str(self.sequence),
            "row": row,
            "stream": self.stream,
        }
        return json.dumps(told, separators=(",", ":"))


def batches(changes: Iterable[Change]) -> Iterator[list[Message]]:
    """Yield messages in the order of their changes, as many as one call may publish.

    No two of a batch are of the same row: SNS may take some messages of a call and refuse others, and a later
    change of a row must not get ahead of an earlier one.
    """
    batch: list[Message] = []
    size = 0
    for change in changes:
        message = change.message()
        is_full = len(batch) == MOST_MESSAGES or size + len(message.text) > LARGEST_CALL
        if is_full or any(message.group == other.group for other in batch):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.text)
    if batch:
        yield batch


def _named(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()


def _shortened(row: Row) -> Row:
    """Return a row without its long values: of a text the beginning is left, of a list or map nothing."""
    return dict(filter(None, (_short(name, value) for name, value in row.items())))


def _short(name: str, value: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    if len(json.dumps(value)) <= _LARGEST_VALUE:
        return name, value
    match value:
        case {"S": str(text)}:
            return name, {"S": text[:_LARGEST_VALUE]}
        case {"L": _}:
            return name, {"L": []}
        case {"M": _}:
            return name, {"M": {}}
    return None
