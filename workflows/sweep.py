"""The sweep: finds the live requests that somebody should look after."""

from collections.abc import AsyncIterator
from datetime import datetime

from models.lifecycle import DUE_SHARDS, Request
from models.store import Item, Store
from models.tables import ServiceRequest
from models.transactions import Transactions

# A tick takes this many from each shard; what is left is due at the next tick.
MOST_PER_SHARD = 25
_PAGE = 100


async def due_requests(
    store: Store, transactions: Transactions, *, before: datetime, most: int = MOST_PER_SHARD
) -> AsyncIterator[Request]:
    """Yield the requests that are due before a moment, the longest due first in each shard.

    The index says which; the rows are read consistently, since it may be behind.

    Args:
        store: the tables.
        transactions: reads the requests.
        before: the moment; the far future means every live request.
        most: how many of each shard at most.
    """
    for shard in range(DUE_SHARDS):
        async for item in _due(store, str(shard), before, most):
            request = await transactions.read(item["id"]["S"])
            if request is not None and request.due_at is not None and request.due_at < before:
                yield request


async def _due(store: Store, shard: str, before: datetime, most: int) -> AsyncIterator[Item]:
    condition = ServiceRequest.dueAt < before
    start_key: Item | None = None
    while most > 0:
        page = await store.query(
            ServiceRequest,
            ServiceRequest.byDueAt,
            shard,
            range_condition=condition,
            limit=min(most, _PAGE),
            start_key=start_key,
        )
        for item in page.items:
            yield item
        most -= len(page.items)
        start_key = page.last_key
        if start_key is None:
            return
