"""However many subscriptions a member has and however dear their filters are, others hear their own events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from models import tables
from resolvers.hosting.demo_data import sub_of
from tests.integration.conftest import Cloud, Server
from tests.security.measuring import CPU_LIMIT, Target, measuring, serving
from tests.unit.processor_time import CROWDED
from tests.unit.rates import DEFAULT_RATES

pytestmark = pytest.mark.long

FILTERED = "subscription($f: ModelSubscriptionServiceFilterInput) { onCreateService(filter: $f) { id } }"
OWNED = "subscription($of: String) { onCreateService(userId: $of) { id } }"
SUBSCRIPTIONS = 40  # of 50 operators each: all that a member may have
EVENTS = 10
TEXT = "needle " * 1_500  # some 10 KB
REFUSED = 20
# Seconds after which somebody else's event is late.
LATE = 2.0
# Seconds that anything may take at all.
PATIENCE = 20.0
# Seconds after which nothing more is on its way.
SILENCE = 0.4 if CROWDED == 1 else 1.5

FILTERS: dict[str, dict[str, Any]] = {
    "contains": {"or": [{"description": {"contains": f"needle needla {n}"}} for n in range(50)]},
    "not contains": {"and": [{"description": {"notContains": f"needle needlb {n}"}} for n in range(50)]},
    "nested": {"or": [{"and": [{"or": [{"title": {"gt": TEXT[:2_000] + str(n)}}]}]} for n in range(50)]},
    "lists": {"or": [{"description": {"in": [TEXT[:500] + str(n) for n in range(50)]}}]},
    "beginnings": {"or": [{"description": {"beginsWith": TEXT[:3_000] + str(n)}} for n in range(50)]},
}
TOO_LARGE: dict[str, dict[str, Any]] = {
    "one more": {"or": [{"title": {"eq": str(n)}} for n in range(51)]},
    "a list": {"title": {"in": [str(n) for n in range(280)]}},
    "deep": {"or": [{"and": [{"or": [{"id": {"ne": str(n)}}] * 5}] * 5} for n in range(10)]},
    "all operators": {"and": [{"title": {"ne": "a", "le": "b", "contains": "c", "beginsWith": "d"}}] * 70},
    "over a list's limit": {"or": [{"title": {"eq": str(n)}} for n in range(900)]},
}


@pytest.fixture(scope="module")
def usual(home: Server) -> Iterator[Target]:
    """Yield a server with the rates that it has by default, but for how often a member may subscribe."""
    often = {f"HOURBANK_RATE_{name}": "100000000" for name in ("REQUESTS", "UNITS", "SUBSCRIPTIONS")}
    with serving(home, **{**DEFAULT_RATES, **often}) as target:
        yield target


class Client:
    """A member's socket for graphql-transport-ws."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._number = 0

    async def subscribe(self, query: str, **variables: Any) -> None:
        self._number += 1
        payload = {"query": query, "variables": variables}
        await self.socket.send(json.dumps({"id": str(self._number), "type": "subscribe", "payload": payload}))

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))
        return message

    async def settled(self, expected: int = 0) -> list[dict[str, Any]]:
        """Return what came: as many messages as expected, and all until the server was silent for a while.

        Raises:
            AssertionError: fewer came than were expected.
        """
        seen: list[dict[str, Any]] = []
        with suppress(TimeoutError):
            while True:
                within = SILENCE if len(seen) >= expected else PATIENCE
                seen.append(json.loads(await asyncio.wait_for(self.socket.recv(), within)))
        assert len(seen) >= expected, f"{len(seen)} of {expected}: {[one for one in seen if 'errors' in str(one)]}"
        return seen


@asynccontextmanager
async def member(target: Target, name: str) -> AsyncIterator[Client]:
    url = target.url.replace("http", "ws")
    protocol = [Subprotocol("graphql-transport-ws")]
    async with connect(f"{url}/graphql", subprotocols=protocol, proxy=None, max_queue=None) as opened:
        payload = {"Authorization": target.token(name)}
        await opened.send(json.dumps({"type": "connection_init", "payload": payload}))
        client = Client(opened)
        assert (await client.receive())["type"] == "connection_ack"
        yield client


@pytest.fixture
def offer(home: Server) -> Any:
    """Return a function that writes a service of a member's past the API."""
    cloud = Cloud.of(home.directory)
    database, table = cloud.client("dynamodb"), cloud.names.table(tables.Service)

    async def write(owner: str) -> str:
        key = str(uuid4())
        texts = {"id": key, "userId": sub_of(owner), "title": TEXT, "description": TEXT, "category": "load"}
        row: dict[str, Any] = {name: {"S": text} for name, text in texts.items()}
        row |= {"isActive": {"BOOL": True}, "tags": {"L": []}}
        stamps = {name: {"S": "2026-01-01T00:00:00.000Z"} for name in ("createdAt", "updatedAt")}
        await asyncio.to_thread(database.put_item, TableName=table, Item={**row, **stamps})
        return key

    return write


async def arrival(client: Client) -> float:
    await client.receive()
    return time.monotonic()


@pytest.mark.parametrize("kind", FILTERS)
async def test_expensive_filters_delay_nobody_else(usual: Target, offer: Any, kind: str) -> None:
    async with AsyncExitStack() as stack:
        attackers = [await stack.enter_async_context(member(usual, "carol")) for _ in range(2)]
        owner = await stack.enter_async_context(member(usual, "bob"))
        for number in range(SUBSCRIPTIONS):
            # Each differs, so that none is compiled once for all.
            own = {**FILTERS[kind], "id": {"ne": str(number)}}
            await attackers[number % 2].subscribe(FILTERED, f=_without_one(own))
        assert await asyncio.gather(*(one.settled() for one in attackers)) == [[], []]
        await owner.subscribe(OWNED, of=sub_of("bob"))
        await owner.settled()
        waits = []
        async with measuring(usual) as cost:
            for _ in range(EVENTS):
                begun = time.monotonic()
                arriving = asyncio.create_task(arrival(owner))
                await offer("bob")
                waits.append(await arriving - begun)
    assert max(waits) < LATE, waits
    cost.check(cpu=EVENTS * SUBSCRIPTIONS * 0.010)


def _without_one(filter_: dict[str, Any]) -> dict[str, Any]:
    """Return a filter with 50 operators instead of 51."""
    (name, members), *others = filter_.items()
    if isinstance(members, list) and len(members) > 1:
        return {name: members[1:], **dict(others)}
    return {name: [{"description": {"in": members[0]["description"]["in"][1:]}}], **dict(others)}


@pytest.mark.parametrize("kind", TOO_LARGE)
async def test_a_filter_that_is_too_large_is_refused_at_once(usual: Target, kind: str) -> None:
    async with member(usual, "carol") as client, measuring(usual) as cost:
        for _ in range(REFUSED):
            await client.subscribe(FILTERED, f=TOO_LARGE[kind])
        seen = await client.settled(REFUSED)
    errors = [error for message in seen if message["type"] != "complete" for error in _errors(message)]
    assert [error["errorType"] for error in errors] == ["BadRequest"] * REFUSED
    cost.check(cpu=REFUSED * CPU_LIMIT)


def _errors(message: dict[str, Any]) -> list[dict[str, Any]]:
    payload = message["payload"]
    return list(payload if message["type"] == "error" else payload["errors"])


@pytest.mark.parametrize("sockets", [1, 2, 5, 10])
async def test_operators_count_on_all_sockets_of_a_member_together(usual: Target, sockets: int) -> None:
    name = f"subscriber-{sockets}"
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(member(usual, "alice")) for _ in range(sockets)]
        other = await stack.enter_async_context(member(usual, "bob"))
        async with measuring(usual) as cost:
            for number in range(SUBSCRIPTIONS + 10):
                own = {"or": [{"title": {"contains": f"{name} {number} {n}"}} for n in range(50)]}
                await clients[number % sockets].subscribe(FILTERED, f=own)
            refusals = await asyncio.gather(*(one.settled() for one in clients))
            await other.subscribe(FILTERED, f={"title": {"eq": "x"}})
            assert await other.settled() == []
    seen = [message for each in refusals for message in each if message["type"] != "complete"]
    errors = [error for message in seen for error in _errors(message)]
    assert [error["errorType"] for error in errors] == ["RATE_LIMITED"] * 10
    cost.check(cpu=(SUBSCRIPTIONS + 10) * CPU_LIMIT)


@pytest.mark.parametrize(
    ("query", "variables", "hears"),
    [
        ("subscription { onCreateService { id title } }", {}, True),
        ('subscription { onCreateService(filter: { category: { eq: "load" } }) { id } }', {}, True),
        ('subscription { onCreateService(filter: { category: { eq: "other" } }) { id } }', {}, False),
        (OWNED, {"of": sub_of("carol")}, False),
        ("subscription { onUpdateService { id } }", {}, False),
    ],
)
async def test_hundreds_of_subscriptions_delay_nobody_else(
    usual: Target, offer: Any, query: str, variables: dict[str, Any], *, hears: bool
) -> None:
    async with AsyncExitStack() as stack:
        many = [await stack.enter_async_context(member(usual, "emma")) for _ in range(4)]
        owner = await stack.enter_async_context(member(usual, "bob"))
        for client in many:
            for _ in range(90):
                await client.subscribe(query, **variables)
        assert await asyncio.gather(*(client.settled() for client in many)) == [[]] * 4
        await owner.subscribe(OWNED, of=sub_of("bob"))
        await owner.settled()
        waits = []
        async with measuring(usual) as cost:
            for _ in range(5):
                begun = time.monotonic()
                arriving = asyncio.create_task(arrival(owner))
                await offer("bob")
                waits.append(await arriving - begun)
            expected = 5 * 90 if hears else 0
            heard = [len(each) for each in await asyncio.gather(*(client.settled(expected) for client in many))]
    assert max(waits) < LATE, waits
    assert heard == [expected] * 4
    cost.check(cpu=0.5 + sum(heard) * 0.004)
