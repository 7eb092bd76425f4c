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
from resolvers.hosting.demo import sub_of
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError, Server
from tests.integration.request_client import UPDATE_SERVICE, Deal, Joining, new_deal
from tests.unit.books import replay

UNTOUCHED = ((Decimal(10), Decimal(0)), (Decimal(10), Decimal(0)))
HELD = ((Decimal(8), Decimal(2)), (Decimal(10), Decimal(0)))
PAID = ((Decimal(8), Decimal(0)), (Decimal(12), Decimal(0)))


@pytest.fixture
async def deal(graphql: GraphQL, members: Joining) -> Deal:
    return await new_deal(graphql, members)


async def test_hours_are_held_and_paid_and_the_logs_replay_to_the_balances(deal: Deal, cloud: Cloud) -> None:
    assert await deal.all_hours() == UNTOUCHED
    await deal.ask()
    awaiting = await deal.reach("AWAITING_RESPONSE")
    assert (awaiting["amount"], awaiting["agreedRate"], awaiting["escrow"]["status"]) == (2, 1, "ESCROWED")
    assert await deal.all_hours() == HELD
    await deal.respond()
    await deal.reach("ACCEPTED")
    await deal.mark("markServiceStarted")
    await deal.mark("confirmServiceStart")
    await deal.reach("IN_PROGRESS")
    assert await deal.all_hours() == HELD
    await deal.mark("markServiceComplete")
    await deal.mark("confirmServiceCompletion")
    paid = await deal.reach("PAID")
    assert paid["escrow"]["status"] == "RELEASED"
    assert await deal.all_hours() == PAID
    for member, figures in zip((deal.alice, deal.bob), PAID, strict=True):
        assert replayed(cloud, member) == figures


def replayed(cloud: Cloud, member: Member) -> tuple[Decimal, Decimal]:
    """Return what a member's log leads to; raises if its chain is broken."""
    found = cloud.client("dynamodb").query(
        TableName=cloud.names.table(tables.TransactionLog),
        IndexName="byUserId",
        KeyConditionExpression="userId = :u",
        ExpressionAttributeValues={":u": {"S": member.sub}},
    )
    entries = [decode(Entry, tables.TransactionLog, item) for item in found["Items"]]
    balance = replay(entries, user_id=member.sub, now=clock.now())
    return balance.available_balance, balance.escrowed_balance


async def test_progress_is_told_with_steps_done_and_to_come(deal: Deal) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    found = await deal.status()
    assert (found["requestId"], found["status"], found["currentStep"]) == (
        deal.id,
        "AWAITING_RESPONSE",
        "WaitForProviderResponse",
    )
    states = [step["state"] for step in found["steps"]]
    assert states == ["DONE"] * 3 + ["CURRENT"] + ["TO_COME"] * 4
    assert all((step["at"] is not None) == (step["state"] != "TO_COME") for step in found["steps"])
    assert found["deadline"] is not None


async def test_progress_is_for_the_two_and_admins(deal: Deal, members: Joining) -> None:
    await deal.ask()
    arn = (await deal.look())["stepFunctionExecutionArn"]
    query = "query Q($arn: String!) { getWorkflowStatus(executionArn: $arn) { status } }"
    for reader in (deal.bob, await members("ada", "admin")):
        assert (await deal.graphql(reader.token, query, {"arn": arn}))["getWorkflowStatus"]
    with pytest.raises(RefusedError) as refused:
        await deal.graphql((await members("eve")).token, query, {"arn": arn})
    assert refused.value.code == "Unauthorized"


async def test_a_rejection_gives_the_hours_back_and_tells_why(deal: Deal) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    await deal.respond("REJECTED", message="I am away.")
    rejected = await deal.reach("REJECTED")
    assert (rejected["statusReason"], rejected["escrow"]["status"]) == ("PROVIDER_REJECTED", "CANCELLED")
    assert await deal.all_hours() == UNTOUCHED
    assert "I am away." in (await deal.told(deal.alice))[0]


async def test_no_answer_in_time_expires_the_request(deal: Deal) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    expired = await deal.reach("EXPIRED")
    assert expired["statusReason"] == "RESPONSE_TIMEOUT"
    assert await deal.all_hours() == UNTOUCHED
    assert (await deal.told(deal.alice))[0] == (await deal.told(deal.bob))[0]


async def test_no_start_in_time_expires_the_request(deal: Deal) -> None:
    await deal.accepted()
    assert (await deal.reach("EXPIRED", within=30))["statusReason"] == "START_TIMEOUT"
    assert await deal.all_hours() == UNTOUCHED


async def test_confirmations_that_never_come_are_given_by_the_clock(deal: Deal) -> None:
    await deal.accepted()
    await deal.mark("markServiceStarted")
    await deal.reach("IN_PROGRESS", within=30)
    await deal.mark("markServiceComplete")
    await deal.reach("PAID", within=30)
    assert await deal.all_hours() == PAID


async def test_the_requester_cancels_before_acceptance(deal: Deal) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    ended = await deal.end("cancelServiceRequest", by=deal.alice, message="It rained.")
    assert (ended["status"], ended["statusReason"]) == ("REJECTED", "REQUESTER_CANCELLED")
    assert await deal.all_hours() == UNTOUCHED
    assert "It rained." in (await deal.told(deal.bob))[0]
    again = await deal.end("cancelServiceRequest", by=deal.alice, message="It rained.")
    assert again == ended
    with pytest.raises(RefusedError) as refused:
        await deal.respond()
    assert refused.value.code == "INVALID_REQUEST_STATUS"


async def test_the_provider_withdraws_after_acceptance(deal: Deal) -> None:
    await deal.in_progress()
    with pytest.raises(RefusedError) as refused:
        await deal.end("cancelServiceRequest", by=deal.alice)
    assert (refused.value.code, refused.value.errors[0]["errorInfo"]["status"]) == (
        "INVALID_REQUEST_STATUS",
        "IN_PROGRESS",
    )
    ended = await deal.end("withdrawServiceRequest", by=deal.bob)
    assert (ended["status"], ended["statusReason"]) == ("REJECTED", "PROVIDER_WITHDREW")
    assert await deal.all_hours() == UNTOUCHED


async def test_too_few_hours(deal: Deal) -> None:
    await deal.ask(10.5)
    assert (await deal.reach("REJECTED"))["statusReason"] == "INSUFFICIENT_BALANCE"
    assert await deal.all_hours() == UNTOUCHED
    assert (await deal.told(deal.alice))[0] == "You have too few hours for this request."
    assert await deal.told(deal.bob) == []


async def test_an_inactive_service(deal: Deal) -> None:
    await deal.graphql(deal.bob.token, UPDATE_SERVICE, {"input": {"id": deal.service_id, "isActive": False}})
    await deal.ask()
    assert (await deal.reach("REJECTED"))["statusReason"] == "SERVICE_NOT_AVAILABLE"


async def test_ones_own_service(deal: Deal) -> None:
    own = Deal(deal.graphql, deal.bob, deal.bob, deal.service_id)
    await own.ask()
    assert (await own.reach("REJECTED"))["statusReason"] == "SELF_REQUEST"


async def test_hours_outside_of_the_services_own(graphql: GraphQL, members: Joining) -> None:
    deal = await new_deal(graphql, members, minBookingHours=3.0)
    await deal.ask(2)
    assert (await deal.reach("REJECTED"))["statusReason"] == "SERVICE_NOT_AVAILABLE"


async def test_a_second_open_request_for_the_same_service(deal: Deal) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    second = deal.again()
    await second.ask()
    assert (await second.reach("REJECTED"))["statusReason"] == "DUPLICATE_REQUEST"
    assert await deal.all_hours() == HELD
    await deal.respond()
    await deal.reach("ACCEPTED")
    third = deal.again()
    await third.ask()
    await third.reach("AWAITING_RESPONSE")


@pytest.mark.parametrize("hours", [0, -1, 0.001, 1e9, 10_000.01, 1e-300])
async def test_hours_that_nobody_can_ask_for(deal: Deal, hours: float) -> None:
    with pytest.raises(RefusedError) as refused:
        await deal.ask(hours)
    assert refused.value.code == "INVALID_AMOUNT"
    assert "estimatedHours" in refused.value.errors[0]["message"]
    assert await deal.look() is None
    assert await deal.all_hours() == UNTOUCHED


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", '"2"', "null", "true"])
async def test_hours_that_are_no_number(deal: Deal, server: Server, literal: str) -> None:
    query = """mutation M($input: CreateServiceRequestInput!) { createServiceRequest(input: $input) { id } }"""
    wish = {
        "serviceId": deal.service_id,
        "requesterId": deal.alice.sub,
        "providerId": deal.bob.sub,
        "status": "INITIATED",
        "estimatedHours": "HOURS",
        "negotiationRound": 0,
    }
    # Written by hand: no JSON library would send most of these.
    body = json.dumps({"query": query, "variables": {"input": wish}}).replace('"HOURS"', literal)
    headers = {"Authorization": deal.alice.token, "content-type": "application/json"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{server.url}/graphql", content=body, headers=headers)
    assert answer.status_code in (200, 400)
    assert "errors" in answer.json()
    assert await deal.all_hours() == UNTOUCHED


async def test_the_same_answer_again_gives_the_stored_result_and_another_one_a_code(deal: Deal) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    first = await deal.respond(message="With pleasure.")
    assert (await deal.respond(message="With pleasure."))["id"] == first["id"]
    with pytest.raises(RefusedError) as refused:
        await deal.respond("REJECTED")
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    await deal.reach("ACCEPTED")
    assert (await deal.respond(message="With pleasure."))["status"] == "ACCEPTED"


async def test_answering_as_somebody_else(deal: Deal, members: Joining) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    for somebody, code in ((deal.alice, "UNAUTHORIZED_PROVIDER"), (await members("eve"), "REQUEST_NOT_FOUND")):
        with pytest.raises(RefusedError) as refused:
            await deal.respond(by=somebody)
        assert refused.value.code == code
    assert (await deal.look())["status"] == "AWAITING_RESPONSE"


async def test_confirming_before_the_mark(deal: Deal) -> None:
    await deal.accepted()
    with pytest.raises(RefusedError, match="not said yet that the work has begun") as refused:
        await deal.mark("confirmServiceStart")
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    with pytest.raises(RefusedError) as refused:
        await deal.mark("markServiceComplete")
    assert refused.value.code == "INVALID_STATUS_FOR_COMPLETION"
    with pytest.raises(RefusedError) as refused:
        await deal.mark("markServiceStarted", by=deal.alice)
    assert refused.value.code == "UNAUTHORIZED_PROVIDER"
    assert (await deal.look())["status"] == "ACCEPTED"


async def test_asking_again_gives_the_stored_request_and_another_content_an_error(deal: Deal) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    assert (await deal.ask())["status"] == "AWAITING_RESPONSE"
    with pytest.raises(RefusedError) as refused:
        await deal.ask(3)
    assert refused.value.code == "DynamoDB:ConditionalCheckFailedException"
    assert await deal.all_hours() == HELD


async def test_only_in_ones_own_name(deal: Deal) -> None:
    with pytest.raises(RefusedError) as refused:
        await deal.ask(requesterId=deal.bob.sub)
    assert refused.value.code == "Unauthorized"


async def test_starting_a_workflow_that_runs_is_no_error(deal: Deal) -> None:
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    start = """mutation M($input: StartServiceRequestWorkflowInput!) {
      startServiceRequestWorkflow(input: $input) { status } }"""
    with pytest.raises(RefusedError) as refused:
        await deal.graphql(deal.bob.token, start, {"input": {"requestId": deal.id}})
    assert refused.value.code == "UNAUTHORIZED_REQUESTER"
    data = await deal.graphql(deal.alice.token, start, {"input": {"requestId": deal.id}})
    assert data["startServiceRequestWorkflow"]["status"] == "AWAITING_RESPONSE"


async def test_an_execution_that_cannot_be_is_of_no_request(deal: Deal) -> None:
    query = "query Q($arn: String!) { getWorkflowStatus(executionArn: $arn) { status } }"
    for arn in ("x", "x-r" + "9" * 5_000, "", "é" * 3_000):
        data = await deal.graphql(deal.alice.token, query, {"arn": arn})
        assert data["getWorkflowStatus"] is None


async def test_a_member_for_whom_hours_are_held_is_not_deleted(deal: Deal, members: Joining) -> None:
    admin = await members("ada", "admin")
    delete = "mutation M($input: DeleteUserInput!) { deleteUser(input: $input) { id } }"
    await deal.accepted()
    for member in (deal.alice, deal.bob):
        with pytest.raises(RefusedError) as refused:
            await deal.graphql(admin.token, delete, {"input": {"id": member.sub}})
        assert refused.value.code == "INVALID_ESCROW_STATUS"
    await deal.end("withdrawServiceRequest", by=deal.bob)
    data = await deal.graphql(admin.token, delete, {"input": {"id": deal.bob.sub}})
    assert data["deleteUser"] == {"id": deal.bob.sub}


async def test_joining_again_gives_the_stored_member_and_no_second_bonus(
    deal: Deal, token_for: Callable[..., str]
) -> None:
    create = "mutation M($input: CreateUserInput!) { createUser(input: $input) { id firstName createdAt } }"
    name = f"twice-{uuid4().hex[:8]}"
    token, sub = token_for(name), sub_of(name)
    profile = {
        "id": sub,
        "email": "twice@example.org",
        "username": name,
        "firstName": "Twice",
        "lastName": "Told",
        "bankHours": 0.0,
        "skills": ["patience"],
        "rating": 0.0,
        "totalTransactions": 0,
    }
    first = await deal.graphql(token, create, {"input": profile})
    assert await deal.graphql(token, create, {"input": profile}) == first
    with pytest.raises(RefusedError) as refused:
        await deal.graphql(token, create, {"input": {**profile, "firstName": "Thrice"}})
    assert refused.value.code == "DynamoDB:ConditionalCheckFailedException"
    with pytest.raises(RefusedError) as refused:
        await deal.graphql(deal.alice.token, create, {"input": {**profile, "id": str(uuid4())}})
    assert refused.value.code == "Unauthorized"
    assert await deal.hours(Member(name, sub, token)) == (Decimal(10), Decimal(0))


async def test_the_id_of_a_deleted_request_is_not_given_again(deal: Deal) -> None:
    delete = "mutation M($input: DeleteServiceRequestInput!) { deleteServiceRequest(input: $input) { id } }"
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    with pytest.raises(RefusedError) as refused:
        await deal.graphql(deal.alice.token, delete, {"input": {"id": deal.id}})
    assert refused.value.code == "INVALID_REQUEST_STATUS"
    await deal.end("cancelServiceRequest", by=deal.alice)
    await deal.graphql(deal.alice.token, delete, {"input": {"id": deal.id}})
    assert await deal.look() is None
    with pytest.raises(RefusedError) as refused:
        await deal.ask()
    assert refused.value.code == "DynamoDB:ConditionalCheckFailedException"
    assert await deal.all_hours() == UNTOUCHED
