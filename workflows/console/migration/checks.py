"""Whether both apps agree: every row is where it belongs, and every hour is in one of them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from models import tables
from models.custody import Custody
from models.hours import ZERO, Hours
from models.ledger.balances import Balance
from models.ledger.entries import Entry
from models.migration.former import FormerMember, Oddity, row_id
from models.migration.handover import handed_over
from models.requests.statuses import TransactionStatus
from models.storage.store import Item, key_of
from models.tables import Table
from models.transactions.migration.copies import copyable
from workflows.console.migration.apps import FORMER_TABLES, Apps, found_by_id, pages, readable
from workflows.console.migration.surveys import Tally, is_held, members_of


@dataclass
class Check:
    """What was compared.

    Attributes:
        rows: for each table, how many rows the former app has, and how many of them are here.
        there: the members whose hours the former app keeps, with these hours.
        taken_over: the members who are here, with the hours that the former app says were taken over.
        opened: those of them who have opening entries here, with the hours of these entries.
        gone: the others who have opening entries here: the former app has them no more, or their row there is odd.
        faults: what is wrong.
        left: what is left with the former app, because a person has to put it right.
    """

    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    there: Tally = field(default_factory=Tally)
    taken_over: Tally = field(default_factory=Tally)
    opened: Tally = field(default_factory=Tally)
    gone: Tally = field(default_factory=Tally)
    faults: list[Oddity] = field(default_factory=list)
    left: list[Oddity] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Return whether both apps agree."""
        return not self.faults


async def check(apps: Apps) -> Check:
    """Compare both apps."""
    found = Check()
    opened = await _opened(apps, found)
    for table in FORMER_TABLES:
        there = here = 0
        async for page in apps.former_pages(table):
            key = key_of(table).attr_name
            ours = await found_by_id(apps.store, table, [row[key]["S"] for row in page])
            there, here = there + len(page), here + len(ours)
            if table is tables.User:
                await _check_members(apps, page, ours, opened, found)
            found.faults += _missing(apps, table, page, ours)
            if table is tables.Transaction:
                found.faults += _revived(apps, page)
        found.rows[table.Meta.table_name] = there, here
    for hours in opened.values():
        found.gone.add(hours)
    return found


async def _opened(apps: Apps, found: Check) -> dict[str, Hours]:
    """Return the hours that opening entries have brought each member, without those that went back.

    What cannot be read is a fault.
    """
    opened = defaultdict[str, Hours](lambda: ZERO)
    async for page in pages(apps.store, tables.TransactionLog):
        for item in page:
            entry = readable(Entry, tables.TransactionLog, item)
            if isinstance(entry, Oddity):
                found.faults.append(entry)
            elif entry.related_entity_id == handed_over(entry.user_id):
                opened[entry.user_id] += entry.issued
    return opened


async def _check_members(
    apps: Apps, page: Sequence[Item], ours: dict[str, Item], opened: dict[str, Hours], found: Check
) -> None:
    """Check the members of a page; those whose row can be read are taken out of `opened`."""
    odd: list[Oddity] = []
    members = list(members_of(page, apps.stack, odd))
    held = {row_id(row) for row in page if is_held(row, apps.stack)}
    found.faults += [oddity for oddity in odd if oddity.id in held]
    found.left += [oddity for oddity in odd if oddity.id not in held]
    items = await found_by_id(apps.store, tables.UserBalance, [member.id for member in members])
    balances = dict[str, Balance]()
    for key, item in items.items():
        balance = readable(Balance, tables.UserBalance, item)
        if isinstance(balance, Oddity):
            found.faults.append(balance)
        else:
            balances[key] = balance
    for member in members:
        (found.there if not member.is_held else Tally()).add(member.hours)
        found.taken_over.add(member.taken_over)
        if member.id in opened:
            found.opened.add(opened[member.id])
        problems = _problems(member, ours.get(member.id), balances.get(member.id), opened.pop(member.id, ZERO))
        found.faults += [Oddity(table="User", id=member.id, why=why) for why in problems]


def _problems(member: FormerMember, ours: Item | None, balance: Balance | None, opened: Hours) -> Iterator[str]:
    """Yield what is wrong with a member."""
    if member.taken_over != opened:
        yield f"{member.taken_over} hours were taken over, and the opening entries say {opened}"
    is_kept_there = ours is not None and ours.get("custody") == {"S": Custody.FORMER_APP.value}
    if not member.is_held:
        if ours is not None and not is_kept_there and member.hours:
            yield f"has joined here, and {member.hours} hours are still in the former app; run again"
        return
    if balance is None:
        yield "was taken over, and has no balance here"
    if is_kept_there and (balance is None or balance.total_balance):
        yield "was taken over, and begins nothing new here; a rollback has begun, and not ended"


def _revived(apps: Apps, page: Sequence[Item]) -> Iterator[Oddity]:
    """Yield the exchanges that are requests here, and that the former app has gone on with."""
    for row in page:
        status = row.get("status", {}).get("S")
        if is_held(row, apps.stack) and status != TransactionStatus.CANCELLED:
            why = f"the former app has made it {status}, although it is a request here; set it to CANCELLED there"
            yield Oddity(table="Transaction", id=row_id(row), why=why)


def _missing(apps: Apps, table: type[Table], page: Sequence[Item], ours: dict[str, Item]) -> Iterator[Oddity]:
    """Yield the rows of a page that should be here and are not; odd ones stay with the former app."""
    for row in page:
        if row[key_of(table).attr_name]["S"] in ours:
            continue
        if table is tables.User and is_held(row, apps.stack):
            continue  # they have left here
        if is_held(row, apps.stack) or isinstance(copyable(table, row, apps.stack), dict):
            yield Oddity(table=table.Meta.table_name, id=row_id(row), why="is not here; run again")
