"""Disputes through the API, on the real local cloud: every decision, before and after the payment."""

import asyncio
import json
import time
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.conftest import Cloud, GraphQL, RefusedError, Server, joining, minting
from tests.integration.dispute_client import DisputeClient, new_dispute_client, paid
from tests.integration.request_client import STATUS, Joining, RequestClient, client_on, new_client
from tests.integration.test_requests import HELD, PAID, UNTOUCHED, replayed

Figures = tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]
SPLIT: Figures = ((Decimal("9.25"), Decimal(0)), (Decimal("10.75"), Decimal(0)))


@pytest.fixture
async def disputes(graphql: GraphQL, members: Joining) -> DisputeClient:
    return await new_dispute_client(await new_client(graphql, members), members)


async def refusal(attempt: Awaitable[object]) -> str:
    with pytest.raises(RefusedError) as refused:
        await attempt
    return refused.value.code


def check_logs(cloud: Cloud, client: RequestClient, figures: Figures) -> None:
    for member, figure in zip((client.alice, client.bob), figures, strict=True):
        assert replayed(cloud, member) == figure


@pytest.mark.parametrize(
    ("decision", "share", "status", "reason", "figures"),
    [
        ("RefundToRequester", None, "REJECTED", "DISPUTE_REFUNDED", UNTOUCHED),
        ("PayToProvider", None, "PAID", "DISPUTE_PAID", PAID),
        ("PartialRefund", 0.75, "PAID", "DISPUTE_SPLIT", SPLIT),
    ],
)
async def test_before_the_payment_a_decision_ends_the_request(
    disputes: DisputeClient,
    cloud: Cloud,
    decision: str,
    share: float | None,
    status: str,
    reason: str,
    figures: Figures,
) -> None:
    client = disputes.client
    await client.in_progress()
    raised = await disputes.raise_it()
    assert (raised["status"], raised["statusBefore"], raised["escrowId"]) == ("OPEN", "IN_PROGRESS", None)
    assert raised["stepFunctionExecutionArn"].endswith(f"DisputeResolutionWorkflow:{disputes.id}")
    assert (await client.look())["status"] == "DISPUTED"
    assert await client.all_hours() == HELD
    assert "The weeds are still there" in (await client.messages_to(client.bob))[0]

    resolved = await disputes.settle(decision, share)

    assert (resolved["status"], resolved["decision"], resolved["providerHours"]) == ("RESOLVED", decision, share)
    assert (resolved["resolution"], resolved["adminId"]) == ("So be it", disputes.admin.sub)
    after = await client.look()
    assert (after["status"], after["statusReason"]) == (status, reason)
    assert after["escrow"]["status"] == ("CANCELLED" if status == "REJECTED" else "RELEASED")
    assert await client.all_hours() == figures
    check_logs(cloud, client, figures)
    assert await disputes.exchanges() == [2 if status == "REJECTED" else share or 2]
    for member in (client.alice, client.bob):
        assert any("So be it" in message for message in await client.messages_to(member))
    if status == "PAID":
        await until_messaged(client, "You can rate the service now.")


async def test_progress_and_the_request_lead_to_the_dispute_and_back(disputes: DisputeClient) -> None:
    client = disputes.client
    await client.accepted()
    arn = (await disputes.raise_it())["stepFunctionExecutionArn"]
    await disputes.assign()
    status = (await client.graphql(client.bob.token, STATUS, {"arn": arn}))["getWorkflowStatus"]
    assert (status["requestId"], status["status"]) == (client.id, "DISPUTED")
    assert [(step["name"], step["state"]) for step in status["steps"]][-5:-2] == [
        ("ACCEPTED", "DONE"),
        ("DISPUTED", "CURRENT"),
        ("IN_PROGRESS", "TO_COME"),
    ]
    query = "query Q($id: ID!) { getServiceRequest(id: $id) { status disputes { items { id status } } } }"
    found = (await client.graphql(client.bob.token, query, {"id": client.id}))["getServiceRequest"]
    assert found == {"status": "DISPUTED", "disputes": {"items": [{"id": disputes.id, "status": "UNDER_REVIEW"}]}}
    assert (await disputes.look(client.alice))["request"] == {"id": client.id, "status": "DISPUTED"}


async def until_messaged(client: RequestClient, message: str) -> None:
    end = time.monotonic() + 20
    while message not in (messages := await client.messages_to(client.alice)):
        assert time.monotonic() < end, f"only {messages}"
        await asyncio.sleep(0.05)


async def test_a_dismissal_brings_the_request_back_and_it_goes_on_to_its_payment(
    disputes: DisputeClient, cloud: Cloud
) -> None:
    client = disputes.client
    await client.in_progress()
    before = await client.look()
    await disputes.raise_it(client.bob)
    assert (await disputes.settle("DismissDispute"))["status"] == "DISMISSED"
    back = await client.reach("IN_PROGRESS")
    assert back["expiresAt"] > before["expiresAt"]
    assert back["stepFunctionExecutionArn"] == f"{before['stepFunctionExecutionArn']}-r1"
    assert await client.all_hours() == HELD
    await client.mark("markServiceComplete")
    await client.mark("confirmServiceCompletion")
    await client.reach("PAID")
    assert await client.all_hours() == PAID
    check_logs(cloud, client, PAID)
    machines, interrupted = cloud.client("stepfunctions"), before["stepFunctionExecutionArn"]
    assert machines.describe_execution(executionArn=interrupted)["status"] == "SUCCEEDED"
    history = machines.get_execution_history(executionArn=interrupted, maxResults=1000)
    assert "HandleDispute" in json.dumps(history["events"], default=str)


@pytest.mark.parametrize(
    ("decision", "share", "reason", "figures", "escrow"),
    [
        ("RefundToRequester", None, "DISPUTE_REFUNDED", UNTOUCHED, "RELEASED"),
        ("PayToProvider", None, "DISPUTE_PAID", PAID, "CANCELLED"),
        ("PartialRefund", 0.75, "DISPUTE_SPLIT", SPLIT, "RELEASED"),
        ("DismissDispute", None, None, PAID, "CANCELLED"),
    ],
)
async def test_after_the_payment_a_decision_divides_what_is_held_on_the_provider(
    disputes: DisputeClient,
    cloud: Cloud,
    decision: str,
    share: float | None,
    reason: str | None,
    figures: Figures,
    escrow: str,
) -> None:
    client = disputes.client
    await paid(client)
    raised = await disputes.raise_it()
    assert raised["statusBefore"] == "PAID"
    assert await client.all_hours() == ((Decimal(8), Decimal(0)), (Decimal(10), Decimal(2)))
    assert "2.00 of your hours are held" in (await client.messages_to(client.bob))[0]
    query = "query Q($id: ID!) { getEscrow(id: $id) { escrowType status amount fromUserId toUserId } }"
    held = (await client.graphql(client.bob.token, query, {"id": raised["escrowId"]}))["getEscrow"]
    assert held == {
        "escrowType": "DISPUTE_RESOLUTION",
        "status": "ESCROWED",
        "amount": 2,
        "fromUserId": client.bob.sub,
        "toUserId": client.alice.sub,
    }

    await disputes.settle(decision, share)

    after = await client.look()
    assert (after["status"], after["statusReason"]) == ("PAID", reason)
    assert await client.all_hours() == figures
    check_logs(cloud, client, figures)
    ended = (await client.graphql(client.bob.token, query, {"id": raised["escrowId"]}))["getEscrow"]
    assert (ended["status"], await disputes.exchanges()) == (escrow, [2])


async def test_whatever_is_repeated_gives_what_is_stored(disputes: DisputeClient) -> None:
    client = disputes.client
    await client.accepted()
    raised = await disputes.raise_it(evidence='{"photo": 1}')
    repeated = await disputes.raise_it(evidence='{"photo": 1}')
    # Whoever finds the execution gone starts its successor.
    assert repeated.pop("stepFunctionExecutionArn").startswith(raised.pop("stepFunctionExecutionArn"))
    assert repeated == raised
    assert await refusal(disputes.raise_it(description="other")) == "DynamoDB:ConditionalCheckFailedException"
    assert await refusal(disputes.raise_it(id=str(uuid4()))) == "INVALID_REQUEST_STATUS"
    assert await refusal(disputes.raise_it(client.bob, id=str(uuid4()))) == "INVALID_REQUEST_STATUS"
    assert await disputes.assign() == await disputes.assign()
    decided = await disputes.decide("PartialRefund", 0.5)
    assert await disputes.decide("PartialRefund", 0.5) == decided
    await disputes.reach("status", "RESOLVED")
    assert await disputes.decide("PartialRefund", 0.5) == decided
    assert await refusal(disputes.decide("PartialRefund", 0.75)) == "INVALID_DISPUTE_STATUS"
    assert await refusal(disputes.decide("PayToProvider")) == "INVALID_DISPUTE_STATUS"
    again = await disputes.raise_it(evidence='{"photo": 1}')
    assert (again["id"], again["status"]) == (disputes.id, "RESOLVED")
    assert await client.all_hours() == ((Decimal("9.5"), Decimal(0)), (Decimal("10.5"), Decimal(0)))


async def test_strangers_parties_and_admins_keep_to_their_parts(disputes: DisputeClient, members: Joining) -> None:
    client = disputes.client
    eve, ann = await members("eve"), await members("ann", "admin")
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    assert await refusal(disputes.raise_it()) == "INVALID_REQUEST_STATUS"
    await client.respond()
    await client.reach("ACCEPTED")
    assert await refusal(disputes.raise_it(eve)) == "REQUEST_NOT_FOUND"
    assert await refusal(disputes.raise_it(requestId=str(uuid4()))) == "REQUEST_NOT_FOUND"
    assert await refusal(disputes.raise_it(againstUserId=eve.sub)) == "UNAUTHORIZED_PROVIDER"
    assert await refusal(disputes.raise_it(ann, raisedBy=client.alice.sub)) == "Unauthorized"
    assert await refusal(disputes.raise_it(client.bob, raisedBy=client.alice.sub)) == "Unauthorized"
    assert await refusal(disputes.raise_it(status="RESOLVED")) == "Unauthorized"
    assert await refusal(disputes.raise_it(id="mine")) == "BadRequest"
    assert await refusal(disputes.assign()) == "DISPUTE_NOT_FOUND"
    assert await client.all_hours() == HELD

    await disputes.raise_it()
    assert await refusal(client.end("withdrawServiceRequest", by=client.bob)) == "INVALID_REQUEST_STATUS"
    for member in (client.alice, client.bob, eve):
        assert await refusal(disputes.assign(member)) == "Unauthorized"
        assert await refusal(disputes.decide("PayToProvider", by=member)) == "Unauthorized"
    assert await refusal(disputes.look(eve)) == "Unauthorized"
    assert await refusal(disputes.decide("PayToProvider")) == "UNAUTHORIZED_ADMIN"
    assert await refusal(disputes.delete()) == "INVALID_REQUEST_STATUS"
    await disputes.assign()
    assert await refusal(disputes.decide("PayToProvider", by=ann)) == "UNAUTHORIZED_ADMIN"
    assert await refusal(disputes.decide("PartialRefund")) == "BadRequest"
    assert await refusal(disputes.decide("PartialRefund", 0.001)) == "BadRequest"
    assert await refusal(disputes.decide("PayToProvider", 1)) == "BadRequest"
    assert await refusal(disputes.decide("PartialRefund", 2)) == "INVALID_AMOUNT"
    assert (await disputes.look(client.bob))["status"] == "UNDER_REVIEW"
    await disputes.decide("RefundToRequester")
    await disputes.reach("status", "RESOLVED")
    await disputes.delete()
    assert await refusal(disputes.raise_it()) == "INVALID_REQUEST_STATUS"
    assert await client.all_hours() == UNTOUCHED


async def test_of_two_admins_at_once_one_takes_it_on(disputes: DisputeClient, members: Joining) -> None:
    admins = [disputes.admin, await members("ann", "admin"), await members("abe", "admin")]
    await disputes.client.accepted()
    await disputes.raise_it()
    outcomes = await asyncio.gather(*map(disputes.assign, admins), return_exceptions=True)
    (assigned,) = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    assert {o.code for o in outcomes if isinstance(o, RefusedError)} == {"UNAUTHORIZED_ADMIN"}
    winner = next(admin for admin in admins if admin.sub == assigned["adminId"])

    decisions = [
        ("RefundToRequester", None),
        ("PayToProvider", None),
        ("PartialRefund", 0.75),
        ("DismissDispute", None),
    ]
    tries = [disputes.decide(*decision, by=admin) for decision in decisions for admin in admins]
    results = await asyncio.gather(*tries, return_exceptions=True)
    (decided,) = [result for result in results if isinstance(result, dict)]
    codes = {result.code for result in results if isinstance(result, RefusedError)}
    assert codes == {"UNAUTHORIZED_ADMIN", "INVALID_DISPUTE_STATUS"}
    found = await disputes.reach("status", "RESOLVED", "DISMISSED")
    assert (found["adminId"], found["decision"]) == (winner.sub, decided["decision"])


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.15, 0.3])
async def test_a_dispute_that_races_the_payment_decides_about_the_hours(
    disputes: DisputeClient, cloud: Cloud, pause: float
) -> None:
    client = disputes.client
    await client.in_progress()
    await client.mark("markServiceComplete")

    async def dispute() -> dict[str, Any]:
        await asyncio.sleep(pause)
        return await disputes.raise_it()

    async def confirm() -> str:
        try:
            return str((await client.mark("confirmServiceCompletion"))["status"])
        except RefusedError as refused:
            return refused.code

    confirmed, raised = await asyncio.gather(confirm(), dispute())
    assert raised["statusBefore"] in {"IN_PROGRESS", "COMPLETED", "PAID"}
    if confirmed == "INVALID_STATUS_FOR_COMPLETION":  # the dispute was first
        assert raised["statusBefore"] == "IN_PROGRESS"
    else:
        assert confirmed in {"IN_PROGRESS", "COMPLETED", "DISPUTED", "PAID"}
    await disputes.settle("RefundToRequester")
    assert (await client.look())["status"] == ("PAID" if raised["statusBefore"] == "PAID" else "REJECTED")
    assert await client.all_hours() == UNTOUCHED
    check_logs(cloud, client, UNTOUCHED)


async def test_both_sides_at_once_raise_one(disputes: DisputeClient) -> None:
    client = disputes.client
    await client.accepted()
    other = DisputeClient(client, disputes.admin)
    outcomes = await asyncio.gather(disputes.raise_it(), other.raise_it(client.bob), return_exceptions=True)
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == 1
    assert [outcome.code for outcome in outcomes if isinstance(outcome, RefusedError)] == [
        "INVALID_REQUEST_STATUS"
    ]


async def test_admins_are_told_of_a_dispute_and_again_when_it_is_late(short_windows: Server) -> None:
    async with client_on(short_windows) as client:
        members = joining(client.graphql, minting(short_windows))
        await check_alarms(await new_dispute_client(client, members), Cloud.of(short_windows.directory))


async def check_alarms(disputes: DisputeClient, cloud: Cloud) -> None:
    """Assert that admins are notified when a dispute is raised, and when nobody has decided it in time."""
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    url = sqs.create_queue(QueueName=f"ears-{disputes.id}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    listening = sns.subscribe(TopicArn=cloud.names.admin_topic_arn, Protocol="sqs", Endpoint=arn)
    await disputes.client.accepted()
    await disputes.raise_it()
    late = await disputes.reach("overdueAt")
    assert late["status"] == "OPEN"
    assert await disputes.client.all_hours() == HELD
    notified: set[str] = set()
    end = time.monotonic() + 20
    while notified != {"Admin Decision Requested", "Dispute Decision Overdue"}:
        assert time.monotonic() < end, notified
        answer = await asyncio.to_thread(
            sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for letter in answer.get("Messages", ()):
            event = json.loads(json.loads(letter["Body"])["Message"])
            if event["detail"].get("disputeId") == disputes.id:
                notified.add(event["detail-type"])
    sns.unsubscribe(SubscriptionArn=listening["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=url)
    await disputes.settle("RefundToRequester")
    assert await disputes.client.all_hours() == UNTOUCHED
