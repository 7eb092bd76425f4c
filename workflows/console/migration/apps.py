"""The two apps, and what the commands share: pages of rows, many at once, and what is left over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar

import structlog
from botocore.exceptions import ClientError

from models import tables
from models.errors import BrokenLedgerError, ContentionError, ExpectedError, UnavailableError
from models.migration.former import Oddity, row_id
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.calls import Calls
from models.storage.codec import decode
from models.storage.names import FormerNames
from models.storage.store import Item, Store, read_pages
from models.tables import TABLES, Table
from models.transactions.migration.adoptions import Adoptions
from models.transactions.migration.copies import Copies
from models.transactions.migration.openings import Openings
from workflows.executions.services import Services

log = structlog.get_logger("workflows")

_T = TypeVar("_T")
_Row = TypeVar("_Row")

# The types that the former app has, members first, because whatever else is copied is theirs.
_FORMER_TYPES = (
    "User",
    "Category",
    "Skill",
    "Service",
    "ServiceSchedule",
    "ScheduleException",
    "Booking",
    "Rating",
    "Report",
    "Notification",
    "Conversation",
    "Message",
    "Transaction",
)
_BY_NAME = {table.Meta.table_name: table for table in TABLES}
FORMER_TABLES: tuple[type[Table], ...] = tuple(_BY_NAME[name] for name in _FORMER_TYPES)

# Rows of a page; a scan reads no more than 1 MB whatever is asked for.
_PAGE = 200
_MOST_PAGES = 1_000_000
AT_ONCE = 16
# What is raised where a row is not as our code has written it.
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class NoFormerAppError(ExpectedError):
    """There is no app of that name in this account; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class Apps:
    """This deployment and the former app, in one account, with what takes rows from one to the other.

    Args:
        services: this deployment.
        former: the former app's tables.
    """

    services: Services
    former: Store

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings, app: str) -> AsyncIterator[Self]:
        """Yield both apps.

        Args:
            settings: this deployment's.
            app: the former app, as `<API id>-<environment>`.

        Raises:
            ExpectedError: there is no such app.
        """
        names = FormerNames.of(app, settings.names)
        async with AsyncCalls(("dynamodb", "stepfunctions"), connections=4 * AT_ONCE) as calls:
            apps = cls.over(calls, settings, names)
            if not await apps.has(tables.User):
                raise NoFormerAppError(
                    f"There is no table {names.table(tables.User)} in account {names.account}, region "
                    f"{names.region}; --from is what the names of the former app's tables end with."
                )
            yield apps

    @classmethod
    def over(cls, calls: Calls, settings: Settings, names: FormerNames) -> Self:
        """Return both apps over a way to AWS."""
        return cls(Services.over(calls, settings), Store(calls, names))

    @property
    def store(self) -> Store:
        """Return our tables."""
        return self.services.store

    @property
    def stack(self) -> str:
        """Return the deployment that takes rows over."""
        return self.services.names.stack

    @property
    def openings(self) -> Openings:
        """Return what takes members over and gives them back."""
        return Openings(self.store, self.former, self.services.transactions, self.services.clock)

    @property
    def adoptions(self) -> Adoptions:
        """Return what takes exchanges over and gives them back."""
        return Adoptions(self.store, self.former, self.services.transactions, self.services.clock)

    @property
    def copies(self) -> Copies:
        """Return what copies rows."""
        return Copies(self.store, self.services.transactions, self.services.clock)

    async def has(self, table: type[Table]) -> bool:
        """Return whether the former app has a table; an older version of it may lack some."""
        try:
            await self.former.scan_page(table, limit=1)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return False
        return True

    async def former_pages(self, table: type[Table]) -> AsyncIterator[list[Item]]:
        """Yield the former app's rows, page by page; none if it has no such table."""
        if await self.has(table):
            async for page in pages(self.former, table):
                yield page


async def pages(store: Store, table: type[Table]) -> AsyncIterator[list[Item]]:
    """Yield the rows of a table, page by page."""
    scan = partial(store.scan_page, table)
    async for page in read_pages(scan, limit=_PAGE, most_pages=_MOST_PAGES):
        yield page.items


@dataclass
class LeftOver:
    """What was not done, and why.

    Attributes:
        oddities: rows that a person has to put right.
        busy: rows that kept changing, or that AWS had no capacity for: another run will do.
    """

    oddities: list[Oddity] = field(default_factory=list)
    busy: int = 0


async def at_once(
    table: type[Table],
    rows: Mapping[str, _T],
    work: Callable[[_T], Awaitable[Oddity | None]],
    left: LeftOver,
    done: Callable[[], object],
) -> None:
    """Do some work for many rows, a few at once. What is wrong with one of them does not keep the others waiting.

    Args:
        table: the table.
        rows: the rows by id, each as the work wants it.
        work: the work; returns why it could not be done.
        left: where what was not done is noted: that, a broken ledger, a row that cannot be read.
        done: called after each row.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(key: str, row: _T) -> None:
        async with slots:
            try:
                oddity = await work(row)
            except (ContentionError, UnavailableError):
                left.busy += 1
            except (BrokenLedgerError, *_UNREADABLE) as error:
                left.oddities.append(_broken(table, key, error))
            else:
                if oddity is not None:
                    left.oddities.append(oddity)
            done()

    async with asyncio.TaskGroup() as tasks:
        for key, row in rows.items():
            tasks.create_task(one(key, row))


def readable(cls: Callable[..., _Row], table: type[Table], item: Item) -> _Row | Oddity:
    """Return the dataclass that a row of ours stores; or an oddity, if it does not store one."""
    try:
        return decode(cls, table, item)
    except _UNREADABLE as error:
        return _broken(table, row_id(item), error)


def _broken(table: type[Table], key: str, error: Exception) -> Oddity:
    log.warning("a row is not as it should be", table=table.Meta.table_name, id=key, exc_info=error)
    why = str(error) if isinstance(error, BrokenLedgerError) else f"it cannot be read: {error!r}"
    return Oddity(table=table.Meta.table_name, id=key, why=why)


async def found_by_id(store: Store, table: type[Table], ids: Sequence[str]) -> dict[str, Item]:
    """Return the rows of some ids, by id, as they are now; without those that there are not."""
    found = await store.batch_get([(table, one) for one in ids], consistent=True)
    return {key: item for key, item in zip(ids, found, strict=True) if item is not None}
