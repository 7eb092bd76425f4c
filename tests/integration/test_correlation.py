"""The id of a mutation's answer leads to the server's line, to those of the functions, and to the events."""

import re
from collections.abc import Callable
from typing import Any

import httpx

from models.log_lines import caller_hash
from tests.integration.conftest import Cloud, GraphQL, Member, Server
from tests.integration.polling import until
from tests.integration.request_client import CREATE, RESPOND, Joining, RequestClient, new_client

# The detail types that an event's bus calls this function for come to it with the event's id.
BY_EVENT = "startServiceRequest"
ROOT = "1-67891233-abcdef012345678912345678"


class Lines:
    """What a server that writes lines for people has logged with one correlation id."""

    def __init__(self, server: Server, correlation_id: str) -> None:
        self._server = server
        self._said = re.compile(rf"correlation_id='?{re.escape(correlation_id)}'?(\s|$)")

    @property
    def found(self) -> list[str]:
        return [line for line in self._server.log.splitlines() if self._said.search(line)]

    @property
    def functions(self) -> set[str]:
        """Return the functions that have logged, by their own names."""
        told = (re.search(r"function=hourbank-(\w+)", line) for line in self.found)
        return {name[1] for name in told if name}

    @property
    def operations(self) -> list[str]:
        return [line for line in self.found if "kind=mutation" in line]


async def post(server: Server, member: Member, query: str, given: Any, **headers: str) -> str:
    """Send a mutation, and return the id of its answer."""
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        asked = {"query": query, "variables": {"input": given}}
        answer = await http.post("/graphql", json=asked, headers={"Authorization": member.token, **headers})
    assert "errors" not in answer.json(), answer.text
    return answer.headers["x-amzn-RequestId"]


def events_of(cloud: Cloud, client: RequestClient) -> dict[str, str]:
    """Return the correlation id of each event that was logged about a request."""
    found = cloud.client("dynamodb").query(
        TableName="hourbank-EventLog",
        IndexName="byEntityId",
        KeyConditionExpression="entityId = :id",
        ExpressionAttributeValues={":id": {"S": client.id}},
    )
    return {row["eventType"]["S"]: row["correlationId"]["S"] for row in found["Items"]}


def seen(lines: Lines, *functions: str) -> Callable[[], bool]:
    return lambda: set(functions) <= lines.functions


async def test_an_answers_id_is_on_everything_that_it_led_to(
    server: Server, cloud: Cloud, graphql: GraphQL, members: Joining
) -> None:
    client = await new_client(graphql, members)
    alice, bob = client.alice, client.bob
    wanted = {
        "id": client.id,
        "serviceId": client.service_id,
        "requesterId": alice.sub,
        "providerId": bob.sub,
        "status": "INITIATED",
        "estimatedHours": 2,
        "negotiationRound": 0,
    }
    asked = await post(server, alice, CREATE, wanted)
    await client.reach("AWAITING_RESPONSE")
    first = Lines(server, asked)
    await until(seen(first, "resumePoint", "createEscrow", "notifyProvider", BY_EVENT))
    (operation,) = first.operations
    assert "fields=('createServiceRequest',)" in operation
    assert f"caller={caller_hash(alice.sub)}" in operation
    assert "outcome=done" in operation
    assert alice.sub not in operation
    assert all(f"service_request_id={client.id}" in line for line in first.found if "function=" in line)

    trace = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
    given = {"requestId": client.id, "response": "ACCEPTED"}
    assert await post(server, bob, RESPOND, given, **{"x-amzn-trace-id": trace}) == trace
    await client.reach("ACCEPTED")
    second = Lines(server, trace)
    await until(seen(second, "beginWait", BY_EVENT))
    assert f"trace_id={ROOT}" in second.operations[0].replace("'", "")
    assert "beginWait" not in first.functions

    by_event = events_of(cloud, client)
    assert by_event["Service Request Submitted"] == asked
    assert by_event["Provider Response Received"] == trace
    assert set(by_event.values()) == {asked, trace}


async def test_an_execution_has_the_id_in_its_input_and_the_answers_id_from_then_on(
    cloud: Cloud, graphql: GraphQL, members: Joining
) -> None:
    client = await new_client(graphql, members)
    await client.accepted()
    machines = cloud.client("stepfunctions")
    arn = (await client.look())["stepFunctionExecutionArn"]
    history = machines.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    started = history[0]["executionStartedEventDetails"]["input"]
    entered = [
        event["stateEnteredEventDetails"]["input"] for event in history if "stateEnteredEventDetails" in event
    ]
    ids = [re.search(r'"correlationId":\s*"([^"]+)"', text) for text in (started, *entered)]
    named = list(dict.fromkeys(found[1] for found in ids if found))
    assert len(ids) == len([found for found in ids if found])
    assert len(named) == 2
