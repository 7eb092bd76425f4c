"""Everything that is stored, read at once, and what must hold of it at any moment and at the end."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from models import chain
from models.events import EventSource
from models.hours import ZERO
from models.ledger import Balance, Entry, Escrow, EscrowStatus, TransactionType
from models.lifecycle import ENDED, Request, RequestStatus
from models.reputation import Exchange, Rating, Reputation
from models.rows import decode
from models.store import Item, Store
from models.tables import Escrow as EscrowTable
from models.tables import (
    EventLog,
    Notification,
    RequestGuard,
    ServiceRequest,
    Table,
    Transaction,
    TransactionLog,
    User,
    UserBalance,
)
from models.tables import Rating as RatingTable
from tests.unit.builders import GUARDED, HELD, figures

_T = TypeVar("_T")
_ESCROWS = {"S": EventSource.ESCROW.value}


async def rows(store: Store, table: type[Table]) -> list[Item]:
    """Return every row of a table."""
    found: list[Item] = []
    start_key = None
    while True:
        page = await store.scan_page(table, limit=1_000, start_key=start_key)
        found += page.items
        if (start_key := page.last_key) is None:
            return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What is stored, decoded."""

    now: datetime
    balances: list[Balance]
    entries: list[Entry]
    escrows: list[Escrow]
    requests: list[Request]
    exchanges: list[Exchange]
    ratings: list[Rating]
    users: list[Item]
    guards: list[Item]
    events: list[Item]
    notices: list[Item]

    @classmethod
    async def read(cls, store: Store, now: datetime) -> "Books":
        """Read every row; of one moment only if nobody writes meanwhile."""

        async def all_of(kind: type[_T], table: type[Table]) -> list[_T]:
            return [decode(kind, table, item) for item in await rows(store, table)]

        return cls(
            now=now,
            balances=await all_of(Balance, UserBalance),
            entries=await all_of(Entry, TransactionLog),
            escrows=await all_of(Escrow, EscrowTable),
            requests=await all_of(Request, ServiceRequest),
            exchanges=await all_of(Exchange, Transaction),
            ratings=await all_of(Rating, RatingTable),
            users=await rows(store, User),
            guards=await rows(store, RequestGuard),
            events=await rows(store, EventLog),
            notices=await rows(store, Notification),
        )

    def check(self) -> None:
        """Assert what holds at any moment."""
        self.check_money()
        self.check_requests()
        self.check_exchanges()

    def of(self, members: Collection[str]) -> "Books":
        """Return the part of the books that is about these members, who deal with nobody else."""
        return replace(
            self,
            balances=[balance for balance in self.balances if balance.user_id in members],
            entries=[entry for entry in self.entries if entry.user_id in members],
            escrows=[escrow for escrow in self.escrows if escrow.from_user_id in members],
        )

    def check_money(self) -> None:
        """Assert the ledger's own invariants, whoever moved the hours and what for."""
        total = sum((balance.total_balance for balance in self.balances), ZERO)
        assert total == sum((entry.issued for entry in self.entries), ZERO)
        by_member: dict[str, list[Entry]] = defaultdict(list)
        by_cause: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_member[entry.user_id].append(entry)
            by_cause[entry.related_entity_id].append(entry)
        for balance in self.balances:
            self._check_balance(balance, by_member[balance.user_id])
        told = Counter(
            event["entityId"]["S"] for event in self.events if event["source"]["S"] == EventSource.ESCROW
        )
        for escrow in self.escrows:
            moved = by_cause[escrow.request_id or escrow.id]
            _check_escrow(escrow, moved)
            assert told[escrow.id] == len({entry.transaction_id for entry in moved})

    def _check_balance(self, balance: Balance, own: list[Entry]) -> None:
        assert min(balance.available_balance, balance.escrowed_balance) >= ZERO
        assert balance.total_balance == balance.available_balance + balance.escrowed_balance
        assert figures(chain.replay(own, user_id=balance.user_id, now=self.now)) == figures(balance)
        assert sum(entry.transaction_type is TransactionType.WELCOME_BONUS for entry in own) == 1
        held = [e.amount for e in self.escrows if e.from_user_id == balance.user_id and is_held(e)]
        assert balance.escrowed_balance == sum(held, ZERO)

    def check_requests(self) -> None:
        """Assert that each request holds what its status says, and that every status was told."""
        escrows = {escrow.id: escrow for escrow in self.escrows}
        guards = {guard["id"]["S"]: guard["requestId"]["S"] for guard in self.guards}
        told: dict[str, set[str]] = {}
        for event in self.events:
            status = json.loads(event["eventData"]["S"]).get("status")
            told.setdefault(event["entityId"]["S"], set()).add(status)
        for request in self.requests:
            escrow = escrows.get(request.escrow_key)
            held = escrow is not None and is_held(escrow)
            assert held == (request.status in HELD), f"{request.status} and {escrow}"
            assert escrow is None or escrow.amount == request.amount
            assert (guards.get(request.guard_id) == request.id) == (request.status in GUARDED)
            assert (request.offered_hours is not None) == (request.status is RequestStatus.NEGOTIATING)
            assert {passage.status.value for passage in request.passages} <= told[request.id]
            assert request.status in ENDED or request.due_at is not None
        live = {request.id for request in self.requests}
        assert set(guards.values()) <= live

    def check_exchanges(self) -> None:
        """Assert that what was paid is on record once, is counted once, and that ratings add up."""
        paid = sum(request.status is RequestStatus.PAID for request in self.requests)
        assert len(self.exchanges) == paid
        took_part: Counter[str] = Counter()
        for exchange in self.exchanges:
            took_part.update((exchange.provider_id, exchange.consumer_id))
        for user in self.users:
            user_id = user["id"]["S"]
            assert int(user["totalTransactions"]["N"]) == took_part[user_id]
            own = [rating for rating in self.ratings if rating.rated_user_id == user_id and not rating.is_hidden]
            counted = decode(Reputation, User, user)
            assert counted.rating_count == len(own)
            assert counted.rating_hundredths == sum(rating.hundredths for rating in own)
            assert float(user["rating"]["N"]) == counted.average
        rated = {exchange.rating_id for exchange in self.exchanges}
        assert all(rating.id in rated for rating in self.ratings)

    def check_nothing_is_held(self) -> None:
        """Assert that no hours are in escrow."""
        assert [escrow for escrow in self.escrows if is_held(escrow)] == []
        assert all(balance.escrowed_balance == ZERO for balance in self.balances)

    def check_over(self) -> None:
        """Assert that nothing goes on any more: every request has ended, and nothing is held for any."""
        assert [request for request in self.requests if not request.is_over] == []
        assert self.guards == []
        self.check_nothing_is_held()
        for request in self.requests:
            assert any(notice["relatedId"]["S"] == request.id for notice in self.notices)


def is_held(escrow: Escrow) -> bool:
    """Tell whether hours are in it."""
    return escrow.status is EscrowStatus.ESCROWED


def _check_escrow(escrow: Escrow, moved: list[Entry]) -> None:
    """Assert that its movements say what became of it: nothing yet, or one end."""
    left = sum((entry.escrowed_amount for entry in moved), ZERO)
    given = sum((entry.amount for entry in moved if entry.user_id == escrow.from_user_id), ZERO)
    earned = sum((entry.amount for entry in moved if entry.user_id == escrow.to_user_id), ZERO)
    amount = escrow.amount
    ends = {
        EscrowStatus.ESCROWED: (amount, -amount, ZERO),
        EscrowStatus.RELEASED: (ZERO, -amount, amount),
        EscrowStatus.CANCELLED: (ZERO, ZERO, ZERO),
    }
    assert (left, given, earned) == ends[escrow.status]
