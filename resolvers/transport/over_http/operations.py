"""GraphQL over HTTP: queries and mutations come by POST; a GET runs nothing, and opens GraphiQL."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

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
from resolvers.identity.callers import Caller
from resolvers.identity.keys import UnauthenticatedError
from resolvers.middleware.indexed_headers import IndexedHeaders, request_headers
from resolvers.operation_log import OperationLog, Running
from resolvers.plans.planner import Planned, Planner
from resolvers.rates.demands import Demand
from resolvers.rates.meter import Meter
from resolvers.rates.rates import RateLimitedError, key_of_address
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.at_once import body_at_hand, send_response
from resolvers.transport.over_http.bodies import TOO_LARGE, is_too_large, read_body
from resolvers.transport.over_http.departures import while_connected
from resolvers.transport.over_http.failures import METHOD_NOT_ALLOWED, failure_of, mark_unavailable
from resolvers.transport.over_http.idempotency import REPLAYED, Idempotency, is_mutation, keyed_request
from resolvers.transport.over_http.requests import ANSWERED_AS, asks_for_page, operation_in_url, read_operation
from resolvers.transport.payloads import response_of
from resolvers.transport.security_events import log_admin_acts, reported
from schema.build import MirrorSchema
from schema.errors import RefusedError, report_any

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
_CONTENT_TYPE = b"content-type", ANSWERED_AS.encode()


class _Asked(NamedTuple):
    """An operation that a request asks for.

    Args:
        method: the request's.
        headers: its headers.
        receive: its further messages; its body was received.
        context: its context.
        data: the operation.
        demand: what it costs; it is charged already.
        planned: its plan; None if graphql-core has to execute it.
        running: what becomes of it, for the log.
    """

    method: str
    headers: IndexedHeaders
    receive: Receive
    context: RequestContext
    data: GraphQLRequestData
    demand: Demand
    planned: Planned | None
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

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request, whatever happens; at once, if its caller is known and so is the answer."""
        wait_again()
        body = body_at_hand(scope) if scope["method"] == "POST" else None
        try:
            asked = None if body is None else self._begun(scope, receive, body)
            response = None if asked is None else self._at_once(asked)
        except Exception as error:  # noqa: BLE001 — whatever failed, the client gets an answer
            response = self._failure(error, scope)
        if response is not None:
            return send_response(response, send)
        answer = partial(self._answer, scope, receive) if asked is None else partial(self._answer_asked, asked)
        return self._respond(answer, scope, receive, send)

    def _begun(self, scope: Scope, receive: Receive, body: bytes) -> _Asked | None:
        """Charge the caller, and read the operation; None if the caller has to be looked up."""
        headers = request_headers(scope)
        context = self._known_context(headers, _host(scope))
        return None if context is None else self._asked(scope, headers, receive, context, body)

    async def _respond(
        self, answer: Callable[[], Awaitable[Response]], scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            response = await answer()
        except Exception as error:  # noqa: BLE001 — whatever failed, the client gets an answer
            response = self._failure(error, scope)
        await response(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive) -> Response:
        if self._graphiql is None:
            raise HTTPException(404, "Not Found")
        return await self._graphiql.page(Request(scope, receive))

    def _failure(self, error: Exception, scope: Scope) -> Response:
        if isinstance(error, UnauthenticatedError):
            error = self._charged(scope, error)
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
        if scope["method"] == "GET" and asks_for_page(scope):
            return await self._page(scope, receive)
        headers = self._checked(scope)
        context = await self._context(headers, _host(scope))
        body = await read_body(receive)
        return await self._answer_asked(self._asked(scope, headers, receive, context, body))

    def _checked(self, scope: Scope) -> IndexedHeaders:
        """Return a request's headers.

        Raises:
            HTTPException: its method is not allowed, or it says that its body is too large.
        """
        method, headers = scope["method"], request_headers(scope)
        if method not in _ALLOWED:
            raise HTTPException(METHOD_NOT_ALLOWED, "An operation is sent by POST")
        if method == "POST" and is_too_large(headers):  # as `BoundedBodies` does on other ways
            raise HTTPException(413, TOO_LARGE)
        return headers

    def _asked(
        self, scope: Scope, headers: IndexedHeaders, receive: Receive, context: RequestContext, body: bytes
    ) -> _Asked:
        """Read an operation, and charge its caller for it."""
        method = scope["method"]
        data = (
            read_operation(headers, body, self._schema.documents.trusted)
            if method == "POST"
            else operation_in_url(scope)
        )
        text = data.query or ""
        size = max(0, len(body) - len(text))
        demand = self._meter.charge(context.payer, text, data.operation_name, size, data.variables)
        running = self._log.begin()
        planned = self._planned(data) if method == "POST" else None
        return _Asked(method, headers, receive, context, data, demand, planned, running)

    def _at_once(self, asked: _Asked) -> Response | None:
        """Return the answer to an operation that is always answered alike; None to any other."""
        if asked.planned is None or asked.planned.constant is None:
            return None
        self._end(asked)
        self._counts.plain_queries += 1
        return _PlannedAnswer(asked.planned.constant)

    async def _answer_asked(self, asked: _Asked) -> Response:
        try:
            result = None if asked.planned is None else await self._by_plan(asked, asked.planned)
            if result is None:
                return await self._executed(asked)
        except BaseException as error:
            asked.running.broke_off = error
            raise
        finally:
            self._end(asked)
        if isinstance(result, bytes):
            self._counts.plain_queries += 1
            return _PlannedAnswer(result)
        self._counts.note(asked.demand.operation, result.errors)
        return _response(result)

    def _end(self, asked: _Asked) -> None:
        caller = asked.context.caller
        self._log.end(asked.running, asked.data, asked.demand, None if caller is None else caller.sub)

    def _known_context(self, headers: IndexedHeaders, host: str | None) -> RequestContext | None:
        """Charge a caller who is remembered, and return the request's context; None if they have to be looked up.

        Raises:
            UnauthenticatedError: the token has expired, or the member has signed out everywhere since.
            RateLimitedError: the request is one too many.
        """
        caller = self._authentication.recall(headers.only(b"authorization"))
        if caller is None:
            return None
        context = self._context_of(caller, headers, host)
        if not context.recall_membership():
            return None
        self._meter.admit_request(context.payer)
        return _unexpired(context)

    async def _context(self, headers: IndexedHeaders, host: str | None) -> RequestContext:
        """Return the context of a request, whose caller is authenticated and charged for it.

        Raises:
            UnauthenticatedError: the request has no valid token or key.
            RateLimitedError: it is one too many.
        """
        caller = await self._authentication.authenticate(headers)
        context = self._context_of(caller, headers, host)
        self._meter.admit_request(context.payer)
        await context.check_membership()
        return _unexpired(context)

    def _context_of(self, caller: Caller | None, headers: IndexedHeaders, host: str | None) -> RequestContext:
        membership = self._authentication.membership
        return RequestContext(self._store, caller, headers, membership=membership, host=host)

    def _planned(self, data: GraphQLRequestData) -> Planned | None:
        if self._planner is None:
            return None
        return self._planner.planned(data.query or "", data.operation_name, data.variables)

    async def _by_plan(self, asked: _Asked, planned: Planned) -> bytes | ExecutionResult | None:
        """Return what an operation's plan gives; None if graphql-core has to execute it."""
        if planned.constant is not None:
            return planned.constant
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


def _unexpired(context: RequestContext) -> RequestContext:
    """Return a context.

    Raises:
        UnauthenticatedError: its caller's token has expired, or they have signed out everywhere since.
    """
    if context.caller is not None and context.caller.has_expired:
        raise UnauthenticatedError("Token expired")
    return context


def _response(result: ExecutionResult, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(response_of(result)), headers=headers, media_type=ANSWERED_AS)


def _host(scope: Scope) -> str | None:
    client = scope.get("client")
    return None if client is None else str(client[0])
