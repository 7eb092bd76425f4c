"""Ends the work for a client that has gone away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

_T = TypeVar("_T")
# Seconds after which a request's client is watched; most are answered before, and a watching task costs something.
WATCHED_AFTER = 0.05


async def while_connected(receive: Receive, answering: Awaitable[_T], *, if_: Callable[[], bool]) -> _T:
    """Return the answer to a request; if its client goes away before, cancel what is still being done for it.

    Args:
        receive: the request's messages; its body was received.
        answering: what answers the request, awaited in the task of the caller.
        if_: whether to cancel; asked once, after `WATCHED_AFTER`.

    Raises:
        ClientDisconnect: the client has gone away.
    """
    loop, answerer = asyncio.get_running_loop(), asyncio.current_task()
    watching: asyncio.Task[None] | None = None
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            pass
        has_left = True
        if answerer is not None:
            answerer.cancel()

    def begin() -> None:
        nonlocal watching
        if if_():
            watching = loop.create_task(watch())

    timer = loop.call_later(WATCHED_AFTER, begin)
    try:
        return await answering
    except asyncio.CancelledError:
        if not has_left or answerer is None or answerer.uncancel() > 0:
            raise
        raise ClientDisconnect from None
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()
