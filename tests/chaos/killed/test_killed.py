"""Processes killed with -9 at random while members deal with each other: no hour is lost, and all goes on soon."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random, randrange

import pytest

from models import clock
from models.requests.statuses import StatusReason
from models.settings import Settings
from models.storage.calls import AsyncCalls
from models.storage.store import Store
from tests.chaos.books import Books
from tests.chaos.killed.clients import Clients, insisting
from tests.chaos.killed.processes import Processes
from tests.chaos.killed.saved_rows import saved
from tests.integration.conftest import asking, joining, minting
from tests.integration.request_client import new_deal

# One run's blows again, as a failure prints it: CHAOS_SEED=17.
SEED = os.environ.get("CHAOS_SEED")
# After the last fault everything ends within this time that waits for nobody.
SETTLED_WITHIN = 60.0
# People take a moment for everything that they do, and some never confirm what the clock then does.
PATIENT = {
    "HOURBANK_RESPONSE_WINDOW": "PT1H",
    "HOURBANK_NEGOTIATION_WINDOW": "PT1H",
    "HOURBANK_CONFIRMATION_WINDOW": "PT4S",
    "HOURBANK_MARK_WINDOW": "PT1H",
    "HOURBANK_DECISION_WINDOW": "PT5S",
}
NAMES = Settings().names

# The members, who have as many requests at once.
FEW, MANY = 6, 14

Blow = Callable[[Processes], None]
Playing = asyncio.Task[None]
Besieged = Callable[..., Awaitable[Clients]]


def kill_server(processes: Processes) -> None:
    """The local cloud and the functions live on."""
    processes.kill_server()


def kill_functions(processes: Processes) -> None:
    """The server and the local cloud live on, and what calls a function fails."""
    processes.kill_functions()


def kill_both(processes: Processes) -> None:
    """As when the server hosts the functions itself; only the local cloud lives on."""
    processes.kill_server()
    processes.kill_functions()


def restart(processes: Processes) -> None:
    """The server is stopped, and the local cloud with it: every execution and token is forgotten."""
    assert processes.end() == 0
    processes.kill_functions()


def kill_all(processes: Processes) -> None:
    """The local cloud, too: up to five seconds of what was written are gone."""
    processes.kill_all()


async def strike(processes: Processes, blows: Mapping[Blow, int], random: Random, playing: Playing) -> float:
    """Deal each blow as often as is said, in any order; return when the last one was, by the monotonic clock."""
    dealt = [blow for blow, times in blows.items() for _ in range(times)]
    random.shuffle(dealt)
    last = 0.0
    for blow in dealt:
        # Now the next one comes while all is still mending itself, now when much has begun again.
        pause = random.choice((random.uniform(0, 0.8), random.uniform(0.8, 4)))
        if blow is kill_all:
            await processes.next_save()  # what is lost with the cloud is what came after it
        await asyncio.sleep(pause)
        if playing.done():
            await playing
        await asyncio.to_thread(blow, processes)
        last = time.monotonic()
        if blow is kill_all:
            (await Books.read(saved(processes.rows, NAMES), clock.now())).check()
        await asyncio.to_thread(processes.mend)
    return last


async def read(processes: Processes, patch: pytest.MonkeyPatch) -> Books:
    """Return the books as they are now."""
    for name, value in processes.environment.items():
        patch.setenv(name, value)
    async with AsyncCalls(["dynamodb"]) as calls:
        return await Books.read(Store(calls, NAMES), clock.now())


def heard_of(books: Books) -> Books:
    """Return the books without what nobody is told of: requests that were cancelled before the provider knew.

    That is what a cancellation comes to that is sent again after its request was put back to its beginning.
    """
    assert all(request.is_over for request in books.requests)
    untold = StatusReason.REQUESTER_CANCELLED
    return replace(books, requests=[one for one in books.requests if one.status_reason is not untold])


@pytest.fixture
def seed() -> int:
    """Choose the blows, and say how they come again."""
    chosen = randrange(2**32) if SEED is None else int(SEED)  # noqa: S311 — no secret
    print(f"CHAOS_SEED={chosen}")  # noqa: T201 — shown if the test fails
    return chosen


@pytest.fixture
def besieged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, *, long: bool) -> Besieged:
    """Return what deals blows while clients play, and sees that all comes to its end in time."""

    async def run(blows: Mapping[Blow, int], *, may_rewind: bool = False) -> Clients:
        with Processes(tmp_path, **PATIENT) as processes:
            async with insisting(processes) as graphql:
                size = MANY if long else FEW
                clients = await Clients.gather(processes, graphql, size, seed, may_rewind=may_rewind)
                enough = asyncio.Event()
                playing = asyncio.create_task(clients.play(enough))
                last = await strike(processes, blows, Random(seed), playing)  # noqa: S311 — no secret
                enough.set()
                await asyncio.wait({playing}, timeout=last + SETTLED_WITHIN - time.monotonic())
                books = await read(processes, monkeypatch)
                assert playing.done(), [request for request in books.requests if not request.is_over]
                await playing
                print(f"all had ended {clients.rested - last:.1f} s after the last blow; played: {clients.played}")  # noqa: T201
                books.check()
                (heard_of(books) if may_rewind else books).check_over()
                if not may_rewind:
                    await clients.check_hours()
        return clients

    return run


async def test_server_and_functions_killed_at_random(besieged: Besieged, *, long: bool) -> None:
    kills = {kill_server: 16, kill_functions: 17, kill_both: 17}
    clients = await besieged(kills if long else dict.fromkeys([*kills, restart], 1))
    assert clients.played.total() >= len(clients.players)


async def test_the_local_cloud_restarted_in_the_middle_of_it_all(besieged: Besieged, *, long: bool) -> None:
    if not long:
        pytest.skip("the short form restarts it once, among the kills")
    clients = await besieged({restart: 10})
    assert clients.played.total() >= len(clients.players)


async def test_the_local_cloud_killed_and_started_from_its_last_save(besieged: Besieged, *, long: bool) -> None:
    await besieged({kill_all: 10 if long else 1}, may_rewind=True)


async def test_what_failed_while_the_functions_were_gone_goes_on_when_they_are_back(tmp_path: Path) -> None:
    """Nobody was there to hear of the failure, and the request is not due before its deadline."""
    with Processes(tmp_path, **PATIENT) as processes:
        async with asking(processes) as graphql:
            deal = await new_deal(graphql, joining(graphql, minting(processes)))
            await deal.ask()
            first = (await deal.reach("AWAITING_RESPONSE"))["stepFunctionExecutionArn"]
            processes.kill_functions()
            processes.client("stepfunctions").stop_execution(executionArn=first)
            processes.mend()
            await deal.until(lambda found: found["stepFunctionExecutionArn"] == f"{first}-r1", SETTLED_WITHIN)
