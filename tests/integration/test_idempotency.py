"""Idempotency-Key against the real tables: concurrent, after a crash, after a day."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from models import tables
from models.idempotency import KeyedRequest
from models.settings import Settings
from tests.integration.conftest import Cloud, GraphQL, Member, Server, asking, joining, minting
from tests.integration.request_client import Joining, RequestClient, new_client

ASK = "mutation M($input: CreateServiceRequestInput!) { createServiceRequest(input: $input) { id status } }"
RENAME = "mutation M($input: UpdateServiceInput!) { updateService(input: $input) { id title } }"
CLAIM_SECONDS = 3.0
OFFERED = 9
HELD = (Decimal(8), Decimal(2))


class Sender:
    """Sends operations with a key and returns whole responses."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(
        self, member: Member, key: str, query: str, variables: dict[str, Any], name: str | None = None
    ) -> httpx.Response:
        return await self._client.post(
            "/graphql",
            json={"query": query, "variables": variables, "operationName": name},
            headers={"Authorization": member.token, "Idempotency-Key": key},
        )


@asynccontextmanager
async def sending(server: Server) -> AsyncIterator[Sender]:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        yield Sender(client)


@pytest.fixture
async def sender(server: Server) -> AsyncIterator[Sender]:
    async with sending(server) as sender:
        yield sender


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members)


def create_input(client: RequestClient, **changed: Any) -> dict[str, Any]:
    """Return the input of a request without an id."""
    given = {
        "serviceId": client.service_id,
        "requesterId": client.alice.sub,
        "providerId": client.bob.sub,
        "status": "INITIATED",
        "estimatedHours": 2.0,
        "negotiationRound": 0,
    }
    return {"input": {**given, **changed}}


def row_key(member: Member, key: str) -> dict[str, Any]:
    return {"id": {"S": KeyedRequest.by(member.sub, key, "").id}}


async def asked_by(client: RequestClient) -> list[str]:
    query = "query Q($id: ID!) { serviceRequestsByRequesterId(requesterId: $id) { items { id } } }"
    data = await client.graphql(client.alice.token, query, {"id": client.alice.sub})
    return [item["id"] for item in data["serviceRequestsByRequesterId"]["items"]]


async def test_twenty_at_once_have_one_effect_and_one_answer(client: RequestClient, sender: Sender) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(*(sender.send(client.alice, key, ASK, create_input(client)) for _ in range(20)))
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    client.id = answers[0].json()["data"]["createServiceRequest"]["id"]
    assert await asked_by(client) == [client.id]
    await client.reach("AWAITING_RESPONSE")
    assert await client.hours(client.alice) == HELD
    later = await sender.send(client.alice, key, ASK, create_input(client))
    assert later.content == answers[0].content
    assert later.json()["data"]["createServiceRequest"]["status"] == "INITIATED"


async def test_another_input_is_a_mismatch_and_another_caller_is_not(
    client: RequestClient, sender: Sender
) -> None:
    key = str(uuid4())
    first = await sender.send(client.alice, key, ASK, create_input(client))
    other = await sender.send(client.alice, key, ASK, create_input(client, estimatedHours=3.0))
    assert other.json()["errors"][0]["errorType"] == "IDEMPOTENCY_MISMATCH"
    assert await asked_by(client) == [first.json()["data"]["createServiceRequest"]["id"]]
    renamed = await sender.send(client.bob, key, RENAME, {"input": {"id": client.service_id, "title": "B"}})
    assert renamed.json()["data"]["updateService"]["title"] == "B"


async def test_a_transfer_that_is_not_chosen_among_operations_moves_nothing(
    client: RequestClient, sender: Sender
) -> None:
    document = """mutation A($input: ProcessDirectTransferInput!) {
        it: processDirectTransfer(input: $input) { id } }
      query B { __typename }"""
    variables = {
        "input": {
            "id": str(uuid4()),
            "fromUserId": client.alice.sub,
            "toUserId": client.bob.sub,
            "amount": 1,
            "transactionType": "TRANSFER",
        }
    }
    before = await client.hours(client.alice)
    for name in (None, "", "C"):
        answer = await sender.send(client.alice, "k-transfer", document, variables, name)
        assert (answer.status_code, answer.json()["data"]) == (200, None)
    assert await client.hours(client.alice) == before
    answers = [await sender.send(client.alice, "k-transfer", document, variables, "A") for _ in range(2)]
    assert answers[0].json()["data"]["it"]["id"]
    assert answers[1].json() == answers[0].json()
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert await client.hours(client.alice) == (before[0] - 1, before[1])


async def test_a_row_that_has_expired_and_is_still_there_counts_as_none(
    client: RequestClient, sender: Sender, cloud: Cloud
) -> None:
    def to(title: str) -> dict[str, Any]:
        return {"input": {"id": client.service_id, "title": title}}

    async def title() -> str:
        data = await client.graphql(
            client.bob.token, "query Q($id: ID!) { getService(id: $id) { title } }", {"id": client.service_id}
        )
        return str(data["getService"]["title"])

    key = str(uuid4())
    await sender.send(client.bob, key, RENAME, to("first"))
    await sender.send(client.bob, str(uuid4()), RENAME, to("second"))
    await sender.send(client.bob, key, RENAME, to("first"))
    assert await title() == "second"
    cloud.client("dynamodb").update_item(
        TableName=cloud.names.table(tables.Idempotency),
        Key=row_key(client.bob, key),
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 1)}},
    )
    await sender.send(client.bob, key, RENAME, to("first"))
    assert await title() == "first"


async def test_what_nobody_foresaw_is_not_kept(client: RequestClient, sender: Sender, cloud: Cloud) -> None:
    broken = {"TableName": cloud.names.table(tables.Service), "Key": {"id": {"S": client.service_id}}}
    dynamodb, key = cloud.client("dynamodb"), str(uuid4())
    dynamodb.update_item(**broken, UpdateExpression="REMOVE category")
    query = RENAME.replace("title }", "title category }")
    renaming = (client.bob, key, query, {"input": {"id": client.service_id, "title": "new"}})
    assert (await sender.send(*renaming)).json()["errors"][0]["errorType"] == "InternalFailure"
    dynamodb.update_item(
        **broken, UpdateExpression="SET category = :c", ExpressionAttributeValues={":c": {"S": "garden"}}
    )
    again = (await sender.send(*renaming)).json()
    assert again == {"data": {"updateService": {"id": client.service_id, "title": "new", "category": "garden"}}}


def test_keys_are_forgotten_by_the_table_itself(cloud: Cloud) -> None:
    client = cloud.client("dynamodb")
    expiring = []
    for table in tables.TABLES:
        found = client.describe_time_to_live(TableName=cloud.names.table(table))["TimeToLiveDescription"]
        if found["TimeToLiveStatus"] == "ENABLED":
            expiring.append((table, found["AttributeName"]))
    kept_for_a_while = [tables.Idempotency, tables.RateCounter, tables.TransferApproval]
    assert expiring == [(table, "expiresAt") for table in kept_for_a_while]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server of its own, to be killed."""
    server = Server(tmp_path_factory.mktemp("mortal"), HOURBANK_IDEMPOTENCY_CLAIM=str(CLAIM_SECONDS))
    server.start()
    yield server
    server.stop()


# Nine services and a request in one mutation: long enough to be killed in between.
MANY = (
    "mutation Many($service: CreateServiceInput!, $request: CreateServiceRequestInput!) { "
    + "".join(f"s{number}: createService(input: $service) {{ id }} " for number in range(OFFERED))
    + "request: createServiceRequest(input: $request) { id } }"
)


async def test_a_server_that_is_killed_in_between_leaves_one_effect(own_server: Server) -> None:
    async with asking(own_server) as graphql, sending(own_server) as sender:
        client = await new_client(graphql, joining(graphql, minting(own_server)))
        for effects in range(1, 11):
            key = str(uuid4())
            many = partial(sender.send, client.alice, key, MANY, both(client))
            was_cut_off = await cut_off(own_server, client.alice, key, many)
            made = await until_it_goes_through(many)
            assert len(set(made)) == OFFERED + 1
            assert await offered_by(client) == effects * OFFERED
            assert len(await asked_by(client)) == effects
            if was_cut_off:
                break
        else:
            pytest.fail("it was never cut off between its claim and its answer")
        await until_held(client)


def both(client: RequestClient) -> dict[str, Any]:
    offer = {"title": "Garden help", "description": "Weeding", "category": "garden", "tags": []}
    mine = {**offer, "userId": client.alice.sub, "hourlyRate": 1.0, "isActive": True}
    return {"service": mine, "request": create_input(client)["input"]}


async def until_held(client: RequestClient) -> None:
    """Wait until hours are held for the service, whichever request they are held for."""
    end = time.monotonic() + 30
    while (hours := await client.hours(client.alice)) != HELD:
        assert time.monotonic() < end, hours
        await asyncio.sleep(0.1)


async def cut_off(server: Server, member: Member, key: str, send: Callable[[], Awaitable[object]]) -> bool:
    """Kill the server as soon as a request has claimed its key; return whether that was before its answer."""
    names, client = Settings().names, Cloud.of(server.directory).client("dynamodb")
    row = {"TableName": names.table(tables.Idempotency), "Key": row_key(member, key), "ConsistentRead": True}
    sent = asyncio.ensure_future(send())
    while not (was_answered := sent.done()) and "Item" not in await asyncio.to_thread(client.get_item, **row):
        pass
    if was_answered:  # perhaps between two reads
        assert "Item" in client.get_item(**row), "it was answered without a claim"
    await asyncio.to_thread(server.end, signal.SIGKILL)
    with suppress(httpx.TransportError):
        await sent
    left = client.get_item(**row)["Item"]
    await asyncio.to_thread(server.start)
    return "answer" not in left


async def until_it_goes_through(send: Callable[[], Awaitable[httpx.Response]]) -> list[str]:
    """Retry while the dead server's claim is in the way; return the ids that were created."""
    end = time.monotonic() + CLAIM_SECONDS + 20
    while "errors" in (answer := (await send()).json()):
        assert answer["errors"][0]["errorType"] == "CONTENTION", answer
        assert time.monotonic() < end
    return [row["id"] for row in answer["data"].values()]


async def offered_by(client: RequestClient) -> int:
    """Return how many services the requester offers."""
    query = "query Q($id: ID!) { servicesByUserId(userId: $id, limit: 1000) { items { title } } }"
    data = await client.graphql(client.alice.token, query, {"id": client.alice.sub})
    return len(data["servicesByUserId"]["items"])
