"""What moves hours without a request, or looks after them: transfers, locks, keys and the reconciliation."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from models import tables
from models.errors import Code, Refusal
from models.ledger import transfers
from models.ledger.movements import TransactionType
from models.ledger.reconciliation import AuditReport, AuditReportStatus
from models.ledger.transfers import Transfer, TransferRequest
from models.requests.recovery import RESUMED_FOR
from models.transactions.reports import Reports
from resolvers.identity.callers import Caller
from tests.chaos.simulation.acts import ADMIN, OTHER_ADMIN
from tests.chaos.simulation.http_entry import ask
from tests.chaos.simulation.world import World
from tests.unit.builders import hours

ALICE, BOB = "alice", "bob"
TRANSFER = """mutation M($input: ProcessDirectTransferInput!) {
  processDirectTransfer(input: $input) { id transactionId amount balanceAfter } }"""
Run = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that is done without a request, and the hours that the two members have after it.

    Args:
        run: does it, and sees what comes of it.
        alice, bob: their hours.
        down, resumed_for: as for a request's story.
    """

    run: Run
    alice: str
    bob: str
    down: tuple[str, ...] = ()
    resumed_for: timedelta = RESUMED_FOR

    async def play(self, world: World) -> None:
        """Play it from the members' joining to the end, and see that the hours are where they must be."""
        await world.settle(ALICE, BOB)
        await self.run(world)
        await world.come_to_rest()
        books = await world.books()
        books.check()
        books.check_over()
        for member, amount in ((ALICE, self.alice), (BOB, self.bob)):
            item = await world.store.get(tables.UserBalance, member, consistent=True)
            assert item is not None
            assert Decimal(item["availableBalance"]["N"]) == hours(amount)


def wish(
    world: World,
    type: TransactionType,
    amount: float,
    *,
    of: str | None = None,
    to: str | None = None,
    by: str = ADMIN,
) -> TransferRequest:
    """Return a transfer with an id of its own, as somebody asks for it."""
    return TransferRequest(
        id=world.new_id(), by=by, is_admin=by == ADMIN, type=type, amount=amount, from_user_id=of, to_user_id=to
    )


def transfer(asked: TransferRequest) -> Transfer:
    """Return the transfer that somebody asks for, who may."""
    found = transfers.build_transfer(asked)
    assert isinstance(found, Transfer), found
    return found


def code(outcome: object) -> Code | None:
    """Return the code of a refusal, None if it is none."""
    return outcome.code if isinstance(outcome, Refusal) else None


async def give(world: World) -> None:
    """Hours are given, once however often that is asked for; too many are not there; another's id is taken."""
    gift = transfer(wish(world, TransactionType.TRANSFER, 2.5, of=ALICE, to=BOB, by=ALICE))
    entry = await world.persist("transfer", world.accounts.transfer, gift)
    assert await world.persist("transfer", world.accounts.transfer, gift) == entry
    assert not isinstance(entry, Refusal)
    assert entry["id"]["S"] == gift.entry_id
    other = transfer(wish(world, TransactionType.TRANSFER, 7.51, of=ALICE, to=BOB, by=ALICE))
    refused = await world.persist("transfer", world.accounts.transfer, other)
    assert code(refused) is Code.INSUFFICIENT_BALANCE


async def issue(world: World) -> None:
    """An admin issues hours and takes some back; people's tools refund some by the function."""
    given = transfer(wish(world, TransactionType.ADMIN_ADJUSTMENT, 3.0, to=ALICE))
    await world.persist("issue", world.accounts.transfer, given)
    taken = transfer(wish(world, TransactionType.ADMIN_ADJUSTMENT, 4.25, of=BOB))
    await world.persist("take back", world.accounts.transfer, taken)
    event = {
        "id": world.new_id(),
        "by": ADMIN,
        "transactionType": "REFUND",
        "toUserId": BOB,
        "amount": 0.5,
    }
    answer = await world.persist("refund", world.invoke, "processDirectTransfer", event)
    assert answer["balanceAfter"] == 6.25
    assert await world.persist("refund", world.invoke, "processDirectTransfer", event) == answer


async def lock(world: World) -> None:
    """A locked account gives nothing and gets what comes; the lock is one admin's, and any may lift it."""
    locked = partial(world.accounts.lock, ALICE, reason="To be looked into")
    await world.persist("lock", partial(locked, by=ADMIN))
    assert code(await world.persist("lock", partial(locked, by=OTHER_ADMIN))) is Code.ACCOUNT_LOCKED
    gift = transfer(wish(world, TransactionType.TRANSFER, 1.0, of=ALICE, to=BOB, by=ALICE))
    assert code(await world.persist("transfer", world.accounts.transfer, gift)) is Code.ACCOUNT_LOCKED
    back = transfer(wish(world, TransactionType.TRANSFER, 0.5, of=BOB, to=ALICE, by=BOB))
    assert code(await world.persist("transfer", world.accounts.transfer, back)) is None
    await world.persist("unlock", partial(world.accounts.unlock, ALICE, by=OTHER_ADMIN))
    assert code(await world.persist("transfer", world.accounts.transfer, gift)) is None


async def send_under_a_key(world: World) -> None:
    """Mutations without ids of their own are cut off and sent again under their keys, and move the hours once."""

    async def send(key: str, amount: float) -> Any:
        gift = {"transactionType": "TRANSFER", "fromUserId": ALICE, "toUserId": BOB, "amount": amount}
        sent = partial(ask, world, Caller(ALICE, ALICE), TRANSFER, {"input": gift}, key=key)
        return await world.persist("under a key", sent)

    answer = await send("one", 1.0)
    assert answer["processDirectTransfer"]["balanceAfter"] == 9.0
    assert await send("one", 1.0) == answer
    assert await send("one", 2.0) == Code.IDEMPOTENCY_MISMATCH
    first, second = await asyncio.gather(send("two", 1.5), send("two", 1.5))
    assert first == second
    assert first["processDirectTransfer"]["balanceAfter"] == 7.5


async def reconcile(world: World) -> None:
    """Hours move, and the books are reconciled, as often as it takes until the report is complete."""
    gift = transfer(wish(world, TransactionType.TRANSFER, 2.0, of=ALICE, to=BOB, by=ALICE))
    await world.persist("transfer", world.accounts.transfer, gift)
    await world.persist("tick", world.invoke, "startReconciliation", {})
    report: AuditReport = await world.persist("reconcile", partial(world.services.reconciliations.start, by=ADMIN))
    while report.status is AuditReportStatus.RUNNING:
        await asyncio.sleep(60)
        found = await Reports(world.store, world.eye, world.clock).last()
        assert found is not None
        report = found
        if report.status is AuditReportStatus.RUNNING:
            report = await world.persist("reconcile", partial(world.services.reconciliations.start, by=ADMIN))
    assert (report.members_checked, report.discrepancy_count) == (2, 0)
    assert report.total_hours == report.issued_hours == hours("20")


ERRANDS: Mapping[str, Errand] = {
    "hours given": Errand(give, "7.5", "12.5"),
    "hours issued": Errand(issue, "13", "6.25"),
    "account locked": Errand(lock, "9.5", "10.5"),
    "under a key": Errand(send_under_a_key, "7.5", "12.5"),
    "reconciled": Errand(reconcile, "8", "12"),
}
