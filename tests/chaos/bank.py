"""Members whose hours many writers move concurrently, and the checks that the sum stays exact meanwhile."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any, TypeVar
from uuid import uuid4

from botocore.exceptions import ClientError

from models import clock, tables
from models.errors import ContentionError, Refusal
from models.hours import Hours, hundredths
from models.ledger.balances import Balance, Escrow
from models.ledger.movements import TransactionType
from models.ledger.transfers import Transfer, TransferRequest, build_transfer
from models.requests.decision import Change, Snapshot, Verdict, reads_everything
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Response
from models.storage.async_calls import AsyncCalls
from models.storage.calls import Calls
from models.storage.codec import decode, encode
from models.storage.names import Names
from models.storage.store import Store
from models.transactions.accounts import Accounts
from models.transactions.members import Members
from models.transactions.moves import RequestRule, Transactions
from models.transactions.retrying import is_transient
from tests.integration.two_members import service, user
from tests.unit.builders import hours, make_request
from tests.unit.places import DISPUTE_RULES, decide

_T = TypeVar("_T")

# Server processes that share nothing but the database.
SERVERS = 4
# A reader sees about every second movement, and leaves the CPU to the writers meanwhile.
READ_EVERY_SECONDS = 0.05


@dataclass
class CountingCalls:
    """Calls to AWS that count how often a transaction conflicted with another one."""

    calls: Calls
    conflicts: int = 0

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Make a call."""
        try:
            return await self.calls.call(service, operation, **params)
        except ClientError as error:
            self.conflicts += operation == "transact_write_items" and is_transient(error)
            raise

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await self.calls.pause(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        """Return whether nobody holds any of the keys or waits for one."""
        return self.calls.is_free(keys)

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        """Queue for each key."""
        return self.calls.queue(keys, by=by)


@dataclass(kw_only=True)
class SharedBank:
    """Members with ten hours each, the servers that move them, and counts of what was committed."""

    names: Names
    servers: list[CountingCalls]
    members: list[str]
    committed: Counter[str] = field(default_factory=Counter)
    snapshots: int = 0

    @property
    def conflicts(self) -> int:
        """Return how often a transaction conflicted with another one."""
        return sum(server.conflicts for server in self.servers)

    def store(self, number: int = 0) -> Store:
        """Return the tables through one of the servers."""
        return Store(self.servers[number % len(self.servers)], self.names)

    def writer(self, number: int) -> "Writer":
        """Return a writer that uses one of the servers."""
        return Writer(self, self.store(number), Random(number))  # noqa: S311 — no secret

    async def open(self) -> None:
        """Let the members join."""
        store = self.store()
        service = Members(store, Transactions(store, clock.now), clock.now)
        for member in self.members:
            await service.join(user(member))

    async def watch(self, goes_on: Callable[[], bool]) -> None:
        """Read all balances in one transaction, repeatedly: their sum is exact every time."""
        table = self.names.table(tables.UserBalance)
        gets = [{"Get": {"TableName": table, "Key": {"userId": {"S": member}}}} for member in self.members]
        while goes_on():
            try:
                answer = await self.servers[0].call("dynamodb", "transact_get_items", TransactItems=gets)
            except ClientError as error:
                if not is_transient(error):
                    raise
                continue
            self.check([decode(Balance, tables.UserBalance, one["Item"]) for one in answer["Responses"]])
            self.snapshots += 1
            await self.servers[0].pause(READ_EVERY_SECONDS)

    def check(self, found: list[Balance]) -> None:
        """Assert what must hold of all balances of one snapshot."""
        assert sum(one.total_balance for one in found) == hours("10") * len(self.members)
        for one in found:
            assert one.total_balance == one.available_balance + one.escrowed_balance
            assert min(one.available_balance, one.escrowed_balance) >= 0


@asynccontextmanager
async def shared_bank(names: Names, members: int) -> AsyncIterator[SharedBank]:
    """Join new members, so that other rows in the tables do not matter."""
    async with AsyncExitStack() as stack:
        servers = [
            CountingCalls(await stack.enter_async_context(AsyncCalls(["dynamodb"], connections=50)))
            for _ in range(SERVERS)
        ]
        opened = SharedBank(names=names, servers=servers, members=[str(uuid4()) for _ in range(members)])
        await opened.open()
        yield opened


@dataclass
class Writer:
    """One writer: it handles one request at a time, for services that only it uses."""

    bank: SharedBank
    store: Store
    random: Random
    _offered: dict[str, str] = field(default_factory=dict)

    @property
    def transactions(self) -> Transactions:
        """Return the transactions of this writer's server."""
        return Transactions(self.store, clock.now)

    def amount(self) -> Hours:
        """Return a random number of hours."""
        return Hours(self.random.randint(1, 200)).scaleb(-2)

    async def move(
        self, request: Request, rule: RequestRule, kind: str, *, dispute_id: str | None = None
    ) -> Change | None:
        """Let a rule move a request; retry on contention.

        Returns:
            The change that was written, counted if it moved or froze hours; None if it was refused.
        """
        decided: list[Change] = []

        @reads_everything
        def noted(snapshot: Snapshot, now: datetime) -> Verdict:
            verdict = rule(snapshot, now)
            if isinstance(verdict, Change):
                decided.append(verdict)
            return verdict

        moved = await self._retry(lambda: self.transactions.move(request.id, noted, dispute_id=dispute_id))
        if isinstance(moved, Refusal):
            return None
        change = decided[-1]
        freezes = change.dispute is not None and not change.dispute.is_after_payment
        self.bank.committed[kind] += change.movement is not None or freezes
        return change

    async def give(self, giver: str, taker: str) -> None:
        """Transfer some hours to another member, if the balance allows it."""
        transfer_request = TransferRequest(
            id=str(uuid4()),
            salt=uuid4().hex,
            by=giver,
            is_admin=False,
            type=TransactionType.TRANSFER,
            amount=float(self.amount()),
            from_user_id=giver,
            to_user_id=taker,
        )
        transfer = build_transfer(transfer_request)
        assert isinstance(transfer, Transfer)
        service = Accounts(self.store, self.transactions, clock.now)
        given = await self._retry(lambda: service.transfer(transfer))
        self.bank.committed["transfer"] += not isinstance(given, Refusal)

    @staticmethod
    async def _retry(attempt: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            with suppress(ContentionError):
                return await attempt()

    async def offer(self, provider: str) -> str:
        """Return a service of the provider that no other writer uses."""
        if provider not in self._offered:
            self._offered[provider] = str(uuid4())
            await self.store.put(tables.Service, service(self._offered[provider], provider))
        return self._offered[provider]

    async def ask(self, requester: str, provider: str, amount: Hours) -> Request:
        """Store a request whose hours are to be held next."""
        request = make_request(
            id=str(uuid4()),
            service_id=await self.offer(provider),
            requester_id=requester,
            provider_id=provider,
            estimated_hours=amount,
            status=RequestStatus.VALIDATING,
            version=1,
        )
        await self._put(request)
        return request

    async def placed(self, request: Request, **changes: Any) -> Request:
        """Store a request as it is after steps that move no hours."""
        elsewhere = replace(request, **changes)
        if elsewhere.status is RequestStatus.COMPLETED:
            await self.store.delete(tables.RequestGuard, request.guard_id)
        await self._put(elsewhere)
        return elsewhere

    async def decide(self, raised: Change, held: Escrow | None, decision: Response) -> None:
        """Store a dispute as it is once decided: the steps to there move no hours.

        Args:
            raised: the change that raised the dispute.
            held: the escrow that the dispute is about.
            decision: the decision; the share of a split is random.
        """
        share = None
        if decision is Response.PARTIAL_REFUND:
            assert held is not None
            share = str(Hours(self.random.randint(1, hundredths(held.amount) - 1)).scaleb(-2))
        snapshot = Snapshot(request=raised.request, dispute=raised.dispute, escrow=held, dispute_escrow=held)
        for rule in (DISPUTE_RULES["hear"], DISPUTE_RULES["assign"], decide(decision, share)):
            change = rule(snapshot, clock.now())
            assert isinstance(change, Change), change
            snapshot = replace(snapshot, request=change.request, dispute=change.dispute or snapshot.dispute)
        await self._put(snapshot.request)
        assert snapshot.dispute is not None
        await self.store.put(tables.Dispute, encode(tables.Dispute, snapshot.dispute))

    async def _put(self, request: Request) -> None:
        await self.store.put(tables.ServiceRequest, encode(tables.ServiceRequest, request))
