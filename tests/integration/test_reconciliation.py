"""Reconciliation on the real local cloud: by the workflow, by the command line, with books right and wrong."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from models import clock, tables
from models.ledger import movements, transfers
from models.ledger.balances import Balance
from models.ledger.entries import post
from models.ledger.movements import TransactionType
from models.ledger.reconciliation import AuditReport, AuditReportStatus
from models.ledger.transfers import Transfer, TransferRequest
from models.storage.async_calls import AsyncCalls
from models.storage.codec import encode
from models.storage.store import Item
from models.transactions.accounts import Accounts
from models.transactions.audits import PAGE
from models.transactions.reports import Reports
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError, Server
from tests.integration.forked_commands import printed
from tests.integration.request_client import Joining
from tests.integration.two_members import TwoMembers, user
from tests.unit.builders import hours
from workflows.executions.reconciliation import MACHINE

SHOWN = """id status startedBy finishedAt membersChecked discrepancyCount totalHours issuedHours
  discrepancies { userId fault entryId message }"""
START = f"mutation {{ it: reconcileBalances {{ {SHOWN} }} }}"
LAST = f"query Q($id: ID) {{ it: getReconciliationReport(id: $id) {{ {SHOWN} }} }}"


@pytest.fixture
async def pair(calls: AsyncCalls, cloud: Cloud) -> TwoMembers:
    return await with_transfers(TwoMembers(calls, cloud.names))


async def with_transfers(pair: TwoMembers) -> TwoMembers:
    """Give Alice four entries: a bonus, and transfers to Bob."""
    await pair.set_up(0)
    accounts = Accounts(pair.store, pair.transactions, clock.now)
    for amount in (1.0, 0.5, 0.25):
        transfer_request = TransferRequest(
            id=str(uuid4()), salt=uuid4().hex, by=pair.alice, is_admin=False, type=TransactionType.TRANSFER,
            amount=amount, from_user_id=pair.alice, to_user_id=pair.bob,
        )  # fmt: skip
        transfer = transfers.build_transfer(transfer_request)
        assert isinstance(transfer, Transfer)
        await accounts.transfer(transfer)
    return pair


@pytest.fixture
async def admin(members: Joining) -> Member:
    return await members("ada", "admin")


@asynccontextmanager
async def corrupted(pair: TwoMembers, table: type[tables.Table], key: str, **changes: Any) -> AsyncIterator[None]:
    """Change a row behind the API, or remove it if no changes are given; restore it afterwards."""
    right = await pair.store.get(table, key, consistent=True)
    assert right is not None
    if changes:
        await pair.store.put(table, right | changes)
    else:
        await pair.store.delete(table, key)
    try:
        yield
    finally:
        await pair.store.put(table, right)


async def run(server: Server, *arguments: str) -> tuple[int, str]:
    """Run a server command beside the server; return its exit code and output."""
    code, output = await asyncio.to_thread(printed, *arguments, HOURBANK_LOCAL=str(server.directory))
    assert "Traceback" not in output, output
    return code, output


async def completed(graphql: GraphQL, admin: Member, report_id: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while True:
        report: dict[str, Any] = (await graphql(admin.token, LAST, {"id": report_id}))["it"]
        if report["status"] == "COMPLETED":
            return report
        assert time.monotonic() < end, report
        await asyncio.sleep(0.1)


async def ended(cloud: Cloud, report_id: str) -> str:
    """Return the final status of a reconciliation's execution."""
    arn = cloud.names.execution_arn(MACHINE, report_id)
    end = time.monotonic() + 20
    while True:
        found = await asyncio.to_thread(cloud.client("stepfunctions").describe_execution, executionArn=arn)
        if found["status"] != "RUNNING":
            return str(found["status"])
        assert time.monotonic() < end
        await asyncio.sleep(0.1)


async def entry_ids(pair: TwoMembers) -> list[str]:
    return [entry.id for entry in sorted(await pair.entries(pair.alice), key=lambda entry: entry.balance_version)]


async def test_right_books_are_found_right_by_the_workflow_and_by_the_command_line(
    graphql: GraphQL, pair: TwoMembers, admin: Member, server: Server
) -> None:
    await pair.store.delete(tables.User, pair.bob)  # his balance is still there
    both = await asyncio.gather(*(graphql(admin.token, START) for _ in range(2)))
    assert both[0]["it"]["id"] == both[1]["it"]["id"]  # one runs at a time
    report = await completed(graphql, admin, both[0]["it"]["id"])
    assert (report["discrepancies"], report["discrepancyCount"]) == ([], 0)
    assert report["membersChecked"] >= 3
    assert report["startedBy"] == admin.sub
    assert report["totalHours"] == report["issuedHours"]
    code, printed = await run(server, "reconcile")
    assert code == 0, printed
    assert f"{report['membersChecked']} members checked, 0 discrepancies" in printed
    code, printed = await run(server, "audit", pair.alice)
    assert (code, "The chain is whole" in printed) == (0, True), printed
    for entry_id in await entry_ids(pair):
        assert entry_id in printed


# What is changed in which of a member's four entries, or in the balance; the fault, and the entry that is named.
WRONGS: list[tuple[int | None, Item, str, int]] = [
    (2, {"amount": {"N": "-7"}}, "BROKEN_CHAIN", 2),
    (1, {}, "BROKEN_CHAIN", 2),
    (3, {}, "MISSING_ENTRY", 3),
    (None, {"availableBalance": {"N": "99"}}, "WRONG_BALANCE", 3),
]


async def test_of_wrong_books_the_very_entry_is_named(
    calls: AsyncCalls, cloud: Cloud, pair: TwoMembers, server: Server
) -> None:
    expected: list[tuple[str, str, str]] = []
    async with AsyncExitStack() as wrongs:
        for index, changes, fault, named in WRONGS:
            wronged = await with_transfers(TwoMembers(calls, cloud.names))
            ids = await entry_ids(wronged)
            table: type[tables.Table] = tables.UserBalance if index is None else tables.TransactionLog
            key = wronged.alice if index is None else ids[index]
            await wrongs.enter_async_context(corrupted(wronged, table, key, **changes))
            expected.append((wronged.alice, fault, ids[named]))
        (code, printed), *audits = await asyncio.gather(
            run(server, "reconcile"), *(run(server, "audit", member) for member, _, _ in expected[1:3])
        )
    assert code == 1
    assert f"{len(WRONGS)} discrepancies" in printed
    rows = [line for line in printed.splitlines() if "#" in line]
    assert len(rows) == len(WRONGS)
    for member, fault, entry in expected:
        (row,) = [row for row in rows if member in row]
        assert fault in row
        assert entry in row
    for (code, printed), (_, fault, entry) in zip(audits, expected[1:3], strict=True):
        assert (code, fault in printed, entry in printed) == (1, True, True), printed
    assert not any(pair.alice in row for row in rows)


def listening(cloud: Cloud) -> str:
    """Return the URL of a queue that receives the admins' notifications."""
    sqs = cloud.client("sqs")
    url: str = sqs.create_queue(QueueName=f"admins-{uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    cloud.client("sns").subscribe(TopicArn=cloud.names.admin_topic_arn, Protocol="sqs", Endpoint=arn)
    return url


def is_notified(cloud: Cloud, queue: str, report_id: str) -> bool:
    """Wait for a report's message in a queue, among others; return whether it came."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)
        if any(report_id in message["Body"] for message in found.get("Messages", ())):
            return True
    return False


async def test_the_workflow_reports_what_is_wrong_and_admins_only_see_it(
    graphql: GraphQL, pair: TwoMembers, admin: Member, members: Joining, cloud: Cloud
) -> None:
    queue = await asyncio.to_thread(listening, cloud)
    ids = await entry_ids(pair)
    async with corrupted(pair, tables.TransactionLog, ids[2], amount={"N": "-7"}):
        report = await completed(graphql, admin, (await graphql(admin.token, START))["it"]["id"])
    assert await ended(cloud, report["id"]) == "SUCCEEDED"
    assert await asyncio.to_thread(is_notified, cloud, queue, report["id"])
    assert await asyncio.to_thread(rings, cloud, "DiscrepanciesAlarm")
    (found,) = report["discrepancies"]
    assert (found["userId"], found["fault"], found["entryId"]) == (pair.alice, "BROKEN_CHAIN", ids[2])
    assert report["discrepancyCount"] == 1
    assert (await graphql(admin.token, LAST))["it"] == report
    assert (await graphql(admin.token, LAST, {"id": str(uuid4())}))["it"] is None
    stranger = await members("eve")
    for query in (START, LAST):
        with pytest.raises(RefusedError) as refused:
            await graphql(stranger.token, query)
        assert refused.value.code == "Unauthorized"
    again = await completed(graphql, admin, (await graphql(admin.token, START))["it"]["id"])
    assert again["id"] != report["id"]
    assert again["discrepancyCount"] == 0


def rings(cloud: Cloud, alarm: str) -> bool:
    """Return whether an alarm of the local cloud rings, by what the functions have emitted, within ten seconds."""
    cloudwatch = cloud.client("cloudwatch")
    for _ in range(50):
        alarms = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        if any(alarm in one["AlarmName"] for one in alarms):
            return True
        time.sleep(0.2)
    return False


def begun() -> AuditReport:
    now = clock.now()
    return AuditReport(id=str(uuid4()), status=AuditReportStatus.RUNNING, created_at=now, updated_at=now)


async def test_a_reconciliation_whose_execution_is_over_gives_way_to_the_next(
    graphql: GraphQL, admin: Member, pair: TwoMembers, cloud: Cloud
) -> None:
    reports, report = Reports(pair.store, pair.transactions, clock.now), begun()
    client, machine = cloud.client("stepfunctions"), cloud.names.state_machine_arn(MACHINE)
    early = json.dumps({"reportId": report.id, "page": 0, "results": []})
    await asyncio.to_thread(client.start_execution, stateMachineArn=machine, name=report.id, input=early)
    await ended(cloud, report.id)  # its execution found no report
    await reports.begin(report, instead_of=await reports.running())
    assert (await graphql(admin.token, LAST, {"id": "running"}))["it"] is None  # the marker row is not a report
    following = (await graphql(admin.token, START))["it"]
    assert following["id"] != report.id
    assert (await completed(graphql, admin, following["id"]))["discrepancyCount"] == 0


async def test_a_reconciliation_whose_server_died_before_it_began_is_begun(
    graphql: GraphQL, admin: Member, pair: TwoMembers
) -> None:
    reports, report = Reports(pair.store, pair.transactions, clock.now), begun()
    await reports.begin(report, instead_of=await reports.running())
    assert (await graphql(admin.token, START))["it"]["id"] == report.id
    assert (await completed(graphql, admin, report.id))["discrepancyCount"] == 0


async def test_nobody_is_told_of_in_a_line(server: Server, pair: TwoMembers) -> None:
    code, printed = await run(server, "audit", f"nobody-{uuid4()}")
    assert code == 1
    assert printed.startswith("There is no member nobody-")
    await pair.set_up(0)


async def long_log(pair: TwoMembers, entries: int) -> None:
    """Give a member a log of many entries, as that many transfers would."""
    balance, log = Balance.empty(pair.alice, clock.now()), list[Item]()
    for number in range(entries):
        issued = movements.issue(
            cause=f"{pair.alice}-{number}", user_id=pair.alice, amount=hours("0.01"),
            type=TransactionType.ADMIN_ADJUSTMENT, description="A drop",
        )  # fmt: skip
        posted = post(balance, issued.legs[0], issued, now=clock.now())
        assert isinstance(posted, tuple)
        balance, entry = posted
        log.append(encode(tables.TransactionLog, entry))
    for start in range(0, entries, 100):
        await asyncio.gather(*(pair.store.put(tables.TransactionLog, item) for item in log[start : start + 100]))
    await pair.store.put(tables.UserBalance, encode(tables.UserBalance, balance))
    await pair.store.put(tables.User, user(pair.alice))


@pytest.mark.long
async def test_a_long_log_is_read_page_by_page(calls: AsyncCalls, cloud: Cloud, server: Server) -> None:
    pair = TwoMembers(calls, cloud.names)
    await long_log(pair, PAGE + 50)
    code, printed = await run(server, "audit", pair.alice)
    assert (code, "The chain is whole" in printed) == (0, True)
