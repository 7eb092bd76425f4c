"""GraphiQL in a real browser: served by us alone, signed in by a click, with events over a socket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import strawberry
import uvicorn
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from resolvers.apps.hourbank import HOURBANK
from resolvers.context import RequestContext
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller, Identity
from resolvers.identity.issuer import LocalIssuer
from resolvers.operation_log import OperationLines, OperationLog
from resolvers.rates.meter import Meter
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_sockets.graphql_transport_ws import TransportHandler
from resolvers.transport.over_sockets.sockets import TextFrames
from schema.documents.limits import Limits
from schema.documents.reading import Documents
from schema.graphiql import ASSETS, manifest
from schema.strawberry_internals import graphql_schema
from tests.contract import chromium
from tests.unit.mirror import MemoryStore
from tests.unit.rates import without_limits

MEMBERS = ("alice", "bob")


@strawberry.type
class ServiceRequest:
    """The type that the example subscribes to."""

    id: strawberry.ID
    status: str
    updated_at: str


@strawberry.type
class UserBalance:
    """The type that the example reads."""

    total_balance: float
    available_balance: float
    escrowed_balance: float


@strawberry.type
class Query:
    """One field whose answer depends on the caller."""

    @strawberry.field
    def get_user_balance(self, info: strawberry.Info, user_id: strawberry.ID) -> UserBalance | None:
        caller: Caller | None = info.context.caller
        if caller is None or caller.sub != user_id:
            return None
        return UserBalance(total_balance=10.0, available_balance=8.0, escrowed_balance=2.0)


@strawberry.type
class Subscription:
    """One field that yields two statuses."""

    @strawberry.subscription
    async def on_update_service_request(
        self, info: strawberry.Info, requester_id: str | None = None
    ) -> AsyncIterator[ServiceRequest]:
        assert info.context.caller.sub == requester_id
        for status in ("ESCROWED", "AWAITING_RESPONSE"):
            yield ServiceRequest(id=strawberry.ID("1"), status=status, updated_at="2026-01-01T00:00:00.000Z")
        await asyncio.sleep(60)


class View(GraphQL[RequestContext, None]):
    """The smallest server that the page needs."""

    graphql_transport_ws_handler_class = TransportHandler
    websocket_adapter_class = TextFrames

    def __init__(self, identity: Identity, graphiql: GraphiQL) -> None:
        schema = strawberry.Schema(Query, subscription=Subscription)
        documents = Documents(graphql_schema(schema), Limits())
        schema.documents = documents  # type: ignore[attr-defined]  # as in ours
        super().__init__(schema)
        self.meter = Meter(without_limits(), documents, graphql_schema(schema))
        self.log = OperationLog(documents, OperationLines())
        self.push = None
        self._identity = identity
        self._graphiql = graphiql

    async def render_graphql_ide(self, request: Request) -> Response:
        return await self._graphiql.page(request)

    async def get_context(self, request: Any, response: Any) -> Any:  # noqa: ARG002 — Strawberry's hook
        authorization = request.headers.get("authorization")
        caller = await self._identity.caller(authorization) if authorization else None
        return RequestContext(MemoryStore(), caller, request.headers)

    async def on_ws_connect(self, context: RequestContext) -> Any:
        context.caller = await Authentication(self._identity).authenticate(context.connection_params or {})
        return await super().on_ws_connect(context)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[str]:
    issuer = LocalIssuer(tmp_path)
    mint = {name: partial(issuer.mint, f"sub-{name}", name) for name in MEMBERS}
    graphiql = GraphiQL(HOURBANK.name, HOURBANK.examples, mint)
    view = View(issuer.identity(), graphiql)
    app = Starlette(
        routes=[Route("/graphql", view), WebSocketRoute("/graphql", view), *graphiql.routes()],
    )
    config = uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio", interface="asgi3")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    while not running.started:  # noqa: ASYNC110 — uvicorn reports it in no other way
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    running.should_exit = True
    await task


@chromium.needed
async def test_a_member_signs_in_asks_and_watches(server: str) -> None:
    async with chromium.open_tab(f"{server}/graphql") as tab:
        await tab.until("document.querySelector('.graphiql-execute-button') && globalThis.__MONACO && 1")
        await tab.until(_pressed("alice"))
        await _run(tab)
        assert '"availableBalance": 8' in await tab.until(_response("totalBalance"))

        await tab.evaluate(_click("bob"))
        await tab.until(_pressed("bob"))
        await _run(tab)
        await tab.until(_response("null"))

        await tab.evaluate("document.querySelectorAll('.graphiql-tab-button')[4].click()")
        await tab.until(_pressed("alice"))
        await _run(tab)
        await tab.until(_response("AWAITING_RESPONSE"))
        own = (f"{server}/", f"{server.replace('http', 'ws')}/", "data:", "blob:")
        assert [url for url in tab.requests if not url.startswith(own)] == []
        assert tab.complaints == []


def _click(member: str) -> str:
    return f"[...document.querySelectorAll('.hourbank-member')].find(b => b.textContent === '{member}').click()"


def _pressed(member: str) -> str:
    return f"document.querySelector('.hourbank-member[aria-pressed=true]')?.textContent === '{member}'"


def _response(part: str) -> str:
    text = "__MONACO.editor.getModels().find(m => m.uri.path.includes('response'))?.getValue()"
    return f"(text => text?.includes('{part}') && text)({text})"


async def _run(tab: chromium.Tab) -> None:
    await asyncio.sleep(0.7)  # GraphiQL parses a tab's operation once typing has stopped
    await tab.evaluate("document.querySelector('.graphiql-execute-button').click()")


async def test_the_page_allows_itself_nothing_from_elsewhere(server: str) -> None:
    async with AsyncClient(base_url=server) as client:
        page = await client.get("/graphql", headers={"accept": "text/html"})
    assert "<title>HourBank" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "<script>" not in page.text


async def test_files_are_kept_by_browsers_for_good(server: str) -> None:
    async with AsyncClient(base_url=server) as client:
        answer = await client.get(f"/graphiql/{manifest()['entries']['main']}")
        again = await client.get(answer.url, headers={"if-none-match": answer.headers["etag"]})
    assert "immutable" in answer.headers["cache-control"]
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("alice", {}, 200),
        ("mallory", {}, 404),
        ("alice", {"host": "evil.example"}, 404),
        ("alice", {"sec-fetch-site": "cross-site"}, 404),
    ],
)
async def test_tokens_are_for_this_machine_only(
    server: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with AsyncClient(base_url=server) as client:
        answer = await client.get(f"/local/token/{path}", headers=headers)
    assert answer.status_code == status
    assert ("token" in answer.json()) == (status == 200)


async def test_an_application_has_a_key_instead_of_a_token() -> None:
    graphiql = GraphiQL("Shop", (), {"alice": lambda: "token"}, "da2-key")
    transport = ASGITransport(Starlette(routes=graphiql.routes()))
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/local/token/api_key")
    assert answer.json() == {"username": "api_key", "apiKey": "da2-key"}


def test_without_members_nobody_can_sign_in() -> None:
    assert [cast("Any", route).path for route in GraphiQL("HourBank").routes()] == ["/graphiql"]


def test_the_vendored_files_are_those_of_the_manifest() -> None:
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in ASSETS.iterdir()}
    assert files == manifest()["sha256"]
