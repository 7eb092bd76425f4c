"""Nobody may ask for more than their share, whatever they ask for, and to refuse it costs next to nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from resolvers.hosting.demo_data import DEMO_SERVICES, sub_of
from tests.integration.conftest import Server
from tests.security.measuring import CPU_LIMIT, Target, measuring, serving
from tests.unit.rates import DEFAULT_RATES

# How much a member may ask for here; each test has members of its own.
LIMITS = {
    "REQUESTS": 60,
    "UNITS": 20_000,
    "INTROSPECTIONS": 3,
    "MUTATIONS": 12,
    "STARTS": 4,
    "CREATIONS": 6,
    "STORED_BYTES": 120_000,
    "SOCKETS": 8,
    "OPEN_SOCKETS": 4,
    "SUBSCRIPTIONS": 6,
    "OPEN_SUBSCRIPTIONS": 5,
    "REFUSALS": 5,
}
REFUSED = 20  # requests that are refused while others are measured
# Seconds of CPU that a refusal costs at most: some 5 ms if the document is new, 1 ms if not.
EACH = 0.010
VERBS = ("Create", "Update", "Delete")
PAGE = "query($l: Int) { listServices(limit: $l) { items { id title } } }"
MESSAGE = "mutation($i: CreateMessageInput!) { createMessage(input: $i) { id } }"
REQUEST = "mutation($i: CreateServiceRequestInput!) { createServiceRequest(input: $i) { id } }"


@pytest.fixture(scope="module")
def narrow(home: Server) -> Iterator[Target]:
    """Yield a server that allows a member little."""
    with serving(home, **{f"HOURBANK_RATE_{name}": str(most) for name, most in LIMITS.items()}) as target:
        yield target


@pytest.fixture
def name() -> str:
    """Return the name of a member whom no other test knows."""
    return f"asker-{uuid4().hex[:8]}"


def body(query: str, **variables: Any) -> dict[str, Any]:
    return {"query": query, "variables": variables}


def deleting(number: int) -> dict[str, Any]:
    return body(
        "mutation($i: DeleteMessageInput!) { deleteMessage(input: $i) { id } }", i={"id": f"none-{number}"}
    )


def messaging(number: int) -> dict[str, Any]:
    return body(MESSAGE, i={"conversationId": f"c{number}", "content": "x"})


def requesting(number: int) -> dict[str, Any]:
    asked = {"serviceId": DEMO_SERVICES[0].id, "requesterId": "x", "providerId": "y", "estimatedHours": number + 1}
    return body(REQUEST, i={**asked, "status": "INITIATED", "negotiationRound": 0})


def disputing(number: int) -> dict[str, Any]:
    asked = {
        "requestId": f"r{number}",
        "complainantId": "x",
        "respondentId": "y",
        "reason": "r",
        "status": "PENDING",
    }
    return body("mutation($i: CreateDisputeInput!) { createDispute(input: $i) { id } }", i=asked)


def changing(field: str, argument: str) -> dict[str, Any]:
    return body(f"mutation {{ {field}(input: {argument}) {{ __typename }} }}")


def reporting_twice(number: int) -> dict[str, Any]:
    fields = "a: createReport(input: $i) { id } b: createReport(input: $i) { id }"
    given = {"reporterId": "x", "reportedUserId": "y", "reason": "OTHER", "description": "d", "status": "PENDING"}
    return body(f"mutation Report{number}($i: CreateReportInput!) {{ {fields} }}", i=given)


def describing(number: int) -> dict[str, Any]:
    given = {"id": f"s{number}", "description": "x" * 30_000}
    return body("mutation($i: UpdateServiceInput!) { updateService(input: $i) { id } }", i=given)


ALIASES = " ".join(f"a{number}: listServices {{ items {{ id }} }}" for number in range(9))
FRAGMENT = 'mutation {{ ...F }} fragment F on Mutation {{ deleteService(input: {{ id: "s{}" }}) {{ id }} }}'
# The limit that is met, and what is asked for.
CASES: dict[str, tuple[str, Callable[[int], dict[str, Any]]]] = {
    "single rows": ("requests", lambda _: body('{ getUser(id: "x") { id } }')),
    "no such field": ("requests", lambda _: body("{ nothing }")),
    "not GraphQL": ("requests", lambda _: body("{")),
    "another operation each time": ("requests", lambda n: body(f"query Q{n} {{ __typename }}")),
    "pages by a variable": ("units", lambda _: body(PAGE, l=1_000)),
    "pages by aliases": ("units", lambda _: body(f"{{ {ALIASES} }}")),
    "new documents": ("units", lambda n: body(f"# {n} {'x' * 9_000}\n{{ __typename }}")),
    "invalid documents": ("units", lambda n: body(f"{{ {'nothing ' * 1_000} }} # {n}")),
    "variables": ("units", lambda _: body("query($f: String) { __typename }", f="x" * 90_000)),
    "junk variables": ("introspections", lambda n: body("{ __schema { types { name } } }", junk=n)),
    "other types": ("introspections", lambda n: body(f'{{ __type(name: "User{n}") {{ name }} }}')),
    "deletes": ("mutations", deleting),
    "locks": ("mutations", lambda n: changing("lockAccount", f'{{ userId: "u{n}", reason: "r" }}')),
    "in fragments": ("mutations", lambda n: body(FRAGMENT.format(n))),
    "messages": ("creations", messaging),
    "two at a time": ("creations", reporting_twice),
    "requests": ("starts", requesting),
    "disputes": ("starts", disputing),
    "starts by hand": ("starts", lambda n: changing("startServiceRequestWorkflow", f'{{ requestId: "r{n}" }}')),
    "long texts": ("stored_bytes", describing),
    "texts in the document": (
        "stored_bytes",
        lambda n: changing("updateService", f'{{ id: "s{n}", description: "{"x" * 25_000}" }}'),
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_whoever_asks_for_more_is_told_when_to_come_back(narrow: Target, name: str, case: str) -> None:
    limit, asked = CASES[case]
    token = narrow.token(name)
    async with narrow.client(token) as client, narrow.client(narrow.token(f"{name}-other")) as other:
        for number in range(70):
            response = await client.post("/graphql", json=asked(number))
            if response.status_code != 200:
                break
        assert response.status_code == 429
        assert number >= 1, "not even one was allowed"
        assert response.json()["errors"][0]["errorInfo"]["limit"] == limit
        contents = [orjson.dumps(asked(100 + number)) for number in range(REFUSED)]
        async with measuring(narrow) as cost:
            refused = [
                await client.post("/graphql", content=content, headers={"content-type": "application/json"})
                for content in contents
            ]
        answered = await other.post("/graphql", json=body("{ __typename }"))
    assert {one.status_code for one in refused} == {429}
    for one in refused:
        (error,) = one.json()["errors"]
        assert error["errorType"] == "RATE_LIMITED"
        # New documents were read before they were refused, which costs units.
        assert error["errorInfo"]["limit"] in {limit, "units"}
        assert int(one.headers["retry-after"]) == error["errorInfo"]["retryAfter"] > 0
    assert answered.status_code == 200
    cost.check(cpu=max(CPU_LIMIT, REFUSED * EACH))


@pytest.mark.long
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "guess"},
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
        {"x-api-key": "da2-aaaaaaaaaaaaaaaaaaaaaaaaaa"},
    ],
)
async def test_an_address_that_guesses_is_slowed_down_and_its_neighbours_are_not(
    home: Server, headers: dict[str, str]
) -> None:
    with serving(home, HOURBANK_RATE_REFUSALS="5") as target:
        async with target.client() as client, measuring(target) as cost:
            statuses = [
                (await client.post("/graphql", json=body("{ __typename }"), headers=headers)).status_code
                for _ in range(25)
            ]
        async with target.client(target.token("alice")) as member:
            assert (await member.post("/graphql", json=body("{ __typename }"))).status_code == 200
    assert statuses == [401] * 5 + [429] * 20
    cost.check(cpu=max(CPU_LIMIT, 25 * EACH))


@asynccontextmanager
async def transport_socket(target: Target, name: str) -> AsyncIterator[ClientConnection]:
    """Open a socket for graphql-transport-ws and send its first message."""
    url = target.url.replace("http", "ws")
    async with connect(f"{url}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as opened:
        payload = {"Authorization": target.token(name)}
        await opened.send(json.dumps({"type": "connection_init", "payload": payload}))
        yield opened


async def received(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return message


async def test_open_sockets_are_counted_and_a_closed_one_makes_room(narrow: Target, name: str) -> None:
    async with AsyncExitStack() as stack, measuring(narrow) as cost:
        opened = [await stack.enter_async_context(transport_socket(narrow, name)) for _ in range(4)]
        assert [(await received(one))["type"] for one in opened] == ["connection_ack"] * 4
        async with transport_socket(narrow, name) as fifth:
            with pytest.raises(
                ConnectionClosed, match="RATE_LIMITED: Too many open sockets: 4 at a time"
            ) as closed:
                await received(fifth)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        await opened[0].close()
        async with transport_socket(narrow, name) as again:
            assert (await received(again))["type"] == "connection_ack"
    cost.check(cpu=10 * EACH + CPU_LIMIT)


async def test_sockets_that_come_and_go_are_counted(narrow: Target, name: str) -> None:
    kinds = []
    async with measuring(narrow) as cost:
        for _ in range(14):
            async with transport_socket(narrow, name) as opened:
                try:
                    kinds.append((await received(opened))["type"])
                except ConnectionClosed as closed:
                    assert "Too many new sockets: 8 a minute are allowed" in str(closed)  # noqa: PT017 — of several
                    kinds.append("closed")
    assert kinds == ["connection_ack"] * 8 + ["closed"] * 6
    cost.check(cpu=14 * EACH + CPU_LIMIT)


# What is asked for by a number.
SUBSCRIPTIONS: dict[str, Callable[[int], str]] = {
    "one query": lambda _: "subscription { onCreateService { id } }",
    "many queries": lambda n: f"subscription S{n} {{ onCreateService {{ id }} }}",
    "many types": lambda n: f"subscription {{ on{VERBS[n % 3]}Category {{ id }} }}",
    "that are refused": lambda n: f'subscription {{ onUpdateMessage(senderId: "s{n}") {{ id }} }}',
}


@pytest.mark.parametrize("case", SUBSCRIPTIONS)
async def test_subscriptions_are_counted_on_all_sockets_together(narrow: Target, name: str, case: str) -> None:
    query = SUBSCRIPTIONS[case]
    async with transport_socket(narrow, name) as one, transport_socket(narrow, name) as two:
        for socket in (one, two):
            assert (await received(socket))["type"] == "connection_ack"
        for number in range(20):
            message = {"id": str(number), "type": "subscribe", "payload": {"query": query(number)}}
            await (one, two)[number % 2].send(json.dumps(message))
        await asyncio.sleep(0.5)
        async with measuring(narrow) as cost:
            for number in range(20, 40):
                message = {"id": str(number), "type": "subscribe", "payload": {"query": query(number)}}
                await (one, two)[number % 2].send(json.dumps(message))
            await asyncio.sleep(0.3)
        seen = []
        for socket in (one, two):
            await socket.send(json.dumps({"type": "ping"}))
            while (frame := await received(socket))["type"] != "pong":
                seen.append(frame)
    errors = [frame["payload"][0] for frame in seen if frame["type"] == "error"]
    refused = [error for error in errors if error["errorType"] == "RATE_LIMITED"]
    assert len(refused) >= 34
    cost.check(cpu=max(CPU_LIMIT, 20 * EACH))


@pytest.mark.long
async def test_a_burst_of_an_app_is_within_the_defaults(home: Server) -> None:
    queries = [PAGE, f'{{ getUser(id: "{sub_of("alice")}") {{ id }} }}', "{ listCategories { items { id } } }"]
    sent = [body(queries[number % 3], **({"l": 100} if number % 3 == 0 else {})) for number in range(30)]
    with serving(home, **DEFAULT_RATES) as target:
        async with target.client(target.token("alice")) as client:
            for _ in range(10):
                page = await asyncio.gather(*(client.post("/graphql", json=one) for one in sent))
                assert {one.status_code for one in page} == {200}
