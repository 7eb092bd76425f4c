"""What admins do to held hours and to accounts, through the API and on the real local cloud."""

import asyncio
from collections.abc import Awaitable, Callable
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
from models.storage.async_calls import AsyncCalls
from models.storage.store import Store
from models.transactions.accounts import Accounts
from models.transactions.moves import Moved, Transactions
from tests.chaos.faults import Fault, FaultyCalls, each_write
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError
from tests.integration.request_client import Joining, RequestClient, new_client
from tests.integration.test_requests import HELD, PAID, UNTOUCHED, replayed
from tests.integration.test_transactions import EVENTS
from tests.integration.two_members import TwoMembers
from tests.unit.builders import ADA, hours

RELEASE = "mutation M($input: ReleaseEscrowInput!) { it: releaseEscrow(input: $input) { id status requestId } }"
CANCEL = "mutation M($input: CancelEscrowInput!) { it: cancelEscrow(input: $input) { id status requestId } }"
LOCK = (
    "mutation M($input: LockAccountInput!) { it: lockAccount(input: $input) { userId lockedAt lockedBy version } }"
)
UNLOCK = "mutation M($input: UnlockAccountInput!) { it: unlockAccount(input: $input) { userId lockedAt version } }"


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members)


@pytest.fixture
async def admin(members: Joining) -> Member:
    return await members("ada", "admin")


async def refusal(attempt: Awaitable[Any]) -> str:
    with pytest.raises(RefusedError) as refused:
        await attempt
    return refused.value.code


async def test_an_admin_who_is_a_party_decides_nothing(
    client: RequestClient, token_for: Callable[..., str]
) -> None:
    await client.in_progress()
    escrow_id = (await client.look())["escrowId"]
    for party in (client.alice, client.bob):
        as_admin = token_for(party.username, "admin")
        for mutation in (CANCEL, RELEASE):
            attempt = client.graphql(as_admin, mutation, {"input": {"escrowId": escrow_id}})
            assert await refusal(attempt) == "UNAUTHORIZED_ADMIN"
    assert await client.all_hours() == HELD


async def test_an_admin_gives_held_hours_back_and_the_workflow_comes_to_its_end(
    client: RequestClient, admin: Member, cloud: Cloud
) -> None:
    await client.in_progress()
    escrow_id = (await client.look())["escrowId"]
    variables = {"input": {"escrowId": escrow_id, "reason": "They asked me to"}}
    for stranger in (client.alice, client.bob):
        assert await refusal(client.graphql(stranger.token, CANCEL, variables)) == "Unauthorized"
    assert await refusal(client.graphql(admin.token, RELEASE, {"input": {"escrowId": escrow_id}})) == (
        "INVALID_REQUEST_STATUS"
    )
    assert await client.all_hours() == HELD

    first = (await client.graphql(admin.token, CANCEL, variables))["it"]
    assert first == {"id": escrow_id, "status": "CANCELLED", "requestId": client.id}
    assert (await client.graphql(admin.token, CANCEL, variables))["it"] == first
    assert (await client.look())["statusReason"] == "ADMIN_CANCELLED"
    assert await client.all_hours() == UNTOUCHED
    assert replayed(cloud, client.alice) == UNTOUCHED[0]
    assert "“They asked me to”" in (await client.messages_to(client.bob))[0]
    assert await refusal(client.graphql(admin.token, RELEASE, {"input": {"escrowId": escrow_id}})) == (
        "INVALID_ESCROW_STATUS"
    )
    await ended(client, cloud)


async def ended(client: RequestClient, cloud: Cloud) -> None:
    """Wait until the request's execution has succeeded."""
    arn = (await client.look())["stepFunctionExecutionArn"]
    step_functions = cloud.client("stepfunctions")
    for _ in range(300):
        status = (await asyncio.to_thread(step_functions.describe_execution, executionArn=arn))["status"]
        if status != "RUNNING":
            break
        await asyncio.sleep(0.1)
    assert status == "SUCCEEDED"


async def test_who_is_no_admin_learns_nothing_and_no_escrow_is_told_of(
    client: RequestClient, admin: Member
) -> None:
    nowhere = {"input": {"escrowId": str(uuid4())}}
    for mutation in (RELEASE, CANCEL):
        assert await refusal(client.graphql(client.alice.token, mutation, nowhere)) == "Unauthorized"
        assert await refusal(client.graphql(admin.token, mutation, nowhere)) == "ESCROW_NOT_FOUND"
    long = {"input": {"escrowId": str(uuid4()), "reason": "x" * 501}}
    assert await refusal(client.graphql(admin.token, CANCEL, long)) == "BadRequest"


async def test_work_that_is_completed_is_only_ever_paid_by_whomever(
    client: RequestClient, admin: Member, calls: AsyncCalls, cloud: Cloud
) -> None:
    """The request failed for a day after its completion: no execution, not due, and an admin pays it."""
    pair = TwoMembers(calls, cloud.names)
    pair.alice, pair.bob = client.alice.sub, client.bob.sub
    request_id = await pair.ask(client.service_id, generation=1)
    await pair.reach(request_id, *EVENTS[: EVENTS.index("pay")])
    away = [tables.ServiceRequest.dueAt.remove(), tables.ServiceRequest.dueShard.remove()]
    await pair.store.update(tables.ServiceRequest, request_id, away)
    request = await pair.reach(request_id)
    assert request.is_stranded
    variables = {"input": {"escrowId": request.escrow_id}}
    assert await refusal(client.graphql(admin.token, CANCEL, variables)) == "INVALID_REQUEST_STATUS"
    first = (await client.graphql(admin.token, RELEASE, variables))["it"]
    assert first["status"] == "RELEASED"
    assert (await client.graphql(admin.token, RELEASE, variables))["it"] == first
    assert await client.all_hours() == PAID
    assert (await pair.reach(request_id)).due_at is not None  # the sweep sees to the rating


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT])
async def test_what_an_admin_did_has_one_effect_whatever_is_lost(
    calls: AsyncCalls, cloud: Cloud, fault: Fault
) -> None:
    pair = TwoMembers(calls, cloud.names)
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id, generation=1)
    request = await pair.reach(request_id, *EVENTS[:4])
    assert request.escrow_id
    rule = partial(cancel_escrow, escrow_id=request.escrow_id, by=ADA)
    moved = await asyncio.gather(
        pair.transactions_over(FaultyCalls(calls, each_write(fault))).move(request_id, rule),
        *(pair.transactions.move(request_id, rule) for _ in range(3)),
    )
    assert all(isinstance(one, Moved) and one.request.status is RequestStatus.REJECTED for one in moved)
    await pair.audit(("10", "0"), ("10", "0"))


async def test_an_admin_and_the_provider_at_once_one_wins(calls: AsyncCalls, cloud: Cloud) -> None:
    pair = TwoMembers(calls, cloud.names)
    (service_id,) = await pair.set_up()
    request_id = await pair.ask(service_id, generation=1)
    request = await pair.reach(request_id, *EVENTS[:4])
    assert request.escrow_id
    rule = partial(cancel_escrow, escrow_id=request.escrow_id, by=ADA)
    cancelled, accepted = await asyncio.gather(
        pair.transactions.move(request_id, rule),
        pair.transactions.move(request_id, pair.rule("accept")),
    )
    assert isinstance(cancelled, Moved) != isinstance(accepted, Moved)
    await pair.audit(("10", "0") if isinstance(cancelled, Moved) else ("8", "2"), ("10", "0"))


async def test_a_locked_account_spends_nothing_and_settles_what_is_held(
    client: RequestClient, admin: Member, members: Joining, calls: AsyncCalls, cloud: Cloud
) -> None:
    await client.accepted()
    lock = {"input": {"userId": client.alice.sub, "reason": "A complaint"}}
    assert await refusal(client.graphql(client.bob.token, LOCK, lock)) == "Unauthorized"
    assert (
        await refusal(client.graphql(admin.token, LOCK, {"input": {**lock["input"], "reason": ""}}))
        == "BadRequest"
    )
    nobody = {"input": {**lock["input"], "userId": str(uuid4())}}
    assert await refusal(client.graphql(admin.token, LOCK, nobody)) == "USER_NOT_ACTIVE"
    locked = (await client.graphql(admin.token, LOCK, lock))["it"]
    assert (locked["lockedBy"], (await client.graphql(admin.token, LOCK, lock))["it"]) == (admin.sub, locked)
    other = await members("bea", "admin")
    assert await refusal(client.graphql(other.token, LOCK, lock)) == "ACCOUNT_LOCKED"

    again = client.again()
    await again.ask()
    assert (await again.reach("REJECTED"))["statusReason"] == "USER_NOT_ACTIVE"
    accounts = Accounts(Store(calls, cloud.names), Transactions(Store(calls, cloud.names), clock.now), clock.now)
    transfer = Transfer(
        id=str(uuid4()), by=client.alice.sub, type=TransactionType.TRANSFER, amount=hours("1"),
        from_user_id=client.alice.sub, to_user_id=client.bob.sub, description="A gift",
    )  # fmt: skip
    refused = await accounts.transfer(transfer)
    assert isinstance(refused, Refusal)
    assert refused.code == "ACCOUNT_LOCKED"
    for mark in ("markServiceStarted", "confirmServiceStart"):
        await client.mark(mark)
    await client.reach("IN_PROGRESS")
    for mark in ("markServiceComplete", "confirmServiceCompletion"):
        await client.mark(mark)
    await client.reach("PAID")
    assert replayed(cloud, client.alice) == PAID[0]

    unlock = {"input": {"userId": client.alice.sub}}
    assert await refusal(client.graphql(client.alice.token, UNLOCK, unlock)) == "Unauthorized"
    unlocked = (await client.graphql(other.token, UNLOCK, unlock))["it"]
    assert unlocked["lockedAt"] is None
    assert (await client.graphql(admin.token, UNLOCK, unlock))["it"] == unlocked
    assert not isinstance(await accounts.transfer(transfer), Refusal)
    assert replayed(cloud, client.alice) == await client.hours(client.alice)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT])
async def test_a_lock_that_was_cut_off_is_one_lock(calls: AsyncCalls, cloud: Cloud, fault: Fault) -> None:
    pair = TwoMembers(calls, cloud.names)
    await pair.set_up(0)
    store = Store(FaultyCalls(calls, each_write(fault)), cloud.names)
    accounts = Accounts(store, Transactions(store, clock.now), clock.now)
    locked = await accounts.lock(pair.alice, by=ADA, reason="A complaint")
    assert locked == await pair.balance(pair.alice)
    assert (await pair.balance(pair.alice)).version == 2
