"""AWS that does not answer, in whatever way: everybody hears so within two seconds, and it recovers by itself.

Nothing is half done, what is repeated with its id or key is done once, and the log gets a line, not a traceback.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from models.settings import Settings
from tests.integration.conftest import PROMPT, Cloud, Member, Server, asking, joining, minting
from tests.integration.request_client import BALANCE, new_client
from tests.integration.test_transfers import TRANSFER
from tests.security.flaky_aws import FAILURES, FlakyAws, Mode
from tests.security.open_sockets import (
    closing_of,
    next_but,
    realtime,
    start,
    subscribe,
    transport_ws,
    until_answered,
)
from workflows.deployment.local.local_cloud import LocalCloud

# What the short form tries; the long one tries all.
QUICK = frozenset({Mode.REFUSED, Mode.THROTTLED, Mode.SILENT})
SECONDS = 2.0  # within which everybody hears that AWS does not answer
AT_ONCE = 0.25  # within which others' health checks are answered meanwhile
ME = "query Q($id: ID!) { getUser(id: $id) { id username } }"
SERVICES = "query Q { listServices(limit: 10) { items { id user { id } } } }"
RENAME = "mutation M($input: UpdateUserInput!) { updateUser(input: $input) { id bio } }"
NOTIFIED = "subscription S($userId: String) { onCreateNotification(userId: $userId) { id } }"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got, and how long it waited."""

    status: int
    body: dict[str, Any]
    headers: httpx.Headers
    seconds: float

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["errors"][0]
        return found

    def check_unavailable(self) -> None:
        """Assert that the client was told in time that AWS does not answer, and when to try again."""
        assert (self.status, self.headers["retry-after"]) == (503, "1"), self
        assert self.error["errorType"] == "ServiceUnavailable", self
        assert self.error["errorInfo"]["retryAfterSeconds"] == 1
        assert self.seconds < SECONDS, self


class Caller:
    """A member's client of one server."""

    def __init__(self, client: httpx.AsyncClient, member: Member) -> None:
        self._client = client
        self.member = member

    async def ask(self, query: str, *, key: str | None = None, **variables: Any) -> Answer:
        headers = {"Authorization": self.member.token, **({"Idempotency-Key": key} if key else {})}
        began = time.monotonic()
        payload = {"query": query, "variables": variables}
        answer = await self._client.post("/graphql", json=payload, headers=headers)
        return Answer(answer.status_code, answer.json(), answer.headers, time.monotonic() - began)

    async def give(self, to: Member, amount: float, *, id: str | None = None, key: str | None = None) -> Answer:
        given = {"transactionType": "TRANSFER", "amount": amount}
        parties = {"fromUserId": self.member.sub, "toUserId": to.sub}
        return await self.ask(TRANSFER, key=key, input={**given, **parties, **({"id": id} if id else {})})

    async def hours(self) -> float:
        """Return the caller's balance, as soon as it can be read."""
        for _ in range(100):
            answer = await self.ask(BALANCE, userId=self.member.sub)
            if answer.status == 200:
                return float(answer.body["data"]["getUserBalance"]["availableBalance"])
            await asyncio.sleep(0.1)
        raise AssertionError(answer)


@asynccontextmanager
async def calling(server: Server, member: Member) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        yield Caller(client, member)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A local server, and its local cloud."""
    running = Server(tmp_path_factory.mktemp("home"), **PROMPT)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def own_cloud(home: Server) -> Cloud:
    return Cloud.of(home.directory)


@pytest.fixture(scope="module")
def flaky(own_cloud: Cloud) -> Iterator[FlakyAws]:
    with FlakyAws(own_cloud.endpoint) as proxy:
        yield proxy


def variables(cloud: Cloud, endpoint: str) -> dict[str, str]:
    return {**PROMPT, **cloud.environment, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint}


@pytest.fixture(scope="module")
def front(home: Server, own_cloud: Cloud, flaky: FlakyAws) -> Iterator[Server]:
    """A second server, whose AWS is the flaky one; it accepts the first one's tokens."""
    running = Server(home.directory, **variables(own_cloud, flaky.endpoint))
    running.start("serve", "--aws")
    yield running
    running.end()


@pytest.fixture
def answering(flaky: FlakyAws) -> Iterator[FlakyAws]:
    yield flaky
    flaky.turn(Mode.ANSWERS)


@pytest.fixture
async def pair(home: Server) -> tuple[Member, Member]:
    async with asking(home) as graphql:
        join = joining(graphql, minting(home))
        return await join("alice"), await join("bob")


async def recovered(caller: Caller) -> float:
    """Return how many seconds it takes until the caller is answered again."""
    began = time.monotonic()
    while (await caller.ask(ME, id=caller.member.sub)).status != 200:
        assert time.monotonic() < began + 10
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def health(server: Server, path: str) -> tuple[int, float]:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        began = time.monotonic()
        answer = await client.get(path)
        return answer.status_code, time.monotonic() - began


async def until_not_ready(server: Server) -> None:
    """Assert that a server says soon that it is not ready; a check that is a second old still counts."""
    began = time.monotonic()
    while (await health(server, "/readyz"))[0] != 503:
        await asyncio.sleep(0.05)
        assert time.monotonic() < began + 1 + SECONDS
    assert time.monotonic() < began + 1 + SECONDS


def check_log(server: Server, since: int) -> None:
    """Assert that the log has a line or two about an outage, and no traceback."""
    lines = server.log[since:]
    assert "Traceback" not in lines, lines
    assert "unexpected error" not in lines, lines
    assert lines.count("AWS does not answer") <= 4, lines


@pytest.mark.parametrize(
    "mode",
    [mode if mode in QUICK else pytest.param(mode, marks=pytest.mark.long) for mode in FAILURES],
    ids=lambda mode: mode.name.lower(),
)
async def test_reads_and_mutations_end_in_time_and_are_done_once(
    front: Server, answering: FlakyAws, pair: tuple[Member, Member], mode: Mode
) -> None:
    alice, bob = pair
    key, since = str(uuid4()), len(front.log)
    async with calling(front, alice) as caller:
        await recovered(caller)
        answering.turn(mode)
        # The first in a row hear it from AWS's silence, the others from the breaker.
        for _ in range(2):
            answers = await asyncio.gather(
                caller.ask(ME, id=alice.sub),
                caller.ask(SERVICES),
                caller.ask(BALANCE, userId=alice.sub),
                caller.give(bob, 0.5, key=key),
                caller.ask(RENAME, input={"id": alice.sub, "bio": "Gardener"}),
            )
            for answer in answers:
                answer.check_unavailable()
        not_ready = asyncio.create_task(until_not_ready(front))
        alive, waited = await health(front, "/healthz")
        assert alive == 200
        assert waited < AT_ONCE
        await not_ready
        answering.turn(Mode.ANSWERS)
        assert await recovered(caller) < SECONDS
        for _ in range(2):
            done = await caller.give(bob, 0.5, key=key)
            assert (done.status, done.body.get("errors")) == (200, None), done
            assert done.seconds < 4
        assert (await caller.ask(RENAME, input={"id": alice.sub, "bio": "Gardener"})).status == 200
        assert await caller.hours() == 9.5
    check_log(front, since)


async def test_a_transfer_whose_answer_is_lost_is_repeated_with_its_id(
    front: Server, answering: FlakyAws, pair: tuple[Member, Member]
) -> None:
    alice, bob = pair
    transfer, since = str(uuid4()), len(front.log)
    async with calling(front, alice) as caller:
        answering.turn(Mode.DEAF)
        lost = await caller.give(bob, 2, id=transfer)
        # No 503, after which a client may send it again unseen.
        assert (lost.status, lost.error["errorType"]) == (200, "ServiceUnavailable")
        assert lost.error["errorInfo"] == {"retryAfterSeconds": 1, "outcomeIsUnknown": True}
        assert lost.seconds < SECONDS
        assert "same id" in lost.error["message"]
        answering.turn(Mode.ANSWERS)
        await recovered(caller)
        done = await caller.give(bob, 2, id=transfer)
        assert done.body["data"]["processDirectTransfer"]["relatedEntityId"] == transfer
        assert await caller.hours() == 8
    check_log(front, since)


@pytest.mark.long
@pytest.mark.parametrize("mode", FAILURES, ids=lambda mode: mode.name.lower())
async def test_sockets_of_both_protocols_are_told_and_stay_open(
    front: Server, answering: FlakyAws, pair: tuple[Member, Member], mode: Mode
) -> None:
    alice, _ = pair
    async with calling(front, alice) as caller:
        await recovered(caller)
    since = len(front.log)
    stranger = minting(front)("nobody-" + uuid4().hex)
    async with transport_ws(front, alice) as socket, realtime(front, alice) as amplify:
        answering.turn(mode)
        began = time.monotonic()
        await subscribe(socket, "q", SERVICES)
        await subscribe(socket, "s", NOTIFIED, userId=alice.sub)
        await start(amplify, alice, "a", NOTIFIED, userId=alice.sub)
        heard = [await next_but(socket, "complete"), await next_but(socket, "complete")]
        heard.append(await next_but(amplify, "ka"))
        closed = await closing_of(front, stranger)
        assert time.monotonic() - began < 2 * SECONDS
        for message in heard:
            payload = message["payload"]
            errors = payload["errors"] if isinstance(payload, dict) else payload
            assert errors[0]["errorType"] == "ServiceUnavailable", message
        assert closed == 1013
        answering.turn(Mode.ANSWERS)
        async with calling(front, alice) as caller:
            assert await recovered(caller) < SECONDS
        await until_answered(socket, SERVICES)
    check_log(front, since)


@pytest.mark.long
@pytest.mark.parametrize("which", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_a_server_does_not_start_and_says_why(
    tmp_path: Path, own_cloud: Cloud, answering: FlakyAws, which: str
) -> None:
    for mode in (*FAILURES, Mode.NOISE):
        answering.turn(mode)
        starting = Server(tmp_path, **{**variables(own_cloud, own_cloud.endpoint), which: answering.endpoint})
        assert starting.launch("serve", "--aws").wait(60) == 1
        lines = starting.log.splitlines()
        assert "Traceback" not in starting.log, (mode, starting.log)
        assert "AWS" in lines[-1], (mode, lines)
        assert "check AWS_" in lines[-1], mode


async def test_subscribers_get_their_events_again(
    front: Server, answering: FlakyAws, pair: tuple[Member, Member]
) -> None:
    alice, bob = pair
    async with transport_ws(front, bob) as socket, calling(front, alice) as caller:
        await subscribe(socket, "s", NOTIFIED, userId=bob.sub)
        await asyncio.sleep(1)
        answering.turn(Mode.SILENT)
        await asyncio.sleep(4)
        answering.turn(Mode.ANSWERS)
        await recovered(caller)
        assert (await caller.give(bob, 1, key=str(uuid4()))).body.get("errors") is None
        message = json.loads(await asyncio.wait_for(socket.recv(), 5))
        assert message["payload"]["data"]["onCreateNotification"]["id"]


@asynccontextmanager
async def stopped(server: Server) -> AsyncIterator[Callable[[], None]]:
    """Stop a server's local cloud with SIGSTOP; yields the function that continues it."""
    process = LocalCloud(server.directory, Settings())._read_process()
    assert process is not None

    def go_on() -> None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)

    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield go_on
    finally:
        go_on()


async def test_a_local_cloud_that_stands_still_is_heard_of_in_time(
    home: Server, pair: tuple[Member, Member]
) -> None:
    alice, bob = pair
    key, since = str(uuid4()), len(home.log)
    async with calling(home, alice) as caller:
        async with stopped(home) as go_on:
            for _ in range(2):
                for answer in await asyncio.gather(
                    caller.ask(ME, id=alice.sub), caller.ask(SERVICES), caller.give(bob, 0.25, key=key)
                ):
                    answer.check_unavailable()
            await until_not_ready(home)
            assert (await health(home, "/healthz"))[1] < AT_ONCE
            go_on()
            assert await recovered(caller) < SECONDS
        done = await caller.give(bob, 0.25, key=key)
        assert done.body.get("errors") is None, done
        assert await caller.hours() == 9.75
    check_log(home, since)


@pytest.mark.long
async def test_ten_seconds_of_stillness_under_load_lose_nothing(home: Server) -> None:
    since = len(home.log)
    async with asking(home) as graphql:
        join = joining(graphql, minting(home))
        members = [await join(f"m{number}") for number in range(8)]
        request = await new_client(graphql, join)
        await request.ask()
    given = 0

    async def keep_giving(number: int, end: float) -> None:
        nonlocal given
        async with calling(home, members[number]) as caller:
            while time.monotonic() < end:
                key = str(uuid4())
                while (answer := await caller.give(members[(number + 1) % 8], 0.01, key=key)).status == 503:
                    answer.check_unavailable()
                    await asyncio.sleep(1)
                assert answer.body.get("errors") is None, answer
                given += 1

    async with asyncio.TaskGroup() as load, stopped(home) as go_on:
        go_on()
        for number in range(8):
            load.create_task(keep_giving(number, time.monotonic() + 14))
        await asyncio.sleep(2)
        async with stopped(home):
            await asyncio.sleep(10)
    assert given > 16
    async with asking(home) as graphql:
        request.graphql = graphql
        await request.reach("AWAITING_RESPONSE", within=60)
    balances = []
    for member in members:
        async with calling(home, member) as caller:
            balances.append(await caller.hours())
    assert round(sum(balances), 2) == 80
    check_log(home, since)
