"""What the fast path does beside answering as graphql-core does: it gives up in time, and keeps its plans."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from strawberry.types import ExecutionResult

from models.errors import UnavailableError
from models.storage.store import Item, Key, Read
from models.tables import Service, User
from models.tables.base import Table
from resolvers.context import RequestContext
from resolvers.plans.planner import Planner
from resolvers.plans.sizes import answer_size
from schema.documents.limits import Limits
from schema.documents.metering import AnswerLimits
from tests.unit.mirror import ALICE, MemoryStore, schema_over

ONE = "query One($id: ID!) { getService(id: $id) { id title } }"
SERVICES = "listServices(limit: 50) { items { user { bio } } }"
OWNERS = f"{{ {SERVICES} }}"
LONG_NAMES = f"{{ listServices(limit: 50) {{ items {{ {'n' * 2_000}: id }} }} }}"
LONG_NAMES_OF_OWNERS = f"{{ listServices(limit: 50) {{ items {{ user {{ {'n' * 2_000}: id }} }} }} }}"
# The answer to the owner has a step, so that its size is known only when that is done.
OWNERS_AND_MORE = "{ listServices(limit: 50) { items { user { bio services(limit: 1) { items { id } } } } } }"


def filled(store: MemoryStore) -> MemoryStore:
    moments = {"createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"}
    store.add(User, id="sub-alice", username="alice", bio="b" * 1_000, isActive=True, **moments)
    for number in range(50):
        offer = {"id": f"s{number}", "userId": "sub-alice", "title": "Garden", "isActive": True}
        store.add(Service, **offer, **moments)
    return store


async def answer(planner: Planner, store: MemoryStore, query: str, **variables: Any) -> Any:
    planned = planner.planned(query, None, variables)
    assert planned is not None
    return await planned.answer(RequestContext(store, ALICE, {}))


def planner_over(
    store: MemoryStore, *, answers: AnswerLimits | None = None, limits: Limits | None = None
) -> Planner:
    built = schema_over(store)
    kept = built.answers, built.limits
    built.answers, built.limits = answers or kept[0], limits or kept[1]
    try:
        return Planner(built)
    finally:
        built.answers, built.limits = kept


class SlowStore(MemoryStore):
    """Tables that do not answer in time."""

    async def get(self, table: type[Table], key: Key, *, consistent: bool = False) -> Item | None:
        await asyncio.sleep(5)
        return await super().get(table, key, consistent=consistent)


class FailingStore(MemoryStore):
    """Tables that fail."""

    error: Exception = ConnectionError()

    async def batch_get(self, reads: Sequence[Read], *, consistent: bool = False) -> list[Item | None]:
        del reads, consistent
        raise self.error


async def test_an_operation_is_planned_once() -> None:
    store = filled(MemoryStore())
    planner = planner_over(store)
    first = await answer(planner, store, ONE, id="s1")
    assert orjson.loads(first) == {"data": {"getService": {"id": "s1", "title": "Garden"}}}
    document = schema_over(store).documents.read(ONE)
    (plan,) = document.plans.values()
    await answer(planner, store, ONE, id="s2")
    assert document.plans == {None: plan}


async def test_a_query_that_takes_too_long_has_an_error_and_does_not_run_again() -> None:
    store = SlowStore()
    result = await answer(planner_over(store, answers=AnswerLimits(seconds=0.01)), store, ONE, id="s1")
    assert isinstance(result, ExecutionResult)
    assert [error.message for error in result.errors or ()] == [
        "The operation took longer than 0.01 seconds; ask for less, or try again later"
    ]


async def test_what_fails_is_left_to_graphql_core() -> None:
    store = FailingStore()
    filled(store)
    assert await answer(planner_over(store), store, OWNERS) is None


@pytest.mark.parametrize("query", [OWNERS, f"{{ {SERVICES} b: {SERVICES} }}"])
async def test_who_has_waited_for_aws_once_does_not_wait_again(
    monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    noted: list[bool] = []
    monkeypatch.setattr("resolvers.plans.planner.fail_from_now_on", lambda: noted.append(True))
    store = FailingStore()
    filled(store)
    store.error = UnavailableError()
    assert await answer(planner_over(store), store, query) is None
    assert noted == [True]


async def test_what_is_too_large_is_left_to_graphql_core() -> None:
    store = filled(MemoryStore())
    assert len(await answer(planner_over(store), store, OWNERS)) > 50_000
    assert await answer(planner_over(store, answers=AnswerLimits(bytes=50_000)), store, OWNERS) is None
    assert await answer(planner_over(store, limits=Limits(rows=60)), store, OWNERS) is None


@pytest.mark.parametrize("query", [OWNERS, OWNERS_AND_MORE, LONG_NAMES, LONG_NAMES_OF_OWNERS])
async def test_an_answer_over_its_limit_is_not_even_written(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    store = filled(MemoryStore())
    assert len(await answer(planner_over(store), store, query)) > 50_000
    written: list[Any] = []
    monkeypatch.setattr("resolvers.plans.planner.written", written.append)
    assert await answer(planner_over(store, answers=AnswerLimits(bytes=50_000)), store, query) is None
    assert not written


@pytest.mark.parametrize("text", ["x" * 2_000, "\x01" * 400])
async def test_texts_are_measured_as_they_come(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    store = filled(MemoryStore())
    for number in range(50):
        store.rows[Service, f"s{number}"]["description"] = {"S": text}
    names = " ".join(f"a{number}: description" for number in range(10))
    planner = planner_over(store, answers=AnswerLimits(bytes=100_000))
    monkeypatch.setattr("resolvers.plans.planner.written", None)
    assert await answer(planner, store, f"{{ listServices(limit: 50) {{ items {{ {names} }} }} }}") is None


async def test_elements_of_lists_are_values() -> None:
    store = filled(MemoryStore())
    for number in range(50):
        store.rows[Service, f"s{number}"]["tags"] = {"L": [{"S": "t"}] * 20}
    query = "{ listServices(limit: 50) { items { tags } } }"
    assert await answer(planner_over(store, limits=Limits(values=1_100)), store, query) is not None
    assert await answer(planner_over(store, limits=Limits(values=1_000)), store, query) is None


async def test_what_runs_beside_a_failure_is_ended() -> None:
    store = SlowStore()
    filled(store)
    query = '{ slow: getService(id: "s1") { id } refused: getUserBalance(userId: "sub-bob") { userId } }'
    began = asyncio.get_running_loop().time()
    assert await answer(planner_over(store), store, query) is None
    assert asyncio.get_running_loop().time() - began < 1
    assert len(asyncio.all_tasks()) == 1


def test_what_is_shared_is_counted_wherever_it_stands() -> None:
    shared = {"bio": "b" * 10}
    around = 4  # of each name and text
    assert answer_size([{"user": shared}] * 3) == 3 * (len("user" + "bio" + "b" * 10) + 3 * around)
