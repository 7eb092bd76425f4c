"""A mirror over tables in memory: what the resolvers ask of the store, answered from dictionaries."""

import operator
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from models import clock
from models.storage.names import Names
from models.storage.store import ConditionFailedError, Item, Page, Read, Store, key_of
from models.tables import Table
from resolvers.context import RequestContext
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import may_read
from resolvers.mirror.mutations import Mutations, TypeRules
from resolvers.mirror.paging import PageTokens
from resolvers.mirror.queries import Queries
from resolvers.mirror.resolver import Mirror
from resolvers.operations.deletion import DELETE_GUARDS
from schema.amplify.declaration import Model
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation
from schema.build import MirrorSchema, build_schema

if TYPE_CHECKING:
    from schema.amplify.resolver import MirrorResolver

ALICE = Caller("sub-alice", "alice")
BOB = Caller("sub-bob", "bob")
EVE = Caller("sub-eve", "eve")
ADMIN = Caller("sub-admin", "admin", frozenset({"admin"}))


class MemoryStore(Store):
    """Tables as dictionaries; of filters what names a value is run, of conditions whether a row is there."""

    def __init__(self) -> None:
        super().__init__(None, Names(stack="unit", region="us-east-1", account="0" * 12))  # type: ignore[arg-type]  # nobody calls
        self.rows: dict[Read, Item] = {}
        self.asked: list[tuple[str, Any]] = []

    def add(self, table: type[Table], **attributes: Any) -> None:
        item = {name: wire(value) for name, value in attributes.items()}
        self.rows[table, item[key_of(table).attr_name]["S"]] = item

    async def get(self, table: type[Table], key: str, *, consistent: bool = False) -> Item | None:
        del consistent
        self.asked.append(("get", (table.__name__, key)))
        return self.rows.get((table, key))

    async def batch_get(self, reads: Sequence[Read], *, consistent: bool = False) -> list[Item | None]:
        del consistent
        self.asked.append(("batch_get", {(table.__name__, key) for table, key in reads}))
        return [self.rows.get(read) for read in reads]

    async def query(self, table: type[Table], index: Any, hash_value: str, **given: Any) -> Page:
        self.asked.append(("query", (table.__name__, index.Meta.index_name, hash_value)))
        field = index.Meta.index_name.removeprefix("by")
        field = field[0].lower() + field[1:]
        found = [i for (of, _), i in self.rows.items() if of is table and i.get(field) == {"S": hash_value}]
        found = [item for item in found if _passes(given.get("range_condition"), item)]
        found.sort(key=lambda item: item["createdAt"]["S"], reverse=not given["forward"])
        return self._cut(table, found, given)

    async def scan_page(self, table: type[Table], **given: Any) -> Page:
        self.asked.append(("scan", table.__name__))
        return self._cut(table, [item for (of, _), item in self.rows.items() if of is table], given)

    def _cut(self, table: type[Table], found: list[Item], given: Mapping[str, Any]) -> Page:
        key = key_of(table).attr_name
        after = given.get("start_key")
        start = 0 if after is None else 1 + next(n for n, i in enumerate(found) if i[key] == after[key])
        items = found[start : start + given["limit"]]
        more = len(found) > start + len(items)
        shown = [] if given.get("count_only") else [item for item in items if _passes(given["filter"], item)]
        return Page(shown, len(items), {name: items[-1][name] for name in (key, "createdAt")} if more else None)

    async def put(self, table: type[Table], item: Item, *, condition: Any = None) -> None:
        read = (table, item[key_of(table).attr_name]["S"])
        if condition is not None and read in self.rows:
            raise ConditionFailedError(self.rows[read])
        self.rows[read] = item

    async def update(self, table: type[Table], key: str, actions: Any, *, condition: Any = None) -> Item:
        del condition
        item = dict(self.rows[table, key])
        for action in actions:
            (name,) = action.values[0].path
            item.pop(name, None)
            if len(action.values) > 1:
                item[name] = action.values[1].value
        self.rows[table, key] = item
        return item

    async def delete(self, table: type[Table], key: str, *, condition: Any = None) -> Item | None:
        del condition
        return self.rows.pop((table, key), None)


_COMPARED = {"=": operator.eq, ">=": operator.ge, "<=": operator.le}


def _passes(condition: Any, item: Item) -> bool:
    """Tell whether a row passes what compares texts or names owners; other comparisons are not run."""
    match None if condition is None else condition.operator:
        case "AND" | "OR" as both:
            return {"AND": all, "OR": any}[both](_passes(part, item) for part in condition.values)
        case "IN":
            path, *names = condition.values
            return item.get(path.path[0]) in [name.value for name in names]
        case "=" | ">=" | "<=" as compared:
            path, bound = condition.values
            return path.path[0] in item and _COMPARED[compared](
                *(next(iter(i.values())) for i in (item[path.path[0]], bound.value))
            )
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


class Told:
    """Events of the rows that are stored already."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def subscribe(
        self, model: Model, operation: Operation, info: AnyInfo, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Item]:
        del operation, arguments
        for (table, _), item in self._store.rows.items():
            if table is model.table and may_read(info.context.caller, model, item):
                yield item


_GUARDED = TypeRules(guards=DELETE_GUARDS)


@cache
def _built() -> MirrorSchema:
    return build_schema(cast("MirrorResolver", None))


def schema_over(store: MemoryStore, domain: TypeRules = _GUARDED) -> MirrorSchema:
    """Return the schema, built once, with its answers from a store until it is asked for over another."""
    built, writes = _built(), Mutations(store, clock.now, domain)
    built.resolver = Mirror(Queries(store, PageTokens(b"secret")), writes, Told(store))
    return built


async def execute(
    schema: MirrorSchema, store: Store, caller: Caller | None, query: str, **variables: Any
) -> tuple[Any, list[dict[str, Any]]]:
    """Return an operation's data and errors, as the wire carries them."""
    context = RequestContext(store, caller, {})
    result = await schema.execute(query, variable_values=variables, context_value=context)
    return result.data, [error.formatted for error in result.errors or ()]  # type: ignore[misc]  # AppSync's shape
