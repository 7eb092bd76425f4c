"""The sweep: finds the live requests that somebody should look after."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models import tables
from models.clock import Clock
from models.requests.request import DUE_SHARDS
from models.storage.store import ConditionFailedError, Store, read_pages
from models.transactions.moves import Transactions
from models.transactions.retrying import is_transient
from workflows.executions.requests import Executions

log = structlog.get_logger("workflows")

# A tick takes this many from each shard; what is left is due at the next tick.
MOST_PER_SHARD = 25
_PAGE = 100
# Of a request that cannot be helped; one that met a call which failed in passing has its turn at the next tick.
PUT_OFF = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Looks after requests, those that are due or all that live.

    Args:
        store: the tables.
        transactions: reads the requests.
        executions: resumes them.
        clock: the time.
    """

    store: Store
    transactions: Transactions
    executions: Executions
    clock: Clock

    async def due(self, before: datetime, *, most: int = MOST_PER_SHARD) -> AsyncIterator[str]:
        """Yield the ids of the requests that are due before a moment, the longest due first in each shard.

        Args:
            before: the moment; the far future means every live request.
            most: how many of each shard at most.
        """
        for shard in range(DUE_SHARDS):
            async for request_id in _shard(self.store, str(shard), before, most):
                yield request_id

    async def look_after(self, request_id: str, before: datetime, *, anew: bool = False) -> bool:
        """See to one request, if it is due indeed: the index may be behind the rows.

        Args:
            request_id: the request.
            before: the moment that it is due before.
            anew: what moves requests was gone for a while, so that their failures meanwhile do not count.

        Returns:
            Whether that went well; if not, it is logged and the request put off, and holds up no other.
        """
        try:
            request = await self.transactions.read(request_id)
            if request is not None and request.due_at is not None and request.due_at < before:
                see_to = self.executions.begin_anew if anew else self.executions.look_after
                await see_to(request)
        except Exception as error:
            log.exception("could not look after a request", request_id=request_id)
            await self._put_off(request_id, timedelta() if is_transient(error) else PUT_OFF)
            return False
        return True

    async def _put_off(self, request_id: str, pause: timedelta) -> None:
        """Move a request behind those that can be helped, whatever is wrong with its row."""
        later = [tables.ServiceRequest.dueAt.set(self.clock() + pause)]
        try:
            await self.store.update(
                tables.ServiceRequest, request_id, later, condition=tables.ServiceRequest.dueAt.exists()
            )
        except (ConditionFailedError, ClientError, BotoCoreError):
            log.warning("could not put off a request", request_id=request_id)


async def _shard(store: Store, shard: str, before: datetime, most: int) -> AsyncIterator[str]:
    read = partial(
        store.query,
        tables.ServiceRequest,
        tables.ServiceRequest.byDueAt,
        shard,
        range_condition=tables.ServiceRequest.dueAt < before,
    )
    async for page in read_pages(read, limit=_PAGE, most_pages=most, most_rows=most):
        for item in page.items:
            yield item["id"]["S"]


_AT_ONCE = 16
# Of each shard; more than one machine's local cloud can run.
_MOST = 10_000
_FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)


async def revive(sweep: Sweep) -> int:
    """Resume every live request whose execution is gone, hand every answer over again; returns how many live."""
    slots = asyncio.Semaphore(_AT_ONCE)
    live = 0

    async def look_after(request_id: str) -> None:
        try:
            await sweep.look_after(request_id, _FAR_FUTURE, anew=True)
        finally:
            slots.release()

    async with asyncio.TaskGroup() as tasks:
        async for request_id in sweep.due(_FAR_FUTURE, most=_MOST):
            await slots.acquire()
            live += 1
            tasks.create_task(look_after(request_id))
    return live
