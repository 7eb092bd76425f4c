"""Several asynchronous iterators as one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")


async def merged(sources: Sequence[AsyncIterator[_T]]) -> AsyncGenerator[_T, None]:
    """Yield what several iterators yield, as it comes; each waits until what it yielded before was taken.

    Raises:
        Exception: whatever one of them raises, which ends all.
    """
    if len(sources) == 1:
        async for one in sources[0]:
            yield one
        return
    waiting: dict[asyncio.Task[Any], AsyncIterator[_T]] = {_next(source): source for source in sources}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                source = waiting.pop(task)
                try:
                    one = task.result()
                except StopAsyncIteration:
                    continue
                yield one
                waiting[_next(source)] = source
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _next(source: AsyncIterator[_T]) -> "asyncio.Task[_T]":
    async def taken() -> _T:
        return await anext(source)

    return asyncio.create_task(taken())
