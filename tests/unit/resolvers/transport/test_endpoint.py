"""The endpoint's manners: who is let in, how large a request may be, what a failure looks like."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from models.errors import UnavailableError
from resolvers.hosting.settings import LOCAL_ORIGINS
from resolvers.identity.callers import Caller
from resolvers.transport.over_http.bodies import BODY_BYTES
from resolvers.transport.over_http.operations import HttpOperations
from resolvers.transport.over_sockets import sockets
from resolvers.transport.over_sockets.sockets import OPERATIONS
from schema.build import MirrorSchema
from tests.unit.leaps import leap
from tests.unit.mirror import ALICE, StoredRowEvents
from tests.unit.processor_time import least_seconds_async
from tests.unit.resolvers.transport.app_in_memory import (
    API_KEY,
    BALANCE,
    FILTERED,
    SIGNED,
    Callers,
    app_in_memory,
    connected,
    signed_in,
)


@pytest.fixture
def app() -> Starlette:
    return app_in_memory()


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


async def test_a_member_is_answered(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json=BALANCE, headers=SIGNED)
    assert response.status_code == 200
    assert response.json() == {"data": {"getUserBalance": {"totalBalance": 10.0}}}


class Silent:
    """A membership that nobody can look up, because AWS does not answer."""

    def recall(self, _caller: Caller) -> None:
        """Remember nobody."""

    async def of(self, _caller: Caller) -> Caller:
        raise UnavailableError


@pytest.fixture
def silent(app: Starlette) -> Starlette:
    for route in app.routes:
        for endpoint in (getattr(route, "endpoint", None), getattr(route, "app", None)):
            if isinstance(endpoint, HttpOperations):
                endpoint._authentication.membership = cast("Any", Silent())
    return app


@pytest.mark.usefixtures("silent")
async def test_that_aws_does_not_answer_is_503_and_no_line_in_the_log(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        response = await client.post("/graphql", json=BALANCE, headers=SIGNED)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.headers["x-amzn-errortype"] == "ServiceUnavailable"
    (error,) = response.json()["errors"]
    assert error["errorType"] == "ServiceUnavailable"
    assert error["errorInfo"] == {"retryAfterSeconds": 1, "outcomeIsUnknown": False}
    assert logs == []


async def test_a_socket_whose_caller_cannot_be_looked_up_may_try_again(silent: Starlette) -> None:
    async with connected(silent, **SIGNED) as socket:
        await socket.receive()
        with capture_logs() as logs:
            socket.send(type="connection_init")
            closed = await socket.receive()
    assert (closed["code"], closed["reason"][:32]) == (1013, "The database does not answer at ")
    assert logs == []


@pytest.mark.parametrize("headers", [{}, {"authorization": "stale"}, {"x-api-key": API_KEY[:-1]}])
async def test_nobody_is_401(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    response = await client.post("/graphql", json=BALANCE, headers=headers)
    assert response.status_code == 401
    assert response.headers["x-amzn-errortype"] == "UnauthorizedException"
    assert response.json()["message"]


async def test_an_application_reads_the_schema_and_nothing_else(client: httpx.AsyncClient) -> None:
    asked = {"query": "{ __schema { queryType { name } } }"}
    response = await client.post("/graphql", json=asked, headers={"x-api-key": API_KEY})
    assert response.json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
    response = await client.post("/graphql", json=BALANCE, headers={"x-api-key": API_KEY})
    assert response.status_code == 200
    assert response.json()["data"] == {"getUserBalance": None}
    (error,) = response.json()["errors"]
    assert error["errorType"] == "Unauthorized"
    assert error["message"] == "Not Authorized to access getUserBalance on type Query"


async def test_a_browser_is_given_the_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", headers={"accept": "text/html"})
    assert response.status_code == 200
    assert "<title>HourBank</title>" in response.text


async def test_queries_do_not_come_by_get(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params=BALANCE, headers=SIGNED)
    assert response.status_code == 400
    assert response.json()["errors"][0]["errorType"] == "MalformedHttpRequestException"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"query": 1}', b"{}", b"\xff", b"null", b"5", b'"x"', b'{"query": "{a}", "variables": 5}'],
)
async def test_a_malformed_request_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    headers = SIGNED | {"content-type": "application/json"}
    response = await client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["message"]
    assert response.json()["errors"][0]["errorType"] == "MalformedHttpRequestException"


async def test_what_nobody_foresaw_is_masked_in_our_shape(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(MirrorSchema, "execute", fail)
    unplanned = {"query": "query ($is: Boolean = true) { __typename @include(if: $is) }"}
    with capture_logs() as logs:
        response = await client.post("/graphql", json=unplanned, headers=SIGNED)
    assert response.status_code == 500
    (error,) = response.json()["errors"]
    assert error["errorType"] == "InternalFailure"
    (failed, unforeseen) = logs
    assert error["errorInfo"] == {"correlationId": unforeseen["correlation_id"]}
    assert (failed["event"], failed["outcome"]) == ("operation", "RuntimeError")
    assert "secret" not in response.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_is_sent_to_the_socket(client: httpx.AsyncClient, method: str) -> None:
    document = {"query": "subscription { onCreateUser { id } }"}
    given: dict[str, Any] = {"json": document} if method == "POST" else {"params": document}
    response = await client.request(method, "/graphql", headers=SIGNED, **given)
    assert response.status_code == 400
    assert "subscription" in response.json()["message"]
    assert "socket" in response.json()["message"]


async def test_a_query_is_sent_by_post(client: httpx.AsyncClient) -> None:
    document = {"query": "query Q($id: ID!) { getUser(id: $id) { id } }", "variables": '{"id": "x"}'}
    response = await client.get("/graphql", params=document, headers=SIGNED)
    assert response.status_code == 400
    assert "sent by POST" in response.json()["message"]


async def test_a_body_has_a_limit(client: httpx.AsyncClient) -> None:
    headers = SIGNED | {"content-type": "application/json"}
    response = await client.post("/graphql", content=b" " * (BODY_BYTES + 1), headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize(("operators", "status"), [(20_000, 400), (301, 200)])
async def test_a_filter_has_a_limit_and_blocks_nobody(
    client: httpx.AsyncClient, operators: int, status: int
) -> None:
    filter_ = {"or": [{"id": {"eq": "x"}}] * operators}

    async def refuse() -> None:
        request = {"query": FILTERED, "variables": {"f": filter_}}
        response = await client.post("/graphql", json=request, headers=SIGNED)
        assert response.status_code == status
        assert "at most" in response.json()["errors"][0]["message"]

    assert await least_seconds_async(refuse) < 0.5


@pytest.mark.parametrize("query", ["{ a" + " b" * 3_000 + " }", "# " + "x" * 40_000 + "\n{ __typename }"])
async def test_a_document_has_a_limit(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post("/graphql", json={"query": query}, headers=SIGNED)
    error = response.json()["errors"][0]
    assert error["errorType"] == "ValidationError"


ASKED = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}


@pytest.mark.parametrize("origin", ["https://app.example", *LOCAL_ORIGINS])
async def test_listed_pages_may_call(client: httpx.AsyncClient, app: Starlette, origin: str) -> None:
    allowed = await client.options("/graphql", headers=ASKED | {"origin": origin})
    assert allowed.headers["access-control-allow-origin"] == origin
    async with connected(app, origin=origin) as socket:
        assert (await socket.receive())["type"] == "websocket.accept"


async def test_only_pages_are_told_what_pages_may(client: httpx.AsyncClient) -> None:
    plain = await client.post("/graphql", json=BALANCE, headers=SIGNED)
    page = await client.post("/graphql", json=BALANCE, headers=SIGNED | {"origin": "https://app.example"})
    assert not [name for name in plain.headers if name.startswith("access-control-") or name == "vary"]
    assert page.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:4201", "capacitor://localhost.evil"])
async def test_other_pages_may_not_call(client: httpx.AsyncClient, app: Starlette, origin: str) -> None:
    refused = await client.options("/graphql", headers=ASKED | {"origin": origin})
    assert "access-control-allow-origin" not in refused.headers
    async with connected(app, origin=origin) as socket:
        assert (await socket.receive())["type"] == "websocket.close"


async def test_a_socket_is_answered_in_text(app: Starlette) -> None:
    async with connected(app) as socket:
        assert (await socket.receive())["subprotocol"] == "graphql-transport-ws"
        socket.send(type="connection_init", payload={"Authorization": "alice"})
        assert await socket.receive_json() == {"type": "connection_ack"}
        query = "subscription { onUpdateUserBalance { userId user { id } } }"
        socket.send(id="1", type="subscribe", payload={"query": query})
        data = {"onUpdateUserBalance": {"userId": "sub-alice", "user": None}}
        assert await socket.receive_json() == {"id": "1", "type": "next", "payload": {"data": data}}
        assert await socket.receive_json() == {"id": "1", "type": "complete"}


async def test_an_application_opens_a_socket_and_hears_nothing(app: Starlette) -> None:
    async with connected(app) as socket:
        await socket.receive()
        socket.send(type="connection_init", payload={"x-api-key": API_KEY})
        assert await socket.receive_json() == {"type": "connection_ack"}
        socket.send(id="1", type="subscribe", payload=BALANCE)
        message = await socket.receive_json()
        assert [error["errorType"] for error in message["payload"]["errors"]] == ["Unauthorized"]


async def test_a_socket_with_an_unknown_key_is_closed(app: Starlette) -> None:
    async with connected(app) as socket:
        await socket.receive()
        socket.send(type="connection_init", payload={"x-api-key": "x"})
        assert (await socket.receive())["code"] == 4403


@pytest.mark.parametrize(
    ("payload", "error_type"),
    [
        ({"query": "{ nothing }"}, "ValidationError"),
        ({"query": '{ getUserBalance(userId: "x") { userId } }'}, "Unauthorized"),
        ({"query": "{"}, "ValidationError"),
        ({"query": ""}, "ValidationError"),
        ({"query": 5}, "ValidationError"),
        ({}, "ValidationError"),
        ({"query": "# " + "x" * 40_000 + "\n{ __typename }"}, "ValidationError"),
        ({"query": "{ a" + " b" * 3_000 + " }"}, "ValidationError"),
        ({"query": "query A { __typename }", "operationName": "B"}, "ValidationError"),
        ({"query": "{ __typename }", "operationName": []}, "ValidationError"),
        ({"query": "{ __typename }", "variables": "x"}, "ValidationError"),
        ({"query": FILTERED, "variables": {"f": {"or": [{"id": {"eq": "x"}}] * 20_000}}}, "ValidationError"),
        ({"query": FILTERED, "variables": {"f": {"or": [{"id": {"eq": "x"}}] * 301}}}, "BadRequest"),
    ],
)
async def test_a_socket_is_told_errors_in_appsyncs_shape(
    app: Starlette, payload: dict[str, Any], error_type: str
) -> None:
    async with signed_in(app) as socket:
        socket.send(id="1", type="subscribe", payload=payload)
        message = await socket.receive_json()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert [error["errorType"] for error in errors] == [error_type]
        assert errors[0]["message"]
        assert "errorInfo" in errors[0]
        if message["type"] == "next":
            assert (await socket.receive_json())["type"] == "complete"
        socket.send(type="ping")
        assert await socket.receive_json() == {"type": "pong"}


@pytest.mark.parametrize(
    "message",
    [
        [],
        None,
        5,
        {},
        {"type": 5},
        {"type": "x" * 500},
        {"type": "subscribe", "id": "1"},
        {"type": "subscribe", "id": "1", "payload": "x"},
        {"type": "subscribe", "id": {}, "payload": {"query": "{ __typename }"}},
        {"type": "complete", "id": [1]},
        {"type": "complete"},
    ],
)
async def test_a_message_that_is_none_closes_the_socket(app: Starlette, message: Any) -> None:
    async with signed_in(app) as socket:
        socket.send_json(message)
        closed = await socket.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 4400)
        assert len(closed["reason"].encode()) <= 123


async def test_what_nobody_foresaw_closes_the_socket_with_a_number_to_quote(
    app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("a secret")

    async with connected(app) as socket:
        await socket.receive()
        monkeypatch.setattr(Callers, "caller", fail)
        with capture_logs() as logs:
            socket.send(type="connection_init", payload={"Authorization": "alice"})
            closed = await socket.receive()
    assert closed["code"] == 1011
    assert logs[0]["correlation_id"] in closed["reason"]


async def test_an_operation_that_fails_is_told_so_and_masked(
    app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ValueError("a secret")

    monkeypatch.setattr(MirrorSchema, "stream", fail)
    async with signed_in(app) as socket:
        socket.send(id="1", type="subscribe", payload=BALANCE)
        message = await socket.receive_json()
    assert message["type"] == "error"
    assert message["payload"][0]["errorType"] == "InternalFailure"
    assert "secret" not in str(message)


async def test_a_socket_has_so_many_operations_and_no_more(
    app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(*_: Any) -> AsyncIterator[Any]:
        await asyncio.sleep(60)
        yield

    monkeypatch.setattr(StoredRowEvents, "subscribe", wait)
    async with signed_in(app) as socket:
        for number in range(OPERATIONS + 1):
            query = "subscription { onUpdateUserBalance { userId } }"
            socket.send(id=str(number), type="subscribe", payload={"query": query})
        message = await socket.receive_json()
        assert (message["id"], message["type"]) == (str(OPERATIONS), "error")
        assert [error["errorType"] for error in message["payload"]] == ["MaxSubscriptionsReachedError"]
        socket.send(id="0", type="complete")
        socket.send(id="again", type="subscribe", payload={"query": "{ __typename }"})
        assert (await socket.receive_json())["type"] == "next"


async def test_a_socket_ends_with_its_token(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    async def brief(*_: Any) -> Caller:
        return replace(ALICE, expires=time.time() + 20)

    monkeypatch.setattr(Callers, "caller", brief)
    async with signed_in(app) as socket:
        leap(20)
        closed = await socket.receive()
        assert (closed["code"], closed["reason"]) == (4403, "Token expired")


async def test_a_client_that_does_not_read_is_cut_off(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.05)
    async with signed_in(app) as socket:
        socket.received = asyncio.Queue(1)
        socket.received.put_nowait({"type": "the last that fits"})
        socket.send(id="1", type="subscribe", payload=BALANCE)
        async with asyncio.timeout(3):
            await socket.ended.wait()


async def test_a_socket_without_a_token_is_closed(app: Starlette) -> None:
    async with connected(app) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        assert (await socket.receive())["code"] == 4403
