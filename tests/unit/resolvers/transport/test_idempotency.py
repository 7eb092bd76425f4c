"""A mutation under an Idempotency-Key runs once, and is answered as the first time."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import graphql
import pytest
from cross_web import HTTPException
from starlette.datastructures import Headers
from strawberry.http import GraphQLRequestData
from structlog.testing import capture_logs

from models import idempotency, tables
from models.errors import Code, ContentionError, Refusal, UnavailableError
from models.storage.sent_calls import note_write
from models.storage.store import Item
from resolvers.mirror.mutations import Mutations
from resolvers.transport.over_http import idempotency as under_keys
from resolvers.transport.over_http.idempotency import is_mutation, keyed_request
from schema.documents.limits import Limits
from schema.documents.metering import AnswerLimits
from schema.documents.reading import Documents
from schema.errors import RefusedError
from tests.unit.mirror import ALICE, schema_over
from tests.unit.resolvers.transport.keyed_posts import (
    CREATE,
    DOCUMENT,
    OTHER,
    SERVICE,
    TWO,
    Post,
    Rows,
    error_of,
    post,
    services,
    store,
)

__all__ = ["post", "store"]

DOCUMENTS = Documents(graphql.build_schema("type Query { a: Int } type Mutation { a: Int }"), Limits())
DELETE = "mutation X { deleteUser(input: {id: 1}) { id } }"


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
