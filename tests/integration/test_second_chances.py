"""What goes on although the process that should have seen to it has died: by the bus, the sweep, a resumption."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

import pytest

from models import clock, tables
from models.disputes import deciding, raising
from models.hours import Hours
from models.requests import answers
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Response, Step
from models.requests.windows import DEFAULT_WINDOWS
from models.storage.calls import AsyncCalls
from models.storage.codec import encode
from models.storage.store import Store
from models.transactions.moves import Moved, Transactions
from tests.integration.conftest import Cloud, GraphQL
from tests.integration.dispute_client import quarrel_over
from tests.integration.request_client import Deal, Joining, new_deal
from tests.unit.builders import make_dispute

WITHIN = 30


@pytest.fixture
async def deal(graphql: GraphQL, members: Joining) -> Deal:
    return await new_deal(graphql, members, responseWindowHours=2)


@pytest.fixture
async def transactions(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Transactions]:
    """Write as a mutation does, without what it does afterwards."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    async with AsyncCalls(["dynamodb"]) as calls:
        yield Transactions(Store(calls, cloud.names), clock.now)


def request_of(deal: Deal) -> Request:
    return Request(
        id=deal.id,
        service_id=deal.service_id,
        requester_id=deal.alice.sub,
        provider_id=deal.bob.sub,
        status=RequestStatus.INITIATED,
        estimated_hours=Hours("2.00"),
        created_at=clock.now(),
        updated_at=clock.now(),
    )


async def test_a_submitted_request_whose_workflow_was_not_started_is_started_by_the_bus(
    deal: Deal, transactions: Transactions
) -> None:
    assert isinstance(await transactions.create(request_of(deal), answers.create), Moved)
    await deal.reach("AWAITING_RESPONSE", WITHIN)


async def test_an_answer_whose_workflow_was_not_told_is_handed_over_by_the_bus(
    deal: Deal, transactions: Transactions
) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    wait = Step.WAIT_FOR_PROVIDER_RESPONSE
    accept = partial(answers.answer, wait=wait, by=deal.bob.sub, response=Response.ACCEPTED)
    assert isinstance(await transactions.move(deal.id, accept), Moved)
    await deal.reach("ACCEPTED", WITHIN)


async def test_a_dispute_whose_workflow_was_not_started_and_a_decision_that_was_not_told_of(
    deal: Deal, members: Joining, transactions: Transactions
) -> None:
    quarrel = await quarrel_over(deal, members)
    await deal.accepted()
    raised = make_dispute(deal.alice.sub, id=quarrel.id, request_id=deal.id, against_user_id=deal.bob.sub)
    raise_it = partial(raising.raise_dispute, dispute=raised, windows=DEFAULT_WINDOWS)
    assert isinstance(await transactions.move(deal.id, raise_it, dispute_id=quarrel.id), Moved)
    await quarrel.assign()
    by, decision = quarrel.admin.sub, Response.REFUND_TO_REQUESTER
    decide = partial(deciding.decide, by=by, decision=decision, provider_hours=None, resolution="So be it")
    for _ in range(10 * WITHIN):
        if isinstance(moved := await transactions.move(deal.id, decide), Moved):
            break
        await asyncio.sleep(0.1)  # the bus starts the workflow, and that opens the wait
    assert isinstance(moved, Moved)
    await quarrel.reach("status", "RESOLVED", within=WITHIN)
    assert (await deal.look())["status"] == "REJECTED"


async def test_a_disputes_stopped_execution_is_followed_by_the_next(
    deal: Deal, members: Joining, cloud: Cloud
) -> None:
    quarrel = await quarrel_over(deal, members)
    await deal.accepted()
    first = (await quarrel.raise_it())["stepFunctionExecutionArn"]
    await quarrel.heard()
    await quarrel.assign()
    cloud.client("stepfunctions").stop_execution(executionArn=first)
    await quarrel.reach("stepFunctionExecutionArn", f"{first}-r1", within=WITHIN)
    cloud.client("stepfunctions").stop_execution(executionArn=f"{first}-r1")
    await quarrel.decide("DismissDispute")
    make_due(cloud, deal.id)
    sweep(cloud)
    await quarrel.reach("status", "DISMISSED", within=WITHIN)
    await deal.reach("ACCEPTED", WITHIN)
    await deal.mark("markServiceStarted")
    await deal.mark("confirmServiceStart")
    await deal.reach("IN_PROGRESS", WITHIN)


def make_due(cloud: Cloud, request_id: str) -> None:
    """Let a request be due now, as it is some time after an answer."""
    cloud.client("dynamodb").update_item(
        TableName=cloud.names.table(tables.ServiceRequest),
        Key={"id": {"S": request_id}},
        UpdateExpression="SET dueAt = :past",
        ExpressionAttributeValues={":past": {"S": "2020-01-01T00:00:00.000Z"}},
    )


def sweep(cloud: Cloud) -> dict[str, int]:
    """Let the sweep's tick come now."""
    answer = cloud.client("lambda").invoke(FunctionName=cloud.names.function("sweepRequests"), Payload=b"{}")
    found: dict[str, int] = json.load(answer["Payload"])
    return found


async def test_a_request_that_nobody_was_told_of_is_found_by_the_sweep(deal: Deal, cloud: Cloud) -> None:
    """Its row is all there is: no event, no execution, and it is due."""
    request = request_of(deal).moved(clock.now()).due(clock.from_text("2020-01-01T00:00:00.000Z"))
    cloud.client("dynamodb").put_item(
        TableName=cloud.names.table(tables.ServiceRequest), Item=encode(tables.ServiceRequest, request)
    )
    assert sweep(cloud)["seen"] >= 1
    await deal.reach("AWAITING_RESPONSE", WITHIN)


async def test_a_row_that_cannot_be_read_holds_up_no_other(deal: Deal, cloud: Cloud) -> None:
    past = clock.from_text("2020-01-01T00:00:00.000Z")
    broken = encode(tables.ServiceRequest, request_of(deal).moved(clock.now()).due(past))
    broken["id"], broken["status"] = {"S": str(uuid4())}, {"S": "NEITHER"}
    table = cloud.names.table(tables.ServiceRequest)
    cloud.client("dynamodb").put_item(TableName=table, Item=broken)
    assert sweep(cloud)["failed"] >= 1
    assert sweep(cloud)["failed"] == 0
    cloud.client("dynamodb").delete_item(TableName=table, Key={"id": broken["id"]})


async def test_a_stopped_execution_is_followed_by_the_next_generation(deal: Deal, cloud: Cloud) -> None:
    await deal.ask()
    first = (await deal.reach("AWAITING_RESPONSE"))["stepFunctionExecutionArn"]
    deadline = (await deal.look())["expiresAt"]
    cloud.client("stepfunctions").stop_execution(executionArn=first)
    await deal.until(lambda found: found["stepFunctionExecutionArn"] == f"{first}-r1", WITHIN)
    sweep(cloud)
    await deal.respond()
    accepted = await deal.reach("ACCEPTED", WITHIN)
    assert accepted["expiresAt"] != deadline
    old = cloud.client("stepfunctions").describe_execution(executionArn=first)
    assert old["status"] == "ABORTED"


async def test_an_open_wait_keeps_its_first_deadline_and_tells_nobody_again(deal: Deal, cloud: Cloud) -> None:
    await deal.ask()
    before = await deal.reach("AWAITING_RESPONSE")
    told = await deal.told(deal.bob)
    cloud.client("stepfunctions").stop_execution(executionArn=before["stepFunctionExecutionArn"])
    await deal.until(lambda found: found["stepFunctionExecutionArn"].endswith("-r1"), WITHIN)
    after = await deal.look()
    assert (after["status"], after["expiresAt"]) == ("AWAITING_RESPONSE", before["expiresAt"])
    assert await deal.told(deal.bob) == told
