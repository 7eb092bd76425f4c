"""Scenarios without a request: transfers, locks, idempotency keys and the reconciliation."""

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
from tests.chaos.simulation.actions import ADMIN, OTHER_ADMIN
from tests.chaos.simulation.http_entry import ask
from tests.chaos.simulation.world import World
from tests.unit.builders import hours

ALICE, BOB = "alice", "bob"
TRANSFER = """mutation M($input: ProcessDirectTransferInput!) {
  processDirectTransfer(input: $input) { id transactionId amount balanceAfter } }"""
Steps = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AccountScenario:
    """Something that is done without a request, and the two members' hours afterwards.

    Args:
        steps: does it, and checks the results.
        alice, bob: their available hours in the end.
        down, resumed_for: as in a request's scenario.
    """

    steps: Steps
    alice: str
    bob: str
    down: tuple[str, ...] = ()
    resumed_for: timedelta = RESUMED_FOR

    async def run(self, world: World) -> None:
        """Run it from the members' joining to the end, and check the hours."""
        await world.join(ALICE, BOB)
        await self.steps(world)
        await world.wait_until_idle()
        books = await world.books()
        books.check()
        books.check_over()
        for member, amount in ((ALICE, self.alice), (BOB, self.bob)):
            item = await world.store.get(tables.UserBalance, member, consistent=True)
            assert item is not None
            assert Decimal(item["availableBalance"]["N"]) == hours(amount)


def transfer_request(
    world: World,
    type: TransactionType,
    amount: float,
    *,
    of: str | None = None,
    to: str | None = None,
    by: str = ADMIN,
) -> TransferRequest:
    """Return a request for a transfer, with a new id."""
    return TransferRequest(
        id=world.new_id(),
        salt="5a17",
        by=by,
        is_admin=by == ADMIN,
        type=type,
        amount=amount,
        from_user_id=of,
        to_user_id=to,
    )


def accepted_transfer(transfer_request: TransferRequest) -> Transfer:
    """Return the transfer for a valid request."""
    found = transfers.build_transfer(transfer_request)
    assert isinstance(found, Transfer), found
    return found


def code(outcome: object) -> Code | None:
    """Return a refusal's code, None if the outcome is no refusal."""
    return outcome.code if isinstance(outcome, Refusal) else None


async def give(world: World) -> None:
    """Hours are transferred, once however often that is sent; a transfer of too many is refused."""
    given = accepted_transfer(transfer_request(world, TransactionType.TRANSFER, 2.5, of=ALICE, to=BOB, by=ALICE))
    entry = await world.retry("transfer", world.accounts.transfer, given)
    assert await world.retry("transfer", world.accounts.transfer, given) == entry
    assert not isinstance(entry, Refusal)
    assert entry["id"]["S"] == given.entry_id
    other = accepted_transfer(transfer_request(world, TransactionType.TRANSFER, 7.51, of=ALICE, to=BOB, by=ALICE))
    refused = await world.retry("transfer", world.accounts.transfer, other)
    assert code(refused) is Code.INSUFFICIENT_BALANCE


async def issue(world: World) -> None:
    """An admin issues hours and takes some back; an operator's tool refunds some through the Lambda function."""
    given = accepted_transfer(transfer_request(world, TransactionType.ADMIN_ADJUSTMENT, 3.0, to=ALICE))
    await world.retry("issue", world.accounts.transfer, given)
    taken = accepted_transfer(transfer_request(world, TransactionType.ADMIN_ADJUSTMENT, 4.25, of=BOB))
    await world.retry("take back", world.accounts.transfer, taken)
    event = {
        "id": world.new_id(),
        "by": ADMIN,
        "transactionType": "REFUND",
        "toUserId": BOB,
        "amount": 0.5,
    }
    answer = await world.retry("refund", world.invoke, "processDirectTransfer", event)
    assert answer["balanceAfter"] == 6.25
    assert await world.retry("refund", world.invoke, "processDirectTransfer", event) == answer


async def lock(world: World) -> None:
    """A locked account sends nothing and receives; only one admin holds the lock, and any admin may lift it."""
    locked = partial(world.accounts.lock, ALICE, reason="To be looked into")
    await world.retry("lock", partial(locked, by=ADMIN))
    assert code(await world.retry("lock", partial(locked, by=OTHER_ADMIN))) is Code.ACCOUNT_LOCKED
    given = accepted_transfer(transfer_request(world, TransactionType.TRANSFER, 1.0, of=ALICE, to=BOB, by=ALICE))
    assert code(await world.retry("transfer", world.accounts.transfer, given)) is Code.ACCOUNT_LOCKED
    back = accepted_transfer(transfer_request(world, TransactionType.TRANSFER, 0.5, of=BOB, to=ALICE, by=BOB))
    assert code(await world.retry("transfer", world.accounts.transfer, back)) is None
    await world.retry("unlock", partial(world.accounts.unlock, ALICE, by=OTHER_ADMIN))
    assert code(await world.retry("transfer", world.accounts.transfer, given)) is None


async def send_under_a_key(world: World) -> None:
    """Mutations without ids of their own are cut off and sent again under their keys, and move the hours once."""

    async def send(key: str, amount: float) -> Any:
        given = {"transactionType": "TRANSFER", "fromUserId": ALICE, "toUserId": BOB, "amount": amount}
        sent = partial(ask, world, Caller(ALICE, ALICE), TRANSFER, {"input": given}, key=key)
        return await world.retry("under a key", sent)

    answer = await send("one", 1.0)
    assert answer["processDirectTransfer"]["balanceAfter"] == 9.0
    assert await send("one", 1.0) == answer
    assert await send("one", 2.0) == Code.IDEMPOTENCY_MISMATCH
    first, second = await asyncio.gather(send("two", 1.5), send("two", 1.5))
    assert first == second
    assert first["processDirectTransfer"]["balanceAfter"] == 7.5


async def reconcile(world: World) -> None:
    """Hours move, and the ledger is reconciled, until the report is complete."""
    given = accepted_transfer(transfer_request(world, TransactionType.TRANSFER, 2.0, of=ALICE, to=BOB, by=ALICE))
    await world.retry("transfer", world.accounts.transfer, given)
    await world.retry("tick", world.invoke, "startReconciliation", {})
    report: AuditReport = await world.retry("reconcile", partial(world.services.reconciliations.start, by=ADMIN))
    while report.status is AuditReportStatus.RUNNING:
        await asyncio.sleep(60)
        found = await Reports(world.store, world.undisturbed_reader, world.clock).last()
        assert found is not None
        report = found
        if report.status is AuditReportStatus.RUNNING:
            report = await world.retry("reconcile", partial(world.services.reconciliations.start, by=ADMIN))
    assert (report.members_checked, report.discrepancy_count) == (2, 0)
    assert report.total_hours == report.issued_hours == hours("20")


ACCOUNT_SCENARIOS: Mapping[str, AccountScenario] = {
    "hours given": AccountScenario(give, "7.5", "12.5"),
    "hours issued": AccountScenario(issue, "13", "6.25"),
    "account locked": AccountScenario(lock, "9.5", "10.5"),
    "under a key": AccountScenario(send_under_a_key, "7.5", "12.5"),
    "reconciled": AccountScenario(reconcile, "8", "12"),
}
