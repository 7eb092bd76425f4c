"""After a restart of the server or of the local cloud: every live request is looked after, due or not."""

import asyncio
from datetime import UTC, datetime

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models.errors import HourBankError
from models.lifecycle import Request
from models.store import Store
from models.transactions import Transactions
from workflows.executions import Executions
from workflows.sweep import due_requests

log = structlog.get_logger("workflows")

_AT_ONCE = 16
# Of each shard; more than one machine's local cloud can run.
_MOST = 10_000
_FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)


async def revive(store: Store, transactions: Transactions, executions: Executions) -> int:
    """Resume every live request whose execution is gone, and hand every answer over again; returns how many live.

    One that cannot be helped now is left to the sweep.
    """
    turn = asyncio.Semaphore(_AT_ONCE)
    live = 0

    async def look_after(request: Request) -> None:
        try:
            await executions.look_after(request)
        except (HourBankError, ClientError, BotoCoreError):
            log.exception("could not look after a request; the sweep will", request_id=request.id)
        finally:
            turn.release()

    async with asyncio.TaskGroup() as tasks:
        async for request in due_requests(store, transactions, before=_FAR_FUTURE, most=_MOST):
            await turn.acquire()
            live += 1
            tasks.create_task(look_after(request))
    return live
