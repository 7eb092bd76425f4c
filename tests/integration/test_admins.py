"""What admins do to held hours and to accounts, through the API and on the real local cloud."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from models import clock, tables
from models.errors import Refusal
from models.ledger.movements import TransactionType
from models.ledger.transfers import Transfer
from models.requests.admin import cancel_escrow
from models.requests.statuses import RequestStatus
from models.storage.calls import AsyncCalls
from models.storage.store import Store
from models.transactions.accounts import Accounts
from models.transactions.moves import Moved, Transactions
from tests.chaos.faults import Fault, Faulty, each_write
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError
from tests.integration.request_client import Deal, Joining, new_deal
from tests.integration.test_requests import HELD, PAID, UNTOUCHED, replayed
from tests.integration.test_transactions import STORY
from tests.integration.two_members import Town
from tests.unit.builders import ADA, hours

RELEASE = "mutation M($input: ReleaseEscrowInput!) { it: releaseEscrow(input: $input) { id status requestId } }"
CANCEL = "mutation M($input: CancelEscrowInput!) { it: cancelEscrow(input: $input) { id status requestId } }"
LOCK = (
    "mutation M($input: LockAccountInput!) { it: lockAccount(input: $input) { userId lockedAt lockedBy version } }"
)
UNLOCK = "mutation M($input: UnlockAccountInput!) { it: unlockAccount(input: $input) { userId lockedAt version } }"


@pytest.fixture
async def deal(graphql: GraphQL, members: Joining) -> Deal:
    return await new_deal(graphql, members)


@pytest.fixture
async def admin(members: Joining) -> Member:
    return await members("ada", "admin")


async def refusal(attempt: Awaitable[Any]) -> str:
    with pytest.raises(RefusedError) as refused:
        await attempt
    return refused.value.code


async def test_an_admin_gives_held_hours_back_and_the_workflow_comes_to_its_end(
    deal: Deal, admin: Member, cloud: Cloud
) -> None:
    await deal.in_progress()
    escrow_id = (await deal.look())["escrowId"]
    wish = {"input": {"escrowId": escrow_id, "reason": "They asked me to"}}
    for stranger in (deal.alice, deal.bob):
        assert await refusal(deal.graphql(stranger.token, CANCEL, wish)) == "Unauthorized"
    assert await refusal(deal.graphql(admin.token, RELEASE, {"input": {"escrowId": escrow_id}})) == (
        "INVALID_REQUEST_STATUS"
    )
    assert await deal.all_hours() == HELD

    first = (await deal.graphql(admin.token, CANCEL, wish))["it"]
    assert first == {"id": escrow_id, "status": "CANCELLED", "requestId": deal.id}
    assert (await deal.graphql(admin.token, CANCEL, wish))["it"] == first
    assert (await deal.look())["statusReason"] == "ADMIN_CANCELLED"
    assert await deal.all_hours() == UNTOUCHED
    assert replayed(cloud, deal.alice) == UNTOUCHED[0]
    assert "“They asked me to”" in (await deal.told(deal.bob))[0]
    assert await refusal(deal.graphql(admin.token, RELEASE, {"input": {"escrowId": escrow_id}})) == (
        "INVALID_ESCROW_STATUS"
    )
    await ended(deal, cloud)


async def ended(deal: Deal, cloud: Cloud) -> None:
    """Wait until the request's execution has succeeded."""
    arn = (await deal.look())["stepFunctionExecutionArn"]
    client = cloud.client("stepfunctions")
    for _ in range(100):
        status = (await asyncio.to_thread(client.describe_execution, executionArn=arn))["status"]
        if status != "RUNNING":
            break
        await asyncio.sleep(0.1)
    assert status == "SUCCEEDED"


async def test_who_is_no_admin_learns_nothing_and_no_escrow_is_told_of(deal: Deal, admin: Member) -> None:
    nowhere = {"input": {"escrowId": str(uuid4())}}
    for mutation in (RELEASE, CANCEL):
        assert await refusal(deal.graphql(deal.alice.token, mutation, nowhere)) == "Unauthorized"
        assert await refusal(deal.graphql(admin.token, mutation, nowhere)) == "ESCROW_NOT_FOUND"
    long = {"input": {"escrowId": str(uuid4()), "reason": "x" * 501}}
    assert await refusal(deal.graphql(admin.token, CANCEL, long)) == "BadRequest"


async def test_work_that_is_completed_is_only_ever_paid_by_whomever(
    deal: Deal, admin: Member, calls: AsyncCalls, cloud: Cloud
) -> None:
    """A request that failed for a day after its completion: no execution, not due, and an admin pays it."""
    town = Town(calls, cloud.names)
    town.alice, town.bob = deal.alice.sub, deal.bob.sub
    request_id = await town.ask(deal.service_id, generation=1)
    await town.reach(request_id, *STORY[: STORY.index("pay")])
    away = [tables.ServiceRequest.dueAt.remove(), tables.ServiceRequest.dueShard.remove()]
    await town.store.update(tables.ServiceRequest, request_id, away)
    request = await town.reach(request_id)
    assert request.is_stranded
    wish = {"input": {"escrowId": request.escrow_id}}
    assert await refusal(deal.graphql(admin.token, CANCEL, wish)) == "INVALID_REQUEST_STATUS"
    first = (await deal.graphql(admin.token, RELEASE, wish))["it"]
    assert first["status"] == "RELEASED"
    assert (await deal.graphql(admin.token, RELEASE, wish))["it"] == first
    assert await deal.all_hours() == PAID
    assert (await town.reach(request_id)).due_at is not None  # the sweep sees to the rating


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT])
async def test_what_an_admin_did_has_one_effect_whatever_is_lost(
    calls: AsyncCalls, cloud: Cloud, fault: Fault
) -> None:
    town = Town(calls, cloud.names)
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id, generation=1)
    request = await town.reach(request_id, *STORY[:4])
    assert request.escrow_id
    rule = partial(cancel_escrow, escrow_id=request.escrow_id, by=ADA)
    moved = await asyncio.gather(
        town.over(Faulty(calls, each_write(fault))).move(request_id, rule),
        *(town.transactions.move(request_id, rule) for _ in range(3)),
    )
    assert all(isinstance(one, Moved) and one.request.status is RequestStatus.REJECTED for one in moved)
    await town.audit(("10", "0"), ("10", "0"))


async def test_an_admin_and_the_provider_at_once_one_wins(calls: AsyncCalls, cloud: Cloud) -> None:
    town = Town(calls, cloud.names)
    (service_id,) = await town.settle()
    request_id = await town.ask(service_id, generation=1)
    request = await town.reach(request_id, *STORY[:4])
    assert request.escrow_id
    rule = partial(cancel_escrow, escrow_id=request.escrow_id, by=ADA)
    cancelled, accepted = await asyncio.gather(
        town.transactions.move(request_id, rule),
        town.transactions.move(request_id, town.rule("accept")),
    )
    assert isinstance(cancelled, Moved) != isinstance(accepted, Moved)
    await town.audit(("10", "0") if isinstance(cancelled, Moved) else ("8", "2"), ("10", "0"))


async def test_a_locked_account_spends_nothing_and_settles_what_is_held(
    deal: Deal, admin: Member, members: Joining, calls: AsyncCalls, cloud: Cloud
) -> None:
    await deal.accepted()
    lock = {"input": {"userId": deal.alice.sub, "reason": "A complaint"}}
    assert await refusal(deal.graphql(deal.bob.token, LOCK, lock)) == "Unauthorized"
    assert (
        await refusal(deal.graphql(admin.token, LOCK, {"input": {**lock["input"], "reason": ""}})) == "BadRequest"
    )
    nobody = {"input": {**lock["input"], "userId": str(uuid4())}}
    assert await refusal(deal.graphql(admin.token, LOCK, nobody)) == "USER_NOT_ACTIVE"
    locked = (await deal.graphql(admin.token, LOCK, lock))["it"]
    assert (locked["lockedBy"], (await deal.graphql(admin.token, LOCK, lock))["it"]) == (admin.sub, locked)
    other = await members("bea", "admin")
    assert await refusal(deal.graphql(other.token, LOCK, lock)) == "ACCOUNT_LOCKED"

    again = deal.again()
    await again.ask()
    assert (await again.reach("REJECTED"))["statusReason"] == "USER_NOT_ACTIVE"
    accounts = Accounts(Store(calls, cloud.names), Transactions(Store(calls, cloud.names), clock.now), clock.now)
    gift = Transfer(
        id=str(uuid4()), by=deal.alice.sub, type=TransactionType.TRANSFER, amount=hours("1"),
        from_user_id=deal.alice.sub, to_user_id=deal.bob.sub, description="A gift",
    )  # fmt: skip
    refused = await accounts.transfer(gift)
    assert isinstance(refused, Refusal)
    assert refused.code == "ACCOUNT_LOCKED"
    for mark in ("markServiceStarted", "confirmServiceStart"):
        await deal.mark(mark)
    await deal.reach("IN_PROGRESS")
    for mark in ("markServiceComplete", "confirmServiceCompletion"):
        await deal.mark(mark)
    await deal.reach("PAID")
    assert replayed(cloud, deal.alice) == PAID[0]

    unlock = {"input": {"userId": deal.alice.sub}}
    assert await refusal(deal.graphql(deal.alice.token, UNLOCK, unlock)) == "Unauthorized"
    unlocked = (await deal.graphql(other.token, UNLOCK, unlock))["it"]
    assert unlocked["lockedAt"] is None
    assert (await deal.graphql(admin.token, UNLOCK, unlock))["it"] == unlocked
    assert not isinstance(await accounts.transfer(gift), Refusal)
    assert replayed(cloud, deal.alice) == await deal.hours(deal.alice)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT])
async def test_a_lock_that_was_cut_off_is_one_lock(calls: AsyncCalls, cloud: Cloud, fault: Fault) -> None:
    town = Town(calls, cloud.names)
    await town.settle(0)
    store = Store(Faulty(calls, each_write(fault)), cloud.names)
    accounts = Accounts(store, Transactions(store, clock.now), clock.now)
    locked = await accounts.lock(town.alice, by=ADA, reason="A complaint")
    assert locked == await town.balance(town.alice)
    assert (await town.balance(town.alice)).version == 2
