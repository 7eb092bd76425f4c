"""What every socket has, whichever protocol it speaks: its frames, its end, and what it may carry at a time."""

import asyncio
import math
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress

import orjson
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected

from schema.errors import AppSyncError, mask

INIT_SECONDS = 15.0  # for the first message
OPERATIONS = 100  # of one socket at a time, AppSync's own limit
# What a client does not read stays in memory, so it may not stop reading for longer than this.
SEND_SECONDS = 30.0
_CLOSE_SECONDS = 1.0  # a close frame is a courtesy: whoever does not read misses it
_REASON_BYTES = 123  # what a close frame has room for

# graphql-ws tries again after 4403, with the fresh token that its connectionParams then give; 4401 is final.
FORBIDDEN = 4403
MALFORMED = 4400
NO_INIT = 4408
TRY_AGAIN = 1013
_INTERNAL = 1011


class TextFrames(ASGIWebSocketAdapter):
    """Sends JSON in text frames, as the protocols want; a browser would be given a Blob otherwise."""

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


class SocketLifetime:
    """How long a socket is served: as long as its tokens hold, and as its client reads.

    Args:
        frames: the socket.
    """

    def __init__(self, frames: TextFrames) -> None:
        self._frames = frames
        self._timeout = asyncio.timeout(None)
        self._end = (_INTERNAL, "")
        self._is_ending = False

    async def of(self, serving: Awaitable[None]) -> None:
        """Serve until either side ends it, or until its time is over; the client is told why."""
        try:
            async with self._timeout:
                await serving
        except Exception as error:  # noqa: BLE001 — a socket that only breaks off tells its client nothing
            if self._timeout.expired():
                await self._frames.close(*self._end)
            else:
                await self._frames.close(_INTERNAL, str(mask(error)))

    def end_in(self, seconds: float, code: int, reason: str) -> None:
        """Let it end in so many seconds, unless it is told otherwise by then; nothing stops it at 0."""
        if self._is_ending:
            return
        self._is_ending = seconds <= 0
        self._end = (code, reason)
        self._timeout.reschedule(asyncio.get_running_loop().time() + seconds)

    def last_until(self, expiry: float) -> None:
        """Let it end when a token expires, in epoch seconds; infinity is never."""
        if expiry < math.inf:
            self.end_in(expiry - time.time(), FORBIDDEN, "Token expired")
        elif not self._is_ending:
            self._timeout.reschedule(None)

    async def send(self, message: Mapping[str, object]) -> None:
        """Send a message; a client that does not take it in time is cut off.

        Raises:
            WebSocketDisconnected: the client is gone, or as good as.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._frames.send_json(message)
        except TimeoutError:
            self.end_in(0, TRY_AGAIN, "Closed: messages were not read")
            raise WebSocketDisconnected from None


def too_many_operations() -> AppSyncError:
    """Return the error for an operation more than a socket may have."""
    return AppSyncError(
        f"A socket may have {OPERATIONS} operations at a time; end one first",
        error_type="MaxSubscriptionsReachedError",
    )
