"""A mutation under an Idempotency-Key runs once; whatever goes wrong, the next one with the key finds its way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import graphql
import httpx
import pytest
from cross_web import HTTPException
from starlette.datastructures import Headers
from strawberry.http import GraphQLRequestData
from strawberry.types import ExecutionResult
from structlog.testing import capture_logs

from models import clock, idempotency, tables
from models.errors import Code, ContentionError, Refusal, UnavailableError
from models.idempotency import KeyedRequest
from models.storage.sent_writes import note_write
from models.storage.store import ConditionFailedError, Item
from resolvers import polling
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller
from resolvers.mirror.mutations import Mutations
from resolvers.transport import idempotency as under_keys
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.idempotency import Idempotency, is_mutation, keyed_request
from schema.documents.limits import Limits
from schema.documents.metering import AnswerLimits
from schema.documents.reading import Documents
from schema.errors import RefusedError, report_any
from tests.unit.mirror import ALICE, BOB, MemoryStore, schema_over
from tests.unit.rates import without_limits

ASKED = KeyedRequest.by("alice", "key", "hash")
DOCUMENTS = Documents(graphql.build_schema("type Query { a: Int } type Mutation { a: Int }"), Limits())
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
DELETE = "mutation X { deleteUser(input: {id: 1}) { id } }"
TWO = """mutation ($input: CreateServiceInput!) {
  first: createService(input: $input) { id } second: createService(input: $input) { id } }"""


@pytest.mark.parametrize(
    ("document", "name", "expected"),
    [
        ("mutation { a }", None, True),
        ("{ a }", None, False),
        ("subscription { a }", None, False),
        ("query Q { a } mutation M { a }", "M", True),
        ("query Q { a } mutation M { a }", "Q", False),
        ("query Q { a } mutation M { a }", None, False),
        ("mutation {", None, False),
        ("mutation { a } # " + "x" * 40_000, None, False),
        ("mutation { a" + " b" * 3_000 + " }", None, False),
        ("mutation { a }", "", False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_what_is_a_mutation(document: str | None, name: str | None, expected: bool) -> None:  # noqa: FBT001 — a table's column
    assert is_mutation(DOCUMENTS, document, name) is expected


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

    async def update(self, table: type[tables.Table], key: str, actions: Any, *, condition: Any = None) -> Item:
        if self.silent:
            self.silent -= 1
            raise UnavailableError(is_outcome_unknown=True)
        self._check(table, key, condition)
        return await super().update(table, key, actions)

    async def delete(self, table: type[tables.Table], key: str, *, condition: Any = None) -> Item | None:
        self._check(table, key, condition)
        return await super().delete(table, key)

    def _check(self, table: type[tables.Table], key: str, condition: Any) -> None:
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


class Callers:
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
        graphiql=GraphiQL(),
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


async def test_the_second_is_answered_as_the_first(post: Post, store: Rows) -> None:
    first, second = await post("k"), await post("k")
    assert first.json()["data"]["createService"]["title"] == "Garden help"
    assert (second.status_code, second.content) == (200, first.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len(services(store)) == 1


async def test_without_a_key_nothing_is_remembered(post: Post, store: Rows) -> None:
    await post(None)
    await post(None)
    assert len(services(store)) == 2
    assert {table for table, _ in store.rows} == {tables.Service}


async def test_another_request_with_the_key_is_a_mismatch(post: Post, store: Rows) -> None:
    await post("k")
    for other in (OTHER, {**CREATE, "operationName": "X", "query": DELETE}):
        response = await post("k", other)
        assert response.status_code == 200
        assert error_of(response)["errorType"] == "IDEMPOTENCY_MISMATCH"
    assert len(services(store)) == 1


async def test_another_callers_key_is_another_key(post: Post, store: Rows) -> None:
    await post("k")
    second = await post("k", {**CREATE, "variables": {"input": {**SERVICE, "userId": "bob"}}}, by="bob")
    assert "errors" not in second.json()
    assert len(services(store)) == 2


async def test_a_refusal_is_repeated_word_for_word(post: Post, store: Rows) -> None:
    refused = {"query": 'mutation { deleteService(input: {id: "none"}) { id } }'}
    first = await post("k", refused)
    store.add(tables.Service, id="none", userId="sub-alice", createdAt="2026", updatedAt="2026")
    second = await post("k", refused)
    assert error_of(first)["errorType"] == "Unauthorized"
    assert second.content == first.content


@pytest.mark.parametrize("key", ["", "x" * 129, "tab\there", "ümlaut".encode("latin-1"), ["a", "b"]])
async def test_a_key_that_is_none_is_400(post: Post, store: Rows, key: Any) -> None:
    response = await post(key)
    assert response.status_code == 400
    assert "1 to 128 printable ASCII characters" in response.json()["message"]
    assert store.rows == {}


@pytest.mark.parametrize("key", ["k", "", "x" * 129])
async def test_a_query_ignores_it(post: Post, store: Rows, key: str) -> None:
    assert (await post(key, {"query": "{ __typename }"})).json() == {"data": {"__typename": "Query"}}
    assert store.rows == {}


def test_variables_without_end_are_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(1_000):
        deep = {"a": deep}
    data = GraphQLRequestData(query="mutation { a }", variables=deep, operation_name=None, extensions=None)
    with pytest.raises(HTTPException, match="nested too deep"):
        keyed_request(ALICE, Headers({"idempotency-key": "k"}), data, DOCUMENTS)


async def test_a_request_that_could_not_run_leaves_the_key_free(post: Post, store: Rows) -> None:
    changes: list[dict[str, Any]] = [{"query": DOCUMENT + " {"}, {"variables": {}}, {"query": "mutation { no }"}]
    for changed in changes:
        assert error_of(await post("k", {**CREATE, **changed}))["errorType"] == "ValidationError"
        assert store.rows == {}
    assert "errors" not in (await post("k")).json()


@pytest.mark.parametrize("name", [None, "", "C"])
async def test_a_mutation_that_is_not_chosen_does_not_run_whatever_the_key(
    post: Post, store: Rows, name: str | None
) -> None:
    document = DOCUMENT.replace("mutation", "mutation A") + " query B { __typename }"
    for _ in range(2):
        answer = await post("k", {**CREATE, "query": document, "operationName": name})
        assert answer.json()["data"] is None
        assert len(answer.json()["errors"]) == 1
    assert store.rows == {}


async def test_a_mutation_that_is_chosen_among_several_runs_once(post: Post, store: Rows) -> None:
    document = "query B { __typename } " + DOCUMENT.replace("mutation", "mutation A")
    first, second = [await post("k", {**CREATE, "query": document, "operationName": "A"}) for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert len([row for row in store.rows if row[0] is tables.Service]) == 1


async def test_what_counts_as_no_mutation_is_not_run_as_one(post: Post, store: Rows) -> None:
    assert "errors" in (await post("k", {**CREATE, "operationName": ""})).json()
    assert store.rows == {}


async def test_a_made_id_follows_from_key_request_and_field(post: Post, store: Rows) -> None:
    both = (await post("k", {**CREATE, "query": TWO})).json()["data"]
    assert both["first"]["id"] != both["second"]["id"]
    store.rows = {read: item for read, item in store.rows.items() if read[0] is not tables.Idempotency}
    again = await post("k", {**CREATE, "query": TWO})
    assert again.json()["data"] == both
    assert "idempotent-replayed" not in again.headers
    await post("l", {**CREATE, "query": TWO})
    assert len(services(store)) == 4


async def test_what_nobody_foresaw_is_not_kept(post: Post, store: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken, capture_logs():
        broken.setattr(Mutations, "_put", _failing(RuntimeError("a secret")))
        assert error_of(await post("k"))["errorType"] == "InternalFailure"
    assert error_of(await post("k", OTHER))["errorType"] == "IDEMPOTENCY_MISMATCH"
    assert "errors" not in (await post("k")).json()
    assert len(services(store)) == 1


async def test_that_aws_does_not_answer_is_503_and_not_kept(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Mutations, "_put", _failing(UnavailableError(is_outcome_unknown=True)))
        answer = await post("k")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert error_of(answer)["errorType"] == "ServiceUnavailable"
    assert "same id or Idempotency-Key" in error_of(answer)["message"]
    assert "errors" not in (await post("k")).json()


@pytest.mark.parametrize(("unknown", "status"), [(True, 200), (False, 503)])
async def test_what_may_have_been_done_is_not_repeated_by_amplify(
    post: Post, monkeypatch: pytest.MonkeyPatch, status: int, *, unknown: bool
) -> None:
    """Amplify repeats what is answered with 503, and without a key a repetition is another mutation."""
    monkeypatch.setattr(Mutations, "_put", _failing(UnavailableError(is_outcome_unknown=unknown)))
    answer = await post(None)
    assert (answer.status_code, "retry-after" in answer.headers) == (status, status == 503)
    assert error_of(answer)["errorInfo"]["outcomeIsUnknown"] is unknown


async def test_a_row_that_was_written_is_not_written_again_because_a_read_fails(
    post: Post, store: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = store.put

    async def noted_put(*args: Any, **options: Any) -> None:
        note_write()  # as `PromptCalls` does
        await put(*args, **options)

    monkeypatch.setattr(store, "put", noted_put)
    monkeypatch.setattr(store, "batch_get", _failing(UnavailableError()))
    answer = await post(None, {**CREATE, "query": DOCUMENT.replace("title", "user { id }")})
    assert answer.status_code == 200
    assert error_of(answer)["errorInfo"]["outcomeIsUnknown"]
    assert len(services(store)) == 1


async def test_an_answer_over_its_limit_does_not_free_the_key_of_what_was_done(
    post: Post, store: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = " ".join(f"a{number}: description" for number in range(20))
    long = {**CREATE, "query": DOCUMENT.replace("title", many)}
    monkeypatch.setattr(schema_over(store).execution_context_class, "answers", AnswerLimits(bytes=200))
    for _ in range(2):
        error = error_of(await post("k", long))
        assert error["errorType"] == "LimitExceeded"
        assert "has been done" in error["message"]
    assert error_of(await post("k"))["errorType"] == "IDEMPOTENCY_MISMATCH"
    assert len(services(store)) == 1


async def test_a_key_that_cannot_be_claimed_is_503(post: Post, store: Rows) -> None:
    store.silent = 1
    answer = await post("k")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert error_of(answer)["errorType"] == "ServiceUnavailable"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ContentionError("busy"), "CONTENTION"),
        (RefusedError(Refusal(Code.APPROVAL_REQUIRED, "let another one ask")), "APPROVAL_REQUIRED"),
    ],
)
async def test_what_will_soon_be_otherwise_is_not_kept(
    post: Post, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Mutations, "_put", _failing(error))
        assert error_of(await post("k"))["errorType"] == code
    assert "errors" not in (await post("k")).json()


def _failing(error: Exception) -> Callable[..., Awaitable[Item]]:
    async def fail(*_: Any) -> Item:
        raise error

    return fail


async def test_an_answer_that_is_too_large_is_found_again(
    post: Post, store: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_keys, "LARGEST_ANSWER", 10)
    first, second = await post("k"), await post("k")
    assert "idempotent-replayed" not in second.headers
    assert second.json() == first.json()
    assert len(services(store)) == 1


async def test_an_expired_row_counts_as_none(post: Post, store: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    await post("k")
    monkeypatch.setattr(idempotency, "KEPT_FOR", timedelta(seconds=-1))
    assert "errors" not in (await post("l")).json()
    assert "errors" not in (await post("l", OTHER)).json()
    assert len(services(store)) == 3


async def run_never() -> ExecutionResult:
    raise AssertionError("it ran")


async def run_once() -> ExecutionResult:
    return ExecutionResult(data={"done": True}, errors=None)


async def test_an_equal_request_waits_for_the_first(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def run() -> ExecutionResult:
        begun.set()
        await go_on.wait()
        return await run_once()

    first = asyncio.create_task(keys.run_once(ASKED, run))
    await begun.wait()
    second = asyncio.create_task(keys.run_once(ASKED, run_never))
    await asyncio.sleep(0)
    go_on.set()
    assert (await first)[1] is False
    result, is_replayed = await second
    assert (result.data, is_replayed) == ({"done": True}, True)


async def test_it_does_not_wait_for_ever(store: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "TIMEOUT_SECONDS", 0.1)
    await Idempotency(store, clock.now)._claim(ASKED, "another")
    with pytest.raises(ContentionError, match="send it again"):
        await Idempotency(store, clock.now).run_once(ASKED, run_never)


async def test_a_claim_that_has_lapsed_is_taken_over(store: Rows) -> None:
    slow = Idempotency(store, clock.now, claimed_for=timedelta(0))

    async def outlived() -> ExecutionResult:
        await Idempotency(store, clock.now).run_once(ASKED, run_once)
        return ExecutionResult(data={"done": "late"}, errors=None)

    with capture_logs() as logs:
        result, _ = await slow.run_once(ASKED, outlived)
    assert result.data == {"done": "late"}
    assert "outlived" in logs[0]["event"]
    assert (await slow.run_once(ASKED, run_never))[0].data == {"done": True}


async def test_a_claim_whose_answer_was_lost_is_known_again(store: Rows) -> None:
    store.lost_answers = 1
    assert (await Idempotency(store, clock.now).run_once(ASKED, run_once))[1] is False


async def test_what_raises_gives_the_claim_back(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    with pytest.raises(AssertionError, match="it ran"):
        await keys.run_once(ASKED, run_never)
    assert (await keys.run_once(ASKED, run_once))[1] is False


async def run_unavailable() -> ExecutionResult:
    return ExecutionResult(data={"it": None}, errors=[report_any(UnavailableError(is_outcome_unknown=True))])


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_keys, "_END_INTERVAL_SECONDS", 0.01)


async def ended(keys: Idempotency) -> None:
    """Wait until every claim that is to be ended has been, or was given up."""
    async with asyncio.timeout(3):
        while keys._ending:
            await asyncio.gather(*keys._ending)


@pytest.mark.usefixtures("_soon")
async def test_a_mutation_that_aws_did_not_answer_is_repeatable_once_it_does(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    result, _ = await keys.run_once(ASKED, run_unavailable)
    assert result.errors
    store.silent = 3
    await ended(keys)
    assert store.silent == 0
    assert (await keys.run_once(ASKED, run_once))[1] is False
    assert (await keys.run_once(ASKED, run_never))[1] is True


@pytest.mark.usefixtures("_soon")
async def test_a_claim_that_is_stored_late_is_ended_then(store: Rows) -> None:
    keys, late = Idempotency(store, clock.now), []
    store.silent = 1
    put = store.put

    async def put_late(table: type[tables.Table], item: Item, *, condition: Any = None) -> None:
        late.append(item)
        await put(table, item, condition=condition)

    store.put = put_late  # type: ignore[method-assign]  # for this test only
    with pytest.raises(UnavailableError):
        await keys.run_once(ASKED, run_never)
    await asyncio.sleep(0.02)
    assert keys._ending
    await put(tables.Idempotency, late[0])
    await ended(keys)
    store.put = put  # type: ignore[method-assign]  # for this test only
    assert (await keys.run_once(ASKED, run_once))[1] is False


@pytest.mark.usefixtures("_soon")
async def test_a_claim_that_was_never_stored_is_not_looked_for_for_ever(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    store.silent = 1
    with pytest.raises(UnavailableError):
        await keys.run_once(ASKED, run_never)
    await ended(keys)
    assert store.rows == {}


async def test_a_claim_that_was_not_even_sent_is_not_looked_for(
    store: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Idempotency(store, clock.now)
    monkeypatch.setattr(store, "put", _failing_put)
    with pytest.raises(UnavailableError):
        await keys.run_once(ASKED, run_never)
    assert not keys._ending


async def _failing_put(*_: Any, **__: Any) -> None:
    raise UnavailableError


@pytest.mark.usefixtures("_soon")
async def test_an_answer_that_could_not_be_saved_is_saved_once_aws_answers(store: Rows) -> None:
    keys = Idempotency(store, clock.now)
    store.silent = 0

    async def run() -> ExecutionResult:
        store.silent = 3
        return await run_once()

    assert (await keys.run_once(ASKED, run))[0].data == {"done": True}
    await ended(keys)
    assert (await keys.run_once(ASKED, run_never))[1] is True


@pytest.mark.usefixtures("_soon")
async def test_whoever_leaves_gives_the_claim_back(store: Rows) -> None:
    keys, begun = Idempotency(store, clock.now), asyncio.Event()

    async def run() -> ExecutionResult:
        begun.set()
        await asyncio.Event().wait()
        return await run_never()

    left = asyncio.create_task(keys.run_once(ASKED, run))
    await begun.wait()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    await ended(keys)
    assert (await keys.run_once(ASKED, run_once))[1] is False


async def test_no_more_claims_are_ended_later_than_memory_has_room_for(
    store: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_keys, "_MOST_ENDING", 0)
    keys = Idempotency(store, clock.now)
    await keys.run_once(ASKED, run_unavailable)
    assert not keys._ending
