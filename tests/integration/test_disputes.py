"""Disputes through the API, on the real local cloud: every decision, before and after the payment."""

import asyncio
import json
import time
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from models.settings import Settings
from tests.integration.conftest import Cloud, GraphQL, RefusedError, Server, joining, minting
from tests.integration.dispute_client import Quarrel, paid, quarrel_over
from tests.integration.request_client import STATUS, Deal, Joining, deal_on, new_deal
from tests.integration.test_requests import HELD, PAID, UNTOUCHED, replayed
from workflows.deployment.local.local_cloud import LocalCloud

Figures = tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]
SPLIT: Figures = ((Decimal("9.25"), Decimal(0)), (Decimal("10.75"), Decimal(0)))


@pytest.fixture
async def quarrel(graphql: GraphQL, members: Joining) -> Quarrel:
    return await quarrel_over(await new_deal(graphql, members), members)


async def refusal(attempt: Awaitable[object]) -> str:
    with pytest.raises(RefusedError) as refused:
        await attempt
    return refused.value.code


def check_logs(cloud: Cloud, deal: Deal, figures: Figures) -> None:
    for member, figure in zip((deal.alice, deal.bob), figures, strict=True):
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
    quarrel: Quarrel,
    cloud: Cloud,
    decision: str,
    share: float | None,
    status: str,
    reason: str,
    figures: Figures,
) -> None:
    deal = quarrel.deal
    await deal.in_progress()
    raised = await quarrel.raise_it()
    assert (raised["status"], raised["statusBefore"], raised["escrowId"]) == ("OPEN", "IN_PROGRESS", None)
    assert raised["stepFunctionExecutionArn"].endswith(f"DisputeResolutionWorkflow:{quarrel.id}")
    assert (await deal.look())["status"] == "DISPUTED"
    assert await deal.all_hours() == HELD
    assert "The weeds are still there" in (await deal.told(deal.bob))[0]

    resolved = await quarrel.settle(decision, share)

    assert (resolved["status"], resolved["decision"], resolved["providerHours"]) == ("RESOLVED", decision, share)
    assert (resolved["resolution"], resolved["adminId"]) == ("So be it", quarrel.admin.sub)
    after = await deal.look()
    assert (after["status"], after["statusReason"]) == (status, reason)
    assert after["escrow"]["status"] == ("CANCELLED" if status == "REJECTED" else "RELEASED")
    assert await deal.all_hours() == figures
    check_logs(cloud, deal, figures)
    assert await quarrel.exchanges() == ([] if status == "REJECTED" else [share or 2])
    for member in (deal.alice, deal.bob):
        assert any("So be it" in message for message in await deal.told(member))
    if status == "PAID":
        await until_told(deal, "You can rate the service now.")


async def test_progress_and_the_request_lead_to_the_dispute_and_back(quarrel: Quarrel) -> None:
    deal = quarrel.deal
    await deal.accepted()
    arn = (await quarrel.raise_it())["stepFunctionExecutionArn"]
    await quarrel.assign()
    status = (await deal.graphql(deal.bob.token, STATUS, {"arn": arn}))["getWorkflowStatus"]
    assert (status["requestId"], status["status"]) == (deal.id, "DISPUTED")
    assert [(step["name"], step["state"]) for step in status["steps"]][-5:-2] == [
        ("ACCEPTED", "DONE"),
        ("DISPUTED", "CURRENT"),
        ("IN_PROGRESS", "TO_COME"),
    ]
    query = "query Q($id: ID!) { getServiceRequest(id: $id) { status disputes { items { id status } } } }"
    found = (await deal.graphql(deal.bob.token, query, {"id": deal.id}))["getServiceRequest"]
    assert found == {"status": "DISPUTED", "disputes": {"items": [{"id": quarrel.id, "status": "UNDER_REVIEW"}]}}
    assert (await quarrel.look(deal.alice))["request"] == {"id": deal.id, "status": "DISPUTED"}


async def until_told(deal: Deal, message: str) -> None:
    end = time.monotonic() + 20
    while message not in (told := await deal.told(deal.alice)):
        assert time.monotonic() < end, f"only {told}"
        await asyncio.sleep(0.05)


async def test_a_dismissal_brings_the_request_back_and_it_goes_on_to_its_payment(
    quarrel: Quarrel, cloud: Cloud
) -> None:
    deal = quarrel.deal
    await deal.in_progress()
    before = await deal.look()
    await quarrel.raise_it(deal.bob)
    assert (await quarrel.settle("DismissDispute"))["status"] == "DISMISSED"
    back = await deal.reach("IN_PROGRESS")
    assert back["expiresAt"] > before["expiresAt"]
    assert back["stepFunctionExecutionArn"] == f"{before['stepFunctionExecutionArn']}-r1"
    assert await deal.all_hours() == HELD
    await deal.mark("markServiceComplete")
    await deal.mark("confirmServiceCompletion")
    await deal.reach("PAID")
    assert await deal.all_hours() == PAID
    check_logs(cloud, deal, PAID)
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
    quarrel: Quarrel,
    cloud: Cloud,
    decision: str,
    share: float | None,
    reason: str | None,
    figures: Figures,
    escrow: str,
) -> None:
    deal = quarrel.deal
    await paid(deal)
    raised = await quarrel.raise_it()
    assert raised["statusBefore"] == "PAID"
    assert await deal.all_hours() == ((Decimal(8), Decimal(0)), (Decimal(10), Decimal(2)))
    assert "2.00 of your hours are held" in (await deal.told(deal.bob))[0]
    query = "query Q($id: ID!) { getEscrow(id: $id) { escrowType status amount fromUserId toUserId } }"
    held = (await deal.graphql(deal.bob.token, query, {"id": raised["escrowId"]}))["getEscrow"]
    assert held == {
        "escrowType": "DISPUTE_RESOLUTION",
        "status": "ESCROWED",
        "amount": 2,
        "fromUserId": deal.bob.sub,
        "toUserId": deal.alice.sub,
    }

    await quarrel.settle(decision, share)

    after = await deal.look()
    assert (after["status"], after["statusReason"]) == ("PAID", reason)
    assert await deal.all_hours() == figures
    check_logs(cloud, deal, figures)
    ended = (await deal.graphql(deal.bob.token, query, {"id": raised["escrowId"]}))["getEscrow"]
    assert (ended["status"], await quarrel.exchanges()) == (escrow, [2])


async def test_whatever_is_repeated_gives_what_is_stored(quarrel: Quarrel) -> None:
    deal = quarrel.deal
    await deal.accepted()
    raised = await quarrel.raise_it(evidence='{"photo": 1}')
    assert await quarrel.raise_it(evidence='{"photo": 1}') == raised
    assert await refusal(quarrel.raise_it(description="other")) == "DynamoDB:ConditionalCheckFailedException"
    assert await refusal(quarrel.raise_it(id=str(uuid4()))) == "INVALID_REQUEST_STATUS"
    assert await refusal(quarrel.raise_it(deal.bob, id=str(uuid4()))) == "INVALID_REQUEST_STATUS"
    assert await quarrel.assign() == await quarrel.assign()
    decided = await quarrel.decide("PartialRefund", 0.5)
    assert await quarrel.decide("PartialRefund", 0.5) == decided
    await quarrel.reach("status", "RESOLVED")
    assert await quarrel.decide("PartialRefund", 0.5) == decided
    assert await refusal(quarrel.decide("PartialRefund", 0.75)) == "INVALID_DISPUTE_STATUS"
    assert await refusal(quarrel.decide("PayToProvider")) == "INVALID_DISPUTE_STATUS"
    again = await quarrel.raise_it(evidence='{"photo": 1}')
    assert (again["id"], again["status"]) == (quarrel.id, "RESOLVED")
    assert await deal.all_hours() == ((Decimal("9.5"), Decimal(0)), (Decimal("10.5"), Decimal(0)))


async def test_strangers_parties_and_admins_keep_to_their_parts(quarrel: Quarrel, members: Joining) -> None:
    deal = quarrel.deal
    eve, ann = await members("eve"), await members("ann", "admin")
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    assert await refusal(quarrel.raise_it()) == "INVALID_REQUEST_STATUS"
    await deal.respond()
    await deal.reach("ACCEPTED")
    assert await refusal(quarrel.raise_it(eve)) == "REQUEST_NOT_FOUND"
    assert await refusal(quarrel.raise_it(requestId=str(uuid4()))) == "REQUEST_NOT_FOUND"
    assert await refusal(quarrel.raise_it(againstUserId=eve.sub)) == "UNAUTHORIZED_PROVIDER"
    assert await refusal(quarrel.raise_it(ann, raisedBy=deal.alice.sub)) == "Unauthorized"
    assert await refusal(quarrel.raise_it(deal.bob, raisedBy=deal.alice.sub)) == "Unauthorized"
    assert await refusal(quarrel.raise_it(status="RESOLVED")) == "Unauthorized"
    assert await refusal(quarrel.raise_it(id="mine")) == "BadRequest"
    assert await refusal(quarrel.assign()) == "DISPUTE_NOT_FOUND"
    assert await deal.all_hours() == HELD

    await quarrel.raise_it()
    assert await refusal(deal.end("withdrawServiceRequest", by=deal.bob)) == "INVALID_REQUEST_STATUS"
    for member in (deal.alice, deal.bob, eve):
        assert await refusal(quarrel.assign(member)) == "Unauthorized"
        assert await refusal(quarrel.decide("PayToProvider", by=member)) == "Unauthorized"
    assert await refusal(quarrel.look(eve)) == "Unauthorized"
    assert await refusal(quarrel.decide("PayToProvider")) == "UNAUTHORIZED_ADMIN"
    assert await refusal(quarrel.delete()) == "INVALID_REQUEST_STATUS"
    await quarrel.assign()
    assert await refusal(quarrel.decide("PayToProvider", by=ann)) == "UNAUTHORIZED_ADMIN"
    assert await refusal(quarrel.decide("PartialRefund")) == "BadRequest"
    assert await refusal(quarrel.decide("PartialRefund", 0.001)) == "BadRequest"
    assert await refusal(quarrel.decide("PayToProvider", 1)) == "BadRequest"
    assert await refusal(quarrel.decide("PartialRefund", 2)) == "INVALID_AMOUNT"
    assert (await quarrel.look(deal.bob))["status"] == "UNDER_REVIEW"
    await quarrel.decide("RefundToRequester")
    await quarrel.reach("status", "RESOLVED")
    await quarrel.delete()
    assert await refusal(quarrel.raise_it()) == "INVALID_REQUEST_STATUS"
    assert await deal.all_hours() == UNTOUCHED


async def test_of_two_admins_at_once_one_takes_it_on(quarrel: Quarrel, members: Joining) -> None:
    admins = [quarrel.admin, await members("ann", "admin"), await members("abe", "admin")]
    await quarrel.deal.accepted()
    await quarrel.raise_it()
    outcomes = await asyncio.gather(*map(quarrel.assign, admins), return_exceptions=True)
    (assigned,) = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    assert {o.code for o in outcomes if isinstance(o, RefusedError)} == {"UNAUTHORIZED_ADMIN"}
    winner = next(admin for admin in admins if admin.sub == assigned["adminId"])

    decisions = [
        ("RefundToRequester", None),
        ("PayToProvider", None),
        ("PartialRefund", 0.75),
        ("DismissDispute", None),
    ]
    tries = [quarrel.decide(*decision, by=admin) for decision in decisions for admin in admins]
    results = await asyncio.gather(*tries, return_exceptions=True)
    (decided,) = [result for result in results if isinstance(result, dict)]
    codes = {result.code for result in results if isinstance(result, RefusedError)}
    assert codes == {"UNAUTHORIZED_ADMIN", "INVALID_DISPUTE_STATUS"}
    found = await quarrel.reach("status", "RESOLVED", "DISMISSED")
    assert (found["adminId"], found["decision"]) == (winner.sub, decided["decision"])


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.15, 0.3])
async def test_a_dispute_that_races_the_payment_decides_about_the_hours(
    quarrel: Quarrel, cloud: Cloud, pause: float
) -> None:
    deal = quarrel.deal
    await deal.in_progress()
    await deal.mark("markServiceComplete")

    async def dispute() -> dict[str, Any]:
        await asyncio.sleep(pause)
        return await quarrel.raise_it()

    async def confirm() -> str:
        try:
            return str((await deal.mark("confirmServiceCompletion"))["status"])
        except RefusedError as refused:
            return refused.code

    confirmed, raised = await asyncio.gather(confirm(), dispute())
    assert raised["statusBefore"] in {"IN_PROGRESS", "COMPLETED", "PAID"}
    if confirmed == "INVALID_STATUS_FOR_COMPLETION":  # the dispute came first
        assert raised["statusBefore"] == "IN_PROGRESS"
    else:
        assert confirmed in {"IN_PROGRESS", "COMPLETED", "DISPUTED", "PAID"}
    await quarrel.settle("RefundToRequester")
    assert (await deal.look())["status"] == ("PAID" if raised["statusBefore"] == "PAID" else "REJECTED")
    assert await deal.all_hours() == UNTOUCHED
    check_logs(cloud, deal, UNTOUCHED)


async def test_both_sides_at_once_raise_one(quarrel: Quarrel) -> None:
    deal = quarrel.deal
    await deal.accepted()
    other = Quarrel(deal, quarrel.admin)
    outcomes = await asyncio.gather(quarrel.raise_it(), other.raise_it(deal.bob), return_exceptions=True)
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == 1
    assert [outcome.code for outcome in outcomes if isinstance(outcome, RefusedError)] == [
        "INVALID_REQUEST_STATUS"
    ]


async def test_admins_are_told_of_a_dispute_and_again_when_it_is_late(hurried: Server) -> None:
    attached = LocalCloud(hurried.directory, Settings())
    attached.attach()
    async with deal_on(hurried) as deal:
        members = joining(deal.graphql, minting(hurried))
        await told_twice(await quarrel_over(deal, members), Cloud(attached.endpoint))


async def told_twice(quarrel: Quarrel, cloud: Cloud) -> None:
    """See that admins are told when a dispute is raised, and when nobody has decided it in time."""
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    url = sqs.create_queue(QueueName=f"ears-{quarrel.id}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    listening = sns.subscribe(TopicArn=cloud.names.admin_topic_arn, Protocol="sqs", Endpoint=arn)
    await quarrel.deal.accepted()
    await quarrel.raise_it()
    late = await quarrel.reach("overdueAt")
    assert late["status"] == "OPEN"
    assert await quarrel.deal.all_hours() == HELD
    heard: set[str] = set()
    end = time.monotonic() + 20
    while heard != {"Admin Decision Requested", "Dispute Decision Overdue"}:
        assert time.monotonic() < end, heard
        answer = await asyncio.to_thread(
            sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for letter in answer.get("Messages", ()):
            event = json.loads(json.loads(letter["Body"])["Message"])
            if event["detail"].get("disputeId") == quarrel.id:
                heard.add(event["detail-type"])
    sns.unsubscribe(SubscriptionArn=listening["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=url)
    await quarrel.settle("RefundToRequester")
    assert await quarrel.deal.all_hours() == UNTOUCHED
