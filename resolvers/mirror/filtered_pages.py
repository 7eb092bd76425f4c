"""A page of the rows that pass DynamoDB's filter, however many other rows lie between them.

DynamoDB's Limit counts rows before the filter. To fill a page we query repeatedly, and skip to the owner's next
createdAt when we know it.

Where the filter keeps other members' rows out, a page cut by DynamoDB's count would show a stranger how many there
are. Here only rows that pass the filter count.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from models.limits import fixed_limit
from models.storage.store import Item, Page
from schema.amplify.declaration import Model
from schema.amplify.keys import Finder

# What one page may cost: rows read before the filter, and queries.
ROW_BUDGET = fixed_limit(
    1_000,
    "rows that are read for a page with a filter",
    topic="pages, filters and searches",
    code="none: a shorter page with a nextToken",
)
CALL_BUDGET = fixed_limit(
    10,
    "queries of a table for a page with a filter",
    topic="pages, filters and searches",
    code="none: a shorter page with a nextToken",
)
ROWS_PER_CALL = ROW_BUDGET // CALL_BUDGET
# A page inside another page is read once for each row of that one, so it gets a single query: it costs no more
# than an unfiltered page of the default size.
NESTED_CALL_BUDGET = 1

# Returns the position to go on from, given the one that was reached; None if no later row can pass the filter.
SkipTo = Callable[[Item], Awaitable[Item | None]]


async def no_skip(position: Item) -> Item:
    """Go on from the position that was reached, because it is unknown where the next row that passes is."""
    return position


def key_names(model: Model) -> frozenset[str]:
    """Return the attributes that make up a position in a table: those of its key."""
    return model.primary.attributes


def position_keys(model: Model, finder: Finder) -> frozenset[str]:
    """Return the attributes that make up a position in an index, or in the rows of one hash key of a table."""
    return model.primary.attributes | finder.attributes


@dataclass(frozen=True, slots=True)
class FilteredPage:
    """Fills a page with rows that pass a filter, within a budget.

    Args:
        query: reads up to `limit` rows after `start_key`, and returns those of them that pass the filter.
        keys: the attributes that make up a position.
        skip_to: where to go on while the page is not full.
        call_budget: queries that the page may take.
        row_budget: rows that the page may read before the filter; a page of more rows than that may read them all.
    """

    query: Callable[..., Awaitable[Page]]
    keys: frozenset[str]
    skip_to: SkipTo = no_skip
    call_budget: int = CALL_BUDGET
    row_budget: int = ROW_BUDGET

    async def read(self, *, limit: int, start_key: Item | None = None) -> Page:
        """Return up to `limit` rows that pass; only they count as read.

        There is a next page if one more row passes, or if a budget ran out before the last row that may pass.

        Args:
            limit: rows in the page, at most.
            start_key: the position that the page starts after.
        """
        wanted = limit + 1  # one row ahead tells whether there is a next page
        rows_per_call = max(ROWS_PER_CALL, wanted)
        rows_left = max(self.row_budget, wanted)
        found: list[Item] = []
        for _ in range(self.call_budget):
            page = await self.query(limit=min(rows_left, rows_per_call), start_key=start_key)
            found.extend(page.items)
            rows_left -= page.read
            start_key = page.last_key
            if len(found) >= wanted or start_key is None:
                break
            start_key = await self.skip_to(start_key)
            if start_key is None or rows_left <= 0:
                break
        if len(found) > limit:
            last = found[limit - 1]
            start_key = {name: last[name] for name in self.keys}
        return Page(found[:limit], min(len(found), limit), start_key)
