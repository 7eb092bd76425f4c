"""All rows, read together, and what must hold of them at any moment and at the end."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from models import tables
from models.disputes.deciding import DECISION_RECEIVED
from models.exchanges.record import ExchangeRecord
from models.hours import ZERO, hundredths
from models.ledger.balances import Balance, Escrow
from models.ledger.entries import Entry
from models.requests.dispute import DECIDED, Dispute, DisputeStatus
from models.requests.reputation import Exchange, Rating, Reputation
from models.requests.request import Request
from models.requests.statuses import ENDED, RequestStatus
from models.storage.codec import decode
from models.storage.store import Item, Store
from tests.chaos.movements import Movements, event_data, events_by_escrow, is_held
from tests.unit.books import check_earnings, check_exchange, is_disputed_after_payment, replay
from tests.unit.builders import GUARDED, HELD, figures, paid_by

_T = TypeVar("_T")


async def rows(store: Store, table: type[tables.Table]) -> list[Item]:
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
    """All rows, decoded."""

    now: datetime
    balances: list[Balance]
    entries: list[Entry]
    escrows: list[Escrow]
    requests: list[Request]
    disputes: list[Dispute]
    exchanges: list[Exchange]
    records: list[ExchangeRecord]
    ratings: list[Rating]
    users: list[Item]
    guards: list[Item]
    events: list[Item]
    notices: list[Item]

    @classmethod
    async def read(cls, store: Store, now: datetime) -> "Books":
        """Read every row; a consistent snapshot only if nobody writes meanwhile."""

        async def all_of(kind: type[_T], table: type[tables.Table]) -> list[_T]:
            return [decode(kind, table, item) for item in await rows(store, table)]

        return cls(
            now=now,
            balances=await all_of(Balance, tables.UserBalance),
            entries=await all_of(Entry, tables.TransactionLog),
            escrows=await all_of(Escrow, tables.Escrow),
            requests=await all_of(Request, tables.ServiceRequest),
            disputes=await all_of(Dispute, tables.Dispute),
            exchanges=await all_of(Exchange, tables.Transaction),
            records=await all_of(ExchangeRecord, tables.Transaction),
            ratings=await all_of(Rating, tables.Rating),
            users=await rows(store, tables.User),
            guards=await rows(store, tables.RequestGuard),
            events=await rows(store, tables.EventLog),
            notices=await rows(store, tables.Notification),
        )

    def check(self) -> None:
        """Assert what holds at any moment."""
        self.check_money()
        self.check_requests()
        self.check_disputes()
        self.check_exchanges()

    def of(self, members: Collection[str]) -> "Books":
        """Return the rows of these members, who have requests and transfers only with each other."""
        return replace(
            self,
            balances=[balance for balance in self.balances if balance.user_id in members],
            entries=[entry for entry in self.entries if entry.user_id in members],
            escrows=[escrow for escrow in self.escrows if escrow.from_user_id in members],
            disputes=[dispute for dispute in self.disputes if dispute.raised_by in members],
        )

    def check_money(self) -> None:
        """Assert the ledger's own invariants, whoever moved the hours and what for."""
        total = sum((balance.total_balance for balance in self.balances), ZERO)
        assert total == sum((entry.issued for entry in self.entries), ZERO)
        by_member: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_member[entry.user_id].append(entry)
        locks = self._locks()
        for balance in self.balances:
            self._check_balance(balance, by_member[balance.user_id], locks[balance.user_id])
        movements, announced = Movements.of(self.entries), events_by_escrow(self.events)
        for escrow in self.escrows:
            assert movements.check_escrow(escrow, self.disputes) == announced[escrow.id]
        movements.check_issues((balance.user_id for balance in self.balances), self._transfers())

    def _locks(self) -> dict[str, list[bool]]:
        """Return, for each member, its lock events (True) and unlock events (False), in no order."""
        found: dict[str, list[bool]] = defaultdict(list)
        for type_, is_lock in (("Account Locked", True), ("Account Unlocked", False)):
            for announced in event_data(self.events, type_):
                found[announced["userId"]].append(is_lock)
        return found

    def _transfers(self) -> list[Mapping[str, Any]]:
        """Return the data of the events of these members' direct transfers."""
        members = {balance.user_id for balance in self.balances}
        announced = event_data(self.events, "Direct Transfer Processed")
        return [one for one in announced if {one["fromUserId"], one["toUserId"]} & members]

    def _check_balance(self, balance: Balance, own: list[Entry], locks: list[bool]) -> None:
        assert min(balance.available_balance, balance.escrowed_balance) >= ZERO
        assert balance.total_balance == balance.available_balance + balance.escrowed_balance
        replayed = replay(own, user_id=balance.user_id, now=self.now)
        # A lock increases the version without an entry; nothing else does.
        assert figures(replace(replayed, version=balance.version)) == figures(balance)
        assert balance.version == len(own) + len(locks)
        assert locks.count(True) - locks.count(False) == (balance.locked_at is not None)
        assert (balance.locked_at is None) == (balance.locked_by is None)
        held = [e.amount for e in self.escrows if e.from_user_id == balance.user_id and is_held(e)]
        assert balance.escrowed_balance == sum(held, ZERO)

    def check_requests(self) -> None:
        """Assert that hours are held as each request's status says, and that every status had its event."""
        escrows = {escrow.id: escrow for escrow in self.escrows}
        disputes = {dispute.id: dispute for dispute in self.disputes}
        guards = {guard["id"]["S"]: guard["requestId"]["S"] for guard in self.guards}
        announced: dict[str, set[str]] = {}
        for event in self.events:
            status = json.loads(event["eventData"]["S"]).get("status")
            announced.setdefault(event["entityId"]["S"], set()).add(status)
        for request in self.requests:
            escrow = escrows.get(request.escrow_key)
            held = escrow is not None and is_held(escrow)
            after_payment = is_disputed_after_payment(request, disputes, escrows)
            assert held == (request.status in HELD and not after_payment), f"{request.status} and {escrow}"
            assert escrow is None or escrow.amount == request.amount
            assert (guards.get(request.guard_id) == request.id) == (request.status in GUARDED)
            assert (request.offered_hours is not None) == (request.status is RequestStatus.NEGOTIATING)
            assert (request.earned is not None) == (request.status is RequestStatus.PAID or after_payment)
            assert {passage.status.value for passage in request.passages} <= announced[request.id]
            assert request.status in ENDED or request.due_at is not None
            check_earnings(request, self.entries)
        live = {request.id for request in self.requests}
        assert set(guards.values()) <= live

    def check_disputes(self) -> None:
        """Assert that each dispute is listed in its request, and that each of its transitions had one event."""
        raised = {one.id: (request.id, one.by) for request in self.requests for one in request.disputes}
        assert raised == {dispute.id: (dispute.request_id, dispute.raised_by) for dispute in self.disputes}
        assert len(set(raised.values())) == len(raised), "each side disputes a request once"
        announced = {
            type_: Counter(one["disputeId"] for one in event_data(self.events, f"Dispute {type_}"))
            for type_ in ("Raised", "Resolved", "Dismissed", "Decision Overdue")
        }
        for dispute in self.disputes:
            is_decided = dispute.status in DECIDED
            assert (dispute.resolved_at is not None) == is_decided
            assert dispute.admin_id is not None or dispute.status is DisputeStatus.OPEN
            assert dispute.decision is not None or not is_decided
            assert announced["Raised"][dispute.id] == 1
            assert announced["Resolved"][dispute.id] == (dispute.status is DisputeStatus.RESOLVED)
            assert announced["Dismissed"][dispute.id] == (dispute.status is DisputeStatus.DISMISSED)
            assert (announced["Decision Overdue"][dispute.id] > 0) == (dispute.overdue_at is not None)
        decisions = Counter(one["disputeId"] for one in event_data(self.events, DECISION_RECEIVED))
        assert decisions == Counter(dispute.id for dispute in self.disputes if dispute.decision is not None)

    def check_exchanges(self) -> None:
        """Assert that exchanges say what their requests say, and that payments and ratings are counted."""
        records = {record.id: record for record in self.records}
        took_part: Counter[str] = Counter()
        hours: Counter[tuple[str, str]] = Counter()
        for request in self.requests:
            check_exchange(request, records.pop(request.id, None), paid_by(request, self.entries))
            if request.earned is not None:
                took_part.update(request.parties)
                hours[request.requester_id, "hoursConsumed"] += hundredths(request.earned)
                hours[request.provider_id, "hoursProvided"] += hundredths(request.earned)
        assert not records, "an exchange has no request"
        for user in self.users:
            user_id = user["id"]["S"]
            assert int(user["totalTransactions"]["N"]) == took_part[user_id]
            for name in ("hoursConsumed", "hoursProvided"):
                assert Decimal(user.get(name, {"N": "0"})["N"]).scaleb(2) == hours[user_id, name]
            counted = decode(Reputation, tables.User, user)
            since = [rating for rating in self.ratings if rating.created_at >= counted.created_at]
            own = [rating for rating in since if rating.rated_user_id == user_id and not rating.is_hidden]
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
        """Assert that every request has ended and nothing is held for any."""
        assert [request for request in self.requests if not request.is_over] == []
        assert [dispute for dispute in self.disputes if dispute.status not in DECIDED] == []
        assert self.guards == []
        self.check_nothing_is_held()
        for request in self.requests:
            assert any(notice["relatedId"]["S"] == request.id for notice in self.notices)
