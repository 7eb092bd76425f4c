"""The Starlette application: the GraphQL endpoint, its sockets, GraphiQL and the health checks."""

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute

from models.storage.store import Store
from resolvers.identity.authentication import Authentication
from resolvers.transport.appsync_realtime import RealtimeEndpoint
from resolvers.transport.endpoint import PATH, REALTIME_PATH, Endpoint
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.idempotency import HEADER, REPLAYED, Idempotency
from schema.build import MirrorSchema

ALLOWED_HEADERS = (
    "authorization",
    "x-api-key",
    "x-amz-user-agent",
    "x-amz-date",
    HEADER,
    "content-type",
)


def build_app(
    *,
    schema: MirrorSchema,
    store: Store,
    admission: Authentication,
    graphiql: GraphiQL,
    idempotency: Idempotency,
    routes: Sequence[BaseRoute] = (),
    origins: Sequence[str] = (),
    lifespan: Any = None,
) -> Starlette:
    """Return the server's app.

    Args:
        schema: the schema, its answers in it.
        store: the tables.
        admission: tells who is let in.
        graphiql: the page for browsers, its files and sign-in.
        idempotency: runs a mutation under a key once.
        routes: further routes, such as the health checks.
        origins: pages elsewhere that may call the server.
        lifespan: Starlette's.
    """
    endpoint = Endpoint(schema, store, admission, graphiql, origins, idempotency)
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=list(ALLOWED_HEADERS),
        expose_headers=["x-amzn-ErrorType", REPLAYED],
    )
    return Starlette(
        routes=[
            Route("/", lambda _request: RedirectResponse(PATH)),
            Route(PATH, endpoint),
            WebSocketRoute(PATH, endpoint),
            WebSocketRoute(REALTIME_PATH, RealtimeEndpoint(schema, store, admission, origins)),
            *graphiql.routes(),
            *routes,
        ],
        middleware=[cors],
        lifespan=lifespan,
    )
