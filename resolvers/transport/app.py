"""The Starlette application: the GraphQL endpoint, its sockets, GraphiQL and the health checks."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute

from models.storage.store import Store
from resolvers.identity.authentication import Authentication
from resolvers.rates.meter import Meter
from resolvers.rates.rates import Rates
from resolvers.transport.appsync_realtime import RealtimeEndpoint
from resolvers.transport.endpoint import PATH, REALTIME_PATH, Endpoint
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.idempotency import HEADER, REPLAYED, Idempotency
from schema.build import MirrorSchema
from schema.strawberry_internals import graphql_schema

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
    authentication: Authentication,
    graphiql: GraphiQL,
    idempotency: Idempotency,
    rates: Rates,
    routes: Sequence[BaseRoute] = (),
    origins: Sequence[str] = (),
) -> Starlette:
    """Return the server's app.

    Args:
        schema: the schema with its resolvers.
        store: the tables.
        authentication: identifies callers.
        graphiql: the page for browsers, its files and sign-in.
        idempotency: runs a mutation with an Idempotency-Key once.
        rates: counts what callers ask for.
        routes: further routes, such as the health checks.
        origins: the other origins whose pages may call the server.
    """
    meter = Meter(rates, schema.documents, graphql_schema(schema))
    endpoint = Endpoint(schema, store, authentication, graphiql, origins, idempotency, meter)
    realtime = RealtimeEndpoint(schema, store, authentication, origins, meter)
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=list(ALLOWED_HEADERS),
        expose_headers=["x-amzn-ErrorType", REPLAYED, "retry-after"],
    )
    return Starlette(
        routes=[
            Route("/", lambda _request: RedirectResponse(PATH)),
            Route(PATH, endpoint),
            WebSocketRoute(PATH, endpoint),
            WebSocketRoute(REALTIME_PATH, realtime),
            *graphiql.routes(),
            *routes,
        ],
        middleware=[cors],
    )
