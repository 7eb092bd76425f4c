"""The Starlette application: the GraphQL endpoint, its sockets, GraphiQL and the health checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from models.storage.store import Store
from resolvers.identity.authentication import Authentication
from resolvers.middleware.allowed_hosts import ANY, AllowedHosts
from resolvers.middleware.request_ids import HEADER as REQUEST_ID
from resolvers.middleware.request_ids import RequestIds
from resolvers.middleware.security_headers import SecurityHeaders
from resolvers.rates.meter import Meter
from resolvers.rates.rates import Rates
from resolvers.transport.appsync_realtime import RealtimeEndpoint
from resolvers.transport.bodies import BoundedBodies
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
# Load balancers check the health by address, whatever the server is called.
_UNDER_ANY_NAME = ("/healthz", "/readyz")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPolicy:
    """From which origins, under which names, and over which transport the server may be called.

    Args:
        origins: the other origins whose pages may call the server.
        hosts: the names under which it may be called; see `AllowedHosts`.
        strict_transport: seconds for which browsers shall use TLS only; see `SecurityHeaders`.
    """

    origins: Sequence[str] = ()
    hosts: Sequence[str] = (ANY,)
    strict_transport: int | None = None


class App(Starlette):
    """The app behind what every request passes, errors of the app itself included."""

    def __init__(self, policy: HttpPolicy, **options: Any) -> None:
        self._policy = policy
        super().__init__(**options)
        # A redirect to the path with a slash, or without, would name the host that the client named.
        self.router.redirect_slashes = False

    def build_middleware_stack(self) -> ASGIApp:
        """Return the app with everything around it."""
        allowed = AllowedHosts(super().build_middleware_stack(), self._policy.hosts, exempt=_UNDER_ANY_NAME)
        return RequestIds(SecurityHeaders(allowed, self._policy.strict_transport))


_ANYBODY = HttpPolicy()


def build_app(
    *,
    schema: MirrorSchema,
    store: Store,
    authentication: Authentication,
    graphiql: GraphiQL | None,
    idempotency: Idempotency,
    rates: Rates,
    routes: Sequence[BaseRoute] = (),
    policy: HttpPolicy = _ANYBODY,
) -> Starlette:
    """Return the server's app.

    Args:
        schema: the schema with its resolvers.
        store: the tables.
        authentication: identifies callers.
        graphiql: the page for browsers, its files and sign-in; without, there is none.
        idempotency: runs a mutation with an Idempotency-Key once.
        rates: counts what callers ask for.
        routes: further routes, such as the health checks.
        policy: from where, and under which names, the server may be called.
    """
    origins = policy.origins
    meter = Meter(rates, schema.documents, graphql_schema(schema))
    endpoint = Endpoint(schema, store, authentication, graphiql, origins, idempotency, meter)
    realtime = RealtimeEndpoint(schema, store, authentication, origins, meter)
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=list(ALLOWED_HEADERS),
        expose_headers=["x-amzn-ErrorType", REQUEST_ID, REPLAYED, "retry-after"],
    )
    return App(
        policy,
        routes=[
            Route(PATH, endpoint),
            WebSocketRoute(PATH, endpoint),
            WebSocketRoute(REALTIME_PATH, realtime),
            *(graphiql.routes() if graphiql else ()),
            *routes,
            # Relative, so that no host is named.
            *(Route(path, _to_the_endpoint, methods=["GET", "POST"]) for path in ("/", f"{PATH}/")),
        ],
        middleware=[cors, Middleware(BoundedBodies)],
    )


def _to_the_endpoint(_request: Request) -> Response:
    return RedirectResponse(PATH)
