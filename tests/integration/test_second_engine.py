"""The template and the five machines on a second engine: moto, which has LocalStack's interpreter of ASL.

Part of the long form, because moto takes five seconds to import and ten to create the stack.
"""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest

from models import clock
from models.ledger.reconciliation import AuditReportStatus
from models.requests.dispute import Dispute, DisputeType
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Response, Step
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.actions.disputes import Disputes
from resolvers.actions.requests import ServiceRequests
from resolvers.composition import AWS_SERVICES
from tests.chaos.simulation.actions import ANSWERS
from tests.integration.polling import SOON
from tests.integration.two_members import TwoMembers
from tests.unit.builders import hours
from workflows.deployment.template.build import build_template, parameters
from workflows.executions.services import Services

# The requester has this long to answer a counter-offer.
pytestmark = pytest.mark.long

NEGOTIATION = timedelta(seconds=3)
SETTINGS = Settings(account="123456789012", stack="second", negotiation_window=NEGOTIATION)
# What moto's CloudFormation cannot make.
NOT_MADE = {
    "AWS::CloudWatch::Alarm",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret",
}


@pytest.fixture(scope="module")
def functions() -> Iterator[Any]:
    """Start moto with the stack in it, and yield the functions, which can be made to fail."""
    engine = importlib.import_module("tests.engines.moto_cloud")
    with engine.moto_cloud(SETTINGS) as functions:
        values = parameters(SETTINGS, code_bucket="code", code_key="code.zip")
        assert engine.create_stack(SETTINGS.stack, build_template(), values) == NOT_MADE
        yield functions


async def comes_true(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON):
        while not await condition():  # noqa: ASYNC110 — no event reports it
            await asyncio.sleep(0.1)


class Exchange:
    """A request between two members of its own, whose workflow runs on the engine."""

    def __init__(self, calls: AsyncCalls) -> None:
        self.services = Services.over(calls, SETTINGS)
        self.members = TwoMembers(calls, SETTINGS.names)
        store, transactions, executions = self.services.store, self.services.transactions, self.services.executions
        self.requests = ServiceRequests(transactions, executions, clock.now)
        self.disputes = Disputes(store, transactions, executions, SETTINGS.windows)
        self.id = ""

    async def begin(self, asked: str = "2") -> None:
        """Let the two join, and one ask the other."""
        (offered,) = await self.members.set_up()
        self.id = await self.members.ask(offered, asked)
        await self.requests.start(self.id, by=self.members.alice)

    async def request(self) -> Request:
        found = await self.services.transactions.read(self.id)
        assert found is not None
        return found

    async def becomes(self, status: RequestStatus) -> Request:
        async def is_there() -> bool:
            return (await self.request()).status is status

        await comes_true(is_there)
        return await self.request()

    async def does(self, *names: str) -> None:
        """Let the two answer, each time once the workflow waits for it."""
        for name in names:
            step, response, terms = ANSWERS[name]
            await self.waits(step)
            by = (
                self.members.bob
                if name in {"accept", "reject", "offer", "start", "finish"}
                else self.members.alice
            )
            moved = await self.requests.answer(self.id, wait=step, by=by, response=response, terms=terms)
            assert isinstance(moved, Request), moved

    async def waits(self, step: Step) -> None:
        async def is_there() -> bool:
            wait = (await self.request()).wait
            return wait is not None and wait.name is step and wait.token is not None

        await comes_true(is_there)


@pytest.fixture
async def exchange(functions: Any) -> AsyncIterator[Exchange]:
    del functions
    async with AsyncCalls(AWS_SERVICES) as calls:
        yield Exchange(calls)


async def succeeded(machine: str, about: str) -> int:
    """Return how many executions of a machine about something have succeeded, once none runs any more."""
    client: Any = boto3.Session().client("stepfunctions")
    arn = SETTINGS.names.state_machine_arn(machine)

    def found() -> list[Any]:
        executions = client.list_executions(stateMachineArn=arn)["executions"]
        described = [client.describe_execution(executionArn=one["executionArn"]) for one in executions]
        return [one for one in described if about in one["executionArn"] + one["input"]]

    async def is_over() -> bool:
        return all(one["status"] != "RUNNING" for one in found())

    await comes_true(is_over)
    assert {one["status"] for one in found()} <= {"SUCCEEDED"}
    return len(found())


async def test_the_happy_path(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.does("accept", "start", "confirm start", "finish", "confirm work")
    await exchange.becomes(RequestStatus.PAID)
    assert await succeeded("ServiceRequestWorkflow", exchange.id) == 1
    assert await succeeded("EscrowManagementWorkflow", exchange.id) == 1
    await exchange.members.audit(alice=("8", "0"), bob=("12", "0"))


async def test_a_refusal_gives_the_hours_back(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.does("reject")
    await exchange.becomes(RequestStatus.REJECTED)
    assert await succeeded("ServiceRequestWorkflow", exchange.id) == 1
    assert await succeeded("EscrowCancellationWorkflow", exchange.id) == 1
    await exchange.members.audit(alice=("10", "0"), bob=("10", "0"))


async def test_too_few_hours_are_a_refusal_and_no_failure(exchange: Exchange) -> None:
    await exchange.begin(asked="11")
    assert (await exchange.becomes(RequestStatus.REJECTED)).status_reason == "INSUFFICIENT_BALANCE"
    assert await succeeded("ServiceRequestWorkflow", exchange.id) == 1
    await exchange.members.audit(alice=("10", "0"), bob=("10", "0"))


async def test_a_timeout_gives_the_hours_back(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.does("offer")
    await exchange.waits(Step.WAIT_FOR_NEGOTIATION_RESPONSE)
    await exchange.becomes(RequestStatus.EXPIRED)
    assert await succeeded("ServiceRequestWorkflow", exchange.id) == 1
    await exchange.members.audit(alice=("10", "0"), bob=("10", "0"))


async def test_a_step_that_fails_is_retried(exchange: Exchange, functions: Any) -> None:
    failed: list[str] = []

    def fail(name: str, event: Any) -> None:
        if name == "createEscrow" and event["requestId"] == exchange.id and len(failed) < 2:
            failed.append(name)
            raise ConnectionError("the network is down")

    functions.fail = fail
    await exchange.begin()
    await exchange.waits(Step.WAIT_FOR_PROVIDER_RESPONSE)
    assert failed == ["createEscrow"] * 2
    await exchange.members.audit(alice=("8", "2"), bob=("10", "0"))


async def test_a_dispute_is_decided(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.does("accept", "start", "confirm start")
    await exchange.waits(Step.WAIT_FOR_COMPLETION)
    dispute = raised(exchange)
    await exchange.disputes.create(dispute)
    await exchange.waits(Step.WAIT_FOR_ADMIN_DECISION)
    await exchange.disputes.assign(dispute.id, by="admin")
    await exchange.disputes.resolve(
        dispute.id,
        by="admin",
        decision=Response.PARTIAL_REFUND,
        provider_hours=hours("0.5"),
        resolution="So be it",
    )
    await exchange.becomes(RequestStatus.PAID)
    assert await succeeded("DisputeResolutionWorkflow", dispute.id) == 1
    # The dispute ended the first; the second one enables the rating.
    assert await succeeded("ServiceRequestWorkflow", exchange.id) == 2
    await exchange.members.audit(alice=("9.5", "0"), bob=("10.5", "0"))


def raised(exchange: Exchange) -> Dispute:
    return Dispute(
        id=str(uuid4()),
        request_id=exchange.id,
        raised_by=exchange.members.alice,
        against_user_id=exchange.members.bob,
        dispute_type=DisputeType.SERVICE_QUALITY,
        description="The weeds are still there",
        created_at=clock.now(),
        updated_at=clock.now(),
    )


async def test_the_books_are_reconciled(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.waits(Step.WAIT_FOR_PROVIDER_RESPONSE)
    called: Any = (
        boto3.Session()
        .client("lambda")
        .invoke(FunctionName=SETTINGS.names.function("startReconciliation"), Payload=json.dumps({}))
    )
    assert "FunctionError" not in called
    assert await succeeded("BalanceReconciliationWorkflow", "") == 1
    report = await exchange.services.reports.last()
    assert report is not None
    assert (report.status, report.discrepancy_count) == (AuditReportStatus.COMPLETED, 0)
    assert report.members_checked >= 2
    assert report.total_hours == report.issued_hours
