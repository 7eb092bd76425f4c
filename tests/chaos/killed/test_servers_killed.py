"""Several servers on one cloud, killed in turn under load: every living subscriber hears of each change once."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.store import Store
from tests.chaos.killed.subscribers import Subscriber, Writer, counting
from tests.integration.conftest import Cloud, Server, minting

# Seconds, on a machine that has nothing else to do.
P99 = 0.5
FEED = {"HOURBANK_FEED": "queue"}


@asynccontextmanager
async def running(home: Server, endpoint: str, count: int) -> AsyncIterator[list[Server]]:
    """Run further servers over the cloud of one."""
    environment = {**Cloud.of(home.directory).environment, **FEED, "AWS_ENDPOINT_URL": endpoint}
    servers = [Server(home.directory, **environment) for _ in range(count)]
    for number, server in enumerate(servers):
        server.log_name = f"server-{number}.log"
    try:
        await asyncio.gather(*(asyncio.to_thread(server.start, "serve", "--aws") for server in servers))
        yield servers
    finally:
        for server in servers:
            if server.process is not None:
                server.end(signal.SIGKILL)


async def listening(server: Server, token: str, count: int) -> list[Subscriber]:
    subscribers = [Subscriber(server.url, token) for _ in range(count)]
    await asyncio.gather(*(one.begin() for one in subscribers))
    return subscribers


async def heard_to_the_end(subscribers: list[Subscriber], writer: Writer) -> None:
    """Wait until the last change of each row has come to everybody."""
    async with asyncio.timeout(20):
        for one in subscribers:
            while {row: numbers[-1] for row, numbers in one.heard.items()} != writer.written:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Yield a server with the cloud, to which this process's clients lead, too; end what uses it first."""
    running = Server(tmp_path, **FEED)
    running.start()
    for name, value in Cloud.of(tmp_path).environment.items():
        monkeypatch.setenv(name, value)
    yield running
    running.stop()


@pytest.mark.long
async def test_servers_that_are_killed_cost_the_others_nothing(home: Server) -> None:
    # Beside the server of the cloud, which lives on.
    servers_count, kills, each, rows, pace = 4, 8, 3, 40, 0.015
    token = minting(home)("alice")
    killed: list[Subscriber] = []
    async with (
        counting(Cloud.of(home.directory).endpoint) as (endpoint, counts),
        AsyncCalls(["dynamodb", "sqs"]) as calls,
        running(home, endpoint, servers_count) as servers,
    ):
        writer, stop = Writer(Store(calls, Settings().names), rows, pace), asyncio.Event()
        writing = asyncio.create_task(writer.run(stop))
        living = {server: await listening(server, token, each) for server in [home, *servers]}
        for turn in range(kills):
            await asyncio.sleep(2.0)
            server = servers[turn % servers_count]
            await asyncio.to_thread(server.end, signal.SIGKILL)
            killed += living.pop(server)
            await asyncio.to_thread(server.start, "serve", "--aws")
            living[server] = await listening(server, token, each)
        await asyncio.sleep(2.0)
        stop.set()
        await writing
        everybody = [one for subscribers in living.values() for one in subscribers]
        await heard_to_the_end(everybody, writer)
        for server in living.keys() - {home}:
            await asyncio.to_thread(server.end, signal.SIGTERM)
        found = await calls.call("sqs", "list_queues", QueueNamePrefix=Settings().names.server_queues)
    delays = sorted(delay for one in [*everybody, *killed] for delay in one.delays)
    p99 = delays[int(len(delays) * 0.99)]
    print(f"{len(delays)} events, median {delays[len(delays) // 2]:.3f} s, p99 {p99:.3f} s, {dict(counts)}")  # noqa: T201 — shown with -rP
    for one in [*everybody, *killed]:
        one.check()
    assert all(len(one.heard) == rows for one in everybody)
    assert not counts, "servers read streams"
    # Those of the server of the cloud, and of each that was killed: no other server knows yet that it is dead.
    assert len(found["QueueUrls"]) == 1 + kills
    assert p99 < P99
