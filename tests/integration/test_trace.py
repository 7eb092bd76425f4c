"""`python server.py trace`: a request's life, however it went, by whichever id it is asked for."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from tests.integration.conftest import Cloud, GraphQL, Server
from tests.integration.dispute_client import DisputeClient
from tests.integration.forked_commands import Command
from tests.integration.request_client import Joining, RequestClient, new_client


class Traced:
    """Runs `trace` beside a server."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._environment = {"HOURBANK_LOCAL": str(server.directory)}
        self._folder = folder

    def run(self, *arguments: str) -> tuple[int | None, str]:
        """Return the exit code and what was printed."""
        output = self._folder / f"{uuid4()}.txt"
        return Command("trace", *arguments, environment=self._environment, output=output).start().ended()

    def lines(self, *arguments: str) -> list[str]:
        """Return what was printed, without the columns of times."""
        code, text = self.run(*arguments)
        assert code == 0, text
        return [line[26:].strip(" ├└─│") if line.startswith(" ") else line for line in text.splitlines()]


@pytest.fixture
def traced(server: Server, tmp_path: Path) -> Traced:
    return Traced(server, tmp_path)


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members)


def in_order(lines: list[str], *beginnings: str) -> bool:
    """Return whether lines that begin so come in this order."""
    rest = iter(lines)
    return all(any(line.startswith(beginning) for line in rest) for beginning in beginnings)


async def test_a_paid_request_shows_its_executions_states_events_and_hours(
    traced: Traced, client: RequestClient
) -> None:
    await client.in_progress()
    await client.mark("markServiceComplete")
    await client.mark("confirmServiceCompletion")
    await client.reach("PAID")
    lines = traced.lines(client.id)
    assert lines[0] == f"request {client.id}  PAID"
    assert lines[1].startswith(f"{client.alice.username} asks {client.bob.username} for 2 h; service ")
    assert [line.split("  ")[1:] for line in lines[2:4]] == [["RELEASED", "2 h"], ["COMPLETED", "2 h"]]
    assert in_order(
        lines,
        "◆ status INITIATED",
        f"ServiceRequestWorkflow {client.id}  ",
        "CreateEscrow",
        "± -2 available, +2 held, 8 available then: Hours held",
        "WaitForProviderResponse",
        f"● Provider Response Received  {client.bob.username}  correlation_id ",
        "ProcessPayment",
        "EscrowManagementWorkflow ",
        "ProcessEscrowRelease",
        "◆ status PAID",
        "EnableRating",
    )
    assert not any(line.startswith("open: ") for line in lines)


async def test_a_cancelled_request_shows_that_its_hours_came_back(traced: Traced, client: RequestClient) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    await client.end("cancelServiceRequest", by=client.alice)
    await client.reach("REJECTED")
    lines = traced.lines(client.id)
    assert lines[0].startswith(f"request {client.id}  REJECTED (")
    assert "  CANCELLED  2 h" in lines[2]
    assert in_order(lines, "± -2 available, +2 held", "± +2 available, -2 held", "◆ status REJECTED") or in_order(
        lines, "± -2 available, +2 held", "◆ status REJECTED", "± +2 available, -2 held"
    )


async def test_an_open_request_shows_the_wait_and_until_when_and_may_be_named_by_its_escrow(
    traced: Traced, client: RequestClient, cloud: Cloud, tmp_path: Path
) -> None:
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    log = tmp_path / "server.log"
    line = {"event": "function", "timestamp": "2026-11-30T00:47:11.545411Z", "service_request_id": client.id}
    log.write_text(json.dumps({**line, "function": "of-the-file", "outcome": "done", "ms": 12.5}))
    escrow = cloud.client("dynamodb").query(
        TableName="hourbank-Escrow",
        IndexName="byRequestId",
        KeyConditionExpression="requestId = :id",
        ExpressionAttributeValues={":id": {"S": client.id}},
    )["Items"][0]["id"]["S"]
    code, text = traced.run(escrow, "--log", str(log))
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == f"request {client.id}  AWAITING_RESPONSE"
    assert any(line.startswith("open: WaitForProviderResponse until 2") and ", in " in line for line in lines)
    assert any(" …  " in line and "WaitForProviderResponse" in line for line in lines)
    assert any("· function of-the-file outcome=done" in line for line in lines)
    assert "\x1b[" not in text


async def test_a_disputed_request_has_two_executions_and_is_found_by_its_dispute(
    traced: Traced, graphql: GraphQL, members: Joining
) -> None:
    client = await new_client(graphql, members)
    await client.in_progress()
    disputes = DisputeClient(client, await members("ada", "admin"))
    await disputes.raise_it()
    await client.reach("DISPUTED")
    lines = traced.lines(disputes.id)
    assert lines[0] == f"request {client.id}  DISPUTED"
    assert in_order(lines, f"ServiceRequestWorkflow {client.id}  ", f"DisputeResolutionWorkflow {disputes.id}  ")
    assert any(line.startswith("● Dispute Raised  ") for line in lines)


async def test_an_unknown_id_is_an_error_that_says_what_to_give(traced: Traced) -> None:
    code, text = traced.run("x\x1b[31m")
    assert code == 1
    assert text.startswith("There is no request x\\x1b[31m. Give the id of a service request")


async def test_a_log_that_is_not_there_is_named(traced: Traced, client: RequestClient) -> None:
    await client.ask()
    code, text = traced.run(client.id, "--log", "/nowhere/at.log")
    assert (code, text.strip()) == (1, "/nowhere/at.log cannot be read: No such file or directory.")


async def test_lines_of_cloudwatch_are_in_it(traced: Traced, client: RequestClient, cloud: Cloud) -> None:
    await client.ask()
    row = await client.reach("AWAITING_RESPONSE")
    assert row["id"] == client.id
    logs, group, stream = cloud.client("logs"), "/aws/lambda/hourbank", str(uuid4())
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = datetime.now(UTC)
    line = {"event": "function", "service_request_id": client.id, "function": "of-cloudwatch"}
    message = json.dumps({**line, "timestamp": now.isoformat()})
    told = [{"timestamp": int(now.timestamp() * 1000), "message": message}]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=told)
    assert any(line.startswith("· function of-cloudwatch") for line in traced.lines(client.id))
