"""A request whose execution fails for good: in the queue, listed, redriven, ended; and admins are notified."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from models import clock, tables
from models.requests.recovery import RESUMED_FOR
from models.storage.store import key_of
from tests.integration.conftest import Cloud, GraphQL, Server
from tests.integration.forked_commands import printed
from tests.integration.request_client import Joining, RequestClient, new_client

WITHIN = 40


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members, responseWindowHours=2)


async def redrive(server: Server, *arguments: str) -> str:
    """Run `python server.py redrive` beside the server and return what it printed."""
    code, output = await command(server, "redrive", *arguments)
    assert code == 0, output
    return output


async def status(server: Server) -> tuple[int, dict[str, Any]]:
    """Run `python server.py status` and return its exit code and its readings by their names."""
    code, output = await command(server, "status", "--json")
    return code, {one["name"]: one for one in json.loads(output)["readings"]}


async def command(server: Server, *arguments: str) -> tuple[int, str]:
    """Run a command beside the server and return its exit code and what it printed."""
    return await asyncio.to_thread(printed, *arguments, HOURBANK_LOCAL=str(server.directory), COLUMNS="200")


async def until_true(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN
    while not await asyncio.to_thread(is_so):
        assert time.monotonic() < end
        await asyncio.sleep(0.1)


class Rows:
    """Rows behind the API, to be broken and repaired."""

    def __init__(self, cloud: Cloud) -> None:
        self._client, self._names = cloud.client("dynamodb"), cloud.names

    def change(self, table: Any, key: str, expression: str, **values: dict[str, Any]) -> None:
        given = {f":{name}": value for name, value in values.items()}
        self._client.update_item(
            TableName=self._names.table(table),
            Key={key_of(table).attr_name: {"S": key}},
            UpdateExpression=expression,
            **({"ExpressionAttributeValues": given} if given else {}),
        )

    def failing(self, request_id: str, *, since: timedelta, due: timedelta) -> None:
        """Set a request to have failed for a while: it is looked after again only when it is due."""
        now = clock.now()
        self.change(
            tables.ServiceRequest,
            request_id,
            "SET resumptions = :often, failingSince = :since, dueAt = :due",
            often={"N": "5"},
            since={"S": clock.to_text(now - since)},
            due={"S": clock.to_text(now + due)},
        )


async def test_what_fails_for_good_is_listed_and_redriven(
    client: RequestClient, server: Server, cloud: Cloud
) -> None:
    rows, machines = Rows(cloud), cloud.client("stepfunctions")
    poison = {"MessageBody": "[/] no letter of ours"}
    queues = cloud.client("sqs")
    queue = queues.get_queue_url(QueueName=cloud.names.dead_letter_queue)["QueueUrl"]
    poisoned = queues.send_message(QueueUrl=queue, **poison)["MessageId"]
    # Nobody can read the requester's balance any more, so every step that needs it fails.
    rows.change(tables.UserBalance, client.alice.sub, "REMOVE totalBalance")
    arn = (await client.ask())["stepFunctionExecutionArn"]
    await client.reach("VALIDATING")
    rows.failing(client.id, since=timedelta(0), due=timedelta(hours=1))
    await until_true(lambda: machines.describe_execution(executionArn=arn)["status"] == "FAILED")

    end = time.monotonic() + WITHIN
    while client.id not in (
        listed := await redrive(server, "--list")
    ):  # the bus brings it there, after the failure
        assert time.monotonic() < end, listed
    (line,) = (line for line in listed.splitlines() if client.id in line)
    assert "CreateEscrow" in line  # which validates what it then holds
    assert poisoned in listed
    assert client.id in await redrive(server, "--list")
    code, readings = await status(server)
    assert code == 1
    assert readings["dead letters"]["command"] == "python server.py redrive"
    assert client.id in readings["failed executions"]["values"]["left"]
    assert client.id in readings["stuck requests"]["values"]["failing"]

    rows.change(tables.UserBalance, client.alice.sub, "SET totalBalance = :hours", hours={"N": "10"})
    assert f"{client.id} restarted" in await redrive(server, "--yes")
    await client.reach("AWAITING_RESPONSE")
    left = await redrive(server, "--list")
    assert client.id not in left
    assert poisoned in left
    code, readings = await status(server)
    assert (code, readings["dead letters"]["verdict"]) == (1, "look")
    assert client.id not in readings["failed executions"]["values"]["left"]
    assert client.id not in readings["stuck requests"]["values"]["failing"]
    await client.respond("REJECTED")
    await client.reach("REJECTED")
    assert await client.hours(client.alice) == (Decimal(10), Decimal(0))


@pytest.mark.long
async def test_what_has_gone_on_by_itself_is_left_alone(
    client: RequestClient, server: Server, cloud: Cloud
) -> None:
    await client.ask()
    arn = (await client.reach("AWAITING_RESPONSE"))["stepFunctionExecutionArn"]
    cloud.client("stepfunctions").stop_execution(executionArn=arn)
    await client.until(lambda found: found["stepFunctionExecutionArn"] == f"{arn}-r1", WITHIN)
    sqs = cloud.client("sqs")
    queue = sqs.get_queue_url(QueueName=cloud.names.dead_letter_queue)["QueueUrl"]
    for about in (client.id, gone := str(uuid4())):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"requestId": about, "generation": 0}))

    printed = await redrive(server, "--yes")
    assert f"{client.id} has moved on" in printed
    assert f"{gone} no longer exists" in printed
    assert (await client.look())["stepFunctionExecutionArn"] == f"{arn}-r1"
    left = await redrive(server, "--list")
    assert client.id not in left
    assert gone not in left


async def test_admins_are_told_of_what_needs_them(client: RequestClient, cloud: Cloud) -> None:
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    queue = sqs.create_queue(QueueName=f"admin-{uuid4().hex}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=cloud.names.admin_topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
    await client.accepted()
    Rows(cloud).failing(client.id, since=RESUMED_FOR + timedelta(hours=1), due=timedelta(hours=-1))
    cloud.client("stepfunctions").stop_execution(executionArn=(await client.look())["stepFunctionExecutionArn"])

    notified: list[str] = []

    def is_notified() -> bool:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
        notified.extend(json.loads(message["Body"])["Message"] for message in messages)
        return any(json.loads(text)["detail"].get("requestId") == client.id for text in notified)

    await until_true(is_notified)
    (event,) = (json.loads(text) for text in notified if client.id in text)
    assert event["detail-type"] == "Service Request Needs Attention"
    assert (await client.look())["status"] == "ACCEPTED"
