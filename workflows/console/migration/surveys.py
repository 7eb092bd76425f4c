"""What there is to migrate: reads both apps, and writes nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from models import tables
from models.hours import ZERO, Hours
from models.migration.former import (
    FormerExchange,
    FormerMember,
    Oddity,
    held_by,
    is_open,
    read_exchange,
    read_member,
)
from models.migration.share import MemberAction, action_for, kept_back
from models.requests.statuses import TransactionStatus
from models.storage.store import Item
from workflows.console.migration.apps import FORMER_TABLES, Apps, found_by_id


@dataclass(slots=True)
class Tally:
    """How many, and their hours."""

    count: int = 0
    hours: Hours = ZERO

    def add(self, hours: Hours) -> None:
        """Count one more."""
        self.count += 1
        self.hours += hours


@dataclass
class Survey:
    """What a run would do.

    Attributes:
        rows: how many rows each of the former app's tables has.
        members: what happens to how many members, with the hours that the former app keeps.
        open_exchanges: how many exchanges are open, whatever becomes of them.
        exchanges: the open exchanges that become requests, by the status that they have.
        exchanges_waiting: those that wait for a member.
        waiting: the members who wait for somebody outside the share.
        taken_over: the members who are here already, with the hours that were taken over.
        oddities: what cannot be done.
    """

    rows: Counter[str] = field(default_factory=Counter)
    members: dict[MemberAction, Tally] = field(
        default_factory=lambda: {action: Tally() for action in MemberAction}
    )
    open_exchanges: int = 0
    exchanges: dict[TransactionStatus, Tally] = field(default_factory=dict)
    exchanges_waiting: int = 0
    waiting: frozenset[str] = frozenset()
    taken_over: Tally = field(default_factory=Tally)
    oddities: list[Oddity] = field(default_factory=list)


async def survey(apps: Apps, share: int, progress: Callable[[int], object]) -> Survey:
    """Return what a run for a share of the members would do; `progress` is told how many rows were read."""
    found, open_ = Survey(), list[FormerExchange]()
    for table in FORMER_TABLES:
        async for page in apps.former_pages(table):
            found.rows[table.Meta.table_name] += len(page)
            if table is tables.Transaction:
                open_ += list(_open_exchanges(page, found.oddities))
            progress(len(page))
    found.open_exchanges = len(open_)
    found.waiting = kept_back((exchange.parties for exchange in open_), share)
    async for page in apps.former_pages(tables.User):
        for member in members_of(page, apps.stack, found.oddities):
            found.members[action_for(member, share, found.waiting)].add(member.hours)
            if member.is_held:
                found.taken_over.add(member.taken_over)
    await _judge_exchanges(apps, open_, share, found)
    return found


def members_of(page: Sequence[Item], stack: str, oddities: list[Oddity]) -> Iterable[FormerMember]:
    """Yield the members of a page; note those who cannot be taken over."""
    for row in page:
        member = read_member(row, stack)
        if isinstance(member, Oddity):
            oddities.append(member)
        else:
            yield member


def _open_exchanges(page: Sequence[Item], oddities: list[Oddity]) -> Iterable[FormerExchange]:
    for row in page:
        open_ = is_open(row)
        exchange = open_ if isinstance(open_, Oddity) else read_exchange(row) if open_ else None
        if isinstance(exchange, Oddity):
            oddities.append(exchange)
        elif exchange is not None:
            yield exchange


async def _judge_exchanges(apps: Apps, open_: Sequence[FormerExchange], share: int, found: Survey) -> None:
    """Note what a run does with each open exchange: hours that it has to hold must be there."""
    parties = list({party for exchange in open_ for party in exchange.parties})
    rows = await found_by_id(apps.former, tables.User, parties)
    services = await found_by_id(apps.former, tables.Service, list({exchange.service_id for exchange in open_}))
    members = {key: read_member(row, apps.stack) for key, row in rows.items()}
    left = {key: member.hours for key, member in members.items() if isinstance(member, FormerMember)}
    for exchange in open_:
        why = _problem(exchange, members, services, left)
        if why is not None:
            found.oddities.append(Oddity(table="Transaction", id=exchange.id, why=why))
            continue
        actions = {action_for(one, share, found.waiting) for one in _of(exchange, members)}
        if actions <= {MemberAction.TAKE_OVER, MemberAction.KEEP}:
            found.exchanges.setdefault(exchange.status, Tally()).add(exchange.hours_spent)
        else:
            found.exchanges_waiting += 1


def _of(exchange: FormerExchange, members: dict[str, FormerMember | Oddity]) -> Iterable[FormerMember]:
    for party in exchange.parties:
        member = members[party]
        if isinstance(member, FormerMember):
            yield member


def _problem(
    exchange: FormerExchange,
    members: dict[str, FormerMember | Oddity],
    services: dict[str, Item],
    left: dict[str, Hours],
) -> str | None:
    """Return why an exchange cannot become a request; if it can, take what it holds off the hours left."""
    for party in exchange.parties:
        if party not in members:
            return f"there is no member {party}"
        if party not in left:
            return f"member {party} cannot be taken over"
    if exchange.service_id not in services:
        return f"there is no service {exchange.service_id}"
    consumer = members[exchange.consumer_id]
    is_here = isinstance(consumer, FormerMember) and consumer.is_held
    if exchange.status is TransactionStatus.IN_PROGRESS and not is_here:
        available = left[exchange.consumer_id]
        if available < exchange.hours_spent:
            return f"{exchange.hours_spent} hours are needed for it, and its consumer has {available} left"
        left[exchange.consumer_id] = available - exchange.hours_spent
    return None


def is_held(row: Item, stack: str) -> bool:
    """Return whether a deployment has taken a row over."""
    return held_by(row) == stack
