"""A request's life through the API, on the real local cloud: every way that it can go."""

import json
from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from models import clock, tables
from models.ledger.entries import Entry
from models.storage.codec import decode
from resolvers.hosting.demo_data import sub_of
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError, Server
from tests.integration.request_client import UPDATE_SERVICE, Joining, RequestClient, client_on, new_client
from tests.unit.books import replay

UNTOUCHED = ((Decimal(10), Decimal(0)), (Decimal(10), Decimal(0)))
HELD = ((Decimal(8), Decimal(2)), (Decimal(10), Decimal(0)))
PAID = ((Decimal(8), Decimal(0)), (Decimal(12), Decimal(0)))


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members)


async def test_hours_are_held_and_paid_and_the_logs_replay_to_the_balances(
    client: RequestClient, cloud: Cloud
) -> None:
    assert await client.all_hours() == UNTOUCHED
    await client.ask()
    awaiting = await client.reach("AWAITING_RESPONSE")
    assert (awaiting["amount"], awaiting["agreedRate"], awaiting["escrow"]["status"]) == (2, 1, "ESCROWED")
    assert await client.all_hours() == HELD
    await client.respond()
    await client.reach("ACCEPTED")
    await client.mark("markServiceStarted")
    await client.mark("confirmServiceStart")
    await client.reach("IN_PROGRESS")
    assert await client.all_hours() == HELD
    await client.mark("markServiceComplete")
    await client.mark("confirmServiceCompletion")
    paid = await client.reach("PAID")
    assert paid["escrow"]["status"] == "RELEASED"
    assert await client.all_hours() == PAID
    for member, figures in zip((client.alice, client.bob), PAID, strict=True):
        assert replayed(cloud, member) == figures


def replayed(cloud: Cloud, member: Member) -> tuple[Decimal, Decimal]:
    """Return the balance that a member's log replays to; raises if its chain is broken."""
    found = cloud.client("dynamodb").query(
        TableName=cloud.names.table(tables.TransactionLog),
        IndexName="byUserId",
        KeyConditionExpression="userId = :u",
        ExpressionAttributeValues={":u": {"S": member.sub}},
    )
    entries = [decode(Entry, tables.TransactionLog, item) for item in found["Items"]]
    balance = replay(entries, user_id=member.sub, now=clock.now())
    return balance.available_balance, balance.escrowed_balance


async def test_progress_is_told_with_steps_done_and_to_come(client: RequestClient) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    found = await client.status()
    assert (found["requestId"], found["status"], found["currentStep"]) == (
        client.id,
        "AWAITING_RESPONSE",
        "WaitForProviderResponse",
    )
    states = [step["state"] for step in found["steps"]]
    assert states == ["DONE"] * 3 + ["CURRENT"] + ["TO_COME"] * 4
    assert all((step["at"] is not None) == (step["state"] != "TO_COME") for step in found["steps"])
    assert found["deadline"] is not None


async def test_progress_is_for_the_two_and_admins(client: RequestClient, members: Joining) -> None:
    await client.ask()
    arn = (await client.look())["stepFunctionExecutionArn"]
    query = "query Q($arn: String!) { getWorkflowStatus(executionArn: $arn) { status } }"
    for reader in (client.bob, await members("ada", "admin")):
        assert (await client.graphql(reader.token, query, {"arn": arn}))["getWorkflowStatus"]
    with pytest.raises(RefusedError) as refused:
        await client.graphql((await members("eve")).token, query, {"arn": arn})
    assert refused.value.code == "Unauthorized"


async def test_a_rejection_gives_the_hours_back_and_tells_why(client: RequestClient) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    await client.respond("REJECTED", message="I am away.")
    rejected = await client.reach("REJECTED")
    assert (rejected["statusReason"], rejected["escrow"]["status"]) == ("PROVIDER_REJECTED", "CANCELLED")
    assert await client.all_hours() == UNTOUCHED
    assert "I am away." in (await client.messages_to(client.alice))[0]


async def test_no_answer_in_time_expires_the_request(short_windows: Server) -> None:
    async with client_on(short_windows) as client:
        await client.ask()
        await client.reach("AWAITING_RESPONSE")
        expired = await client.reach("EXPIRED", within=60)
        assert expired["statusReason"] == "RESPONSE_TIMEOUT"
        assert await client.all_hours() == UNTOUCHED
        assert (await client.messages_to(client.alice))[0] == (await client.messages_to(client.bob))[0]


async def test_no_start_in_time_expires_the_request(short_windows: Server) -> None:
    async with client_on(short_windows) as client:
        await client.accepted()
        assert (await client.reach("EXPIRED", within=60))["statusReason"] == "START_TIMEOUT"
        assert await client.all_hours() == UNTOUCHED


async def test_confirmations_that_never_come_are_given_by_the_clock(short_windows: Server) -> None:
    async with client_on(short_windows) as client:
        await client.accepted()
        await client.mark("markServiceStarted")
        await client.reach("IN_PROGRESS", within=60)
        await client.mark("markServiceComplete")
        await client.reach("PAID", within=60)
        assert await client.all_hours() == PAID


async def test_the_requester_cancels_before_acceptance(client: RequestClient) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    ended = await client.end("cancelServiceRequest", by=client.alice, message="It rained.")
    assert (ended["status"], ended["statusReason"]) == ("REJECTED", "REQUESTER_CANCELLED")
    assert await client.all_hours() == UNTOUCHED
    assert "It rained." in (await client.messages_to(client.bob))[0]
    again = await client.end("cancelServiceRequest", by=client.alice, message="It rained.")
    assert again == ended
    with pytest.raises(RefusedError) as refused:
        await client.respond()
    assert refused.value.code == "INVALID_REQUEST_STATUS"


async def test_the_provider_withdraws_after_acceptance(client: RequestClient) -> None:
    await client.in_progress()
    with pytest.raises(RefusedError) as refused:
        await client.end("cancelServiceRequest", by=client.alice)
    assert (refused.value.code, refused.value.errors[0]["errorInfo"]["status"]) == (
        "INVALID_REQUEST_STATUS",
        "IN_PROGRESS",
    )
    ended = await client.end("withdrawServiceRequest", by=client.bob)
    assert (ended["status"], ended["statusReason"]) == ("REJECTED", "PROVIDER_WITHDREW")
    assert await client.all_hours() == UNTOUCHED


async def test_too_few_hours(client: RequestClient) -> None:
    await client.ask(10.5)
    assert (await client.reach("REJECTED"))["statusReason"] == "INSUFFICIENT_BALANCE"
    assert await client.all_hours() == UNTOUCHED
    assert (await client.messages_to(client.alice))[0] == "You have too few hours for this request."
    assert await client.messages_to(client.bob) == []


async def test_an_inactive_service(client: RequestClient) -> None:
    await client.graphql(client.bob.token, UPDATE_SERVICE, {"input": {"id": client.service_id, "isActive": False}})
    await client.ask()
    assert (await client.reach("REJECTED"))["statusReason"] == "SERVICE_NOT_AVAILABLE"


async def test_ones_own_service(client: RequestClient) -> None:
    own = RequestClient(client.graphql, client.bob, client.bob, client.service_id)
    await own.ask()
    assert (await own.reach("REJECTED"))["statusReason"] == "SELF_REQUEST"


async def test_hours_outside_of_the_services_own(graphql: GraphQL, members: Joining) -> None:
    client = await new_client(graphql, members, minBookingHours=3.0)
    await client.ask(2)
    assert (await client.reach("REJECTED"))["statusReason"] == "SERVICE_NOT_AVAILABLE"


async def test_a_second_open_request_for_the_same_service(client: RequestClient) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    second = client.again()
    await second.ask()
    assert (await second.reach("REJECTED"))["statusReason"] == "DUPLICATE_REQUEST"
    assert await client.all_hours() == HELD
    await client.respond()
    await client.reach("ACCEPTED")
    third = client.again()
    await third.ask()
    await third.reach("AWAITING_RESPONSE")


@pytest.mark.parametrize("hours", [0, -1, 0.001, 1e9, 10_000.01, 1e-300])
async def test_hours_that_nobody_can_ask_for(client: RequestClient, hours: float) -> None:
    with pytest.raises(RefusedError) as refused:
        await client.ask(hours)
    assert refused.value.code == "INVALID_AMOUNT"
    assert "estimatedHours" in refused.value.errors[0]["message"]
    assert await client.look() is None
    assert await client.all_hours() == UNTOUCHED


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", '"2"', "null", "true"])
async def test_hours_that_are_no_number(client: RequestClient, server: Server, literal: str) -> None:
    query = """mutation M($input: CreateServiceRequestInput!) { createServiceRequest(input: $input) { id } }"""
    create_input = {
        "serviceId": client.service_id,
        "requesterId": client.alice.sub,
        "providerId": client.bob.sub,
        "status": "INITIATED",
        "estimatedHours": "HOURS",
        "negotiationRound": 0,
    }
    # Written by hand, because no JSON library would send most of these.
    body = json.dumps({"query": query, "variables": {"input": create_input}}).replace('"HOURS"', literal)
    headers = {"Authorization": client.alice.token, "content-type": "application/json"}
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{server.url}/graphql", content=body, headers=headers)
    assert answer.status_code in (200, 400)
    assert "errors" in answer.json()
    assert await client.all_hours() == UNTOUCHED


async def test_the_same_answer_again_gives_the_stored_result_and_another_one_a_code(client: RequestClient) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    first = await client.respond(message="With pleasure.")
    assert (await client.respond(message="With pleasure."))["id"] == first["id"]
    with pytest.raises(RefusedError) as refused:
        await client.respond("REJECTED")
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    await client.reach("ACCEPTED")
    assert (await client.respond(message="With pleasure."))["status"] == "ACCEPTED"


async def test_answering_as_somebody_else(client: RequestClient, members: Joining) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    for somebody, code in ((client.alice, "UNAUTHORIZED_PROVIDER"), (await members("eve"), "REQUEST_NOT_FOUND")):
        with pytest.raises(RefusedError) as refused:
            await client.respond(by=somebody)
        assert refused.value.code == code
    assert (await client.look())["status"] == "AWAITING_RESPONSE"


async def test_confirming_before_the_mark(client: RequestClient) -> None:
    await client.accepted()
    with pytest.raises(RefusedError, match="not said yet that the work has begun") as refused:
        await client.mark("confirmServiceStart")
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    with pytest.raises(RefusedError) as refused:
        await client.mark("markServiceComplete")
    assert refused.value.code == "INVALID_STATUS_FOR_COMPLETION"
    with pytest.raises(RefusedError) as refused:
        await client.mark("markServiceStarted", by=client.alice)
    assert refused.value.code == "UNAUTHORIZED_PROVIDER"
    assert (await client.look())["status"] == "ACCEPTED"


async def test_asking_again_gives_the_stored_request_and_another_content_an_error(client: RequestClient) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    assert (await client.ask())["status"] == "AWAITING_RESPONSE"
    with pytest.raises(RefusedError) as refused:
        await client.ask(3)
    assert refused.value.code == "DynamoDB:ConditionalCheckFailedException"
    assert await client.all_hours() == HELD


async def test_only_in_ones_own_name(client: RequestClient) -> None:
    with pytest.raises(RefusedError) as refused:
        await client.ask(requesterId=client.bob.sub)
    assert refused.value.code == "Unauthorized"


async def test_starting_a_workflow_that_runs_is_no_error(client: RequestClient) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    start = """mutation M($input: StartServiceRequestWorkflowInput!) {
      startServiceRequestWorkflow(input: $input) { status } }"""
    with pytest.raises(RefusedError) as refused:
        await client.graphql(client.bob.token, start, {"input": {"requestId": client.id}})
    assert refused.value.code == "UNAUTHORIZED_REQUESTER"
    data = await client.graphql(client.alice.token, start, {"input": {"requestId": client.id}})
    assert data["startServiceRequestWorkflow"]["status"] == "AWAITING_RESPONSE"


async def test_an_execution_that_cannot_be_is_of_no_request(client: RequestClient) -> None:
    query = "query Q($arn: String!) { getWorkflowStatus(executionArn: $arn) { status } }"
    for arn in ("x", "x-r" + "9" * 5_000, "", "é" * 3_000):
        data = await client.graphql(client.alice.token, query, {"arn": arn})
        assert data["getWorkflowStatus"] is None


async def test_a_member_for_whom_hours_are_held_is_not_deleted(client: RequestClient, members: Joining) -> None:
    admin = await members("ada", "admin")
    delete = "mutation M($input: DeleteUserInput!) { deleteUser(input: $input) { id } }"
    await client.accepted()
    for member in (client.alice, client.bob):
        with pytest.raises(RefusedError) as refused:
            await client.graphql(admin.token, delete, {"input": {"id": member.sub}})
        assert refused.value.code == "INVALID_ESCROW_STATUS"
    await client.end("withdrawServiceRequest", by=client.bob)
    data = await client.graphql(admin.token, delete, {"input": {"id": client.bob.sub}})
    assert data["deleteUser"] == {"id": client.bob.sub}


async def test_joining_again_gives_the_stored_member_and_no_second_bonus(
    client: RequestClient, token_for: Callable[..., str]
) -> None:
    create = "mutation M($input: CreateUserInput!) { createUser(input: $input) { id firstName createdAt } }"
    name = f"twice-{uuid4().hex[:8]}"
    token, sub = token_for(name), sub_of(name)
    profile = {
        "id": sub,
        "email": f"{name}@example.org",
        "username": name,
        "firstName": "Twice",
        "lastName": "Told",
        "bankHours": 0.0,
        "skills": ["patience"],
        "rating": 0.0,
        "totalTransactions": 0,
    }
    first = await client.graphql(token, create, {"input": profile})
    assert await client.graphql(token, create, {"input": profile}) == first
    assert await client.graphql(token, create, {"input": {**profile, "firstName": "Thrice"}}) == first
    with pytest.raises(RefusedError) as refused:
        await client.graphql(client.alice.token, create, {"input": {**profile, "id": str(uuid4())}})
    assert refused.value.code == "Unauthorized"
    assert await client.hours(Member(name, sub, token)) == (Decimal(10), Decimal(0))


async def test_the_id_of_a_deleted_request_is_not_given_again(client: RequestClient) -> None:
    delete = "mutation M($input: DeleteServiceRequestInput!) { deleteServiceRequest(input: $input) { id } }"
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    with pytest.raises(RefusedError) as refused:
        await client.graphql(client.alice.token, delete, {"input": {"id": client.id}})
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    await client.end("cancelServiceRequest", by=client.alice)
    await client.graphql(client.alice.token, delete, {"input": {"id": client.id}})
    assert await client.look() is None
    with pytest.raises(RefusedError) as refused:
        await client.ask()
    assert refused.value.code == "DynamoDB:ConditionalCheckFailedException"
    assert await client.all_hours() == UNTOUCHED
