"""The graphql-transport-ws protocol: Strawberry's handler, hardened, with errors in AppSync's shape.

A socket is closed when its token expires, its client stops reading, or a message is malformed.
"""

from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

from graphql import GraphQLError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
    SubscribeMessagePayload,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError

from models.errors import UnavailableError
from resolvers.context import RequestContext
from resolvers.identity.keys import IssuerUnreachableError, UnauthenticatedError
from resolvers.middleware.request_ids import bind_operation
from resolvers.operation_log import OperationLog
from resolvers.push.push import Push
from resolvers.rates.demands import INVALID
from resolvers.rates.meter import Meter
from resolvers.rates.rates import RateLimitedError
from resolvers.transport.over_sockets.outlets import TransportOutlet
from resolvers.transport.over_sockets.sockets import (
    FORBIDDEN,
    OPERATIONS,
    TRY_AGAIN,
    SocketLifetime,
    TextFrames,
    too_many_operations,
)
from resolvers.transport.payloads import payload_problem, size_of, with_trusted_text
from resolvers.transport.security_events import log_admin_acts, log_refusal, log_sign_in_refusal, reported
from schema.documents.trusted import UntrustedDocumentError
from schema.errors import report_any
from schema.unstorable import unstorable

if TYPE_CHECKING:
    from schema.documents.reading import Documents


class Metered(Protocol):
    """An endpoint that charges callers for what they send, and may answer events together."""

    meter: Meter
    log: OperationLog
    push: Push | None


class TransportHandler(BaseGraphQLTransportWSHandler[RequestContext, None]):
    """Serves one socket; if `on_ws_connect` raises `UnauthenticatedError`, closes it with that reason."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lifetime = SocketLifetime(cast("TextFrames", self.websocket))
        self._documents: Documents = cast("Any", self.schema).documents
        view = cast("Metered", self.view)
        self._meter, self._log, self._push = view.meter, view.log, view.push

    async def handle(self) -> None:
        """Serve until either side closes the socket, or until the token expires."""
        with self.context.until_closed:
            await self._lifetime.run(super().handle())

    async def handle_message(self, message: object) -> None:
        """Handle a message, or close the socket if the message is malformed."""
        if _is_message(message):
            await super().handle_message(cast("Message", message))
        else:
            await self.handle_invalid_message(
                "A message is an object with a type, and with an id and a payload where its type needs them"
            )

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge the connection until its token expires, or close it if nobody is authenticated."""
        if (found := unstorable(message)) is not None:
            await self.handle_invalid_message(f"The message has {found}")
            return
        if message.get("payload") is None:
            # The protocol allows null for none; Strawberry would close the socket.
            message = {"type": "connection_init", "payload": {}}
        try:
            await super().handle_connection_init(message)
        except (IssuerUnreachableError, UnavailableError) as error:
            await self.websocket.close(TRY_AGAIN, str(error))
            return
        except UnauthenticatedError as error:
            log_sign_in_refusal(error)
            await self.websocket.close(FORBIDDEN, str(error))
            return
        except RateLimitedError as error:
            log_refusal(error, self.context.caller)
            await self.websocket.close(TRY_AGAIN, f"{error.error_type}: {error}")
            return
        if self.context.caller is not None:
            self._lifetime.extend_until(self.context.caller.expires)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation, or send the error that prevents it."""
        error = self._start_error(message)
        if error is None or not self.connection_acknowledged or message["id"] in self.operations:
            await super().handle_subscribe(message)
        else:
            errors = reported([report_any(error)], self.context.caller)
            payload = [shown.formatted for shown in errors or ()]
            await self.send_message({"id": message["id"], "type": "error", "payload": payload})

    def _start_error(self, message: SubscribeMessage) -> Exception | None:
        """Return why an operation cannot start; put the text into one that names a trusted document."""
        if len(self.operations) >= OPERATIONS:
            return too_many_operations()
        payload = cast("dict[str, Any]", message["payload"])
        try:
            payload = with_trusted_text(payload, self._documents.trusted)
        except UntrustedDocumentError as error:
            return error
        if (problem := payload_problem(payload)) is not None:
            return GraphQLError(problem)
        message["payload"] = cast("SubscribeMessagePayload", payload)
        return None

    async def run_operation(self, operation: Operation[RequestContext, None]) -> None:
        """Run an operation and send its results, and in any case how it ended."""
        bind_operation(operation.id)
        who, sent = self.context.payer, operation.variables
        running, demand = self._log.begin(), INVALID
        try:
            await self._meter.admit_operation(who)
            demand = self._meter.charge(who, operation.query, operation.operation_name, size_of(sent), sent)
            with self._meter.rates.open_operations.hold(who):
                async with self._meter.turn(who, demand):
                    last = await self._stream(operation)
            running.errors = None if last is None else last.errors
        except WebSocketDisconnected as error:
            running.broke_off = error
        except Exception as error:  # noqa: BLE001 — extensions refuse a document outside of Strawberry's own handling
            running.errors = reported([report_any(error)], self.context.caller)
            with suppress(WebSocketDisconnected):
                await operation.send_initial_errors([*(running.errors or ())])
        except BaseException as error:
            running.broke_off = error
            raise
        finally:
            self._meter.rates.operations.note(demand.operation, running.errors)
            if demand is not INVALID:
                caller = self.context.caller
                self._log.end(running, operation, demand, None if caller is None else caller.sub)

    async def _stream(self, operation: Operation[RequestContext, None]) -> ExecutionResult | None:
        """Send an operation's results, and that it is complete; log what an administrator did by it.

        Returns:
            The last of the results.
        """
        last: ExecutionResult | None = None
        try:
            await self.context.check_membership()
            if self.context.caller is not None:
                self._lifetime.extend_until(self.context.caller.expires)
            if (ended := await self._pushed(operation)) is not None:
                return ended
            results = await self.schema.stream(
                operation.query,
                variable_values=operation.variables,
                context_value=self.context,
                operation_name=operation.operation_name,
            )
            async with aclosing(results):
                async for result in results:
                    # Nothing is delivered incrementally: the schema has no @defer.
                    last = cast("ExecutionResult", result)
                    last.errors = reported(last.errors, self.context.caller)
                    if isinstance(result, PreExecutionError):
                        await operation.send_initial_errors(last.errors or [])
                        return last
                    await operation.send_next(last)
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
            return last
        finally:
            log_admin_acts(self._documents, operation, self.context.caller, last)

    async def _pushed(self, operation: Operation[RequestContext, None]) -> ExecutionResult | None:
        """Let a subscription hear of its events; return its last, with which it ends, None if it was not begun."""
        if self._push is None:
            return None
        outlet = TransportOutlet(self._lifetime, operation, self.context)
        asked = operation.query, operation.operation_name, operation.variables
        recipient = await self._push.begin(*asked, self.context, outlet)
        if recipient is None:
            return None
        try:
            recipient.begin()
            error = await recipient.ended
        finally:
            recipient.stop()
        if isinstance(error, WebSocketDisconnected):
            raise error
        last = ExecutionResult(data=None, errors=[report_any(error)])
        await outlet.send_result(last)
        await operation.send_operation_message({"id": operation.id, "type": "complete"})
        return last

    async def send_message(self, message: Message) -> None:
        """Send a message; close the socket if the client does not read it in time.

        Raises:
            WebSocketDisconnected: the client has left, or is not reading.
        """
        await self._lifetime.send(message)


def _is_message(message: object) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": dict()} | {"type": "complete", "id": str()}:
            return True
        case {"type": "subscribe" | "complete"}:
            return False
        case {"type": str()}:
            return True
    return False
