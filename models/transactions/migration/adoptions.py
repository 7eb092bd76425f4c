"""Open exchanges of the former app become requests, each in one transaction that both apps' rows share."""

from pynamodb.expressions.operand import Path

from models import tables
from models.clock import Clock
from models.errors import Refusal
from models.identifiers import derived
from models.ledger.balances import Balance
from models.migration.adopting import adopt, request_of
from models.migration.former import (
    HELD_BY,
    STATUS_BEFORE,
    FormerExchange,
    Oddity,
    held_by,
    is_open,
    read_exchange,
)
from models.requests.decision import Appointment, Member, ServiceTerms, Snapshot
from models.requests.request import Request
from models.requests.statuses import TransactionStatus
from models.storage.codec import decode_or_none
from models.storage.store import Item, Store
from models.transactions.composition import compose
from models.transactions.moves import Transactions
from models.transactions.retrying import retry
from models.transactions.writing import Writing


class Adoptions:
    """Takes exchanges over, and gives them back. Every call may be repeated.

    Args:
        store: our tables.
        former: the former app's tables.
        transactions: writes the transactions.
        clock: returns the current time.
    """

    def __init__(self, store: Store, former: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._former = former
        self._transactions = transactions
        self._clock = clock
        self._stack = store.names.stack

    async def adopt(self, exchange_id: str, *, execution_arn: str) -> Request | Oddity | None:
        """Make an open exchange a request; its execution is then to be started, or the sweep starts it.

        Returns:
            The request; why the exchange stays with the former app; or None if it is not open any more.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """

        async def attempt() -> Request | Oddity | None:
            row = await self._former.get(tables.Transaction, exchange_id, consistent=True)
            if row is None:
                return None
            if (holder := held_by(row)) == self._stack:
                return await self._transactions.read(exchange_id)
            if not is_open(row):
                return None
            if holder is not None:
                return Oddity(table="Transaction", id=exchange_id, why=f"another deployment, {holder}, keeps it")
            exchange = read_exchange(row)  # an Oddity if its status is not one of the schema's
            if isinstance(exchange, Oddity):
                return exchange
            return await self._adopt(exchange, execution_arn)

        return await retry(self._store.calls, attempt)

    async def give_back(self, row: Item) -> Oddity | None:
        """Write into the former app's exchange what became of its request, or of an exchange that began here.

        Args:
            row: our row of the exchange, which has ended.

        Returns:
            Why it stays as it is there; None if the former app's row is right.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        exchange_id = row["id"]["S"]

        async def attempt() -> Oddity | None:
            theirs = await self._former.get(tables.Transaction, exchange_id, consistent=True)
            if theirs is not None and held_by(theirs) != self._stack:
                return None
            if is_open(row):
                return Oddity(table="Transaction", id=exchange_id, why=f"it is {row['status']['S']} here")
            writing = Writing(self._former.names, self._clock())
            if theirs is None:
                writing.put(tables.Transaction, row)
            else:
                said = [Path([name]).set(wire) for name, wire in row.items() if name != "id"]
                actions = [*said, Path([HELD_BY]).remove(), Path([STATUS_BEFORE]).remove()]
                writing.update(tables.Transaction, exchange_id, actions, Path([HELD_BY]) == self._stack)
            await self._transactions.write(writing, derived(exchange_id, "back", writing.now.isoformat()))
            return None

        return await retry(self._store.calls, attempt)

    async def _adopt(self, exchange: FormerExchange, execution_arn: str) -> Request | Oddity:
        now = self._clock()
        snapshot = await self._snapshot(request_of(exchange, now, execution_arn=execution_arn))
        if isinstance(snapshot, Oddity):
            return snapshot
        verdict = adopt(snapshot, now, exchange=exchange)
        if isinstance(verdict, Refusal):
            return _left(exchange, verdict)
        writing = Writing(self._store.names, now, execution_arn=execution_arn)
        if (refusal := compose(writing, snapshot, verdict, now)) is not None:
            return _left(exchange, refusal)
        taken = Writing(self._former.names, now)
        actions = [
            tables.Transaction.status.set(TransactionStatus.CANCELLED.value),
            Path([HELD_BY]).set(self._stack),
            Path([STATUS_BEFORE]).set(exchange.status.value),
        ]
        as_read = (tables.Transaction.status == exchange.status.value) & Path([HELD_BY]).does_not_exist()
        as_read &= tables.Transaction.hoursSpent == exchange.hours_spent
        taken.update(tables.Transaction, exchange.id, actions, as_read)
        writing.items.extend(taken.items)
        await self._transactions.write(writing, derived(exchange.id, "adopt", now.isoformat()))
        return verdict.request

    async def _snapshot(self, request: Request) -> Snapshot | Oddity:
        """Return what the rule decides on; or why there may be no such request here."""
        reads: list[tuple[type[tables.Table], str]] = [
            (tables.ServiceRequest, request.id),
            (tables.Transaction, request.id),
            (tables.Service, request.service_id),
            (tables.User, request.requester_id),
            (tables.User, request.provider_id),
            (tables.UserBalance, request.requester_id),
            (tables.Booking, request.booking_id or ""),
        ]
        found = await self._store.batch_get(reads, consistent=True)
        stored, exchange, service, requester, provider, balance, booking = found
        if stored is not None or exchange is not None:
            return Oddity(table="Transaction", id=request.id, why="another request here has this id")
        return Snapshot(
            request=request,
            is_new=True,
            service=decode_or_none(ServiceTerms, tables.Service, service),
            requester=decode_or_none(Member, tables.User, requester),
            provider=decode_or_none(Member, tables.User, provider),
            requester_balance=decode_or_none(Balance, tables.UserBalance, balance),
            booking=decode_or_none(Appointment, tables.Booking, booking),
        )


def _left(exchange: FormerExchange, refusal: Refusal) -> Oddity:
    return Oddity(table="Transaction", id=exchange.id, why=f"{refusal.code}: {refusal.message}")
