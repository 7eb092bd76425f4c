"""The mirror's resolvers over tables in memory: dictionaries answer what they ask of the store."""

import operator
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from models import clock, tables
from models.storage.names import Names
from models.storage.store import (
    ConditionFailedError,
    Item,
    Key,
    Page,
    Read,
    Store,
    index_keys,
    stored_key,
    table_keys,
)
from models.tables import Table
from resolvers.context import RequestContext
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import may_read
from resolvers.mirror.mutations import Mutations
from resolvers.mirror.paging import PageTokens
from resolvers.mirror.queries import Queries
from resolvers.mirror.resolver import Mirror, SubscriptionResolver
from resolvers.mirror.type_rules import TypeRules
from resolvers.operations.deletion import DELETE_GUARDS
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation
from schema.build import MirrorSchema, build_schema
from schema.types import CATALOGUE

if TYPE_CHECKING:
    from schema.amplify.resolver import MirrorResolver

ALICE = Caller("sub-alice", "alice")
BOB = Caller("sub-bob", "bob")
EVE = Caller("sub-eve", "eve")
ADMIN = Caller("sub-admin", "admin", frozenset({"admin"}))


class MemoryStore(Store):
    """Tables as dictionaries.

    Filters are run as far as `_passes` knows their operators; a write's condition only means that the row is new.
    `reads` records what was read.
    """

    def __init__(self) -> None:
        super().__init__(None, Names(stack="unit", region="us-east-1", account="0" * 12))  # type: ignore[arg-type]  # nobody calls
        self.rows: dict[Read, Item] = {}
        self.reads: list[tuple[str, Any]] = []

    def add(self, table: type[Table], **attributes: Any) -> None:
        item = {name: wire(value) for name, value in attributes.items()}
        self.rows[table, stored_key(table, item)] = item

    async def get(self, table: type[Table], key: Key, *, consistent: bool = False) -> Item | None:
        del consistent
        self.reads.append(("get", (table.__name__, key)))
        return self.rows.get((table, key))

    async def batch_get(self, reads: Sequence[Read], *, consistent: bool = False) -> list[Item | None]:
        del consistent
        self.reads.append(("batch_get", {(table.__name__, key) for table, key in reads}))
        return [self.rows.get(read) for read in reads]

    async def query(self, table: type[Table], index: Any, hash_value: str, **options: Any) -> Page:
        self.reads.append(("query", (table.__name__, index and index.Meta.index_name, hash_value)))
        hash_key, range_key = table_keys(table) if index is None else index_keys(index)
        wanted = {hash_key.type: hash_value}
        found = [i for (of, _), i in self.rows.items() if of is table and i.get(hash_key.name) == wanted]
        found = [item for item in found if _passes(options.get("range_condition"), item)]
        if range_key is not None:  # rows without it are in no index
            found = [item for item in found if range_key.name in item]
            found.sort(key=lambda item: _sorted_by(item[range_key.name]), reverse=not options["forward"])
        return self._cut(table, found, options, None if range_key is None else range_key.name)

    async def scan_page(self, table: type[Table], **options: Any) -> Page:
        self.reads.append(("scan", table.__name__))
        return self._cut(table, [item for (of, _), item in self.rows.items() if of is table], options)

    def _cut(
        self, table: type[Table], found: list[Item], options: Mapping[str, Any], sorts: str | None = "createdAt"
    ) -> Page:
        keys = {one.name for one in table_keys(table) if one is not None}
        after = options.get("start_key")
        if after is not None:
            after = {name: after[name] for name in keys}
        start = 0 if after is None else 1 + next(n for n, i in enumerate(found) if after.items() <= i.items())
        items = found[start : start + options["limit"]]
        more = len(found) > start + len(items)
        shown = [] if options.get("count_only") else [item for item in items if _passes(options["filter"], item)]
        names = keys if sorts is None else keys | {sorts}
        return Page(shown, len(items), {name: items[-1][name] for name in names} if more else None)

    async def put(self, table: type[Table], item: Item, *, condition: Any = None) -> None:
        read = (table, stored_key(table, item))
        if condition is not None and read in self.rows:
            raise ConditionFailedError(self.rows[read])
        self.rows[read] = item

    async def update(self, table: type[Table], key: Key, actions: Any, *, condition: Any = None) -> Item:
        del condition
        item = dict(self.rows[table, key])
        for action in actions:
            (name,) = action.values[0].path
            item.pop(name, None)
            if len(action.values) > 1:
                item[name] = action.values[1].value
        self.rows[table, key] = item
        return item

    async def delete(self, table: type[Table], key: Key, *, condition: Any = None) -> Item | None:
        del condition
        return self.rows.pop((table, key), None)


_COMPARED = {"=": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def _sorted_by(attribute: dict[str, Any]) -> Any:
    """Return what DynamoDB sorts an attribute by."""
    ((kind, value),) = attribute.items()
    return Decimal(value) if kind == "N" else value


def _passes(condition: Any, item: Item) -> bool:  # noqa: PLR0911 — one for each operator
    """Return whether a row passes a filter; some operators are run, with all others every row passes."""
    match None if condition is None else condition.operator:
        case "AND" | "OR" as both:
            return {"AND": all, "OR": any}[both](_passes(part, item) for part in condition.values)
        case "IN":
            path, *names = condition.values
            return item.get(path.path[0]) in [name.value for name in names]
        case "=" | ">=" | "<=" | ">" | "<" as compared:
            path, bound = condition.values
            name = path.path[0]
            return name in item and _COMPARED[compared](_sorted_by(item[name]), _sorted_by(bound.value))
        case "contains":
            path, part = condition.values
            return part.value in item.get(path.path[0], {}).get("L", [])
        case "BETWEEN":
            path, low, high = condition.values
            value, ends = _sorted_by(item[path.path[0]]), [_sorted_by(end.value) for end in (low, high)]
            between: bool = ends[0] <= value <= ends[1]
            return between
        case "begins_with":
            path, start = condition.values
            begun: bool = item.get(path.path[0], {}).get("S", "").startswith(start.value["S"])
            return begun
    return True


def wire(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case list():
            return {"L": [wire(element) for element in value]}
    return {"N": str(value)}


class StoredRowEvents:
    """Answers every subscription with an event for each row that is stored already."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def subscribe(
        self, model: Model, operations: Collection[Operation], info: AnyInfo, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Item]:
        del operations, arguments
        for (table, _), item in self._store.rows.items():
            if table is model.table and may_read(info.context.caller, model, item):
                yield item


_GUARDED = TypeRules(delete_guards=DELETE_GUARDS)


@cache
def build_mirror() -> MirrorSchema:
    """Return the schema of the derived fields alone."""
    return build_schema(CATALOGUE, cast("MirrorResolver", None))


def schema_over(store: MemoryStore, rules: TypeRules = _GUARDED) -> MirrorSchema:
    """Return the schema over a store; it is built once, and the next call lets it answer from another store."""
    built = build_mirror()
    built.resolver = mirror_over(store, StoredRowEvents(store), rules)
    return built


def mirror_over(
    store: Store,
    subscriptions: SubscriptionResolver,
    rules: TypeRules = _GUARDED,
    catalogue: Catalogue = CATALOGUE,
) -> Mirror:
    """Return the resolver of the derived fields over a store."""
    queries, mutations = Queries(store, PageTokens(b"secret")), Mutations(store, clock.now, rules)
    return Mirror(catalogue, queries, mutations, subscriptions)


def app_over(store: MemoryStore, catalogue: Catalogue) -> MirrorSchema:
    """Return the schema of an app's derived fields over a store."""
    return build_schema(catalogue, mirror_over(store, StoredRowEvents(store), TypeRules(), catalogue))


async def execute(
    schema: MirrorSchema, store: Store, caller: Caller | None, query: str, /, **variables: Any
) -> tuple[Any, list[dict[str, Any]]]:
    """Return an operation's data and errors, as the wire carries them."""
    context = RequestContext(store, caller, {})
    result = await schema.execute(query, variable_values=variables, context_value=context)
    return result.data, [error.formatted for error in result.errors or ()]  # type: ignore[misc]  # AppSync's shape


async def ask(store: MemoryStore, caller: Caller | None, query: str, **variables: Any) -> Any:
    """Return an operation's data; it must have no errors."""
    data, errors = await execute(schema_over(store), store, caller, query, **variables)
    assert errors == []
    return data


async def error_of(store: MemoryStore, caller: Caller | None, query: str, **variables: Any) -> dict[str, Any]:
    """Return an operation's only error."""
    _, (error,) = await execute(schema_over(store), store, caller, query, **variables)
    return error


LIST_REQUESTS = """query ($limit: Int, $nextToken: String, $filter: ModelServiceRequestFilterInput) {
    listServiceRequests(limit: $limit, nextToken: $nextToken, filter: $filter) { items { id } nextToken } }"""


def add_request(store: MemoryStore, key: str, requester: str, provider: str) -> None:
    """Add a request for the service `s`; requests are in the order of their keys."""
    store.add(
        tables.ServiceRequest,
        id=key,
        serviceId="s",
        requesterId=requester,
        providerId=provider,
        status="INITIATED",
        estimatedHours=2,
        createdAt=f"2026-01-01T00:00:00.{key}Z",
    )
