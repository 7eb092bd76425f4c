"""AppSync's real-time protocol, as aws-amplify speaks it: one socket, and a token for each subscription.

When the token of the connection or of a subscription expires, we close the socket: Amplify then reconnects with a
new token and restarts every subscription. An error message instead would end that subscription for good.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from graphql import OperationType
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_ws.handlers import BaseGraphQLWSHandler

from models.limits import fixed_limit
from models.storage.store import Store
from resolvers.context import RequestContext
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller
from resolvers.identity.keys import IssuerUnreachableError, UnauthenticatedError
from resolvers.middleware.request_ids import bind_operation
from resolvers.push.push import Push
from resolvers.push.recipient import Recipient
from resolvers.rates.meter import Meter
from resolvers.rates.rates import RateLimitedError, key_of_caller
from resolvers.transport.over_sockets import appsync_messages as frames
from resolvers.transport.over_sockets.outlets import AppSyncOutlet, EndedError
from resolvers.transport.over_sockets.sockets import (
    FORBIDDEN,
    INIT_SECONDS,
    MALFORMED,
    NO_INIT,
    OPERATIONS,
    TRY_AGAIN,
    SocketLifetime,
    TextFrames,
    too_many_operations,
)
from resolvers.transport.over_sockets.view import SocketView
from resolvers.transport.payloads import size_of
from resolvers.transport.security_events import log_refusal, log_sign_in_refusal, reported
from schema.build import MirrorSchema
from schema.errors import AppSyncError, report_any

# Clients test the connection after 65 seconds without one.
KEEP_ALIVE_SECONDS = 30.0
_ID_CHARACTERS = fixed_limit(
    128, "characters of an operation's id on a socket", topic="requests and sockets", code="BadRequestException"
)


@dataclass(slots=True)
class _Subscription:
    """A subscription that runs.

    Args:
        task: runs it.
        expires: when its token expires, in epoch seconds.
        is_acknowledged: whether the client has got the first frame about it, after which others may follow.
        duplicates: further starts with its id that came before, and are still to be refused.
    """

    task: asyncio.Task[None]
    expires: float = math.inf
    is_acknowledged: bool = False
    duplicates: int = 0


class RealtimeHandler(BaseGraphQLWSHandler[RequestContext, None]):
    """Serves one socket.

    It stands in for Strawberry's handler of another protocol, whose subprotocol is called `graphql-ws`, too.
    """

    view: "RealtimeEndpoint"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._socket = cast("TextFrames", self.websocket)
        self._lifetime = SocketLifetime(self._socket)
        self._expires = math.inf
        self._keeping_alive: asyncio.Task[None] | None = None
        self._subscriptions: dict[str, _Subscription] = {}

    async def handle(self) -> None:
        """Serve until either side closes the socket, or until a token expires."""
        with self.context.until_closed:
            await self._lifetime.run(self._serve())

    async def _serve(self) -> None:
        self._lifetime.close_in(INIT_SECONDS, NO_INIT, f"connection_init did not come within {INIT_SECONDS:.0f} s")
        try:
            async for message in self._socket.iter_json():
                await self._receive(message)
        except (NonTextMessageReceived, NonJsonMessageReceived):
            problem = "A message is JSON, in a text frame"
            await self._lifetime.send(frames.failure(None, frames.bad_request(problem)))
            await self._socket.close(MALFORMED, problem)
        except WebSocketDisconnected:
            pass
        finally:
            await self._cancel_tasks()

    async def _cancel_tasks(self) -> None:
        tasks = [subscription.task for subscription in self._subscriptions.values()]
        if self._keeping_alive:
            tasks.append(self._keeping_alive)
        await _cancelled(tasks)

    async def _receive(self, message: object) -> None:
        match message:
            case {"type": "connection_init"}:
                await self._connect()
            case {"type": "start", "id": str(subscription), **rest} if 0 < len(subscription) <= _ID_CHARACTERS:
                await self._start(subscription, rest.get("payload"))
            case {"type": "stop", "id": str(subscription)}:
                await self._stop(subscription)
            case _:
                problem = f"Send connection_init, or start or stop with an id of 1 to {_ID_CHARACTERS} characters"
                await self._refuse(None, AppSyncError(problem, error_type="UnsupportedOperation"))

    async def _connect(self) -> None:
        if self._keeping_alive:
            await self._refuse(None, frames.bad_request("The connection is initialized already"))
            return
        try:
            headers = frames.headers_of(self._socket.ws)
            caller = await self._authenticated(headers, self.context.headers)
            self.view.meter.admit_socket(key_of_caller(caller, self.context.host), self.context.until_closed)
        except IssuerUnreachableError as error:
            await self._socket.close(TRY_AGAIN, str(error))  # a connection_error would make clients give up
        except UnauthenticatedError as error:
            log_sign_in_refusal(error)
            await self._refuse_connection(frames.unauthorized(error), 401, FORBIDDEN)
        except RateLimitedError as error:
            log_refusal(error, self.context.caller)
            await self._refuse_connection(error, 429, TRY_AGAIN)
        except AppSyncError as error:
            await self._refuse_connection(error, 400, MALFORMED)
        else:
            self.context.caller = caller
            self._expires = _expiry(caller)
            self._update_deadline()
            await self._lifetime.send(frames.CONNECTION_ACK)
            self._keeping_alive = asyncio.create_task(self._keep_alive())

    async def _authenticated(self, *sources: Mapping[str, object]) -> Caller | None:
        """Return whom headers identify; one that identifies nobody is charged to the client's address.

        Raises:
            UnauthenticatedError: they identify nobody.
            RateLimitedError: they do so too often.
        """
        try:
            return await self.view.authentication.authenticate(*sources)
        except UnauthenticatedError as error:
            self.view.meter.refused(self.context.address, error)
            raise

    async def _refuse_connection(self, error: AppSyncError, error_code: int, close_code: int) -> None:
        await self._lifetime.send(frames.connection_error(error, error_code))
        await self._socket.close(close_code, str(error))

    async def _keep_alive(self) -> None:
        with suppress(WebSocketDisconnected):
            while True:
                await self._lifetime.send(frames.KEEP_ALIVE)
                await asyncio.sleep(cast("float", self.keep_alive_interval))

    def _update_deadline(self) -> None:
        """Let the socket live until the first of its tokens expires: the connection's or a subscription's."""
        expiries = [subscription.expires for subscription in self._subscriptions.values()]
        self._lifetime.extend_until(min([self._expires, *expiries]))

    async def _start(self, subscription: str, payload: object) -> None:
        if not self._keeping_alive:
            await self._refuse(subscription, frames.bad_request("Send connection_init first"))
        elif subscription in self._subscriptions:
            await self._start_again(subscription, self._subscriptions[subscription])
        elif len(self._subscriptions) >= OPERATIONS:
            await self._refuse(subscription, too_many_operations())
        else:
            task = asyncio.create_task(self._run(subscription, payload))
            self._subscriptions[subscription] = _Subscription(task)

    async def _stop(self, subscription: str) -> None:
        """End a subscription; it has ended and its id is free before the client gets `complete`."""
        if (stopped := self._subscriptions.get(subscription)) is None:
            return
        await _cancelled([stopped.task])
        await self._refuse_duplicates(subscription, stopped)
        self._forget(subscription)
        await self._lifetime.send(frames.complete(subscription))

    async def _start_again(self, subscription: str, running: _Subscription) -> None:
        """Refuse a start with the id of a subscription that runs, but not before that one's own `start_ack`."""
        running.duplicates += 1
        if running.is_acknowledged:
            await self._refuse_duplicates(subscription, running)

    async def _refuse_duplicates(self, subscription: str, running: _Subscription) -> None:
        while running.duplicates:
            running.duplicates -= 1
            problem = "A subscription of that id runs; stop it, or take another id"
            await self._refuse(subscription, AppSyncError(problem, error_type="DuplicatedOperationError"))

    async def _refuse(self, subscription: str | None, error: AppSyncError) -> None:
        log_refusal(error, self.context.caller)
        await self._lifetime.send(frames.failure(subscription, error))

    def _forget(self, subscription: str) -> None:
        self._subscriptions.pop(subscription, None)
        self._update_deadline()

    async def _run(self, subscription: str, payload: object) -> None:
        """Run a subscription and send how it ended; no failure affects the others."""
        running = self._subscriptions[subscription]
        bind_operation(subscription)
        last = frames.complete(subscription)
        try:
            trusted = cast("Any", self.schema).documents.trusted
            last = await self._follow(subscription, frames.Start.of(payload, trusted))
        except WebSocketDisconnected:
            return
        except IssuerUnreachableError as error:
            # Of another type than an invalid token, for which clients close the whole socket.
            last = frames.failure(subscription, AppSyncError(str(error), error_type="ServiceUnavailable"))
        except UnauthenticatedError as error:
            log_sign_in_refusal(error)
            last = frames.failure(subscription, frames.unauthorized(error))
        except Exception as error:  # noqa: BLE001 — extensions refuse a document outside of Strawberry's own handling
            last = frames.failure(subscription, *reported([report_any(error)], self.context.caller) or ())
        finally:
            counts = self.view.meter.rates.operations
            counts.note_types(OperationType.SUBSCRIPTION, frames.error_types(last))
        self._forget(subscription)
        with suppress(WebSocketDisconnected):
            await self._lifetime.send(last)
            await self._refuse_duplicates(subscription, running)

    async def _follow(self, subscription: str, start: frames.Start) -> frames.Frame:
        """Send a subscription's events; return its last frame, which is still to be sent.

        Raises:
            UnauthenticatedError: the subscription's token is invalid.
            RateLimitedError: the caller has, or starts, too many subscriptions.
            WebSocketDisconnected: the client has left.
        """
        context = replace(self.context, caller=await self._authenticated(start.authorization))
        meter, who = self.view.meter, context.payer
        await meter.admit_operation(who)
        meter.charge(who, start.query, start.operation_name, size_of(start.variables), start.variables)
        with meter.rates.open_operations.hold(who):
            return await self._send_events(subscription, start, context)

    async def _send_events(self, subscription: str, start: frames.Start, context: RequestContext) -> frames.Frame:
        """Send a subscription's events; return its last frame, which is still to be sent.

        Raises:
            WebSocketDisconnected: the client has left.
        """
        await context.check_membership()
        self._subscriptions[subscription].expires = _expiry(context.caller)
        self._update_deadline()
        if self.view.push is not None:
            outlet = AppSyncOutlet(self._lifetime, subscription, context)
            asked = start.query, start.operation_name, start.variables
            recipient = await self.view.push.begin(*asked, context, outlet)
            if recipient is not None:
                return await self._listen(subscription, recipient, context)
        results = await self.schema.subscribe(
            start.query, start.variables, context_value=context, operation_name=start.operation_name
        )
        acknowledging = asyncio.create_task(self._acknowledge(subscription, context.listening))
        try:
            async with aclosing(results):
                async for result in results:
                    self._check_expiry(context.caller)
                    result.errors = reported(result.errors, context.caller)
                    if result.data is None:
                        return frames.failure(subscription, *result.errors or ())
                    context.listening.set()
                    await acknowledging
                    await self._lifetime.send(frames.event(subscription, result.data, result.errors))
        finally:
            acknowledging.cancel()
        return frames.complete(subscription)

    async def _listen(self, subscription: str, recipient: Recipient, context: RequestContext) -> frames.Frame:
        """Let a subscription hear of its events; return its last frame, which is still to be sent."""
        try:
            await self._acknowledged(subscription)
            recipient.begin()
            error = await recipient.ended
        finally:
            recipient.stop()
        self._check_expiry(context.caller)
        if isinstance(error, EndedError):
            return frames.failure(subscription, *error.errors)
        raise error

    async def _acknowledge(self, subscription: str, listening: asyncio.Event) -> None:
        await listening.wait()
        with suppress(WebSocketDisconnected):
            await self._acknowledged(subscription)

    async def _acknowledged(self, subscription: str) -> None:
        await self._lifetime.send(frames.start_ack(subscription))
        running = self._subscriptions[subscription]
        running.is_acknowledged = True
        await self._refuse_duplicates(subscription, running)

    def _check_expiry(self, caller: Caller | None) -> None:
        """Close the socket if a token has expired; the deadline alone is late if the machine was suspended.

        Raises:
            WebSocketDisconnected: the token has expired.
        """
        if caller is not None and caller.has_expired:
            self._lifetime.extend_until(caller.expires)
            raise WebSocketDisconnected


async def _cancelled(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        with suppress(asyncio.CancelledError):
            task.exception()  # else the task would keep it, with the frames that refer to the task


def _expiry(caller: Caller | None) -> float:
    return math.inf if caller is None else caller.expires


class RealtimeEndpoint(SocketView):
    """Opens the sockets of AppSync's real-time protocol; `SocketView` explains the other arguments.

    Args:
        origins: the other origins whose pages may open one.
        keep_alive: seconds between two keep-alive messages.
    """

    graphql_ws_handler_class = RealtimeHandler

    def __init__(
        self,
        schema: MirrorSchema,
        store: Store,
        authentication: Authentication,
        origins: Sequence[str],
        meter: Meter,
        push: Push | None = None,
        *,
        keep_alive: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        super().__init__(
            schema,
            store,
            authentication,
            meter,
            push,
            subscription_protocols=[GRAPHQL_WS_PROTOCOL],
            keep_alive_interval=keep_alive,
            allowed_origins=origins,
        )
