"""What sockets of both protocols share: text frames, their lifetime, and their limits."""

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import orjson
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected

from models.limits import fixed_limit
from schema.errors import AppSyncError, mask

INIT_SECONDS = fixed_limit(
    5.0, "seconds until a socket's connection_init", topic="requests and sockets", code="close code 4408"
)
OPERATIONS = fixed_limit(
    100,
    "operations on one socket at a time, as many as AppSync takes",
    topic="requests and sockets",
    code="MaxSubscriptionsReachedError",
)
# What a client does not read stays in memory, so a client that stops reading for longer is disconnected.
SEND_SECONDS = fixed_limit(
    20.0,
    "seconds for which a socket's message may wait unread",
    topic="requests and sockets",
    code="close code 1013",
)
_CLOSE_SECONDS = 1.0  # for sending a close frame, which a client that does not read never gets
_REASON_BYTES = 123  # the longest reason that fits into a close frame
_EXPIRED = "Token expired"

# After 4403 graphql-ws reconnects, with a new token from its connectionParams; after 4401 it gives up.
FORBIDDEN = 4403
MALFORMED = 4400
NO_INIT = 4408
TRY_AGAIN = 1013
_INTERNAL = 1011


# By this name a server may offer, in a socket's scope, to send a text frame at once; see `TextFrames.write`.
WRITE = "hourbank.write"


class TextFrames(ASGIWebSocketAdapter):
    """Sends JSON in text frames, as the protocols require: browsers pass a binary frame on as a Blob."""

    @property
    def write(self) -> Callable[[bytes], bool] | None:
        """Return what sends a text at once, None if the server has no such thing.

        It returns False if the text must wait for the client to read, or the socket is closed: nothing was sent.
        """
        offered: Callable[[bytes], bool] | None = self.ws.scope.get("extensions", {}).get(WRITE)
        return offered

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message.

        Raises:
            WebSocketDisconnected: the socket is closed.
        """
        await self.send_text(written(message))

    async def send_text(self, text: str) -> None:
        """Send a message that is JSON already.

        Raises:
            WebSocketDisconnected: the socket is closed.
        """
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        try:
            await self.ws.send_text(text)
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close the socket if it is open, with a reason that is cut to fit its frame."""
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            return
        fitting = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        with suppress(WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.ws.close(code=code, reason=fitting)


def written(message: Mapping[str, object]) -> str:
    """Return a message as JSON; a client's id is repeated even if it has a lone surrogate."""
    try:
        return orjson.dumps(message).decode()
    except orjson.JSONEncodeError:
        return json.dumps(message)


class SocketLifetime:
    """Serves a socket until either side closes it or its deadline passes.

    Closing is final: once `close` is called or the deadline has passed, later calls change neither the time nor
    the code and reason. Until then the socket has one deadline, or none, and the last call that sets it counts.

    Args:
        frames: the socket.
    """

    def __init__(self, frames: TextFrames) -> None:
        self._frames = frames
        self._timeout = asyncio.timeout(None)
        self._close_frame = (_INTERNAL, "")
        self._is_closed = False

    @property
    def _is_closing(self) -> bool:
        return self._is_closed or self._timeout.expired()

    async def run(self, serving: Awaitable[None]) -> None:
        """Serve the socket; at its deadline or if serving fails, close it with a code and a reason."""
        try:
            async with self._timeout:
                await serving
        except WebSocketDisconnected:
            if self._is_closed:  # the client is cut off for not reading, and may learn why
                await self._frames.close(*self._close_frame)
        except Exception as error:  # noqa: BLE001 — without a close frame the client would not learn why
            if self._timeout.expired():
                await self._frames.close(*self._close_frame)
            else:
                await self._frames.close(_INTERNAL, str(mask(error)))

    def close(self, code: int, reason: str) -> None:
        """Close the socket as soon as the event loop turns."""
        self.close_in(0, code, reason)
        self._is_closed = True

    def close_in(self, seconds: float, code: int, reason: str) -> None:
        """Set the deadline, in seconds from now, and what to close with then."""
        if self._is_closing:
            return
        self._close_frame = (code, reason)
        self._timeout.reschedule(asyncio.get_running_loop().time() + seconds)

    def extend_until(self, expiry: float) -> None:
        """Set the deadline to a token's expiry, in epoch seconds; infinity means no deadline."""
        seconds = expiry - time.time()
        if seconds <= 0:
            self.close(FORBIDDEN, _EXPIRED)
        elif seconds < math.inf:
            self.close_in(seconds, FORBIDDEN, _EXPIRED)
        elif not self._is_closing:
            self._timeout.reschedule(None)

    async def send(self, message: Mapping[str, object]) -> None:
        """Send a message; close the socket if the client does not read it within `SEND_SECONDS`.

        Raises:
            WebSocketDisconnected: the client has left, or is not reading.
        """
        await self.send_text(written(message))

    @property
    def write(self) -> Callable[[bytes], bool] | None:
        """Return what sends a text at once; see `TextFrames.write`."""
        return self._frames.write

    async def send_text(self, text: str) -> None:
        """Send a message that is JSON already; see `send`."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._frames.send_text(text)
        except TimeoutError:
            self.close(TRY_AGAIN, "Closed: messages were not read")
            raise WebSocketDisconnected from None


def too_many_operations() -> AppSyncError:
    """Return the error of an operation beyond the limit of a socket."""
    return AppSyncError(
        f"A socket may have {OPERATIONS} operations at a time; end one first",
        error_type="MaxSubscriptionsReachedError",
    )
