"""The Starlette application: the GraphQL endpoint, its sockets, GraphiQL and the health checks."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from models.storage.store import Store
from resolvers.identity.authentication import Authentication
from resolvers.middleware.allowed_hosts import ANY, AllowedHosts
from resolvers.middleware.gate import Gate
from resolvers.middleware.indexed_headers import request_headers
from resolvers.middleware.request_ids import HEADER as REQUEST_ID
from resolvers.middleware.security_headers import SecurityHeaders
from resolvers.operation_log import OperationLines, OperationLog
from resolvers.plans.planner import Planner
from resolvers.push.push import Push
from resolvers.rates.meter import Meter
from resolvers.rates.rates import Rates
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.bodies import BoundedBodies
from resolvers.transport.over_http.idempotency import HEADER, REPLAYED, Idempotency
from resolvers.transport.over_http.operations import PATH, REALTIME_PATH, HttpOperations
from resolvers.transport.over_sockets.appsync_realtime import RealtimeEndpoint
from resolvers.transport.over_sockets.endpoint import SocketEndpoint
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
# Load balancers check the health by address, whatever the server is called; metrics know whom they are for.
_UNDER_ANY_NAME = ("/healthz", "/readyz", "/metrics")


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
    """The app behind what every request passes, errors of the app itself included.

    Args:
        policy: from where, and under which names, it may be called.
        over_http: answers what is posted to the endpoint.
        options: Starlette's.
    """

    def __init__(self, policy: HttpPolicy, over_http: ASGIApp, **options: Any) -> None:
        self._policy = policy
        self._over_http = over_http
        cross_origin = Middleware(_CrossOrigin, policy.origins)
        super().__init__(middleware=[cross_origin, Middleware(BoundedBodies)], **options)
        # A redirect to the path with a slash, or without, would name the host that the client named.
        self.router.redirect_slashes = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]
        """Answer a request, or serve a socket; Starlette's own is a coroutine around this."""
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        return self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return the app with everything around it."""
        posted = _CrossOrigin(self._over_http, self._policy.origins)
        app = _Straight(super().build_middleware_stack(), posted)
        allowed = AllowedHosts(self._policy.hosts, exempt=_UNDER_ANY_NAME)
        return Gate(app, allowed, SecurityHeaders(self._policy.strict_transport))


_ANYBODY = HttpPolicy()
_USUAL_LINES = OperationLines()


def build_app(  # noqa: PLR0913 — as many parts as a server has
    *,
    schema: MirrorSchema,
    store: Store,
    authentication: Authentication,
    graphiql: GraphiQL | None,
    idempotency: Idempotency,
    rates: Rates,
    routes: Sequence[BaseRoute] = (),
    policy: HttpPolicy = _ANYBODY,
    fast_path: bool = True,
    operation_lines: OperationLines = _USUAL_LINES,
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
        fast_path: whether queries of rows are answered by their plans, and events once for all who get the same;
            else graphql-core executes each.
        operation_lines: which operations leave a line in the log.
    """
    origins = policy.origins
    meter = Meter(rates, schema.documents, graphql_schema(schema))
    planner = Planner(schema) if fast_path else None
    log = OperationLog(schema.documents, operation_lines)
    over_http = HttpOperations(schema, store, authentication, idempotency, meter, log, planner, graphiql)
    push = None if planner is None else Push(schema, store, planner)
    sockets = SocketEndpoint(schema, store, authentication, origins, meter, log, push)
    realtime = RealtimeEndpoint(schema, store, authentication, origins, meter, push)
    return App(
        policy,
        over_http,
        routes=[
            Route(PATH, over_http),
            WebSocketRoute(PATH, sockets),
            WebSocketRoute(REALTIME_PATH, realtime),
            *(graphiql.routes() if graphiql else ()),
            *routes,
            # Relative, so that no host is named.
            *(Route(path, _to_the_endpoint, methods=["GET", "POST"]) for path in ("/", f"{PATH}/")),
        ],
    )


class _CrossOrigin:
    """Sends requests of pages through Starlette's `CORSMiddleware`, which adds its headers even without an Origin.

    Args:
        app: what answers.
        origins: whose pages may read the answers.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._for_pages = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=list(ALLOWED_HEADERS),
            expose_headers=["x-amzn-ErrorType", REQUEST_ID, REPLAYED, "retry-after"],
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a preflight request, or let the app answer."""
        is_from_page = scope["type"] == "http" and b"origin" in request_headers(scope).first
        return (self._for_pages if is_from_page else self._app)(scope, receive, send)


class _Straight:
    """Leads what is posted to the endpoint past Starlette's router, whose search costs each operation something.

    Args:
        app: what answers everything else.
        posted: what answers operations. It must answer its own errors and bound its bodies, because what Starlette
            does about either is passed by.
    """

    def __init__(self, app: ASGIApp, posted: ASGIApp) -> None:
        self._app = app
        self._posted = posted

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request, or serve a socket."""
        is_posted = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == PATH
        return (self._posted if is_posted else self._app)(scope, receive, send)


def _to_the_endpoint(_request: Request) -> Response:
    return RedirectResponse(PATH)
