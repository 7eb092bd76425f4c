"""After a restart of server, functions or local cloud: every live request is looked after, due or not."""

import asyncio
from datetime import UTC, datetime

from workflows.sweep import Sweep

_AT_ONCE = 16
# Of each shard; more than one machine's local cloud can run.
_MOST = 10_000
_FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)


async def revive(sweep: Sweep) -> int:
    """Resume every live request whose execution is gone, hand every answer over again; returns how many live."""
    turn = asyncio.Semaphore(_AT_ONCE)
    live = 0

    async def look_after(request_id: str) -> None:
        try:
            await sweep.look_after(request_id, _FAR_FUTURE, anew=True)
        finally:
            turn.release()

    async with asyncio.TaskGroup() as tasks:
        async for request_id in sweep.due(_FAR_FUTURE, most=_MOST):
            await turn.acquire()
            live += 1
            tasks.create_task(look_after(request_id))
    return live
