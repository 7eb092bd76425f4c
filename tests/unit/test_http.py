"""The endpoint's manners: who is let in, how large a request may be, what a failure looks like."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from models import tables
from resolvers.graphiql import GraphiQL
from resolvers.http import BODY_BYTES, build_app
from resolvers.identity import Caller, UnauthenticatedError
from tests.unit.mirror import ALICE, MemoryStore, schema_over

SIGNED = {"authorization": "alice"}
BALANCE = {"query": '{ getUserBalance(userId: "sub-alice") { totalBalance } }'}


class Callers:
    """Knows one token."""

    async def caller(self, authorization: str | None) -> Caller | None:
        if authorization not in {None, "alice"}:
            raise UnauthenticatedError("Token expired")
        return ALICE if authorization else None


class Socket:
    """A client's end of a graphql-transport-ws socket, without a network."""

    def __init__(self) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent.put_nowait({"type": "websocket.connect"})

    async def run(self, app: Starlette, headers: Mapping[str, str]) -> None:
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in {"host": "server", **headers}.items()],
            "subprotocols": ["graphql-transport-ws"],
            "state": {},
        }
        await app(scope, self._sent.get, self.received.put)  # type: ignore[arg-type]  # dicts, as ASGI has them

    def say(self, **message: Any) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def leave(self) -> None:
        self._sent.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return await self.received.get()

    async def hear_json(self) -> Any:
        return json.loads((await self.hear())["text"])


@pytest.fixture
def app() -> Starlette:
    store = MemoryStore()
    store.add(tables.UserBalance, userId="sub-alice", totalBalance=10, createdAt="2026", updatedAt="2026")
    return build_app(
        schema=schema_over(store),
        store=store,
        identity=Callers(),
        graphiql=GraphiQL(),
        origins=["https://app.example"],
    )


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


@asynccontextmanager
async def connected(app: Starlette, **headers: str) -> AsyncIterator[Socket]:
    socket = Socket()
    running = asyncio.create_task(socket.run(app, headers))
    yield socket
    socket.leave()
    await running


async def test_a_member_is_answered(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json=BALANCE, headers=SIGNED)
    assert response.status_code == 200
    assert response.json() == {"data": {"getUserBalance": {"totalBalance": 10.0}}}


@pytest.mark.parametrize("headers", [{}, {"authorization": "stale"}])
async def test_nobody_is_401(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    response = await client.post("/graphql", json=BALANCE, headers=headers)
    assert response.status_code == 401
    assert response.headers["x-amzn-errortype"] == "UnauthorizedException"
    assert response.json()["message"]


async def test_a_browser_is_given_the_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", headers={"accept": "text/html"})
    assert response.status_code == 200
    assert "<title>HourBank</title>" in response.text


async def test_queries_do_not_come_by_get(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params=BALANCE, headers=SIGNED)
    assert response.status_code == 400
    assert response.json()["errors"][0]["errorType"] == "MalformedHttpRequestException"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"query": 1}', b"{}", b"\xff"])
async def test_a_malformed_request_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    headers = SIGNED | {"content-type": "application/json"}
    response = await client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["message"]


async def test_a_body_has_a_limit(client: httpx.AsyncClient) -> None:
    headers = SIGNED | {"content-type": "application/json"}
    response = await client.post("/graphql", content=b" " * (BODY_BYTES + 1), headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize("query", ["{ a" + " b" * 3_000 + " }", "# " + "x" * 40_000 + "\n{ __typename }"])
async def test_a_document_has_a_limit(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post("/graphql", json={"query": query}, headers=SIGNED)
    error = response.json()["errors"][0]
    assert error["errorType"] == "ValidationError"


async def test_only_listed_pages_may_call(client: httpx.AsyncClient) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    allowed = await client.options("/graphql", headers=asked | {"origin": "https://app.example"})
    refused = await client.options("/graphql", headers=asked | {"origin": "https://evil.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in refused.headers


async def test_a_socket_is_answered_in_text(app: Starlette) -> None:
    async with connected(app) as socket:
        assert (await socket.hear())["subprotocol"] == "graphql-transport-ws"
        socket.say(type="connection_init", payload={"Authorization": "alice"})
        assert await socket.hear_json() == {"type": "connection_ack"}
        query = "subscription { onUpdateUserBalance { userId user { id } } }"
        socket.say(id="1", type="subscribe", payload={"query": query})
        told = {"onUpdateUserBalance": {"userId": "sub-alice", "user": None}}
        assert await socket.hear_json() == {"id": "1", "type": "next", "payload": {"data": told}}
        assert await socket.hear_json() == {"id": "1", "type": "complete"}


@pytest.mark.parametrize(
    ("query", "error_type"),
    [("{ nothing }", "ValidationError"), ('{ getUserBalance(userId: "x") { userId } }', "Unauthorized")],
)
async def test_a_socket_is_told_errors_in_appsyncs_shape(app: Starlette, query: str, error_type: str) -> None:
    async with connected(app, **SIGNED) as socket:
        await socket.hear()
        socket.say(type="connection_init")
        await socket.hear()
        socket.say(id="1", type="subscribe", payload={"query": query})
        payload = (await socket.hear_json())["payload"]
        errors = payload if isinstance(payload, list) else payload["errors"]
        assert [error["errorType"] for error in errors] == [error_type]


async def test_a_socket_without_a_token_is_closed(app: Starlette) -> None:
    async with connected(app) as socket:
        await socket.hear()
        socket.say(type="connection_init")
        assert (await socket.hear())["code"] == 4403


async def test_another_pages_socket_is_refused(app: Starlette) -> None:
    async with connected(app, origin="https://evil.example") as socket:
        assert (await socket.hear())["type"] == "websocket.close"
