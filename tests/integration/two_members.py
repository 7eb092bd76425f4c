"""Two members and a service of their own, in tables that other tests use, too."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from models import clock, tables
from models.disputes.raising import raise_dispute
from models.ledger.balances import Balance, Escrow, EscrowStatus
from models.ledger.entries import Entry
from models.ledger.movements import TransactionType
from models.ledger.transfers import Transfer
from models.requests import answers
from models.requests.dispute import Dispute
from models.requests.request import Request
from models.requests.windows import DEFAULT_WINDOWS
from models.storage.calls import Calls
from models.storage.codec import decode
from models.storage.names import Names
from models.storage.store import Item, Store
from models.transactions.accounts import Accounts
from models.transactions.members import Members
from models.transactions.moves import Moved, RequestRule, Transactions
from tests.unit import books
from tests.unit.builders import figures, hours, make_dispute, make_request
from tests.unit.places import DISPUTE_RULES, REQUEST_RULES, party_rules


class TwoMembers:
    """A requester, a provider and a service of their own in the shared tables, so that tests do not interfere."""

    def __init__(self, calls: Calls, names: Names) -> None:
        self.store = Store(calls, names)
        self.transactions = Transactions(self.store, clock.now)
        self.members = Members(self.store, self.transactions, clock.now)
        self.alice, self.bob = f"alice-{uuid4()}", f"bob-{uuid4()}"

    def transactions_over(self, calls: Calls) -> Transactions:
        """Return transactions over other calls, for the same tables."""
        return Transactions(Store(calls, self.store.names), clock.now)

    def accounts(self, calls: Calls) -> Accounts:
        """Return the accounts' transactions over given calls."""
        return Accounts(Store(calls, self.store.names), self.transactions_over(calls), clock.now)

    def make_transfer(self, giver: str, taker: str, amount: str, **changes: Any) -> Transfer:
        """Return a transfer from one member to another."""
        given: dict[str, Any] = {"id": str(uuid4()), "description": "A gift", **changes}
        return Transfer(
            by=giver,
            type=TransactionType.TRANSFER,
            amount=hours(amount),
            from_user_id=giver,
            to_user_id=taker,
            **given,
        )

    async def set_up(self, services: int = 1) -> list[str]:
        """Let the two join; return the ids of the services that the provider offers, at 1 h an hour."""
        for member in (self.alice, self.bob):
            await self.members.join(user(member))
        offered = [str(uuid4()) for _ in range(services)]
        for service_id in offered:
            await self.store.put(tables.Service, service(service_id, self.bob))
        return offered

    async def ask(self, service_id: str, asked: str = "2", *, generation: int = 0) -> str:
        """Create a request; with a generation other than 0, no workflow takes it up where there are any."""
        request = make_request(
            id=str(uuid4()),
            service_id=service_id,
            requester_id=self.alice,
            provider_id=self.bob,
            estimated_hours=hours(asked),
            generation=generation,
        )
        assert isinstance(await self.transactions.create(request, answers.create), Moved)
        return request.id

    def rule(self, event: str) -> RequestRule:
        return self.rules()[event]

    def rules(self) -> dict[str, RequestRule]:
        """Return the events of the two and of the workflow."""
        return {**REQUEST_RULES, **party_rules(by_provider=self.bob, by_requester=self.alice)}

    def dispute_rules(self, request_id: str, dispute_id: str) -> dict[str, RequestRule]:
        """Return the events of a dispute that Alice raises over a request."""
        raised = self.raised(request_id, dispute_id)
        return {**DISPUTE_RULES, "dispute": partial(raise_dispute, dispute=raised, windows=DEFAULT_WINDOWS)}

    def raised(self, request_id: str, dispute_id: str) -> Dispute:
        """Return a dispute over a request, as Alice raises it."""
        return make_dispute(self.alice, id=dispute_id, request_id=request_id, against_user_id=self.bob)

    async def reach(self, request_id: str, *events: str) -> Request:
        """Apply events to a request, by name."""
        return await self.apply(request_id, *(self.rule(event) for event in events))

    async def apply(self, request_id: str, *rules: RequestRule, dispute_id: str | None = None) -> Request:
        """Apply one rule after the other to a request, each of which must move it."""
        for rule in rules:
            moved = await self.transactions.move(request_id, rule, dispute_id=dispute_id)
            assert isinstance(moved, Moved), f"{rule}: {moved}"
        request = await self.transactions.read(request_id)
        assert request is not None
        return request

    async def balance(self, member: str) -> Balance:
        item = await self.store.get(tables.UserBalance, member, consistent=True)
        assert item is not None
        return decode(Balance, tables.UserBalance, item)

    async def entries(self, member: str) -> list[Entry]:
        page = await self.store.query(tables.TransactionLog, tables.TransactionLog.byUserId, member, limit=1000)
        return [decode(Entry, tables.TransactionLog, item) for item in page.items]

    async def audit(self, alice: tuple[str, str], bob: tuple[str, str]) -> None:
        """Assert both balances, and that logs and escrows agree with them."""
        for member, (available, escrowed) in ((self.alice, alice), (self.bob, bob)):
            balance = await self.balance(member)
            assert (balance.available_balance, balance.escrowed_balance) == (hours(available), hours(escrowed))
            log = await self.entries(member)
            assert figures(books.replay(log, user_id=member, now=clock.now())) == figures(balance)
            page = await self.store.query(tables.Escrow, tables.Escrow.byFromUserId, member, limit=1000)
            held = [decode(Escrow, tables.Escrow, item) for item in page.items]
            assert balance.escrowed_balance == sum(
                escrow.amount for escrow in held if escrow.status is EscrowStatus.ESCROWED
            )


def user(member: str, joining: datetime | None = None) -> Item:
    now = clock.to_text(joining or clock.now())
    texts = ("id", "email", "username", "firstName", "lastName")
    return {
        **{name: {"S": member} for name in texts},
        **{name: {"N": "0"} for name in ("bankHours", "rating", "totalTransactions")},
        "skills": {"L": []},
        "createdAt": {"S": now},
        "updatedAt": {"S": now},
    }


def service(service_id: str, provider: str) -> Item:
    now = clock.to_text(clock.now())
    return {
        "id": {"S": service_id},
        "userId": {"S": provider},
        "title": {"S": "Garden help"},
        "description": {"S": "Weeds go, flowers stay"},
        "category": {"S": "garden"},
        "hourlyRate": {"N": "1"},
        "isActive": {"BOOL": True},
        "tags": {"L": []},
        "createdAt": {"S": now},
        "updatedAt": {"S": now},
    }
