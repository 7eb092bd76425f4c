"""graphql-transport-ws as HourBank speaks it: Strawberry's, kept from whatever a client may do to it.

A socket ends with its token, with a client that does not read, and with a message that is none; what fails is
told in AppSync's shape.
"""

from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any, cast

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
)
from strawberry.types.execution import ExecutionResult, PreExecutionError

from resolvers.context import RequestContext
from resolvers.identity.callers import UnauthenticatedError
from resolvers.transport.payloads import payload_problem
from resolvers.transport.sockets import FORBIDDEN, OPERATIONS, SocketLifetime, TextFrames, too_many_operations
from schema.errors import report, report_any


class TransportHandler(BaseGraphQLTransportWSHandler[RequestContext, None]):
    """Serves one socket; where `on_ws_connect` raises `UnauthenticatedError`, it is closed with its reason."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._life = SocketLifetime(cast("TextFrames", self.websocket))

    async def handle(self) -> None:
        """Serve until either side ends it, or until the token expires."""
        await self._life.of(super().handle())

    async def handle_message(self, message: object) -> None:
        """Handle a message, or close the socket if it is none of the protocol's."""
        if _is_message(message):
            await super().handle_message(cast("Message", message))
        else:
            await self.handle_invalid_message(
                "A message is an object with a type, and with an id and payload if due"
            )

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge the connection for as long as its token holds, or close it if it proves nothing."""
        try:
            await super().handle_connection_init(message)
        except UnauthenticatedError as error:
            await self.websocket.close(FORBIDDEN, str(error))
            return
        if self.context.caller is not None:
            self._life.last_until(self.context.caller.expires)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation, or say why not."""
        refused = self._refusal(cast("Mapping[str, object]", message["payload"]))
        if refused is None or not self.connection_acknowledged or message["id"] in self.operations:
            await super().handle_subscribe(message)
        else:
            payload = [report_any(refused).formatted]
            await self.send_message({"id": message["id"], "type": "error", "payload": payload})

    def _refusal(self, payload: Mapping[str, object]) -> Exception | None:
        if len(self.operations) >= OPERATIONS:
            return too_many_operations()
        fault = payload_problem(payload)
        return None if fault is None else GraphQLError(fault)

    async def run_operation(self, operation: Operation[RequestContext, None]) -> None:
        """Run an operation and send what it gives; whatever happens, the client is told how it ended."""
        try:
            results = await self.schema.stream(
                operation.query,
                variable_values=operation.variables,
                context_value=self.context,
                operation_name=operation.operation_name,
            )
            async with aclosing(results):
                async for result in results:
                    if isinstance(result, PreExecutionError):
                        await operation.send_initial_errors([report(error) for error in result.errors or ()])
                        return
                    # Nothing is delivered incrementally: the schema has no @defer.
                    await operation.send_next(cast("ExecutionResult", result))
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except WebSocketDisconnected:
            return
        except Exception as error:  # noqa: BLE001 — extensions refuse a document outside of Strawberry's own handling
            with suppress(WebSocketDisconnected):
                await operation.send_initial_errors([report_any(error)])

    async def send_message(self, message: Message) -> None:
        """Send a message; a client that does not take it in time is cut off.

        Raises:
            WebSocketDisconnected: the client is gone, or as good as.
        """
        await self._life.send(message)


def _is_message(message: object) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": dict()} | {"type": "complete", "id": str()}:
            return True
        case {"type": "subscribe" | "complete"}:
            return False
        case {"type": str()}:
            return True
    return False
