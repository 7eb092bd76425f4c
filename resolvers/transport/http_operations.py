"""GraphQL over HTTP: queries and mutations come by POST; a GET runs nothing, and opens GraphiQL."""

import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import lru_cache, partial
from typing import Any, NamedTuple

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.exceptions import MissingQueryError
from strawberry.http import GraphQLRequestData
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from models.errors import ContentionError
from models.storage.breaker import wait_again
from models.storage.sent_calls import watched_writes
from models.storage.store import Store
from resolvers.context import RequestContext
from resolvers.identity.authentication import Authentication
from resolvers.identity.keys import UnauthenticatedError
from resolvers.middleware.indexed_headers import IndexedHeaders, request_headers
from resolvers.operation_log import OperationLog, Running
from resolvers.plans.planner import Planner
from resolvers.rates.demands import Demand
from resolvers.rates.meter import Meter
from resolvers.rates.rates import RateLimitedError, key_of_address
from resolvers.transport.bodies import TOO_LARGE, is_too_large, read_body
from resolvers.transport.departures import while_connected
from resolvers.transport.failures import METHOD_NOT_ALLOWED, failure_of, mark_unavailable
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.idempotency import REPLAYED, Idempotency, is_mutation, keyed_request
from resolvers.transport.payloads import payload_problem, response_of, with_trusted_text
from resolvers.transport.security_events import log_admin_acts, reported
from schema.build import MirrorSchema
from schema.documents.trusted import TrustedDocuments
from schema.errors import RefusedError, report_any
from schema.unstorable import parse_json

PATH = "/graphql"
REALTIME_PATH = f"{PATH}/realtime"  # what Amplify's clients append to an endpoint that is not AppSync's own
# A GET runs nothing, because any page can make a browser send one; it only opens GraphiQL.
_ALLOWED: Mapping[str, frozenset[OperationType]] = {
    "GET": frozenset(),
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
}
_PLACES = {
    OperationType.QUERY: f"A query is sent by POST to {PATH}",
    OperationType.MUTATION: f"A mutation is sent by POST to {PATH}",
    OperationType.SUBSCRIPTION: (
        f"A subscription is sent over a socket: graphql-transport-ws on {PATH}, AppSync's own on {REALTIME_PATH}"
    ),
}
_ANSWERED_AS = "application/json"
_CONTENT_TYPE = b"content-type", _ANSWERED_AS.encode()
# Some clients say `application/graphql` and send JSON. What a form can send (text/plain, say) is not taken: a
# browser sends it for any page, without asking us first.
_JSON = frozenset(
    (_ANSWERED_AS, "application/graphql", "application/graphql+json", "application/graphql-response+json")
)
_PLAIN = b"identity"  # the Content-Encoding of a body that is sent as it is
# In these words, and with status 200, clients of Apollo and urql understand that they must send the query itself.
_NOT_PERSISTED = "PersistedQueryNotSupported"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Asked(NamedTuple):
    """An operation that a request asks for.

    Args:
        method: the request's.
        headers: its headers.
        receive: its further messages; its body was received.
        context: its context.
        data: the operation.
        demand: what it costs; it is charged already.
        running: what becomes of it, for the log.
    """

    method: str
    headers: IndexedHeaders
    receive: Receive
    context: RequestContext
    data: GraphQLRequestData
    demand: Demand
    running: Running


class _PlannedAnswer(Response):
    """An answer that a plan has written; making Starlette's headers by hand saves 2 µs of some 35."""

    def __init__(self, body: bytes) -> None:
        self.status_code, self.body, self.background = 200, body, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _CONTENT_TYPE]


class HttpOperations:
    """Answers operations over HTTP; an ASGI application.

    Args:
        schema: the schema.
        store: the tables.
        authentication: identifies callers.
        idempotency: runs a mutation with an Idempotency-Key once.
        meter: charges callers for what they send.
        log: writes a line about each operation.
        planner: answers queries by their plans; without, graphql-core executes all of them.
        graphiql: the page for browsers; without, there is none.
    """

    def __init__(
        self,
        schema: MirrorSchema,
        store: Store,
        authentication: Authentication,
        idempotency: Idempotency,
        meter: Meter,
        log: OperationLog,
        planner: Planner | None,
        graphiql: GraphiQL | None,
    ) -> None:
        self._schema = schema
        self._store = store
        self._authentication = authentication
        self._idempotency = idempotency
        self._meter = meter
        self._counts = meter.rates.operations
        self._log = log
        self._planner = planner
        self._graphiql = graphiql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        wait_again()
        try:
            is_for_page = scope["method"] == "GET" and _asks_for_page(scope)
            response = await (self._page if is_for_page else self._answer)(scope, receive)
        except UnauthenticatedError as error:
            response = self._failure(self._charged(scope, error))
        except Exception as error:  # noqa: BLE001 — whatever failed, the client gets an answer
            response = self._failure(error)
        await response(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive) -> Response:
        if self._graphiql is None:
            raise HTTPException(404, "Not Found")
        return await self._graphiql.page(Request(scope, receive))

    def _failure(self, error: Exception) -> Response:
        response = failure_of(error)
        self._counts.note_status(response.status_code)
        return response

    def _charged(self, scope: Scope, error: UnauthenticatedError) -> Exception:
        """Charge a refused token to the client's address; return the refusal, or that there are too many."""
        try:
            self._meter.refused(key_of_address(_host(scope)), error)
        except RateLimitedError as limited:
            return limited
        return error

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        method, headers = scope["method"], request_headers(scope)
        if method not in _ALLOWED:
            raise HTTPException(METHOD_NOT_ALLOWED, "An operation is sent by POST")
        if method == "POST" and is_too_large(headers):  # as `BoundedBodies` does on other ways
            raise HTTPException(413, TOO_LARGE)
        context = await self._context(headers, _host(scope))
        body = await read_body(receive)
        data = (
            read_operation(headers, body, self._schema.documents.trusted) if method == "POST" else _in_url(scope)
        )
        text = data.query or ""
        size = max(0, len(body) - len(text))
        demand = self._meter.charge(context.payer, text, data.operation_name, size, data.variables)
        running = self._log.begin()
        try:
            return await self._answer_asked(_Asked(method, headers, receive, context, data, demand, running))
        except BaseException as error:
            running.broke_off = error
            raise
        finally:
            self._log.end(running, data, demand, None if context.caller is None else context.caller.sub)

    async def _answer_asked(self, asked: _Asked) -> Response:
        result = await self._planned(asked)
        if isinstance(result, bytes):
            self._counts.plain_queries += 1
            return _PlannedAnswer(result)
        if result is None:
            return await self._executed(asked)
        self._counts.note(asked.demand.operation, result.errors)
        return _response(result)

    async def _context(self, headers: IndexedHeaders, host: str | None) -> RequestContext:
        """Return the context of a request, whose caller is authenticated and charged for it.

        Raises:
            UnauthenticatedError: the request has no valid token or key.
            RateLimitedError: it is one too many.
        """
        caller = await self._authentication.authenticate(headers)
        membership = self._authentication.membership
        context = RequestContext(self._store, caller, headers, membership=membership, host=host)
        self._meter.admit_request(context.payer)
        if not context.recall_membership():  # most are remembered, and need no coroutine
            await context.check_membership()
        if context.caller is not None and context.caller.has_expired:
            raise UnauthenticatedError("Token expired")  # the member has signed out everywhere since
        return context

    async def _planned(self, asked: _Asked) -> bytes | ExecutionResult | None:
        """Return what an operation's plan gives, None if it has none."""
        data = asked.data
        if self._planner is None or asked.method != "POST":
            return None
        planned = self._planner.planned(data.query or "", data.operation_name, data.variables)
        if planned is None or planned.constant is not None:
            return None if planned is None else planned.constant
        answering = planned.answer(asked.context)
        result = await while_connected(asked.receive, answering, is_cancellable=lambda: True)
        if isinstance(result, ExecutionResult):
            asked.running.errors = result.errors = reported(result.errors, asked.context.caller)
        return result

    async def _executed(self, asked: _Asked) -> Response:
        """Return the answer to an operation that graphql-core executes.

        Raises:
            HTTPException: it may not come this way, or its Idempotency-Key is invalid.
        """
        async with AsyncExitStack() as until_done:
            # Nothing is done yet: whoever leaves before it is their turn gives up their place.
            turn = until_done.enter_async_context(self._meter.turn(asked.context.payer, asked.demand))
            await while_connected(asked.receive, turn, is_cancellable=lambda: True)
            began = time.perf_counter()
            response = await self._execute_once(asked)
            if asked.demand.is_mutation:
                self._counts.mutations.add(time.perf_counter() - began)
            return response

    async def _execute_once(self, asked: _Asked) -> Response:
        """Execute an operation; a mutation with an Idempotency-Key only if it was not executed before."""
        context, data, documents = asked.context, asked.data, self._schema.documents
        keyed = keyed_request(context.caller, asked.headers, data, documents)
        if keyed is None:
            operation = (documents, data.query, data.operation_name)
            running = self._execute(asked)
            result = await while_connected(
                asked.receive, running, is_cancellable=lambda: not is_mutation(*operation)
            )
        else:
            context.cause = keyed.cause
            may_save = partial(self._meter.try_charge_answer, context.payer)
            try:
                run = partial(self._execute, asked)
                result, is_replayed = await self._idempotency.run_once(keyed, run, may_save)
            except (RefusedError, ContentionError) as error:
                result, is_replayed = ExecutionResult(data=None, errors=[report_any(error)]), False
            if is_replayed:
                asked.running.errors, asked.running.is_replayed = result.errors, True
                self._counts.note(asked.demand.operation, result.errors)
                return _response(result, {REPLAYED: "true"})
        asked.running.errors = result.errors = reported(result.errors, context.caller)
        self._counts.note(asked.demand.operation, result.errors)
        response = _response(result)
        mark_unavailable(response, result.errors, is_keyed=keyed is not None)
        return response

    async def _execute(self, asked: _Asked) -> ExecutionResult:
        result, data = None, asked.data
        try:
            with watched_writes():
                result = await self._schema.execute(
                    data.query,
                    variable_values=data.variables,
                    context_value=asked.context,
                    operation_name=data.operation_name,
                    allowed_operation_types=_ALLOWED[asked.method],
                )
        except InvalidOperationTypeError as error:
            raise HTTPException(400, _PLACES[error.operation_type]) from error
        except MissingQueryError as error:
            raise HTTPException(400, str(error)) from error
        finally:
            log_admin_acts(self._schema.documents, data, asked.context.caller, result)
        return result


def read_operation(headers: IndexedHeaders, body: bytes, trusted: TrustedDocuments | None) -> GraphQLRequestData:
    """Return the operation that a request's body holds as JSON, which may be named in any of `_JSON`.

    Raises:
        HTTPException: the body is no operation, or its content has another type or encoding.
        UntrustedDocumentError: it names a trusted document that there is not.
    """
    encoding = headers.first.get(b"content-encoding", _PLAIN)
    if encoding.lower() != _PLAIN:
        named = encoding.decode("latin-1")
        raise HTTPException(415, f"Unsupported content encoding: send the operation as it is, not as {named}")
    if _media_type(headers.first.get(b"content-type", b"")) not in _JSON:
        raise HTTPException(400, f"Unsupported content type: send the operation as JSON, as {_ANSWERED_AS}")
    try:
        payload = parse_json(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"Unable to parse the request's body as JSON: {error}") from error
    if not isinstance(payload, dict):
        raise HTTPException(400, "A request is one JSON object")
    if not isinstance(payload.get("query"), str):
        payload = with_trusted_text(payload, trusted)
        if _has_only_a_hash(payload):
            raise HTTPException(200, _NOT_PERSISTED)
    if (problem := payload_problem(payload)) is not None:
        raise HTTPException(400, problem)
    return GraphQLRequestData(payload["query"], payload.get("variables"), payload.get("operationName"), None)


def _in_url(scope: Scope) -> GraphQLRequestData:
    params = Request(scope).query_params
    return GraphQLRequestData(params.get("query"), None, params.get("operationName"), None)


def _asks_for_page(scope: Scope) -> bool:
    """Return whether a GET is a browser's that asks for a page, and not for an operation's answer."""
    if "query" in Request(scope).query_params:
        return False
    accepted = request_headers(scope).get("accept", "")
    return "text/html" in accepted or "*/*" in accepted


@lru_cache(maxsize=16)  # clients write it in few ways
def _media_type(value: bytes) -> str:
    """Return the type in a Content-Type, without its parameters."""
    return value.decode("latin-1").partition(";")[0].strip().lower()


def _has_only_a_hash(payload: Mapping[str, Any]) -> bool:
    """Return whether a client sent a query's hash instead of the query, to save sending it again."""
    match payload:
        case {"query": str()}:
            return False
        case {"extensions": {"persistedQuery": _}}:
            return True
    return False


def _response(result: ExecutionResult, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(response_of(result)), headers=headers, media_type=_ANSWERED_AS)


def _host(scope: Scope) -> str | None:
    client = scope.get("client")
    return None if client is None else str(client[0])
