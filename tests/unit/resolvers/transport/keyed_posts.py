"""Mutations under an Idempotency-Key, sent to an app over tables in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from models import clock, tables
from models.errors import UnavailableError
from models.storage.store import ConditionFailedError, Item, Key
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from tests.unit.mirror import ALICE, BOB, MemoryStore, schema_over
from tests.unit.rates import without_limits
from tests.unit.verifiers import Forgetful

DOCUMENT = "mutation ($input: CreateServiceInput!) { createService(input: $input) { id title } }"
SERVICE = {
    "userId": "sub-alice",
    "title": "Garden help",
    "description": "Weeding",
    "category": "garden",
    "hourlyRate": 1.5,
    "isActive": True,
    "tags": [],
}
CREATE: dict[str, Any] = {"query": DOCUMENT, "variables": {"input": SERVICE}}
OTHER = {**CREATE, "query": DOCUMENT.replace("title", "category")}
TWO = """mutation ($input: CreateServiceInput!) {
  first: createService(input: $input) { id } second: createService(input: $input) { id } }"""


class Rows(MemoryStore):
    """Tables in memory whose conditions on single attributes are run; puts may lose their answers."""

    def __init__(self) -> None:
        super().__init__()
        self.lost_answers = 0
        self.silent = 0  # writes of claims that are not answered

    async def put(self, table: type[tables.Table], item: Item, *, condition: Any = None) -> None:
        if table is tables.Idempotency and self.silent:
            self.silent -= 1
            raise UnavailableError(is_outcome_unknown=True)
        self._check(table, item["id"]["S"], condition)
        self.rows[table, item["id"]["S"]] = item
        if table is tables.Idempotency and self.lost_answers:
            self.lost_answers -= 1
            await self.put(table, item, condition=condition)  # as the SDK does

    async def update(self, table: type[tables.Table], key: Key, actions: Any, *, condition: Any = None) -> Item:
        if self.silent:
            self.silent -= 1
            raise UnavailableError(is_outcome_unknown=True)
        self._check(table, key, condition)
        return await super().update(table, key, actions)

    async def delete(self, table: type[tables.Table], key: Key, *, condition: Any = None) -> Item | None:
        self._check(table, key, condition)
        return await super().delete(table, key)

    def _check(self, table: type[tables.Table], key: Key, condition: Any) -> None:
        found = self.rows.get((table, key))
        if condition is not None and not _holds(condition, found or {}):
            raise ConditionFailedError(found)


def _holds(condition: Any, item: Item) -> bool:
    path, *values = condition.values
    match condition.operator:
        case "AND":
            return all(_holds(part, item) for part in condition.values)
        case "attribute_not_exists":
            return path.path[0] not in item
        case "=":
            return bool(item.get(path.path[0]) == values[0].value)
    raise NotImplementedError(condition.operator)


class Callers(Forgetful):
    """Knows two tokens."""

    async def caller(self, authorization: str) -> Caller:
        return {"alice": ALICE, "bob": BOB}[authorization]


@pytest.fixture
def store() -> Rows:
    return Rows()


Post = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def post(store: Rows) -> AsyncIterator[Post]:
    app = build_app(
        schema=schema_over(store),
        store=store,
        authentication=Authentication(Callers()),
        graphiql=GraphiQL("HourBank"),
        idempotency=Idempotency(store, clock.now),
        rates=without_limits(),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as client:

        async def post(
            key: str | bytes | list[str] | None, body: dict[str, Any] = CREATE, by: str = "alice"
        ) -> httpx.Response:
            keys = [] if key is None else key if isinstance(key, list) else [key]
            sent = [one if isinstance(one, bytes) else one.encode() for one in keys]
            headers = [(b"authorization", by.encode()), *((b"idempotency-key", one) for one in sent)]
            return await client.post("/graphql", json=body, headers=headers)

        yield post


def services(store: MemoryStore) -> list[Item]:
    return [item for (table, _), item in store.rows.items() if table is tables.Service]


def error_of(response: httpx.Response) -> dict[str, Any]:
    (error,) = response.json()["errors"]
    return dict(error)
