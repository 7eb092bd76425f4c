"""Copies rows of the former app into our tables, each if it is newer than what is stored here."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pynamodb.expressions.operand import Path

from models import tables
from models.clock import Clock
from models.hours import ZERO, exact
from models.identifiers import derived
from models.migration.copying import Item as CopiedItem
from models.migration.copying import copied_member, copied_row
from models.migration.former import HELD_BY, Oddity, held_by, is_open, row_id, without_nulls
from models.storage.store import Item, Store, expressions, key_of
from models.transactions.moves import Transactions
from models.transactions.retrying import retry

# Rows of a transaction, and their bytes as JSON. DynamoDB takes 100 and 4 MB, but any row may change meanwhile.
_AT_ONCE = 25
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What became of some rows: how many were written, and those that cannot be copied."""

    written: int
    oddities: tuple[Oddity, ...]


class Copies:
    """Copies rows. Every call may be repeated: what is here already, or newer here, stays.

    Args:
        store: our tables.
        transactions: writes the transactions.
        clock: returns the current time.
    """

    def __init__(self, store: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._transactions = transactions
        self._clock = clock

    async def copy(self, table: type[tables.Table], rows: Sequence[Item]) -> Copied:
        """Copy rows of one table, without those that a person has to put right.

        Of exchanges, only those that have ended are copied: an open one becomes a request. Members who were taken
        over are not: their row is here, or they have left.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        judged = [copyable(table, row, self._store.names.stack) for row in rows]
        wanted = [row for row in judged if row is not None and not isinstance(row, Oddity)]
        written = 0
        for rows_at_once in _chunks(wanted):
            written += await self._copy(table, rows_at_once)
        return Copied(written=written, oddities=tuple(row for row in judged if isinstance(row, Oddity)))

    async def _copy(self, table: type[tables.Table], rows: Sequence[CopiedItem]) -> int:
        key = key_of(table)
        merge = copied_member if table is tables.User else copied_row

        async def attempt() -> int:
            keys = [row[key.attr_name]["S"] for row in rows]
            stored = await self._store.batch_get([(table, one) for one in keys], consistent=True)
            puts = [
                self._put(table, item, before)
                for before, row in zip(stored, rows, strict=True)
                if (item := merge(before, row)) is not None
            ]
            if puts:
                token = derived("copy", self._clock().isoformat(), *keys)
                await self._store.calls.call(
                    "dynamodb", "transact_write_items", TransactItems=puts, ClientRequestToken=token
                )
            return len(puts)

        return await retry(self._store.calls, attempt)

    def _put(self, table: type[tables.Table], item: CopiedItem, before: Item | None) -> dict[str, object]:
        """Return what puts a row if the one that is stored is as it was read."""
        if before is None:
            unchanged = key_of(table).does_not_exist()
        else:
            # As it is spelt there: other programs write moments with other fractions of a second.
            unchanged = Path(["updatedAt"]) == before["updatedAt"]["S"]
        name = self._store.names.table(table)
        return {"Put": {"TableName": name, "Item": item, **expressions(condition=unchanged)}}


def _chunks(rows: Sequence[CopiedItem]) -> Iterator[list[CopiedItem]]:
    """Yield the rows in parts, each for one transaction; a part may be empty."""
    chunk: list[CopiedItem] = []
    size = 0
    for row in rows:
        length = len(json.dumps(row))
        if len(chunk) == _AT_ONCE or size + length > _MOST_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += length
    yield chunk


def copyable(table: type[tables.Table], row: Item, stack: str) -> CopiedItem | Oddity | None:
    """Return a row as it may be copied; why it cannot be; or None if it is not for copying (see `Copies.copy`).

    Args:
        table: the table.
        row: the former app's row.
        stack: the deployment that takes rows over.
    """
    if held_by(row) == stack:
        return None
    if table is tables.Transaction:
        open_ = is_open(row)
        if isinstance(open_, Oddity):
            return open_
        if open_ or HELD_BY in row:
            return None
    item = without_nulls(row, table.get_attributes())
    why = _problem(table, item)
    return item if why is None else Oddity(table=table.Meta.table_name, id=row_id(row), why=why)


def _problem(table: type[tables.Table], item: Mapping[str, Mapping[str, object]]) -> str | None:
    """Return what is wrong with a row that our table cannot hold; None if it can."""
    for name, attribute in table.get_attributes().items():
        if name not in item:
            if not attribute.null:
                return f"{name} is missing"
            continue
        try:
            attribute.deserialize(attribute.get_value(dict(item[name])))
        except (ArithmeticError, TypeError, ValueError) as error:
            return f"{name}: {error}"
    if table is tables.Service and (rate := exact(str(item["hourlyRate"]["N"]))) <= ZERO:
        return f"hourlyRate is {rate}: nobody can ask for a service that costs nothing"
    return None
