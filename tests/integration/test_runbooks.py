"""Each runbook, after the failure that it is for: its commands are run in their order, and then all is well."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from models import tables
from models.requests.recovery import RESUMED_FOR
from models.settings import Settings
from resolvers.hosting.demo_data import sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.engines.running import created_tables
from tests.integration.conftest import LOCAL_TOKENS, REPOSITORY, STREAMS, Cloud, GraphQL, Server, free_port
from tests.integration.dispute_client import DisputeClient, new_dispute_client
from tests.integration.quick_commands import quick_commands
from tests.integration.request_client import Joining, RequestClient, new_client
from tests.integration.runbooks import FOLDER, PREPARATION, Runbook, Shell, blocks_of, environment, opened
from tests.integration.test_dead_letters import Rows, until_true
from tests.integration.test_migration import FormerApp
from tests.integration.test_requests import PAID, UNTOUCHED
from tests.unit.former_world import FormerWorld
from workflows.console.status.readings import Runbook as Mending
from workflows.deployment.contents import hourbank
from workflows.deployment.template.service.build import build_service_template

# The tests of runbooks, each of which has a runbook's name.
TESTS = [REPOSITORY / "tests" / "integration" / f"test_{name}.py" for name in ("runbooks", "release_runbooks")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with quick_commands(tmp_path_factory.mktemp("shell")) as made:
        yield made


@pytest.fixture
def shell(server: Server, folder: Path) -> Shell:
    """Return a person's shell beside the running server, prepared as the runbooks' first page says."""
    preparation, functions = blocks_of(PREPARATION)
    prepared = Shell(folder, environment(server.directory, server.port))
    (folder / "variables.sh").write_text("")
    done = prepared.run(preparation.text)
    assert done.returncode == 0, done.stdout
    prepared.functions = functions.text
    return prepared


@pytest.fixture
def book(request: pytest.FixtureRequest, shell: Shell) -> Iterator[Runbook]:
    """Yield the runbook of a test, beside the running server."""
    yield from opened(request.function.__name__, shell)


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members)


@pytest.fixture
async def disputes(client: RequestClient, members: Joining) -> DisputeClient:
    return await new_dispute_client(client, members)


def test_every_runbook_is_run_here_and_leads_to_pages_that_there_are() -> None:
    pages = {path.stem: path.read_text() for path in FOLDER.glob("*.md")}
    tests = "".join(path.read_text() for path in TESTS)
    for name in pages.keys() - {PREPARATION}:
        assert f"def test_{name.replace('-', '_')}(" in tests, f"{name}.md is run by no test"
        assert f"]({name}.md)" in pages[PREPARATION], f"{name}.md is not listed"
    assert {mending.value for mending in Mending} <= pages.keys()
    for name, text in pages.items():
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (FOLDER / link).exists(), f"{name}.md: {link}"


def test_every_alarm_is_a_symptom() -> None:
    rows = re.findall(r"^\| alarm: (.+?) \|.*\]\(", (FOLDER / "troubleshooting.md").read_text(), re.MULTILINE)
    symptoms = [re.compile(".+".join(map(re.escape, row.split("…")))) for row in rows]
    for template in (hourbank().template(), build_service_template()):
        for one in template["Resources"].values():
            if one["Type"] == "AWS::CloudWatch::Alarm":
                said = one["Properties"]["AlarmDescription"]
                assert any(symptom.fullmatch(said) for symptom in symptoms), f"troubleshooting.md lacks: {said}"


async def test_redrive(book: Runbook, client: RequestClient, cloud: Cloud) -> None:
    await client.ask()
    arn = (await client.reach("AWAITING_RESPONSE"))["stepFunctionExecutionArn"]
    # Its executions have failed for a while: nothing but a person looks after it within the hour.
    Rows(cloud).failing(client.id, since=timedelta(0), due=timedelta(hours=1))
    await asyncio.to_thread(cloud.client("stepfunctions").stop_execution, executionArn=arn, error="OutOfOrder")
    await asyncio.to_thread(put_letter, cloud, client.id)

    printed = await asyncio.to_thread(book.run, "Look first", REQUEST_ID=client.id)
    assert re.search(rf"{client.id}.*WaitForProviderResponse.*OutOfOrder", printed)
    assert re.search("ServiceRequestWorkflow.*ABORTED", printed)
    assert f"{client.id} restarted" in await asyncio.to_thread(book.run, "Steps")
    await asyncio.to_thread(book.wait, "Mended when")
    await client.until(lambda found: found["stepFunctionExecutionArn"] == f"{arn}-r1", within=20)
    await client.respond()
    await client.reach("ACCEPTED")


def put_letter(cloud: Cloud, request_id: str) -> None:
    """Put a dead letter about a request in the queue, as the state machine does."""
    sqs = cloud.client("sqs")
    queue = sqs.get_queue_url(QueueName=cloud.names.dead_letter_queue)["QueueUrl"]
    said = {"requestId": request_id, "generation": 0, "step": "WaitForProviderResponse", "error": "OutOfOrder"}
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(said))


async def test_reconcile(book: Runbook, client: RequestClient, cloud: Cloud) -> None:
    Rows(cloud).change(tables.UserBalance, client.alice.sub, "SET availableBalance = :hours", hours={"N": "99"})
    member = client.alice.sub
    printed = await asyncio.to_thread(book.run, "Look first", MEMBER=member)
    assert re.search(rf"{member}.*WRONG_BALANCE", printed)
    said = {"AVAILABLE": 10, "HELD": 0, "TOTAL": 10, "VERSION": 1}
    await asyncio.to_thread(book.run, "Steps", MEMBER=member, **said)
    assert "The chain is whole" in await asyncio.to_thread(book.run, "Mended when", MEMBER=member)
    assert await client.all_hours() == UNTOUCHED


async def given_up(client: RequestClient, cloud: Cloud) -> str:
    """Let an accepted request's executions have failed for a day; return the ARN of the last one."""
    await client.accepted()
    Rows(cloud).failing(client.id, since=RESUMED_FOR + timedelta(hours=1), due=timedelta(hours=-1))
    arn = str((await client.look())["stepFunctionExecutionArn"])
    await asyncio.to_thread(cloud.client("stepfunctions").stop_execution, executionArn=arn)
    await until_true(lambda: is_given_up(cloud, client.id))
    return arn


def is_given_up(cloud: Cloud, request_id: str) -> bool:
    """Return whether nothing looks after a request any more."""
    name = cloud.names.table(tables.ServiceRequest)
    row = cloud.client("dynamodb").get_item(TableName=name, Key={"id": {"S": request_id}}, ConsistentRead=True)
    return "dueAt" not in row["Item"]


async def test_stuck_request(book: Runbook, client: RequestClient, cloud: Cloud) -> None:
    arn = await given_up(client, cloud)
    asked = {"REQUEST_ID": client.id, "EXECUTION": arn}
    printed = await asyncio.to_thread(book.run, "Look first", **asked)
    assert "ABORTED" in printed
    assert f"{client.id} restarted" in await asyncio.to_thread(book.run, "Let it go on", **asked)
    await asyncio.to_thread(book.wait, "Mended when it goes on", **asked)
    await client.mark("markServiceStarted")

    other = client.again()
    await given_up(other, cloud)
    asked = {"REQUEST_ID": other.id, "ESCROW_ID": (await other.look())["escrowId"]}
    await asyncio.to_thread(book.run, "End it", **asked)
    await asyncio.to_thread(book.wait, "Mended when it has ended", **asked)
    assert (await other.look())["status"] == "REJECTED"
    assert await client.hours(client.alice) == (Decimal(8), Decimal(2))


async def test_stuck_dispute(book: Runbook, disputes: DisputeClient) -> None:
    await disputes.client.in_progress()
    await disputes.raise_it()
    await disputes.await_admin()
    asked = {"DISPUTE_ID": disputes.id}
    printed = await asyncio.to_thread(book.run, "Look first", **asked)
    assert disputes.client.id in printed
    assert "The weeds are still there" in printed
    decided = {"DECISION": "PayToProvider", "WHY": "The garden is done"}
    await asyncio.to_thread(book.run, "Steps", **asked, **decided)
    assert "PAID" in await asyncio.to_thread(book.wait, "Mended when", **asked)
    assert await disputes.client.all_hours() == PAID


async def test_account_lock(book: Runbook, client: RequestClient) -> None:
    asked = {"MEMBER": client.alice.sub, "WHY": "Somebody else has the password", "USERNAME": "alice"}
    await asyncio.to_thread(book.run, "Look first", **asked)
    await asyncio.to_thread(book.run, "Steps", **asked, USER_POOL="eu-west-1_AbCdEfGhI")
    await asyncio.to_thread(book.wait, "Mended when", **asked)
    await client.ask()
    assert (await client.reach("REJECTED"))["statusReason"] == "USER_NOT_ACTIVE"
    await asyncio.to_thread(book.run, "Way back", **asked)
    again = client.again()
    await again.ask()
    await again.reach("AWAITING_RESPONSE")


class Moved:
    """What a member's log says, so that an entry can be damaged behind the API."""

    def __init__(self, cloud: Cloud, member: str) -> None:
        self._client, self._table = cloud.client("dynamodb"), cloud.names.table(tables.TransactionLog)
        self._member = member

    def entry(self) -> str:
        """Return the id of the member's first entry."""
        found = self._client.query(
            TableName=self._table,
            IndexName="byUserId",
            KeyConditionExpression="userId = :member",
            ExpressionAttributeValues={":member": {"S": self._member}},
        )
        return str(found["Items"][0]["id"]["S"])

    def remove(self, entry: str) -> None:
        self._client.delete_item(TableName=self._table, Key={"id": {"S": entry}})


@pytest.fixture
async def entry(client: RequestClient, cloud: Cloud) -> str:
    """Return the id of the entry that Alice's hours came by."""
    return await asyncio.to_thread(Moved(cloud, client.alice.sub).entry)


@pytest.mark.long
async def test_restore(book: Runbook, client: RequestClient, cloud: Cloud, entry: str) -> None:
    backup = {"BACKUP": f"before-{client.id}"}
    await asyncio.to_thread(Runbook("maintenance", book.shell).run, "Back up what holds hours", **backup)
    Moved(cloud, client.alice.sub).remove(entry)
    printed = await asyncio.to_thread(book.run, "Look first")
    assert re.search(rf"{client.alice.sub}.*MISSING_ENTRY", printed)
    assert backup["BACKUP"] in printed
    moment = {"MOMENT": "2026-11-30T10:00:00Z", "RESTORED": "hourbank-restored"}
    await asyncio.to_thread(book.run, "Restore to a moment", **moment)
    await asyncio.to_thread(book.run, "Restore from backups", **backup)
    assert "0 discrepancies" in await asyncio.to_thread(book.run, "Prove the restored books")
    await asyncio.to_thread(book.run, "Put the rows back", ENTRY=entry)
    await asyncio.to_thread(book.run, "Mended when")
    await client.accepted()


@pytest.mark.long
async def test_maintenance(book: Runbook, client: RequestClient, cloud: Cloud) -> None:
    def states() -> set[str]:
        return {one["State"] for one in cloud.client("scheduler").list_schedules()["Schedules"]}

    service = {"SERVICE": "hourbank-prod-service-Service-AbCdEf"}
    await asyncio.to_thread(book.run, "Look first")
    before = cloud.client("scheduler").get_schedule(Name=f"{cloud.names.stack}-sweepRequests")
    await asyncio.to_thread(book.run, "Stop the servers", **service)
    await asyncio.to_thread(book.run, "Stop the schedules")
    assert states() == {"DISABLED"}
    await asyncio.to_thread(book.run, "Back up what holds hours", BACKUP=f"work-{client.id}")
    await asyncio.to_thread(book.run, "Start the schedules")
    await asyncio.to_thread(book.run, "Start the servers", **service)
    assert "ready" in await asyncio.to_thread(book.wait, "Mended when")
    after = cloud.client("scheduler").get_schedule(Name=f"{cloud.names.stack}-sweepRequests")
    assert {**after, "ResponseMetadata": 0, "LastModificationDate": 0} == {
        **before,
        "ResponseMetadata": 0,
        "LastModificationDate": 0,
    }


async def test_troubleshooting(book: Runbook, client: RequestClient) -> None:
    await client.accepted()
    printed = await asyncio.to_thread(book.run, "Look first", REQUEST_ID=client.id, ANSWER_ID="7b0e0f6c")
    assert "alive" in printed
    assert '"ready"' in printed
    assert "reconciliation" in printed
    assert f"request {client.id}  ACCEPTED" in printed


async def test_migration(book: Runbook, server: Server, aws: Cloud, tmp_path: Path) -> None:
    names = Settings(stack=f"moved{uuid4().hex[:8]}").names
    with ExitStack() as stack:
        stack.enter_context(created_tables(names))
        former = FormerApp(aws, server, names, tmp_path)
        world = FormerWorld(seed=7, members=30)
        await asyncio.to_thread(former.deploy, world)
        stack.callback(former.drop)
        asked = {"APP": former.app, "HOURBANK_STACK": names.stack}
        assert f"{len(world.hours)} " in await asyncio.to_thread(book.run, "Look first", **asked)
        await asyncio.to_thread(book.run, "Copy the rows", **asked)
        assert former.held() == 0
        await asyncio.to_thread(book.run, "Move a share", **asked)
        await asyncio.to_thread(book.run, "Move everybody", **asked)
        assert former.held() == len(world.hours)
        assert "Both apps agree." in await asyncio.to_thread(book.run, "Mended when", **asked)
        await asyncio.to_thread(book.run, "Way back", **asked)
        assert former.held() == 0


class KeyHolder:
    """An application with a key, a member with a token, and a list that both have begun to read."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"

    def status(self, **headers: str) -> int:
        """Return the status of the answer to whoever sends these headers."""
        return httpx.post(self._url, json={"query": "{ __typename }"}, headers=headers).status_code

    def page(self, token: str, after: str | None) -> Any:
        """Return the errors and the next token of a page."""
        query = "query Q($after: String) { listServices(limit: 1, nextToken: $after) { nextToken } }"
        sent = {"query": query, "variables": {"after": after}}
        return httpx.post(self._url, json=sent, headers={"Authorization": token}).json()


OLD_KEY = "an-old-key-of-an-application"
START = """
PORT="$SERVER_PORT" .venv/bin/python server.py serve --aws >> server.log 2>&1 &
SERVER=$!
until curl --silent --fail "http://127.0.0.1:$SERVER_PORT/readyz"; do sleep 0.2; done
"""


@pytest.fixture
def own_port(book: Runbook, server: Server, tmp_path: Path) -> Iterator[int]:
    """Yield the port of a server of the test's own, with an application's key, beside the running one."""
    del server
    port = free_port()
    settings = {**STREAMS, **LOCAL_TOKENS, "HOURBANK_API_KEYS": OLD_KEY, "HOURBANK_LOCAL": str(tmp_path)}
    started = book.shell.run(START, SERVER_PORT=str(port), **settings)
    assert started.returncode == 0, started.stdout
    yield port
    book.shell.run('kill -TERM "$SERVER"')


@pytest.mark.long
def test_rotate_keys(book: Runbook, own_port: int, tmp_path: Path) -> None:
    holder, token = KeyHolder(own_port), LocalIssuer(tmp_path).mint(sub_of("alice"), "alice")
    after = holder.page(token, None)["data"]["listServices"]["nextToken"]
    assert "errors" not in holder.page(token, after)
    assert (holder.status(**{"x-api-key": OLD_KEY}), holder.status(Authorization=token)) == (200, 200)

    book.run("Look first")
    book.run("A new page secret")
    book.run("New API keys", OLD_KEY=OLD_KEY)
    book.run("A new issuer of this machine")
    book.run("Restart the servers", SERVICE="hourbank-prod-service-Service-AbCdEf")
    book.run("Mended when")
    assert (holder.status(**{"x-api-key": OLD_KEY}), holder.status(Authorization=token)) == (200, 401)
    anew = LocalIssuer(tmp_path).mint(sub_of("alice"), "alice")
    assert "errors" not in holder.page(anew, None)
    assert "nextToken" in str(holder.page(anew, after)["errors"])
