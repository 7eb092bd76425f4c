"""Where the events of one operation go: the frames of each protocol around payloads that others get, too."""

from collections.abc import Sequence

from graphql import GraphQLError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation
from strawberry.types.execution import ExecutionResult

from resolvers.context import RequestContext
from resolvers.transport.over_sockets import appsync_messages as frames
from resolvers.transport.over_sockets.sockets import SocketLifetime, written
from resolvers.transport.security_events import reported


class EventFrames:
    """Sends the events of one operation: the frame of its protocol around a payload that others get, too.

    Args:
        lifetime: the socket's.
        operation: the operation's id.
        type_: the message's type.
    """

    __slots__ = ("_before", "_lifetime", "_write")

    def __init__(self, lifetime: SocketLifetime, operation: str, type_: str) -> None:
        self._lifetime = lifetime
        self._write = lifetime.write
        # Both protocols write an event as {"id":…,"type":…,"payload":…}.
        self._before = f'{written({"id": operation, "type": type_})[:-1]},"payload":'.encode()

    def write(self, payload: bytes) -> bool:
        """Send an event's payload at once; return False if it must wait, and nothing was sent."""
        return self._write is not None and self._write(b"%b%b}" % (self._before, payload))

    async def send(self, payload: bytes) -> None:
        """Send an event's payload as soon as the client reads.

        Raises:
            WebSocketDisconnected: the client has left, or is not reading.
        """
        await self._lifetime.send_text((b"%b%b}" % (self._before, payload)).decode())


class EndedError(Exception):
    """An event has no data, which ends its subscription.

    Args:
        errors: why.
    """

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


class AppSyncOutlet(EventFrames):
    """Sends the events of one subscription of AppSync's protocol."""

    __slots__ = ("_context", "_subscription")

    def __init__(self, lifetime: SocketLifetime, subscription: str, context: RequestContext) -> None:
        super().__init__(lifetime, subscription, "data")
        self._subscription = subscription
        self._context = context

    async def send_result(self, result: ExecutionResult) -> None:
        """Send an event that graphql-core has answered.

        Raises:
            EndedError: it has no data.
            WebSocketDisconnected: the client has left, or is not reading.
        """
        errors = reported(result.errors, self._context.caller)
        if result.data is None:
            raise EndedError(errors or ())
        await self._lifetime.send(frames.event(self._subscription, result.data, errors))


class TransportOutlet(EventFrames):
    """Sends the events of one operation of graphql-transport-ws."""

    __slots__ = ("_context", "_operation")

    def __init__(
        self, lifetime: SocketLifetime, operation: Operation[RequestContext, None], context: RequestContext
    ) -> None:
        super().__init__(lifetime, operation.id, "next")
        self._operation = operation
        self._context = context

    async def send_result(self, result: ExecutionResult) -> None:
        """Send an event that graphql-core has answered, or why there will be no more.

        Raises:
            WebSocketDisconnected: the client has left, or is not reading.
        """
        result.errors = reported(result.errors, self._context.caller)
        await self._operation.send_next(result)
