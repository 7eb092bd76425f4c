"""The single table and the app's tables, in one account."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

from botocore.exceptions import ClientError

from models import clock
from models.clock import Clock
from models.constraints.planning import Place
from models.errors import ExpectedError
from models.integrity.ruled_rows import RuledRows
from models.integrity.ruled_tables import RuledTables
from models.settings import Settings
from models.single_table.entities import OWNER, TYPES, Entity, SingleTable
from models.single_table.shapes import TypeShape
from models.storage.async_calls import AsyncCalls
from models.storage.calls import Calls
from models.storage.names import Names
from models.storage.store import Item, Page, Store
from models.tables import Table
from models.tables.base import KeyAttribute, table

# Rows of a page; a scan reads no more than 1 MB whatever is asked for.
PAGE = 200
AT_ONCE = 16
# The images of a stream's records that say what a row was before.
_IMAGES = frozenset({"NEW_AND_OLD_IMAGES", "OLD_IMAGE"})


class SingleTableError(ExpectedError):
    """The single table, or the app, is not as the command needs it; the message says what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class MovedApp:
    """The app whose tables the rows come into.

    Args:
        tables: its types with their rules.
        shapes: what the rows of each type look like.
    """

    tables: RuledTables
    shapes: Mapping[str, TypeShape]

    def entities(self) -> dict[str, Entity]:
        """Return the types of the rows.

        Raises:
            SingleTableError: it lacks one.
        """
        if missing := [name for name in TYPES if name not in self.shapes]:
            raise SingleTableError(
                f"The app has no type {', '.join(missing)}; give --schema schema/apps/construction, or a schema "
                f"with the types {', '.join(TYPES)}."
            )
        return {name: Entity(self.tables.types[name], self.shapes[name]) for name in TYPES}


class _BareNames(Names):
    """The names of tables that belong to no stack."""

    def table(self, table: type[Table]) -> str:
        """Return a table's name as it is."""
        return str(table.Meta.table_name)


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Both sides: the single table, and the app's tables.

    Args:
        single: what must be known of the single table's rows.
        table: the single table.
        stream: the ARN of its stream; None if it has none, or one that does not say what rows were before.
        there: reads and writes the single table.
        rows: writes the app's rows, with all that their rules ask for but the order of steps.
        now: the clock.
    """

    single: SingleTable
    table: type[Table]
    stream: str | None
    there: Store
    rows: RuledRows
    now: Clock

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings, app: MovedApp, name: str) -> AsyncIterator[Self]:
        """Yield both sides; `name` is that of the single table.

        Raises:
            SingleTableError: there is no such table, or it has other keys.
        """
        async with AsyncCalls(("dynamodb", "dynamodbstreams"), connections=4 * AT_ONCE) as calls:
            yield await cls.over(calls, settings.names, app, name)

    @classmethod
    async def over(cls, calls: Calls, names: Names, app: MovedApp, name: str, now: Clock = clock.now) -> Self:
        """Return both sides over a way to AWS.

        Raises:
            SingleTableError: there is no such table, or it has other keys.
        """
        entities = app.entities()
        described = await _described(calls, names, name)
        range_key = _range_key(name, described)
        declared = table(name, KeyAttribute(OWNER), KeyAttribute(range_key))
        bare = _BareNames(names.stack, names.region, names.account, names.partition)
        images = described.get("StreamSpecification", {})
        has_images = images.get("StreamEnabled") and images.get("StreamViewType") in _IMAGES
        stream = described.get("LatestStreamArn") if has_images else None
        rows = RuledRows(Store(calls, names), _without_steps(app.tables), now)
        return cls(SingleTable(name, range_key, entities), declared, stream, Store(calls, bare), rows, now)

    @property
    def here(self) -> Store:
        """Return the app's tables."""
        return self.rows.store

    async def pages_there(self, start_key: Item | None = None) -> AsyncIterator[Page]:
        """Yield the rows of the single table page by page, each as it is at that moment, after a key."""
        async for page in _pages(self.there, self.table, start_key):
            yield page

    async def pages_here(self, name: str) -> AsyncIterator[list[Item]]:
        """Yield the rows of one of the app's types, page by page, each as it is at that moment."""
        async for page in _pages(self.here, self.rows.tables.tables[name]):
            yield page.items

    async def count_there(self) -> int | None:
        """Return about how many rows the single table has, as counted every six hours; None if that is unknown."""
        described = await self.there.calls.call("dynamodb", "describe_table", TableName=self.single.name)
        return described["Table"].get("ItemCount") or None

    def place_of(self, row: Item) -> Place | None:
        """Return where a row of the single table belongs in the app's tables; None if it belongs nowhere."""
        entity, key = self.single.entity_of(row), self.single.key_here(row)
        return None if entity is None or key is None else (entity.shape.name, key)

    def key_there(self, key: Mapping[str, Any]) -> tuple[str, str]:
        """Return a key of the single table as a `Key`."""
        return key[OWNER]["S"], key[self.single.range_key]["S"]


async def _pages(store: Store, of: type[Table], start_key: Item | None = None) -> AsyncIterator[Page]:
    """Yield a table's rows page by page, after a key; unlike other scans, it misses no row of a moment ago."""
    while True:
        start = {} if start_key is None else {"ExclusiveStartKey": start_key}
        name = store.names.table(of)
        answer = await store.calls.call(
            "dynamodb", "scan", TableName=name, Limit=PAGE, ConsistentRead=True, **start
        )
        page = Page(answer.get("Items", []), answer["ScannedCount"], answer.get("LastEvaluatedKey"))
        yield page
        if (start_key := page.last_key) is None:
            return


async def _described(calls: Calls, names: Names, name: str) -> Mapping[str, Any]:
    try:
        answer = await calls.call("dynamodb", "describe_table", TableName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise SingleTableError(
            f"There is no table {name} in account {names.account}, region {names.region}; --from is its name."
        ) from None
    found: Mapping[str, Any] = answer["Table"]
    return found


def _range_key(name: str, described: Mapping[str, Any]) -> str:
    """Return the name of the single table's range key.

    Raises:
        SingleTableError: the table has other keys than a text `userId`, and a text that sorts.
    """
    keys = {one["KeyType"]: one["AttributeName"] for one in described["KeySchema"]}
    types = {one["AttributeName"]: one["AttributeType"] for one in described["AttributeDefinitions"]}
    range_key: str | None = keys.get("RANGE")
    if keys["HASH"] != OWNER or range_key is None or {types[OWNER], types[range_key]} != {"S"}:
        raise SingleTableError(
            f"{name} has the key {' and '.join(keys.values())}; the single table has a text {OWNER}, and a text "
            "that sorts the rows of one user."
        )
    return range_key


def _without_steps(tables: RuledTables) -> RuledTables:
    """Return the rules without the order of steps: a row that comes is where it is, wherever it began."""
    rules = {name: replace(kind.constraints, transitions=()) for name, kind in tables.types.items()}
    return RuledTables.of(tables.described, rules)
