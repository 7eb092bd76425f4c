"""No request keeps the event loop for long: others work in between, and what comes out is the same."""

import asyncio
import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from models import tables
from models.storage.codec import item_of
from models.storage.store import Page
from models.tables import Table
from resolvers.hosting.garbage import keep_what_is_there
from resolvers.identity.callers import Caller
from resolvers.operations.bookings import BookingQueries
from schema.build import MirrorSchema
from schema.documents import execution, turns
from schema.scalars import AWSDate
from schema.strawberry_internals import CoreExecution
from tests.security.many_rows import answer, filled
from tests.security.stretches import ANSWER_SECONDS, MOST_SECONDS, least_stretches
from tests.unit.mirror import MemoryStore, schema_over
from tests.unit.processor_time import least_seconds

TEN = "id title description category isActive hourlyDuration hourlyRate createdAt updatedAt userId"
LONG = {
    "1,000 rows of ten fields": f"{{ listServices(limit: 1000) {{ items {{ {TEN} }} }} }}",
    "1,000 rows, each with a row": "{ listServices(limit: 1000) { items { id user { id username rating } } } }",
    "660 rows, each with two": "{ listServices(limit: 660) { items { id a: user { id } b: user { username } } } }",
    "1,000 pages of a row": "{ listServices(limit: 1000) { items { id bookings(limit: 1) { items { id } } } } }",
    "pages in pages": "{ listUsers(limit: 40) { items { id services(limit: 40) { items { id title } } } } }",
    "rows that wait twice": "{ listServices(limit: 600) { items { user { bankHours username } } } }",
    "400 lists of 50 tags": "{ listServices(limit: 400) { items { tags } } }",
    "ten lists": "{ "
    + " ".join(f"a{n}: listServices(limit: 180) {{ items {{ {TEN} }} }}" for n in range(10))
    + " }",
}


@pytest.fixture(scope="module", autouse=True)
def started() -> Iterator[None]:
    """Let garbage be collected as a server has it."""
    thresholds = gc.get_threshold()
    keep_what_is_there()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    return filled()


@pytest.fixture
def schema(store: MemoryStore) -> MirrorSchema:
    return schema_over(store)


class Provider(MemoryStore):
    """Tables of a provider with very many services and hours."""

    def __init__(self, services: int, weekly: int) -> None:
        super().__init__()
        hours = {"startTime": "09:00", "endTime": "17:00", "isActive": True}
        self._found = {
            tables.Service: [item_of(tables.Service, id=f"s{number}") for number in range(services)],
            tables.ServiceSchedule: [
                item_of(tables.ServiceSchedule, serviceId=f"s{row % services}", dayOfWeek=row % 7, **hours)
                for row in range(weekly)
            ],
        }

    async def query(self, table: type[Table], index: Any, hash_value: str, **options: Any) -> Page:
        del index, hash_value
        limit, start_key = options["limit"], options["start_key"]
        start = int(start_key["n"]["N"]) if start_key else 0
        rows = self._found.get(table, [])
        end = start + limit
        return Page(rows[start:end], min(limit, len(rows)), {"n": {"N": str(end)}} if len(rows) > end else None)


def clock_at() -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", LONG)
async def test_a_long_operation_gives_way(schema: MirrorSchema, store: MemoryStore, name: str) -> None:
    _, errors = await answer(schema, store, LONG[name])
    assert errors == []
    _, taken = await least_stretches(lambda: answer(schema, store, LONG[name]))
    assert taken.longest < MOST_SECONDS


async def test_many_long_operations_together_give_way(schema: MirrorSchema, store: MemoryStore) -> None:
    async def answer_all() -> list[Any]:
        return list(await asyncio.gather(*(answer(schema, store, query) for query in LONG.values())))

    found, taken = await least_stretches(answer_all)
    assert all(errors == [] for _, errors in found)
    assert taken.longest < 3 * MOST_SECONDS  # each begins at once


async def test_a_short_operation_does_not_wait_for_long_ones(schema: MirrorSchema, store: MemoryStore) -> None:
    long = [asyncio.create_task(answer(schema, store, LONG["pages in pages"])) for _ in range(12)]
    await asyncio.sleep(0)
    for _ in range(3):
        assert await answer(schema, store, '{ getService(id: "s0001") { user { username } } }') == (
            {"getService": {"user": {"username": "n1"}}},
            [],
        )
    assert not all(task.done() for task in long)
    await asyncio.gather(*long)


@pytest.mark.parametrize(
    "query",
    [
        f"{{ listServices(limit: 50) {{ items {{ {TEN} tags bookings(limit: 0) {{ nextToken }} }} }} }}",
        "{ listServices(limit: 50) { items { title user { id } } } b: listServices(limit: 9) { items { id } } }",
        "{ listUsers(limit: 30) { items { services(limit: 3) { items { title tags } } } } }",
        "{ listServices(limit: 60) { items { user { firstName services { items { user { id } } } } } } }",
    ],
)
async def test_what_comes_out_is_what_graphql_core_returns(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    store = filled(80)
    for number in (0, 7):
        store.rows[tables.Service, f"s{number:04}"].pop("title")  # which may not be null
        store.rows[tables.User, f"u{number}"].pop("firstName")
    schema = schema_over(store)
    monkeypatch.setattr(execution, "_LIGHT", 0)
    monkeypatch.setattr(turns, "SLICE", -1.0)
    monkeypatch.setattr(execution, "_LEAVES", 2)
    ours = await answer(schema, store, query)
    monkeypatch.setattr(schema, "execution_context_class", CoreExecution)
    theirs = await answer(schema, store, query)
    assert ours[0] == theirs[0]
    places = [
        sorted((str(error["path"]), error["errorType"]) for error in errors) for errors in (ours[1], theirs[1])
    ]
    assert places[0] == places[1] != []


@pytest.mark.parametrize(
    ("fields", "batches"),
    [
        ("user { username }", 1),
        ("user { username bankHours }", 2),
        ("a: user { id } b: user { bankHours }", 2),
        ("a: user { username } b: user { id }", 1),
    ],
)
async def test_reads_of_a_long_list_stay_together(
    monkeypatch: pytest.MonkeyPatch, schema: MirrorSchema, store: MemoryStore, fields: str, batches: int
) -> None:
    monkeypatch.setattr(execution, "_LIGHT", 0)
    monkeypatch.setattr(turns, "SLICE", 0.0001)
    store.reads.clear()
    _, errors = await answer(schema, store, f"{{ listServices(limit: 300) {{ items {{ {fields} }} }} }}")
    assert errors == []
    assert [kind for kind, _ in store.reads] == ["scan", *["batch_get"] * batches]


@pytest.mark.parametrize("services", [100, 10_000])
@pytest.mark.parametrize("weekly", [0, 5_000])
async def test_a_provider_with_very_many_rows_gives_way(
    monkeypatch: pytest.MonkeyPatch, services: int, weekly: int
) -> None:
    store = Provider(services, weekly)
    monkeypatch.setattr("resolvers.operations.bookings.signed_in", lambda _info: Caller("ben", "ben"))
    queries = BookingQueries(store, clock_at)
    asked: dict[str, Any] = {
        "provider_id": "ben",
        "start_date": AWSDate("2026-03-02"),
        "end_date": AWSDate("2026-03-06"),
    }
    days, taken = await least_stretches(lambda: queries.get_provider_schedule(None, **asked))  # type: ignore[arg-type]  # nobody looks
    assert len(days) == 5
    assert taken.total < ANSWER_SECONDS
    assert taken.longest < 2 * MOST_SECONDS


def test_what_is_there_at_the_start_is_not_looked_at_again(store: MemoryStore) -> None:
    assert len(store.rows) == 1_500
    assert gc.get_freeze_count() > 100_000
    assert least_seconds(gc.collect) < 2 * MOST_SECONDS  # 90 ms without
