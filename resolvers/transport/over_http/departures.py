"""Ends the work for a client that has gone away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

_T = TypeVar("_T")
# Seconds after which a request's client is watched; most are answered before, and a watching task costs something.
WATCHED_AFTER = 0.05


async def while_connected(receive: Receive, answering: Awaitable[_T], *, is_cancellable: Callable[[], bool]) -> _T:
    """Return the answer to a request; cancel the work if the client disconnects first.

    Args:
        receive: the request's messages; its body was received.
        answering: what answers the request, awaited in the task of the caller.
        is_cancellable: whether to cancel; asked once, after `WATCHED_AFTER`.

    Raises:
        ClientDisconnect: the client has gone away.
    """
    watch = _Watch(receive, is_cancellable)
    try:
        return await answering
    except asyncio.CancelledError:
        if not watch.was_cause():
            raise
        raise ClientDisconnect from None
    finally:
        watch.stop()


class _Watch:
    """Watches a request's client, after a while, and cancels the task that answers if the client goes away."""

    def __init__(self, receive: Receive, is_cancellable: Callable[[], bool]) -> None:
        self._receive = receive
        self._is_cancellable = is_cancellable
        self._answerer = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._has_left = False
        self._timer = asyncio.get_running_loop().call_later(WATCHED_AFTER, self._begin)

    def was_cause(self) -> bool:
        """Return whether the task was cancelled for the client's departure, and for nothing else."""
        return self._has_left and self._answerer is not None and self._answerer.uncancel() == 0

    def stop(self) -> None:
        """Stop watching."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _begin(self) -> None:
        if self._is_cancellable():
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_left = True
        if self._answerer is not None:
            self._answerer.cancel()
