"""graphql-transport-ws as HourBank speaks it: Strawberry's, kept from whatever a client may do to it.

A socket ends with its token, with a client that does not read, and with a message that is none; what fails is
told in AppSync's shape.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any, cast

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
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

from resolvers.context import Context
from resolvers.identity import UnauthenticatedError
from resolvers.payload import fault_of
from schema.errors import AppSyncError, mask, report, report_any

OPERATIONS = 100  # of one socket at a time, AppSync's own limit
# What a client does not read stays in memory, so it may not stop reading for longer than this.
SEND_SECONDS = 30.0
_CLOSE_SECONDS = 1.0  # a close frame is a courtesy: whoever does not read misses it
_REASON_BYTES = 123  # what a close frame has room for

# graphql-ws tries again after 4403, with the fresh token that its connectionParams then give; 4401 is final.
_FORBIDDEN = 4403
_INTERNAL = 1011
_TRY_AGAIN = 1013


class TextFrames(ASGIWebSocketAdapter):
    """Sends JSON in text frames, as the protocol wants; a browser would be given a Blob otherwise."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message.

        Raises:
            WebSocketDisconnected: the socket is closed.
        """
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        try:
            await self.ws.send_text(orjson.dumps(message).decode())
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close the socket, if it is open, with as much of a reason as fits."""
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            return
        fitting = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        with suppress(WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.ws.close(code=code, reason=fitting)


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """Serves one socket; where `on_ws_connect` raises `UnauthenticatedError`, it is closed with its reason."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._life = asyncio.timeout(None)
        self._end = (_FORBIDDEN, "Token expired")

    async def handle(self) -> None:
        """Serve until either side ends it, or until the token expires."""
        try:
            async with self._life:
                await super().handle()
        except Exception as error:  # noqa: BLE001 — a socket that only breaks off tells its client nothing
            if self._life.expired():
                await self.websocket.close(*self._end)
            else:
                await self.websocket.close(_INTERNAL, str(mask(error)))

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
            await self.websocket.close(_FORBIDDEN, str(error))
            return
        if self.context.caller is not None:
            left = self.context.caller.expires - time.time()
            self._life.reschedule(asyncio.get_running_loop().time() + left)

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
            return AppSyncError(
                f"A socket may have {OPERATIONS} operations at a time; complete one first",
                error_type="MaxSubscriptionsReachedError",
            )
        fault = fault_of(payload)
        return None if fault is None else GraphQLError(fault)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
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
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await super().send_message(message)
        except TimeoutError:
            self._end = (_TRY_AGAIN, "Closed: messages were not read")
            if not self._life.expired():
                self._life.reschedule(asyncio.get_running_loop().time())
            raise WebSocketDisconnected from None


def _is_message(message: object) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": dict()} | {"type": "complete", "id": str()}:
            return True
        case {"type": "subscribe" | "complete"}:
            return False
        case {"type": str()}:
            return True
    return False


def authorization_of(parameters: Mapping[str, object], headers: Mapping[str, str]) -> str | None:
    """Return the token that a socket's connection_init payload carries, or else its upgrade request."""
    for name in ("Authorization", "authorization"):
        if isinstance(token := parameters.get(name), str):
            return token
    return headers.get("authorization")
