"""Polls, at growing intervals and for a few seconds, for something that another process is about to do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_delay, wait_exponential

_T = TypeVar("_T")

# A client waits for its answer meanwhile.
TIMEOUT_SECONDS = 5.0
_FIRST_INTERVAL_SECONDS = 0.05
_LONGEST_INTERVAL_SECONDS = 0.8


async def poll(attempt: Callable[[], Awaitable[_T]], *, is_pending: Callable[[_T], bool]) -> _T:
    """Repeat an attempt while its result is pending, for at most `TIMEOUT_SECONDS`.

    Args:
        attempt: what to repeat; an exception that it raises ends the polling.
        is_pending: whether a result calls for another attempt.

    Returns:
        The last result, which is still pending if the time has run out.
    """
    first = await attempt()  # without tenacity, which adds 30 µs: most first results are final
    if not is_pending(first):
        return first
    await asyncio.sleep(_FIRST_INTERVAL_SECONDS)

    async def attempted() -> _T:  # tenacity awaits coroutine functions only, not what a lambda returns
        return await attempt()

    retrying = AsyncRetrying(
        sleep=asyncio.sleep,
        retry=retry_if_result(is_pending),
        stop=stop_after_delay(TIMEOUT_SECONDS),
        wait=wait_exponential(multiplier=2 * _FIRST_INTERVAL_SECONDS, max=_LONGEST_INTERVAL_SECONDS),
    )
    try:
        return await retrying(attempted)
    except RetryError as error:
        last: _T = error.last_attempt.result()
        return last
