"""GraphQL over HTTP and over graphql-transport-ws, on one path."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.types import QueryParams
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from models.errors import ContentionError
from models.storage.sent_writes import watched_writes
from models.storage.store import Store
from resolvers.context import RequestContext
from resolvers.identity.authentication import Authentication
from resolvers.identity.keys import UnauthenticatedError
from resolvers.rates.meter import Meter
from resolvers.rates.rates import RateLimitedError, key_of_address
from resolvers.transport.bodies import BODY_BYTES, TOO_LARGE
from resolvers.transport.departures import while_connected
from resolvers.transport.failures import failure_of, mark_unavailable
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.graphql_transport_ws import TransportHandler
from resolvers.transport.idempotency import REPLAYED, Idempotency, is_mutation, keyed_request
from resolvers.transport.payloads import payload_problem, response_of, with_trusted_text
from resolvers.transport.security_events import (
    log_admin_acts,
    reported,
)
from resolvers.transport.sockets import INIT_SECONDS, TextFrames
from schema.build import MirrorSchema
from schema.errors import RefusedError, report_any
from schema.unstorable import parse_json

PATH = "/graphql"
REALTIME_PATH = f"{PATH}/realtime"  # what Amplify's clients append to an endpoint that is not AppSync's own
# A GET runs nothing, because any page can make a browser send one; it only opens GraphiQL.
_ALLOWED: Mapping[str, frozenset[OperationType]] = {
    "GET": frozenset(),
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
}
# Some clients say `application/graphql` and send JSON. What a form can send (text/plain, say) is not taken: a
# browser sends it for any page, without asking us first.
_JSON = (
    "application/json",
    "application/graphql",
    "application/graphql+json",
    "application/graphql-response+json",
)
# In these words, and with status 200, clients of Apollo and urql understand that they must send the query itself.
_NOT_PERSISTED = "PersistedQueryNotSupported"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PLACES = {
    OperationType.QUERY: f"A query is sent by POST to {PATH}",
    OperationType.MUTATION: f"A mutation is sent by POST to {PATH}",
    OperationType.SUBSCRIPTION: (
        f"A subscription is sent over a socket: graphql-transport-ws on {PATH}, AppSync's own on {REALTIME_PATH}"
    ),
}


class Endpoint(GraphQL[RequestContext, None]):
    """Answers operations over HTTP and sockets, in AppSync's format.

    Args:
        schema: the schema.
        store: the tables.
        authentication: identifies callers.
        graphiql: the page for browsers; without, they get none.
        origins: the other origins whose pages may open a socket.
        idempotency: runs a mutation with an Idempotency-Key once.
        meter: charges callers for what they send.
    """

    graphql_transport_ws_handler_class = TransportHandler
    websocket_adapter_class = TextFrames

    def __init__(
        self,
        schema: MirrorSchema,
        store: Store,
        authentication: Authentication,
        graphiql: GraphiQL | None,
        origins: Sequence[str],
        idempotency: Idempotency,
        meter: Meter,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None if graphiql is None else "graphiql",
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=None,  # the handler counts, and reports the limit in AppSync's format
            allowed_origins=origins,
        )
        self._store = store
        self._authentication = authentication
        self._graphiql = graphiql
        self._idempotency = idempotency
        self._documents = schema.documents
        self.meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a socket, or answer a request."""
        if scope["type"] == "websocket":
            await super().__call__(scope, receive, send)
            return
        response = await self._respond(Request(scope, _bounded(receive)))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            response: Response = await self.run(request)
        except UnauthenticatedError as error:
            return failure_of(self._charged(request, error))
        except Exception as error:  # noqa: BLE001 — whatever failed, the client gets an answer
            return failure_of(error)
        return response

    def _charged(self, request: Request, error: UnauthenticatedError) -> Exception:
        """Charge a refused token to the client's address; return the refusal, or that there are too many."""
        try:
            self.meter.refused(key_of_address(_host(request)), error)
        except RateLimitedError as limited:
            return limited
        return error

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> RequestContext:
        """Return the context of a request, or of a socket, whose caller is unknown until its first message."""
        del response
        membership, host = self._authentication.membership, _host(request)
        if isinstance(request, WebSocket):
            return RequestContext(self._store, None, request.headers, membership=membership, host=host)
        if self.should_render_graphql_ide(self.request_adapter_class(request)):
            return RequestContext(self._store, None, request.headers)
        caller = await self._authentication.authenticate(request.headers)
        context = RequestContext(self._store, caller, request.headers, membership=membership, host=host)
        self.meter.admit_request(context.payer)
        await context.check_membership()
        if context.caller is not None and context.caller.has_expired:
            raise UnauthenticatedError("Token expired")  # the member has signed out everywhere since
        return context

    async def on_ws_connect(self, context: RequestContext) -> UnsetType | dict[str, object] | None:
        """Authenticate the caller who opened a socket.

        Raises:
            UnauthenticatedError: neither the first message nor the upgrade request has a valid token or key.
            RateLimitedError: the caller has too many sockets, or the address sends too many bad tokens.
        """
        try:
            caller = await self._authentication.authenticate(context.connection_params or {}, context.headers)
        except UnauthenticatedError as error:
            self.meter.refused(context.address, error)
            raise
        await context.identify(caller)
        self.meter.admit_socket(context.payer, context.until_closed)
        return await super().on_ws_connect(context)

    async def render_graphql_ide(self, request: Request) -> Response:
        """Return GraphiQL."""
        if self._graphiql is None:
            raise HTTPException(404, "Not Found")
        return await self._graphiql.page(request)

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: RequestContext,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Run a query or a mutation; a mutation with an Idempotency-Key runs once.

        Raises:
            HTTPException: it is neither a query nor a mutation, not a POST, or its Idempotency-Key is invalid.
            RateLimitedError: the caller asks for too much; nothing was done.
        """
        del root_value
        text = request_data.query or ""
        size = max(0, len(await request.body()) - len(text))
        asked = (text, request_data.operation_name, size, request_data.variables)
        demand = self.meter.charge(context.payer, *asked)
        async with AsyncExitStack() as until_done:
            # Nothing is done yet: whoever leaves before it is their turn gives up their place.
            turn = until_done.enter_async_context(self.meter.turn(context.payer, demand))
            await while_connected(request.receive, turn, is_cancellable=lambda: True)
            return await self._execute_once(request, request_adapter, sub_response, context, request_data)

    async def _execute_once(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: RequestContext,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        run = partial(self._execute, request_adapter.method, context, request_data)
        keyed = keyed_request(context.caller, request.headers, request_data, self._documents)
        if keyed is None:
            asked = (self._documents, request_data.query, request_data.operation_name)
            running = while_connected(request.receive, run(), is_cancellable=lambda: not is_mutation(*asked))
            result, is_replayed = await running, False
        else:
            context.cause = keyed.cause
            may_save = partial(self.meter.try_charge_answer, context.payer)
            try:
                result, is_replayed = await self._idempotency.run_once(keyed, run, may_save)
            except (RefusedError, ContentionError) as error:
                result, is_replayed = ExecutionResult(data=None, errors=[report_any(error)]), False
        if is_replayed:
            sub_response.headers[REPLAYED] = "true"
            return result
        result.errors = reported(result.errors, context.caller)
        mark_unavailable(sub_response, result.errors, is_keyed=keyed is not None)
        return result

    async def _execute(
        self, method: str, context: RequestContext, request_data: GraphQLRequestData
    ) -> ExecutionResult:
        result = None
        try:
            with watched_writes():
                result = await self.schema.execute(
                    request_data.query,
                    variable_values=request_data.variables,
                    context_value=context,
                    operation_name=request_data.operation_name,
                    allowed_operation_types=_ALLOWED[method],
                )
        except InvalidOperationTypeError as error:
            raise HTTPException(400, _PLACES[error.operation_type]) from error
        except MissingQueryError as error:
            raise HTTPException(400, str(error)) from error
        finally:
            log_admin_acts(self._documents, request_data, context.caller, result)
        return result

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Return a result in its wire form."""
        del request
        return response_of(result)

    def parse_query_params(self, params: QueryParams) -> dict[str, Any]:
        """Parse just enough of a GET, which never runs, to tell where to send the operation."""
        return {name: value for name, value in params.items() if name in {"query", "operationName"}}

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        """Parse a request, whose JSON may be named in any of `_JSON`; Strawberry knows only the first.

        Raises:
            HTTPException: its body is not a request, or its content has another type or encoding.
        """
        if request.method == "GET":
            return await super().parse_http_body(request)
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            raise HTTPException(
                415, f"Unsupported content encoding: send the operation as it is, not as {encoding}"
            )
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        if media_type not in _JSON:
            raise HTTPException(400, f"Unsupported content type: send the operation as JSON, as {_JSON[0]}")
        data = self.parse_json(await request.get_body())
        return GraphQLRequestData(data["query"], data.get("variables"), data.get("operationName"), None)

    def parse_json(self, data: str | bytes) -> Any:
        """Parse a request.

        Raises:
            HTTPException: it is not a JSON object, or not a valid operation.
            UntrustedDocumentError: it names a trusted document that there is not.
        """
        try:
            request = parse_json(data.removeprefix(_BYTE_ORDER_MARK) if isinstance(data, bytes) else data)
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, f"Unable to parse the request's body as JSON: {error}") from error
        if not isinstance(request, dict):
            raise HTTPException(400, "A request is one JSON object")
        request = with_trusted_text(request, self._documents.trusted)
        if _has_only_a_hash(request):
            raise HTTPException(200, _NOT_PERSISTED)
        if (problem := payload_problem(request)) is not None:
            raise HTTPException(400, problem)
        return request

    def decode_json(self, data: str | bytes) -> Any:
        """Parse a socket's message, in which lone surrogates may be left."""
        return parse_json(data)

    def encode_json(self, data: object) -> bytes:
        """Write JSON."""
        return orjson.dumps(data)


def _has_only_a_hash(request: Mapping[str, Any]) -> bool:
    """Return whether a client sent a query's hash instead of the query, to save sending it again."""
    match request:
        case {"query": str()}:
            return False
        case {"extensions": {"persistedQuery": _}}:
            return True
    return False


def _bounded(receive: Receive) -> Receive:
    """Refuse a body over the limit before it is all in memory."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY_BYTES:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted


def _host(connection: HTTPConnection) -> str | None:
    return None if connection.client is None else connection.client.host
