"""What clients send: several operations, other content types, and what JSON can write but nobody can store."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.unit.resolvers.transport.app_in_memory import (
    BALANCE,
    SIGNED,
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


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=UTF-8",
        "Application/JSON;charset=utf-8",
        "application/graphql",
        "application/graphql; charset=utf-8",
        "application/graphql+json",
        "application/graphql-response+json; charset=utf-8",
    ],
)
async def test_json_is_taken_by_any_of_its_names(client: httpx.AsyncClient, content_type: str) -> None:
    body = b"\xef\xbb\xbf" * ("graphql" in content_type) + json.dumps(BALANCE).encode()
    response = await client.post("/graphql", content=body, headers=SIGNED | {"content-type": content_type})
    assert response.json() == {"data": {"getUserBalance": {"totalBalance": 10.0}}}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", ""]
)
async def test_what_a_form_can_send_is_not_taken(client: httpx.AsyncClient, content_type: str) -> None:
    headers = SIGNED | {"content-type": content_type}
    response = await client.post("/graphql", content=json.dumps(BALANCE), headers=headers)
    assert response.status_code == 400
    assert "application/json" in response.json()["message"]


async def test_a_hash_instead_of_a_query_is_answered_so_that_clients_send_the_query(
    client: httpx.AsyncClient,
) -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}
    response = await client.post("/graphql", json={"variables": {}, "extensions": extensions}, headers=SIGNED)
    assert response.status_code == 200
    assert [error["message"] for error in response.json()["errors"]] == ["PersistedQueryNotSupported"]
    response = await client.post("/graphql", json=BALANCE | {"extensions": extensions}, headers=SIGNED)
    assert response.json() == {"data": {"getUserBalance": {"totalBalance": 10.0}}}


async def test_a_compressed_body_is_said_to_be_one(client: httpx.AsyncClient) -> None:
    headers = SIGNED | {"content-type": "application/json", "content-encoding": "gzip"}
    response = await client.post("/graphql", content=gzip.compress(json.dumps(BALANCE).encode()), headers=headers)
    assert response.status_code == 415
    assert "gzip" in response.json()["message"]


async def test_a_number_beyond_a_double_is_named_and_closes_no_socket(
    client: httpx.AsyncClient, app: Starlette
) -> None:
    payload = '{"query": "{ a }", "variables": {"input": {"amount": 1e999}}}'
    headers = SIGNED | {"content-type": "application/json"}
    response = await client.post("/graphql", content=payload, headers=headers)
    assert "variables.input.amount that is out of range" in response.json()["message"]
    async with signed_in(app) as socket:
        socket.send_text(f'{{"id": "1", "type": "subscribe", "payload": {payload}}}')
        message = await socket.receive_json()
        assert "variables.input.amount that is out of range" in message["payload"][0]["message"]


async def test_a_document_that_is_sent_bare_is_told_how_to_send_it(client: httpx.AsyncClient) -> None:
    headers = SIGNED | {"content-type": "application/graphql"}
    response = await client.post("/graphql", content="{ __typename }", headers=headers)
    assert response.status_code == 400
    assert "JSON" in response.json()["message"]


TWO: dict[str, Any] = {"query": "query A { a: __typename } query B { b: __typename }"}
NOT_CHOSEN = [
    (TWO, "Must provide operation name if query contains multiple operations."),
    (TWO | {"operationName": None}, "Must provide operation name if query contains multiple operations."),
    (TWO | {"operationName": "C"}, "Unknown operation named 'C'."),
    (TWO | {"operationName": ""}, "Unknown operation named ''."),
]


@pytest.mark.parametrize(("payload", "problem"), NOT_CHOSEN)
async def test_of_several_operations_one_is_named_or_none_runs(
    client: httpx.AsyncClient, app: Starlette, payload: dict[str, Any], problem: str
) -> None:
    response = await client.post("/graphql", json=payload, headers=SIGNED)
    body = response.json()
    assert (response.status_code, body["data"]) == (200, None)
    assert [(error["message"], error["errorType"]) for error in body["errors"]] == [(problem, "ValidationError")]
    async with signed_in(app) as socket:
        socket.send(id="1", type="subscribe", payload=payload)
        message = await socket.receive_json()
        assert (message["id"], message["type"]) == ("1", "error")
        assert [error["message"] for error in message["payload"]] == [problem]
        socket.send(id="1", type="subscribe", payload=TWO | {"operationName": "B"})
        assert (await socket.receive_json())["payload"] == {"data": {"b": "Query"}}


HALVES = [
    (r'{"query": "query ($id: ID!) { getUser(id: $id) { id } }", "variables": {"id": "\ud800"}}', "variables.id"),
    (r'{"query": "{ a }", "variables": {"input": {"tags": ["x", "\udc00"]}}}', "variables.input.tags[1]"),
    (r'{"query": "{ getUser(id: \"\ud800\") { id } }"}', "id"),
    (r'{"query": "{ getUser(id: \"\\ud800\") { id } }"}', "id"),
    (r'{"query": "{ a }", "operationName": "\ud83d"}', "operationName"),
]


@pytest.mark.parametrize(("payload", "place"), HALVES)
async def test_half_a_character_is_called_so_and_closes_no_socket(
    client: httpx.AsyncClient, app: Starlette, payload: str, place: str
) -> None:
    told = f"a lone surrogate at {place}: half of a character"
    headers = SIGNED | {"content-type": "application/json"}
    response = await client.post("/graphql", content=payload, headers=headers)
    assert told in response.json()["errors"][0]["message"]
    async with signed_in(app) as socket:
        socket.send_text(f'{{"id": "1", "type": "subscribe", "payload": {payload}}}')
        message = await socket.receive_json()
        assert (message["id"], message["type"]) == ("1", "error")
        assert told in message["payload"][0]["message"]
        socket.send(type="ping")
        assert await socket.receive_json() == {"type": "pong"}


async def test_half_a_character_in_an_operations_id_is_repeated(app: Starlette) -> None:
    async with signed_in(app) as socket:
        socket.send_text(r'{"id": "\ud800", "type": "subscribe", "payload": {"query": "{ __typename }"}}')
        assert await socket.receive_json() == {
            "id": "\ud800",
            "type": "next",
            "payload": {"data": {"__typename": "Query"}},
        }


@pytest.mark.parametrize("message", [{}, {"payload": None}, {"payload": {}}, {"payload": {"x": None}}])
async def test_a_first_message_need_not_carry_anything(app: Starlette, message: dict[str, Any]) -> None:
    async with connected(app, **SIGNED) as socket:
        await socket.receive()
        socket.send(type="connection_init", **message)
        assert await socket.receive_json() == {"type": "connection_ack"}


async def test_half_a_character_in_a_token_is_called_so(app: Starlette) -> None:
    async with connected(app) as socket:
        await socket.receive()
        socket.send(type="connection_init", payload={"Authorization": "\ud800"})
        closed = await socket.receive()
        assert closed["code"] == 4400
        assert "a lone surrogate at payload.Authorization" in closed["reason"]


@pytest.mark.parametrize("path", ["/graphql", "/", "/nowhere"])
async def test_a_body_that_says_it_is_too_large_is_not_read(app: Starlette, path: str) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("The body is read")

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"server"), (b"origin", b"https://app.example"), (b"content-length", b"1000001")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b"", "state": {}}
    await app(scope, receive, send)
    assert sent[0]["status"] == 413
    assert dict(sent[0]["headers"])[b"access-control-allow-origin"] == b"https://app.example"
    assert json.loads(sent[1]["body"])["message"] == "The request is larger than 1000000 bytes"


async def test_a_body_that_breaks_off_is_no_error(app: Starlette) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        """Nobody reads it."""

    headers = [(b"host", b"server"), (b"content-length", b"10"), (b"content-type", b"application/json")]
    headers += [(name.lower().encode(), value.encode()) for name, value in SIGNED.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "headers": headers,
        "query_string": b"",
        "state": {},
    }
    await app(scope, receive, send)
