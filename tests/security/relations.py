"""The table of relations, parsed; and each of its lines as two rows and a caller who reads them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from resolvers.identity.callers import Caller
from tests.security.backends import Backend
from tests.security.cases import KEYS, STAMP, caller_of, item_of, lines, table_of
from tests.security.samples import SAMPLES

TABLE = Path(__file__).parent / "relations.txt"
ROLES = ("party", "other", "admin")
OWNERS = {line.of: line.owners for line in lines()}
# Types whose one owner must be the caller: no rule lets anybody else see their rows.
SOLELY_OWNED = {"UserBalance", "TransactionLog", "Notification", "Report"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A line of the table: from a field of one row to a field of another."""

    of: str
    name: str
    source: str
    target: str
    at: str
    expected: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.of}.{self.name}"


def relations() -> Iterator[Relation]:
    """Yield the table's lines."""
    for text in TABLE.read_text().splitlines():
        if not text.startswith("#") and "|" in text:
            relation, way, cells = (part.split() for part in text.split("|"))
            of, name = relation[0].split(".")
            target, at = way[2].split(".")
            yield Relation(of, name, way[0], target, at, dict(zip(ROLES, cells, strict=True)))


@dataclass(frozen=True, slots=True)
class LinkedRows:
    """Two rows, one leading to the other, and the caller."""

    relation: Relation
    caller: Caller
    first: dict[str, Any]
    second: dict[str, Any]

    @classmethod
    def of(cls, relation: Relation, role: str) -> "LinkedRows":
        caller, another = caller_of(role), caller_of("another")
        first = row_of(relation.of, caller.sub)
        second = row_of(relation.target, caller.sub if role == "party" else another.sub)
        if relation.of not in SOLELY_OWNED and relation.at in {"id", *OWNERS[relation.target]}:
            first[relation.source] = second[relation.at]
        else:
            if relation.source in SAMPLES[relation.of].given:
                first[relation.source] = str(uuid4())  # such as a category's name, which other rows must not have
            second[relation.at] = first[relation.source]
        return cls(relation, caller, first, second)

    async def put(self, backend: Backend) -> None:
        await backend.store.put(table_of(self.relation.of), item_of(self.first))
        await backend.store.put(table_of(self.relation.target), item_of(self.second))

    def selection(self) -> str:
        inner = key_of(self.relation.target)
        return f"{self.relation.name} {{ {f'items {{ {inner} }} nextToken' if self.is_page else inner} }}"

    @property
    def is_page(self) -> bool:
        return self.relation.at != key_of(self.relation.target)

    def word(self, shown: Any) -> str:
        """Return the table's word for what is shown of the second row."""
        second = {key_of(self.relation.target): self.second[key_of(self.relation.target)]}
        words = [("null", None), ("row", second)]
        if self.is_page:
            words = [
                (word, {"items": items, "nextToken": None}) for word, items in (("none", []), ("row", [second]))
            ]
        return next((word for word, value in words if shown == value), f"{shown}")


def key_of(of: str) -> str:
    return KEYS.get(of, "id")


def row_of(of: str, member: str) -> dict[str, Any]:
    """Return a new row with a member in every field that names one."""
    sample = SAMPLES[of]
    dates = {"createdAt": STAMP, "updatedAt": STAMP}
    return {
        **sample.given,
        **sample.stored,
        **dates,
        key_of(of): str(uuid4()),
        **dict.fromkeys(OWNERS[of], member),
    }
