"""The sweep: finds the live requests that are due, and ensures that an execution moves them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models import tables
from models.clock import Clock, from_text
from models.requests.request import DUE_SHARDS, Request
from models.storage.outages import is_silence, is_throttling
from models.storage.store import ConditionFailedError, Store, read_pages
from models.transactions.moves import Transactions
from models.transactions.retrying import is_transient
from workflows.executions.requests import Executions

log = structlog.get_logger("workflows")

# Requests per shard and tick; those that are left are due at the next tick.
MOST_PER_SHARD = 25
_PAGE = 100
# For `revive`: requests handled at once, and requests per shard, more than one machine's local cloud can run.
_AT_ONCE = 16
_MOST_REVIVED = 10_000
_FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
# For a request whose check failed; after a transient failure it is checked again at the next tick.
PAUSE_AFTER_FAILURE = timedelta(minutes=10)
_REVIVAL_PAUSE = 1.0  # seconds, while AWS does not answer


@dataclass(frozen=True, slots=True)
class Due:
    """A request that is due, and since when, as the index has it."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """What came of looking after a request.

    Args:
        succeeded: whether it could be looked after; else that is logged, and the request put off.
        failing_since: since when its executions have failed; None if they have not.
    """

    succeeded: bool
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """Ensures that requests progress: those that are due, or all live ones.

    Args:
        store: the tables.
        transactions: reads the requests.
        executions: starts and resumes their executions.
        clock: the time.
    """

    store: Store
    transactions: Transactions
    executions: Executions
    clock: Clock

    async def due(self, before: datetime, *, most: int = MOST_PER_SHARD) -> AsyncIterator[Due]:
        """Yield the requests that are due before a moment, shard by shard, the longest due first.

        Args:
            before: the moment; the far future selects every live request.
            most: the most requests of each shard.
        """
        for shard in range(DUE_SHARDS):
            async for found in _due_in_shard(self.store, str(shard), before, most):
                yield found

    async def ensure_progress(self, request_id: str, before: datetime, *, after_outage: bool = False) -> Check:
        """Ensure that one request progresses, if its row, too, says that it is due: the index may be stale.

        Args:
            request_id: the request.
            before: it is due before this moment.
            after_outage: the functions were gone for a while, so failures meanwhile do not count.

        Returns:
            What came of it; after a failure the request is put off, so that it blocks no other.
        """
        request: Request | None = None
        succeeded = True
        try:
            request = await self.transactions.read(request_id)
            if request is not None and request.due_at is not None and request.due_at < before:
                if after_outage:
                    await self.executions.ensure_progress_after_outage(request)
                else:
                    await self.executions.ensure_progress(request)
        except Exception as error:
            log.exception("could not ensure that a request progresses", service_request_id=request_id)
            await self._put_off(request_id, timedelta() if is_transient(error) else PAUSE_AFTER_FAILURE)
            succeeded = False
        return Check(succeeded=succeeded, failing_since=request.failing_since if request else None)

    async def _put_off(self, request_id: str, pause: timedelta) -> None:
        """Make a request due later, even if its row cannot be decoded."""
        later = [tables.ServiceRequest.dueAt.set(self.clock() + pause)]
        try:
            await self.store.update(
                tables.ServiceRequest, request_id, later, condition=tables.ServiceRequest.dueAt.exists()
            )
        except (ConditionFailedError, ClientError, BotoCoreError):
            log.warning("could not put off a request", service_request_id=request_id)


async def _due_in_shard(store: Store, shard: str, before: datetime, most: int) -> AsyncIterator[Due]:
    read = partial(
        store.query,
        tables.ServiceRequest,
        tables.ServiceRequest.byDueAt,
        shard,
        range_condition=tables.ServiceRequest.dueAt < before,
    )
    async for page in read_pages(read, limit=_PAGE, most_pages=most, most_rows=most):
        for item in page.items:
            yield Due(item["id"]["S"], from_text(item["dueAt"]["S"]))


async def revive(sweep: Sweep) -> int:
    """Resume every live request whose execution is gone, and redeliver every answer.

    Returns:
        How many requests are live.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    live = 0

    async def revive_one(request_id: str) -> None:
        try:
            await sweep.ensure_progress(request_id, _FAR_FUTURE, after_outage=True)
        finally:
            slots.release()

    async with asyncio.TaskGroup() as tasks:
        async for found in sweep.due(_FAR_FUTURE, most=_MOST_REVIVED):
            await slots.acquire()
            live += 1
            tasks.create_task(revive_one(found.id))
    return live


async def revive_patiently(sweep: Sweep, report: Callable[[str], None]) -> None:
    """Revive every live request as soon as AWS answers, and report how many there are."""
    while True:
        try:
            live = await revive(sweep)
        except* (BotoCoreError, ClientError) as failed:
            if (refusals := failed.subgroup(_is_refusal)) is not None:
                raise refusals from None
            # What was revived already is left alone.
            await sweep.store.calls.pause(_REVIVAL_PAUSE)
        else:
            break
    if live:
        report(f"live requests: {live}")


def _is_refusal(error: BaseException) -> bool:
    """Return whether AWS has answered, and a retry would be answered alike."""
    return isinstance(error, ClientError) and not (is_silence(error) or is_throttling(error))
