"""A member's rows, read from the indexes that their ids have, page by page."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from pynamodb.indexes import Index

from models.errors import ExpectedError
from models.privacy.traces import Trace
from models.storage.store import Item, Page, Store, read_pages
from models.tables import TABLES, Table, User, UserBalance
from models.transactions.unique_names import UniqueNames

PAGE = 500
# Of one index for one member: half a million rows.
MOST_PAGES = 1_000
_BY_NAME = {table.Meta.table_name: table for table in TABLES}


class TooManyRowsError(ExpectedError):
    """One member has more rows than are read; the message says of which table."""


class UnknownMemberError(ExpectedError):
    """There is no such member; the message is one line that says so."""


def table_of(name: str) -> type[Table]:
    """Return a table by its bare name."""
    return _BY_NAME[name]


def index_by(table: type[Table], field: str) -> Index[Any]:
    """Return the index that finds a table's rows by a field."""
    index: Index[Any] = getattr(table, f"by{field[0].upper()}{field[1:]}")
    return index


async def find(store: Store, text: str) -> str:
    """Return the id of the member whose id, user name or e-mail address a text is; nothing is scanned.

    Raises:
        UnknownMemberError: there is none.
    """
    rows = await store.batch_get([(User, text), (UserBalance, text)], consistent=True)
    if any(row is not None for row in rows):
        return text
    found = await UniqueNames(store).holder(text)
    if found is None:
        raise UnknownMemberError(f"There is no member {text}; give a user name, an e-mail address or an id.")
    return found


async def pages(store: Store, table: type[Table], field: str, value: str) -> AsyncIterator[Page]:
    """Yield the rows that a field finds, a page at a time.

    Raises:
        TooManyRowsError: there are more than are read.
    """
    read = partial(store.query, table, index_by(table, field), value)
    page = None
    async for page in read_pages(read, limit=PAGE, most_pages=MOST_PAGES):
        yield page
    if page is not None and page.last_key is not None:
        raise TooManyRowsError(f"{table.__name__} has more than {PAGE * MOST_PAGES} rows by {field} {value}.")


async def traced(store: Store, trace: Trace, member: str) -> AsyncIterator[Item]:
    """Yield a member's rows of a table; those that name them twice may come twice."""
    for field in trace.fields:
        async for page in pages(store, table_of(trace.table), field, member):
            for item in page.items:
                yield item


def ids(items: Sequence[Item]) -> list[str]:
    """Return the ids of rows."""
    return [item["id"]["S"] for item in items]
