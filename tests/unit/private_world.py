"""A member with traces in every table, on an engine within this process, and what must not be found of them."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.progress import Progress

from models import clock
from models.errors import Refusal
from models.hours import ZERO
from models.ledger.movements import TransactionType
from models.ledger.transfers import TransferRequest, build_transfer
from models.storage.codec import item_of
from models.storage.names import Names
from models.storage.store import Item, Store
from models.tables import TABLES, Table, User
from models.transactions.accounts import Accounts
from models.transactions.audits import Audits
from models.transactions.members import Members
from models.transactions.moves import Transactions
from tests.chaos.books import rows
from tests.chaos.faults import FaultyCalls
from tests.engines.embedded import Embedded
from tests.unit.builders import NOW
from workflows.console.migration.progress import Steps
from workflows.console.privacy.erasing import Erased, erase

NAMES = Names(stack="private", region="us-east-1", account="0" * 12)
ALICE, BOB, ADA = "0a11ce00", "0b0b0000", "0ada0000"
# What stands in every text of Alice's, and in what others wrote about her where that goes, too.
MARKS = ("Zuckmayer", "alice@example.org", "alice.in.wonderland", "rabbits")
WORDS = "Zuckmayer's words"
BOBS = "words of Bob's"
_TABLES = {table.Meta.table_name: table for table in TABLES}


class PoolInMemory:
    """A user pool with Alice's account."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, str]] = {ALICE: {"sub": ALICE, "email": MARKS[1]}}

    async def attributes(self, sub: str) -> Mapping[str, str] | None:
        """Return an account's attributes."""
        return self.accounts.get(sub)

    async def delete(self, sub: str) -> bool:
        """Delete an account."""
        return self.accounts.pop(sub, None) is not None


def unseen() -> Steps:
    """Return bars that nobody sees."""
    return Steps(Progress(console=Console(quiet=True), disable=True))


def user(user_id: str, name: str) -> Item:
    """Return a member's row."""
    return item_of(
        User,
        id=user_id,
        username=name,
        email=f"{name.partition('.')[0]}@example.org",
        firstName="Al",
        lastName=MARKS[0] if user_id == ALICE else "Builder",
        bio="Fond of rabbits" if user_id == ALICE else "Fond of walls",
        profilePicture="https://pictures.example.org/zuckmayer.png" if user_id == ALICE else None,
        skills=[],
        bankHours=ZERO,
        rating=0.0,
        totalTransactions=0,
        createdAt=NOW,
        updatedAt=NOW,
    )


def wire(value: Any) -> dict[str, Any]:
    """Return a value as DynamoDB stores it."""
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case list():
            return {"L": [wire(one) for one in value]}
    return {"M": {name: wire(one) for name, one in value.items()}}


AT = clock.to_text(NOW)
DATED = {"createdAt": AT, "updatedAt": AT}
# Alice asks Bob for something, and Bob asks Alice, who offers a service with a title of hers.
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Message", {"id": "m1", "senderId": ALICE, "receiverId": BOB, "content": WORDS, **DATED}),
    ("Message", {"id": "m2", "senderId": BOB, "receiverId": ALICE, "content": BOBS, **DATED}),
    ("Conversation", {"id": "c", "user1Id": BOB, "user2Id": ALICE, "lastMessageId": "m2", **DATED}),
    ("Rating", {"id": "r1", "raterId": ALICE, "ratedUserId": BOB, "rating": 5, "feedback": WORDS, **DATED}),
    ("Rating", {"id": "r2", "raterId": BOB, "ratedUserId": ALICE, "rating": 4, "feedback": WORDS, **DATED}),
    ("Report", {"id": "p1", "reporterId": ALICE, "reportedUserId": BOB, "description": WORDS, **DATED}),
    ("Report", {"id": "p2", "reporterId": BOB, "reportedUserId": ALICE, "description": WORDS, **DATED}),
    (
        "Dispute",
        {
            "id": "d1",
            "requestId": "asked",
            "raisedBy": ALICE,
            "againstUserId": BOB,
            "adminId": ADA,
            "status": "RESOLVED",
            "description": WORDS,
            "evidence": json.dumps(WORDS),
            "resolution": WORDS,
            "version": 3,
            **DATED,
        },
    ),
    (
        "Booking",
        {
            "id": "b1",
            "consumerId": ALICE,
            "providerId": BOB,
            "status": "COMPLETED",
            "notes": WORDS,
            "providerNotes": BOBS,
            **DATED,
        },
    ),
    (
        "ServiceRequest",
        {
            "id": "asked",
            "requesterId": ALICE,
            "providerId": BOB,
            "status": "PAID",
            "message": WORDS,
            "answers": [{"by": ALICE, "message": WORDS}, {"by": BOB, "message": BOBS}],
            "version": 7,
            **DATED,
        },
    ),
    (
        "Transaction",
        {
            "id": "asked",
            "consumerId": ALICE,
            "providerId": BOB,
            "description": WORDS,
            "feedback": WORDS,
            **DATED,
        },
    ),
    (
        "ServiceRequest",
        {
            "id": "done",
            "requesterId": BOB,
            "providerId": ALICE,
            "status": "REJECTED",
            "answers": [{"by": ALICE, "message": WORDS}],
            "version": 3,
            **DATED,
        },
    ),
    ("Transaction", {"id": "done", "consumerId": BOB, "providerId": ALICE, "description": WORDS, **DATED}),
    (
        "ServiceRequest",
        {
            "id": "told",
            "requesterId": BOB,
            "providerId": ALICE,
            "status": "PAID",
            "message": BOBS,
            "version": 9,
            **DATED,
        },
    ),
    ("Transaction", {"id": "told", "consumerId": BOB, "providerId": ALICE, "description": BOBS, **DATED}),
    ("Escrow", {"id": "e", "fromUserId": ALICE, "toUserId": BOB, "status": "RELEASED", "amount": 2, **DATED}),
    (
        "EventLog",
        {
            "id": "v",
            "actorUserId": ALICE,
            "entityId": "asked",
            "eventData": json.dumps({"message": WORDS}),
            **DATED,
        },
    ),
    (
        "EventLog",
        {"id": "l", "actorUserId": ADA, "entityId": ALICE, "eventData": json.dumps({"reason": WORDS}), **DATED},
    ),
    ("Notification", {"id": "n1", "userId": ALICE, "relatedId": "asked", "message": WORDS, **DATED}),
    (
        "Notification",
        {"id": "n2", "userId": BOB, "relatedId": "asked", "message": f"It ended: “{WORDS}”", **DATED},
    ),
    (
        "Notification",
        {"id": "n3", "userId": BOB, "relatedId": "told", "message": f"2.00 hours were paid for {WORDS}.", **DATED},
    ),
    ("Notification", {"id": "n4", "userId": BOB, "relatedId": "other", "message": f"“{BOBS}”", **DATED}),
    ("Service", {"id": "s", "userId": ALICE, "title": WORDS, "description": WORDS, "tags": [WORDS], **DATED}),
    ("ServiceSchedule", {"id": "ss", "userId": ALICE, "serviceId": "s", **DATED}),
    ("ScheduleException", {"id": "se", "userId": ALICE, "serviceId": "s", "reason": WORDS, **DATED}),
    (".Idempotency", {"id": "k1", "answer": json.dumps({"data": {"lastName": MARKS[0]}})}),
    (".Idempotency", {"id": "k2", "answer": json.dumps({"data": {"lastName": "Builder"}})}),
    (".Idempotency", {"id": "k3"}),
)


class _Hurried(Embedded):
    """An engine whose indexes do not lag, so that nobody waits for them."""

    async def pause(self, seconds: float) -> None:
        """Wait for nothing."""


class PrivateWorld:
    """The tables; `calls.plan` is the fault plan of the erasure."""

    def __init__(self) -> None:
        self.engine = _Hurried(NAMES)
        self.calls = FaultyCalls(self.engine)
        self.store = Store(self.engine, NAMES)
        self.pool = PoolInMemory()

    def close(self) -> None:
        """Drop all tables."""
        self.engine.close()

    def members(self, store: Store) -> Members:
        """Return the members' transactions over a store."""
        return Members(store, Transactions(store, clock.now), clock.now)

    async def fill(self) -> "PrivateWorld":
        """Let Alice and Bob join and move hours until Alice has none, and store every other kind of row."""
        for row in (user(ALICE, MARKS[2]), user(BOB, "bob.the.builder")):
            await self.members(self.store).join(row)
        await self.transfer(ALICE, ALICE, BOB, 4, WORDS)
        await self.transfer(BOB, BOB, ALICE, 1, BOBS)
        await self.transfer(ADA, None, ALICE, 2, WORDS)
        await self.transfer(ADA, ALICE, None, 3)
        await self.transfer(ALICE, ALICE, BOB, 6)
        for table, values in ROWS:
            await self.put(table, values)
        return self

    async def put(self, table: str, values: Mapping[str, Any]) -> None:
        """Store a row."""
        await self.store.put(_TABLES[table], wire(values)["M"])

    def table(self, name: str) -> type[Table]:
        """Return a table."""
        return _TABLES[name]

    async def get(self, table: str, key: str) -> Item:
        """Return a stored row."""
        found = await self.store.get(_TABLES[table], key, consistent=True)
        assert found is not None
        return found

    async def transfer(
        self, by: str, giver: str | None, taker: str | None, amount: int, description: str | None = None
    ) -> None:
        """Move hours directly."""
        given = {"from_user_id": giver, "to_user_id": taker, "description": description}
        kind = TransactionType.TRANSFER if giver and taker else TransactionType.ADMIN_ADJUSTMENT
        made = build_transfer(
            TransferRequest(
                id=str(uuid4()), salt=uuid4().hex, by=by, is_admin=by == ADA, type=kind, amount=amount, **given
            )
        )
        assert not isinstance(made, Refusal), made
        accounts = Accounts(self.store, Transactions(self.store, clock.now), clock.now)
        assert not isinstance(await accounts.transfer(made), Refusal)

    async def erase(self, member: str = ALICE) -> Erased:
        """Erase a member, by the fault plan."""
        store = Store(self.calls, NAMES)
        return await erase(store, self.members(store), self.pool, member, unseen())

    async def everything(self) -> dict[str, list[Item]]:
        """Return every row of every table, by table, in one order."""
        found = {name: await rows(self.store, table) for name, table in _TABLES.items()}
        return {name: sorted(items, key=str) for name, items in found.items()}

    async def assert_erased(self) -> None:
        """Assert that nothing is found of Alice but her id, and that the books are right."""
        everything = await self.everything()
        for name, items in everything.items():
            for item in items:
                text = json.dumps(item, ensure_ascii=False)
                assert not [mark for mark in MARKS if mark.casefold() in text.casefold()], (name, item)
        assert [row["id"]["S"] for row in everything["User"]] == [BOB]
        assert {row["userId"]["S"] for row in everything["NameGuard"]} == {BOB}
        assert {row["userId"]["S"] for row in everything["UserBalance"]} == {ALICE, BOB}
        assert self.pool.accounts == {}
        audits = Audits(self.store, clock.now)
        for member in (ALICE, BOB):
            account, found = await audits.check(member)
            assert (list(found), len(account.entries)) == ([], 6 if member == ALICE else 4)
