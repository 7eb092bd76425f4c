"""A page of the rows that pass DynamoDB's filter, however many lie between them.

DynamoDB counts the rows that it reads, not those that pass. Where the filter keeps foreign rows out, a page cut by
that count would tell a stranger how many there are; so this reads on until the page is full of what passes. Where
many rows lie between, it goes on where the next one that may pass is known to be, and ends where none is.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from pynamodb.indexes import Index

from models.storage.store import Item, Page, index_keys
from schema.amplify.declaration import Model

# What one page may cost: so many rows read, in so many calls. A page inside a page is read many times over,
# and so only once: it costs no more than any other page of the default size.
ROWS = 1_000
CALLS = 10
NESTED_CALLS = 1


# Gives the position to go on from, None if no row beyond a position can pass.
Ahead = Callable[[Item], Awaitable[Item | None]]


async def right_there(position: Item) -> Item:
    """Go on from where the reading stopped: it is not known where the next row that passes is."""
    return position


def keys_in(model: Model, index: Index[Any]) -> frozenset[str]:
    """Return the attributes that make up a position in an index."""
    return frozenset({model.key, *(str(attribute.attr_name) for attribute in index_keys(index))})


async def read_on(
    page: Callable[..., Awaitable[Page]],
    keys: frozenset[str],
    calls: int,
    ahead: Ahead,
    *,
    limit: int,
    start_key: Item | None = None,
    count_only: bool = False,
) -> Page:
    """Return a page of rows that pass; only they are counted as read.

    There is a next page if one more row passes, or if the reading cost too much and stopped short of `ahead`.

    Args:
        page: reads so many rows from a position on, and filters them.
        keys: the attributes that make up a position.
        calls: how often it may read.
        ahead: where to go on once rows were read and the page is not full.
        limit: rows in the page, at most.
        start_key: the position that it starts after.
        count_only: as `Store.query` has it; here it changes nothing, since a count is of the rows read.
    """
    del count_only
    wanted = limit + 1  # one ahead, to know whether there is more
    found: list[Item] = []
    left, each = max(ROWS, wanted), max(ROWS // CALLS, wanted)
    for _ in range(calls):
        answer = await page(limit=min(left, each), start_key=start_key, count_only=False)
        found.extend(answer.items)
        left -= answer.read
        start_key = answer.last_key
        if len(found) >= wanted or start_key is None:
            break
        start_key = await ahead(start_key)
        if start_key is None or left <= 0:
            break
    if len(found) > limit:
        last = found[limit - 1]
        start_key = {name: last[name] for name in keys}
    return Page(found[:limit], min(len(found), limit), start_key)
