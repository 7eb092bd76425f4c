"""Administrators act on the money of others only, and on much of it only together."""

from typing import Any
from uuid import uuid4

import pytest

from models import tables
from models.storage.store import Item
from resolvers.identity.callers import Caller
from tests.security import own_states
from tests.security.backends import CloudBackend
from tests.unit.mirror import execute
from tests.unit.processor_time import least_seconds_async

pytestmark = pytest.mark.asyncio(loop_scope="package")

DEAREST = 0.05  # seconds of the processor
MUTATIONS = {
    "processDirectTransfer": "ProcessDirectTransferInput",
    "lockAccount": "LockAccountInput",
    "unlockAccount": "UnlockAccountInput",
    "releaseEscrow": "ReleaseEscrowInput",
    "cancelEscrow": "CancelEscrowInput",
    "assignDispute": "AssignDisputeInput",
    "resolveDispute": "ResolveDisputeInput",
}
ISSUE = {"transactionType": "ADMIN_ADJUSTMENT", "description": "For the party"}


def admin() -> Caller:
    return Caller(str(uuid4()), f"admin-{uuid4().hex[:8]}", frozenset({"admin"}))


class Bank:
    """The API over the cloud, and an account in it."""

    def __init__(self, backend: CloudBackend) -> None:
        self.backend = backend
        self.member = str(uuid4())

    async def open(self, operation: str, member: str | None = None) -> None:
        """Store an account with which an operation is possible."""
        await self.put(own_states.banked(operation, member or self.member))

    async def put(self, rows: own_states.Rows) -> None:
        for table, item in rows:
            await self.backend.store.put(table, item)

    async def balance(self, member: str | None = None) -> Item | None:
        return await self.backend.store.get(tables.UserBalance, member or self.member, consistent=True)

    async def ask(self, caller: Caller, operation: str, **given: Any) -> tuple[Any, Any]:
        """Return what a mutation gives, and its error."""
        query = f"mutation ($input: {MUTATIONS[operation]}!) {{ it: {operation}(input: $input) {{ __typename }} }}"
        data, errors = await execute(self.backend.schema, self.backend.store, caller, query, input=given)
        return data and data["it"], errors[0] if errors else None

    async def refusal(self, caller: Caller, operation: str, **given: Any) -> Any:
        shown, error = await self.ask(caller, operation, **given)
        assert shown is None
        return error


@pytest.fixture
def bank(cloud_backend: CloudBackend) -> Bank:
    return Bank(cloud_backend)


@pytest.mark.parametrize(
    ("operation", "given", "party"),
    [
        ("processDirectTransfer", {"transactionType": "ADMIN_ADJUSTMENT", "amount": 0.01}, "toUserId"),
        ("processDirectTransfer", {"transactionType": "ADMIN_ADJUSTMENT", "amount": 0.01}, "fromUserId"),
        ("processDirectTransfer", {"transactionType": "REFUND", "amount": 99}, "toUserId"),
        ("processDirectTransfer", {"transactionType": "REFUND", "amount": 10_000}, "toUserId"),
        ("processDirectTransfer", {"transactionType": "ADMIN_ADJUSTMENT", "amount": 9_000}, "toUserId"),
        ("lockAccount", {"reason": "So that nobody else does"}, "userId"),
        ("unlockAccount", {}, "userId"),
    ],
)
async def test_nobody_acts_on_their_own_account(
    bank: Bank, operation: str, given: dict[str, Any], party: str
) -> None:
    caller = admin()
    await bank.open(operation, caller.sub)
    before = await bank.balance(caller.sub)
    error = await bank.refusal(caller, operation, **given, **{party: caller.sub})
    assert (error["errorType"], error["errorInfo"]) == ("UNAUTHORIZED_ADMIN", {"field": party})
    assert "another administrator" in error["message"]
    assert await bank.balance(caller.sub) == before
    again = {**given, party: caller.sub}
    assert await least_seconds_async(lambda: bank.refusal(caller, operation, **again)) < DEAREST


@pytest.mark.parametrize("party", ["fromUserId", "toUserId"])
@pytest.mark.parametrize("operation", ["releaseEscrow", "cancelEscrow"])
async def test_a_party_ends_no_escrow(bank: Bank, operation: str, party: str) -> None:
    caller, key = admin(), str(uuid4())
    names = {"fromUserId": str(uuid4()), "toUserId": str(uuid4()), party: caller.sub}
    await bank.put(own_states.held(operation, key, names, is_disputed=False))
    error = await bank.refusal(caller, operation, escrowId=key)
    assert error["errorType"] == "UNAUTHORIZED_ADMIN"
    escrow = await bank.backend.store.get(tables.Escrow, key, consistent=True)
    assert escrow
    assert escrow["status"] == {"S": "ESCROWED"}


@pytest.mark.parametrize("party", ["raisedBy", "againstUserId"])
@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("assignDispute", {}),
        *[
            ("resolveDispute", {"decision": decision, "resolution": "I am right."})
            for decision in ("RefundToRequester", "PayToProvider", "DismissDispute")
        ],
    ],
)
async def test_a_party_decides_no_dispute(bank: Bank, operation: str, given: dict[str, Any], party: str) -> None:
    caller, key = admin(), str(uuid4())
    names = {"raisedBy": str(uuid4()), "againstUserId": str(uuid4()), party: caller.sub}
    await bank.put(own_states.disputed(operation, key, names, admin=caller.sub))
    before = await bank.backend.store.get(tables.Dispute, key, consistent=True)
    assert (await bank.refusal(caller, operation, disputeId=key, **given))["errorType"] == "UNAUTHORIZED_ADMIN"
    assert await bank.backend.store.get(tables.Dispute, key, consistent=True) == before


@pytest.mark.parametrize(
    ("kind", "party", "amount", "alone"),
    [
        ("ADMIN_ADJUSTMENT", "toUserId", 100, True),
        ("ADMIN_ADJUSTMENT", "toUserId", 100.01, False),
        ("ADMIN_ADJUSTMENT", "toUserId", 10_000, False),
        ("REFUND", "toUserId", 500.5, False),
        ("REFUND", "toUserId", 99.99, True),
    ],
)
async def test_much_is_issued_by_two(bank: Bank, kind: str, party: str, amount: float, *, alone: bool) -> None:
    await bank.open("")
    first, second, third = admin(), admin(), admin()
    wanted = {"id": str(uuid4()), "transactionType": kind, "amount": amount, party: bank.member}
    before = await bank.balance()
    shown, error = await bank.ask(first, "processDirectTransfer", **wanted)
    if alone:
        assert (shown, error) == ({"__typename": "TransactionLog"}, None)
        return
    for _ in range(3):
        assert (error["errorType"], error["errorInfo"]["transferId"]) == ("APPROVAL_REQUIRED", wanted["id"])
        assert (error["errorInfo"]["threshold"], error["errorInfo"]["requestedBy"]) == (100.0, first.sub)
        assert await bank.balance() == before
        shown, error = await bank.ask(first, "processDirectTransfer", **wanted)
    for other in ({"amount": amount - 0.01}, {"description": "More"}, {party: own_states.SOMEBODY}):
        refused = await bank.refusal(second, "processDirectTransfer", **{**wanted, **other})
        assert refused["errorType"] == "IDEMPOTENCY_MISMATCH"
    assert await bank.balance() == before
    assert (await bank.ask(second, "processDirectTransfer", **wanted))[1] is None
    issued = await bank.balance()
    assert issued
    assert before
    assert float(issued["availableBalance"]["N"]) == float(before["availableBalance"]["N"]) + amount
    for caller in (first, second):
        assert (await bank.ask(caller, "processDirectTransfer", **wanted))[1] is None
    refused = await bank.refusal(third, "processDirectTransfer", **wanted)
    assert refused["errorType"] == "IDEMPOTENCY_MISMATCH"
    assert await bank.balance() == issued


async def test_a_member_approves_nothing(bank: Bank) -> None:
    await bank.open("")
    wanted = {"id": str(uuid4()), **ISSUE, "amount": 500, "toUserId": bank.member}
    before = await bank.balance()
    await bank.refusal(admin(), "processDirectTransfer", **wanted)
    for caller in (Caller(bank.member, "m"), Caller(str(uuid4()), "s", frozenset({"moderator"}))):
        refused = await bank.refusal(caller, "processDirectTransfer", **wanted)
        assert refused["errorType"] == "Unauthorized"
    beneficiary = Caller(bank.member, "m", frozenset({"admin"}))
    assert (await bank.refusal(beneficiary, "processDirectTransfer", **wanted))[
        "errorType"
    ] == "UNAUTHORIZED_ADMIN"
    assert await bank.balance() == before


async def test_much_is_given_by_a_member_alone(bank: Bank) -> None:
    """A gift between members issues nothing: the threshold is the bank's, not theirs."""
    await bank.open("")
    wanted = {"id": str(uuid4()), "transactionType": "TRANSFER", "amount": 500}
    refused = await bank.refusal(
        Caller(bank.member, "m"),
        "processDirectTransfer",
        **wanted,
        fromUserId=bank.member,
        toUserId=own_states.SOMEBODY,
    )
    assert refused["errorType"] == "INSUFFICIENT_BALANCE"
