"""What goes on although the process that should have continued it died: by the bus, the sweep, a resumption."""

import asyncio
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
from models.storage.async_calls import AsyncCalls
from models.storage.codec import encode
from models.storage.store import Store
from models.transactions.moves import Moved, Transactions
from tests.integration.conftest import Cloud, GraphQL
from tests.integration.dispute_client import new_dispute_client
from tests.integration.request_client import Joining, RequestClient, new_client
from tests.unit.builders import make_dispute

WITHIN = 30


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members, responseWindowHours=2)


@pytest.fixture
async def transactions(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Transactions]:
    """Yield transactions that write as a mutation does, without its later calls."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    async with AsyncCalls(["dynamodb"]) as calls:
        yield Transactions(Store(calls, cloud.names), clock.now)


def request_of(client: RequestClient) -> Request:
    return Request(
        id=client.id,
        service_id=client.service_id,
        requester_id=client.alice.sub,
        provider_id=client.bob.sub,
        status=RequestStatus.INITIATED,
        estimated_hours=Hours("2.00"),
        created_at=clock.now(),
        updated_at=clock.now(),
    )


async def test_a_submitted_request_whose_workflow_was_not_started_is_started_by_the_bus(
    client: RequestClient, transactions: Transactions
) -> None:
    assert isinstance(await transactions.create(request_of(client), answers.create), Moved)
    await client.reach("AWAITING_RESPONSE", WITHIN)


async def test_an_answer_whose_workflow_was_not_told_is_handed_over_by_the_bus(
    client: RequestClient, transactions: Transactions
) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    wait = Step.WAIT_FOR_PROVIDER_RESPONSE
    accept = partial(answers.answer, wait=wait, by=client.bob.sub, response=Response.ACCEPTED)
    assert isinstance(await transactions.move(client.id, accept), Moved)
    await client.reach("ACCEPTED", WITHIN)


async def test_a_dispute_whose_workflow_was_not_started_and_a_decision_that_was_not_told_of(
    client: RequestClient, members: Joining, transactions: Transactions
) -> None:
    disputes = await new_dispute_client(client, members)
    await client.accepted()
    raised = make_dispute(client.alice.sub, id=disputes.id, request_id=client.id, against_user_id=client.bob.sub)
    raise_it = partial(raising.raise_dispute, dispute=raised, windows=DEFAULT_WINDOWS)
    assert isinstance(await transactions.move(client.id, raise_it, dispute_id=disputes.id), Moved)
    await disputes.assign()
    by, decision = disputes.admin.sub, Response.REFUND_TO_REQUESTER
    decide = partial(deciding.decide, by=by, decision=decision, provider_hours=None, resolution="So be it")
    for _ in range(10 * WITHIN):
        if isinstance(moved := await transactions.move(client.id, decide), Moved):
            break
        await asyncio.sleep(0.1)  # the bus starts the workflow, and that opens the wait
    assert isinstance(moved, Moved)
    await disputes.reach("status", "RESOLVED", within=WITHIN)
    assert (await client.look())["status"] == "REJECTED"


async def test_a_disputes_stopped_execution_is_followed_by_the_next(
    client: RequestClient, members: Joining, cloud: Cloud
) -> None:
    disputes = await new_dispute_client(client, members)
    await client.accepted()
    first = (await disputes.raise_it())["stepFunctionExecutionArn"]
    await disputes.await_admin()
    await disputes.assign()
    cloud.client("stepfunctions").stop_execution(executionArn=first)
    await disputes.reach("stepFunctionExecutionArn", f"{first}-r1", within=WITHIN)
    cloud.client("stepfunctions").stop_execution(executionArn=f"{first}-r1")
    await disputes.decide("DismissDispute")
    make_due(cloud, client.id)
    sweep(cloud)
    await disputes.reach("status", "DISMISSED", within=WITHIN)
    await client.reach("ACCEPTED", WITHIN)
    await client.mark("markServiceStarted")
    await client.mark("confirmServiceStart")
    await client.reach("IN_PROGRESS", WITHIN)


def make_due(cloud: Cloud, request_id: str) -> None:
    """Make a request due now, as it is some time after an answer."""
    cloud.client("dynamodb").update_item(
        TableName=cloud.names.table(tables.ServiceRequest),
        Key={"id": {"S": request_id}},
        UpdateExpression="SET dueAt = :past",
        ExpressionAttributeValues={":past": {"S": "2020-01-01T00:00:00.000Z"}},
    )


def sweep(cloud: Cloud) -> None:
    """Run the sweep now; it may find less than is due, because the cloud's own sweep runs every minute."""
    answer = cloud.client("lambda").invoke(FunctionName=cloud.names.function("sweepRequests"), Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()


async def test_a_request_that_nobody_was_told_of_is_found_by_the_sweep(
    client: RequestClient, cloud: Cloud
) -> None:
    """Only its row exists, which is due: no event, no execution."""
    request = request_of(client).moved(clock.now()).due(clock.from_text("2020-01-01T00:00:00.000Z"))
    cloud.client("dynamodb").put_item(
        TableName=cloud.names.table(tables.ServiceRequest), Item=encode(tables.ServiceRequest, request)
    )
    sweep(cloud)
    await client.reach("AWAITING_RESPONSE", WITHIN)


async def test_a_row_that_cannot_be_read_holds_up_no_other(client: RequestClient, cloud: Cloud) -> None:
    past = clock.from_text("2020-01-01T00:00:00.000Z")
    readable = encode(tables.ServiceRequest, request_of(client).moved(clock.now()).due(past))
    broken = readable | {"id": {"S": str(uuid4())}, "status": {"S": "NEITHER"}}
    table, key = cloud.names.table(tables.ServiceRequest), {"id": broken["id"]}
    for row in (broken, readable):
        cloud.client("dynamodb").put_item(TableName=table, Item=row)
    sweep(cloud)
    await client.reach("AWAITING_RESPONSE", WITHIN)
    left = cloud.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    assert left["dueAt"]["S"] > clock.to_text(clock.now()), "it is put off"
    cloud.client("dynamodb").delete_item(TableName=table, Key=key)


async def test_a_stopped_execution_is_followed_by_the_next_generation(client: RequestClient, cloud: Cloud) -> None:
    await client.ask()
    first = (await client.reach("AWAITING_RESPONSE"))["stepFunctionExecutionArn"]
    deadline = (await client.look())["expiresAt"]
    cloud.client("stepfunctions").stop_execution(executionArn=first)
    await client.until(lambda found: found["stepFunctionExecutionArn"] == f"{first}-r1", WITHIN)
    sweep(cloud)
    await client.respond()
    accepted = await client.reach("ACCEPTED", WITHIN)
    assert accepted["expiresAt"] != deadline
    old = cloud.client("stepfunctions").describe_execution(executionArn=first)
    assert old["status"] == "ABORTED"


async def test_an_open_wait_keeps_its_first_deadline_and_tells_nobody_again(
    client: RequestClient, cloud: Cloud
) -> None:
    await client.ask()
    before = await client.reach("AWAITING_RESPONSE")
    messages = await client.messages_to(client.bob)
    cloud.client("stepfunctions").stop_execution(executionArn=before["stepFunctionExecutionArn"])
    await client.until(lambda found: found["stepFunctionExecutionArn"].endswith("-r1"), WITHIN)
    after = await client.look()
    assert (after["status"], after["expiresAt"]) == ("AWAITING_RESPONSE", before["expiresAt"])
    assert await client.messages_to(client.bob) == messages
