"""Reads and writes single rows and pages of rows, in the form that DynamoDB sends and accepts.

Rows are items in wire form (`{"id": {"S": "…"}}`) and stay so: code that needs a value decodes only that value.
Tables, keys and conditions are PynamoDB's. The calls go through any `Calls`, so that the server's event loop and a
Lambda handler's thread share this code.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from botocore.exceptions import ClientError
from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action, Update
from pynamodb.indexes import Index

from models.errors import HourBankError, UnavailableError
from models.storage.calls import Calls
from models.storage.names import Names
from models.tables import Table
from models.tables.base import KeyAttribute

Item = dict[str, dict[str, Any]]
# A row's key as text: its hash key, or its hash key and its range key. A number is spelled as DynamoDB spells it.
Key = str | tuple[str, str]
Read = tuple[type[Table], Key]

# DynamoDB's own limits: keys per batch read, and bytes of a hash key and of a range key.
BATCH_KEYS = 100
KEY_BYTES = 2048
RANGE_BYTES = 1024
# A batch read returns the keys for which it had no capacity; after this many rounds, in 1.5 s, we give up.
BATCH_ROUNDS = 6
FIRST_PAUSE_SECONDS = 0.05


class ConditionFailedError(HourBankError):
    """The stored row does not meet the condition of a write; nothing was written.

    Args:
        item: the stored row, None if there is none.
    """

    def __init__(self, item: Item | None) -> None:
        super().__init__("the stored row does not meet the condition")
        self.item = item


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, how many were read before the filter, and the key that the next page starts after.

    A page that was only counted has no rows; a page without `last_key` is the last one.
    """

    items: list[Item]
    read: int
    last_key: Item | None


class ReadPage(Protocol):
    """Reads one page, such as `partial(store.query, Escrow, Escrow.byToUserId, user_id)`."""

    async def __call__(self, *, limit: int, start_key: Item | None) -> Page:
        """Return the page that begins after `start_key`, of `limit` rows at most before the filter."""


async def read_pages(
    read: ReadPage, *, limit: int, most_pages: int, most_rows: int | None = None
) -> AsyncIterator[Page]:
    """Yield one page after another, until the last one or until a bound is reached.

    Whether rows are left unread after the last page that is yielded, its `last_key` says.

    Args:
        read: the query or scan.
        limit: the most rows that a page reads, before the filter.
        most_pages: the most pages.
        most_rows: the most rows that all pages read together, before the filter; None sets no such bound.
    """
    start_key: Item | None = None
    for _ in range(most_pages):
        page = await read(limit=limit if most_rows is None else min(limit, most_rows), start_key=start_key)
        yield page
        if most_rows is not None:
            most_rows -= page.read
        start_key = page.last_key
        if start_key is None or most_rows == 0:
            return


@cache
def key_of(table: type[Table]) -> Attribute[str]:
    """Return a table's hash key attribute."""
    return next(attribute for attribute in table.get_attributes().values() if attribute.is_hash_key)


@cache
def table_keys(table: type[Table]) -> tuple[KeyAttribute, KeyAttribute | None]:
    """Return a table's hash key, and its range key if it has one."""
    return _keys_among(table.get_attributes().values())


@cache
def index_keys(index: Index[Any]) -> tuple[KeyAttribute, KeyAttribute | None]:
    """Return an index's hash key, and its range key if it has one."""
    return _keys_among(index.Meta.attributes.values())


def _keys_among(attributes: Iterable[Attribute[Any]]) -> tuple[KeyAttribute, KeyAttribute | None]:
    keys = {
        one.is_hash_key: KeyAttribute(str(one.attr_name), str(one.attr_type))
        for one in attributes
        if one.is_hash_key or one.is_range_key
    }
    return keys[True], keys.get(False)


def wire_key(table: type[Table], key: Key) -> Item:
    """Return a row's key in wire form."""
    hash_key, range_key = table_keys(table)
    if isinstance(key, str):
        return {hash_key.name: {hash_key.type: key}}
    assert range_key is not None, f"{table.__name__} has no range key"  # noqa: S101 — a caller's mistake
    return {hash_key.name: {hash_key.type: key[0]}, range_key.name: {range_key.type: key[1]}}


def stored_key(table: type[Table], item: Item) -> Key:
    """Return the key of a stored row."""
    hash_key, range_key = table_keys(table)
    text: str = item[hash_key.name][hash_key.type]
    return text if range_key is None else (text, item[range_key.name][range_key.type])


def is_addressable(key: Key) -> bool:
    """Return whether a row can have this key; DynamoDB rejects calls with any other key."""
    if isinstance(key, str):
        return 0 < len(key.encode()) <= KEY_BYTES
    return is_addressable(key[0]) and 0 < len(key[1].encode()) <= RANGE_BYTES


def expressions(
    *,
    actions: Sequence[Action] = (),
    condition: Condition | None = None,
    key_condition: Condition | None = None,
    filter: Condition | None = None,
) -> dict[str, Any]:
    """Return DynamoDB's expression parameters, whose placeholders are unique across all expressions."""
    parts: dict[str, Update | Condition | None] = {
        "UpdateExpression": Update(*actions) if actions else None,
        "ConditionExpression": condition,
        "KeyConditionExpression": key_condition,
        "FilterExpression": filter,
    }
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    params: dict[str, Any] = {
        name: part.serialize(names, values) for name, part in parts.items() if part is not None
    }
    if names:
        params["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in names.items()}
    if values:
        params["ExpressionAttributeValues"] = values
    return params


class Store:
    """The tables of one deployment.

    Example:
        >>> page = await store.query(ServiceRequest, ServiceRequest.byRequesterId, "alice", limit=25)
        >>> page.items[0]["status"]
        {'S': 'PAID'}
    """

    def __init__(self, calls: Calls, names: Names) -> None:
        self.calls = calls
        self.names = names

    async def get(self, table: type[Table], key: Key, *, consistent: bool = False) -> Item | None:
        """Return the row with a key, None if there is none."""
        if not is_addressable(key):
            return None
        answer = await self._call("get_item", table, Key=wire_key(table, key), ConsistentRead=consistent)
        return cast("Item | None", answer.get("Item"))

    async def batch_get(self, reads: Sequence[Read], *, consistent: bool = False) -> list[Item | None]:
        """Return the rows with many keys of one or several tables, in the given order; a key may occur twice.

        Raises:
            UnavailableError: DynamoDB had no capacity for some of them in any round.
        """
        wanted = list(dict.fromkeys(read for read in reads if is_addressable(read[1])))
        found: dict[Read, Item] = {}
        for start in range(0, len(wanted), BATCH_KEYS):
            found.update(await self._batch(wanted[start : start + BATCH_KEYS], consistent=consistent))
        return [found.get(read) for read in reads]

    async def _batch(self, reads: Sequence[Read], *, consistent: bool) -> dict[Read, Item]:
        tables = {self.names.table(table): table for table, _ in reads}
        request: Mapping[str, Any] = {
            name: {
                "Keys": [wire_key(table, key) for of, key in reads if of is table],
                "ConsistentRead": consistent,
            }
            for name, table in tables.items()
        }
        found: dict[Read, Item] = {}
        for round_ in range(BATCH_ROUNDS):
            if round_:
                await self.calls.pause(FIRST_PAUSE_SECONDS * 2 ** (round_ - 1))
            answer = await self.calls.call("dynamodb", "batch_get_item", RequestItems=request)
            for name, items in answer["Responses"].items():
                table = tables[name]
                found.update({(table, stored_key(table, item)): item for item in items})
            if not (request := answer.get("UnprocessedKeys") or {}):
                return found
        raise UnavailableError

    async def query(  # noqa: PLR0913 — as many parameters as a DynamoDB Query has
        self,
        table: type[Table],
        index: Index[Any] | None,
        hash_value: str,
        *,
        limit: int,
        range_condition: Condition | None = None,
        filter: Condition | None = None,
        forward: bool = True,
        start_key: Item | None = None,
        count_only: bool = False,
    ) -> Page:
        """Return a page of an index, or of the table itself: the rows of one hash key, ordered by the range key.

        Args:
            table: the table.
            index: one of its indexes, such as `ServiceRequest.byStatus`; None for the table itself.
            hash_value: the hash key's value, as the text of a `Key`.
            limit: the most rows to read, before the filter.
            range_condition: the condition on the range key.
            filter: the condition on the rows read; only those that meet it are returned.
            forward: whether to read in ascending order.
            start_key: the `last_key` of the previous page.
            count_only: whether to count the rows without returning any.
        """
        if not is_addressable(hash_value):
            return Page([], 0, None)
        hash_key, _ = table_keys(table) if index is None else index_keys(index)
        key_condition = Path([hash_key.name]) == {hash_key.type: hash_value}
        if range_condition is not None:
            key_condition &= range_condition
        return await self._page(
            "query",
            table,
            start_key=start_key,
            count_only=count_only,
            **({} if index is None else {"IndexName": index.Meta.index_name}),
            Limit=limit,
            ScanIndexForward=forward,
            **expressions(key_condition=key_condition, filter=filter),
        )

    async def scan_page(
        self,
        table: type[Table],
        *,
        limit: int,
        filter: Condition | None = None,
        start_key: Item | None = None,
        count_only: bool = False,
    ) -> Page:
        """Return a page of a whole table, in no order; it reads at most `limit` rows, before the filter."""
        return await self._page(
            "scan",
            table,
            start_key=start_key,
            count_only=count_only,
            Limit=limit,
            **expressions(filter=filter),
        )

    async def put(self, table: type[Table], item: Item, *, condition: Condition | None = None) -> None:
        """Write a whole row.

        Raises:
            ConditionFailedError: the stored row does not meet the condition.
        """
        await self._write("put_item", table, Item=item, **expressions(condition=condition))

    async def update(
        self, table: type[Table], key: Key, actions: Sequence[Action], *, condition: Condition | None = None
    ) -> Item:
        """Change attributes of a row and return the new row; without a condition, create the row if there is none.

        Raises:
            ConditionFailedError: the stored row does not meet the condition.
        """
        answer = await self._write(
            "update_item",
            table,
            Key=wire_key(table, key),
            ReturnValues="ALL_NEW",
            **expressions(actions=actions, condition=condition),
        )
        return cast("Item", answer["Attributes"])

    async def delete(self, table: type[Table], key: Key, *, condition: Condition | None = None) -> Item | None:
        """Delete a row and return it as it was; None if there was none.

        Raises:
            ConditionFailedError: the stored row does not meet the condition.
        """
        answer = await self._write(
            "delete_item",
            table,
            Key=wire_key(table, key),
            ReturnValues="ALL_OLD",
            **expressions(condition=condition),
        )
        return cast("Item | None", answer.get("Attributes"))

    async def _page(
        self, operation: str, table: type[Table], *, start_key: Item | None, count_only: bool, **params: Any
    ) -> Page:
        if start_key is not None:
            params["ExclusiveStartKey"] = start_key
        if count_only:
            params["Select"] = "COUNT"
        answer = await self._call(operation, table, **params)
        return Page(answer.get("Items", []), answer["ScannedCount"], answer.get("LastEvaluatedKey"))

    async def _write(self, operation: str, table: type[Table], **params: Any) -> dict[str, Any]:
        try:
            return await self._call(operation, table, ReturnValuesOnConditionCheckFailure="ALL_OLD", **params)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            raise ConditionFailedError(cast("Item | None", error.response.get("Item"))) from error

    async def _call(self, operation: str, table: type[Table], **params: Any) -> dict[str, Any]:
        return cast(
            "dict[str, Any]",
            await self.calls.call("dynamodb", operation, TableName=self.names.table(table), **params),
        )
