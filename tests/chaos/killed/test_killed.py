"""Processes killed with SIGKILL at random while members use them: no hour is lost, and all recovers soon."""

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
from models.storage.async_calls import AsyncCalls
from models.storage.store import Store
from tests.chaos.books import Books
from tests.chaos.killed.clients import Clients, retrying_client
from tests.chaos.killed.processes import Processes
from tests.chaos.killed.saved_rows import saved
from tests.integration.conftest import asking, joining, minting
from tests.integration.request_client import new_client

# Repeats the interruptions of one run, as a failure prints it: CHAOS_SEED=17.
SEED = os.environ.get("CHAOS_SEED")
# After the last interruption, every request that waits for nobody ends within this time.
RECOVERED_WITHIN = 60.0
# People need a moment for every action, and some never confirm, so that the deadline does it.
PATIENT = {
    "HOURBANK_APPROVAL_HOURS": "100000",
    "HOURBANK_RESPONSE_WINDOW": "PT1H",
    "HOURBANK_NEGOTIATION_WINDOW": "PT1H",
    "HOURBANK_CONFIRMATION_WINDOW": "PT4S",
    "HOURBANK_MARK_WINDOW": "PT1H",
    "HOURBANK_DECISION_WINDOW": "PT5S",
}
NAMES = Settings().names

# The number of members; there are as many requests at once.
FEW, MANY = 4, 14

Interruption = Callable[[Processes], None]
ClientsTask = asyncio.Task[None]
RunInterrupted = Callable[..., Awaitable[Clients]]


def kill_server(processes: Processes) -> None:
    """Kill the server; the local cloud and the functions live on."""
    processes.kill_server()


def kill_functions(processes: Processes) -> None:
    """Kill the functions; the server and the local cloud live on, and calls of functions fail."""
    processes.kill_functions()


def kill_both(processes: Processes) -> None:
    """Kill both, as when the server hosts the functions itself; only the local cloud lives on."""
    processes.kill_server()
    processes.kill_functions()


def restart(processes: Processes) -> None:
    """Stop the server and the local cloud with it: every execution and task token is forgotten."""
    assert processes.end() == 0
    processes.kill_functions()


def kill_all(processes: Processes) -> None:
    """Kill the local cloud, too: up to five seconds of writes are lost."""
    processes.kill_all()


async def interrupt(
    processes: Processes, interruptions: Mapping[Interruption, int], random: Random, clients_task: ClientsTask
) -> float:
    """Interrupt with each kind as often as it says, in random order; return the monotonic time of the last one."""
    planned = [interruption for interruption, times in interruptions.items() for _ in range(times)]
    random.shuffle(planned)
    last = 0.0
    for interruption in planned:
        # Some come while everything is still recovering, some when much has started again.
        pause = random.choice((random.uniform(0, 0.8), random.uniform(0.8, 4)))
        if interruption is kill_all:
            await processes.next_save()  # only writes after this save are lost
        await asyncio.sleep(pause)
        if clients_task.done():
            await clients_task
        await asyncio.to_thread(interruption, processes)
        last = time.monotonic()
        if interruption is kill_all:
            (await Books.read(saved(processes.rows, NAMES), clock.now())).check()
        await asyncio.to_thread(processes.start_missing)
    return last


async def read(processes: Processes, patch: pytest.MonkeyPatch) -> Books:
    """Return all rows as they are now."""
    for name, value in processes.environment.items():
        patch.setenv(name, value)
    async with AsyncCalls(["dynamodb"]) as calls:
        return await Books.read(Store(calls, NAMES), clock.now())


def without_early_cancellations(books: Books) -> Books:
    """Return the books without requests that have no notice: those cancelled before the provider knew of them.

    A repeated cancellation leads to this after its request was set back to an earlier save.
    """
    assert all(request.is_over for request in books.requests)
    untold = StatusReason.REQUESTER_CANCELLED
    return replace(books, requests=[one for one in books.requests if one.status_reason is not untold])


@pytest.fixture
def seed() -> int:
    """Choose the interruptions, and print how to repeat them."""
    chosen = randrange(2**32) if SEED is None else int(SEED)  # noqa: S311 — no secret
    print(f"CHAOS_SEED={chosen}")  # noqa: T201 — shown if the test fails
    return chosen


@pytest.fixture
def run_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, *, long: bool) -> RunInterrupted:
    """Return a function that interrupts while clients run, and checks that everything ends in time."""

    async def run(interruptions: Mapping[Interruption, int], *, may_rewind: bool = False) -> Clients:
        with Processes(tmp_path, **PATIENT) as processes:
            async with retrying_client(processes) as graphql:
                size = MANY if long else FEW
                clients = await Clients.gather(processes, graphql, size, seed, may_rewind=may_rewind)
                stop = asyncio.Event()
                clients_task = asyncio.create_task(clients.run(stop))
                last = await interrupt(processes, interruptions, Random(seed), clients_task)  # noqa: S311 — no secret
                stop.set()
                await asyncio.wait({clients_task}, timeout=last + RECOVERED_WITHIN - time.monotonic())
                books = await read(processes, monkeypatch)
                assert clients_task.done(), [request for request in books.requests if not request.is_over]
                await clients_task
                seconds = clients.ended_at - last
                print(f"all had ended {seconds:.1f} s after the last kill; {clients.completed}")  # noqa: T201 — shown on failure
                books.check()
                (without_early_cancellations(books) if may_rewind else books).check_over()
                if not may_rewind:
                    await clients.check_hours()
        return clients

    return run


async def test_server_and_functions_killed_at_random(run_interrupted: RunInterrupted, *, long: bool) -> None:
    kills = {kill_server: 16, kill_functions: 17, kill_both: 17}
    clients = await run_interrupted(kills if long else {kill_both: 1})
    assert clients.completed.total() >= len(clients.pairs)


@pytest.mark.long
async def test_the_local_cloud_restarted_in_the_middle_of_it_all(run_interrupted: RunInterrupted) -> None:
    clients = await run_interrupted({restart: 10})
    assert clients.completed.total() >= len(clients.pairs)


@pytest.mark.long
async def test_the_local_cloud_killed_and_started_from_its_last_save(run_interrupted: RunInterrupted) -> None:
    await run_interrupted({kill_all: 10}, may_rewind=True)


@pytest.mark.long
async def test_what_failed_while_the_functions_were_gone_goes_on_when_they_are_back(tmp_path: Path) -> None:
    """No function received the failure's event, and the request is not due before its deadline."""
    with Processes(tmp_path, **PATIENT) as processes:
        async with asking(processes) as graphql:
            client = await new_client(graphql, joining(graphql, minting(processes)))
            await client.ask()
            first = (await client.reach("AWAITING_RESPONSE"))["stepFunctionExecutionArn"]
            processes.kill_functions()
            processes.client("stepfunctions").stop_execution(executionArn=first)
            processes.start_missing()
            await client.until(lambda found: found["stepFunctionExecutionArn"] == f"{first}-r1", RECOVERED_WITHIN)
