"""`make bench-rates`: what a counter that two servers share costs them, in CPU and in writes.

Fifty members send 200 queries a second to two servers in turn, over one local cloud: first without a shared
counter, then with more and more parts. With as many parts as a minute has operations, each of them is a write.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from rich.console import Console
from rich.table import Table

from resolvers.hosting.demo_data import DEMO_SERVICES
from resolvers.rates.limits import RateLimits
from tests.integration.conftest import Cloud, Member, Server, asking, joining, minting
from tests.security.measuring import Target, serving
from tests.unit.rates import DEFAULT_RATES

SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
MEMBERS = 50
PER_SECOND = 200
PARTS = (0, 10, 100, RateLimits().requests)
_ASKED = {"query": f'{{ getService(id: "{DEMO_SERVICES[0].id}") {{ id title }} }}'}
_CHUNK = 256 * 1024
console = Console()


@dataclass(frozen=True, slots=True)
class Round:
    """What one round has cost both servers together.

    Args:
        parts: of each rate; 0 without a shared counter.
        requests: how many were answered.
        cpu: seconds.
        writes: to the shared counter.
        seconds: how long it took.
    """

    parts: int
    requests: int
    cpu: float
    writes: int
    seconds: float


class Between:
    """A proxy between servers and their cloud, which counts the writes to the shared counter."""

    def __init__(self, endpoint: str) -> None:
        there = urlsplit(endpoint)
        self._there = there.hostname, there.port
        self.writes = 0
        self.endpoint = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until the context ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection(*self._there)
        back = asyncio.create_task(_pass_on(there, writer))
        with suppress(OSError):
            while sent := await reader.read(_CHUNK):
                self.writes += sent.count(b"UpdateItem") if b"-RateCounter" in sent else 0
                onward.write(sent)
                await onward.drain()
        onward.close()
        await back


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while sent := await reader.read(_CHUNK):
            writer.write(sent)
            await writer.drain()
    writer.close()


async def load(targets: list[Target], members: list[Member], seconds: float) -> int:
    """Send queries at a steady pace, of each member to each server in turn; return how many there were."""
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as http:

        async def ask(number: int) -> None:
            member, target = members[number % MEMBERS], targets[number // MEMBERS % len(targets)]
            answer = await http.post(f"{target.url}/graphql", json=_ASKED, headers={"Authorization": member.token})
            answer.raise_for_status()

        begun, count, tasks = time.monotonic(), int(seconds * PER_SECOND), set()
        for number in range(count):
            await asyncio.sleep(begun + number / PER_SECOND - time.monotonic())
            tasks.add(asyncio.create_task(ask(number)))
        await asyncio.gather(*tasks)
    return count


async def play(home: Server, members: list[Member], parts: int) -> Round:
    """Start two servers, warm them up, and measure them."""
    between = Between(Cloud.of(home.directory).endpoint)
    async with between.listening():
        settings = {
            **DEFAULT_RATES,
            "HOURBANK_RATE_SHARED_PARTS": str(parts),
            "HOURBANK_FEED_INTERVAL": "10",  # reading streams costs CPU, too
            "AWS_ENDPOINT_URL": between.endpoint,
        }
        with ExitStack() as stack:
            starting = [asyncio.to_thread(stack.enter_context, serving(home, **settings)) for _ in range(2)]
            targets = [await one for one in starting]
            await load(targets, members, 3)
            cpu, writes, begun = sum(one.cpu() for one in targets), between.writes, time.monotonic()
            requests = await load(targets, members, SECONDS)
            used = sum(one.cpu() for one in targets) - cpu
            played = Round(parts, requests, used, between.writes - writes, time.monotonic() - begun)
            await asyncio.to_thread(stack.close)
    return played


def report(rounds: list[Round]) -> None:
    """Print the rounds side by side."""
    table = Table(title=f"{MEMBERS} members, {PER_SECOND} queries a second to two servers")
    for column in ("parts", "CPU a query", "writes a minute", "queries a write", "CPU a write"):
        table.add_column(column, justify="right")
    for one in rounds:
        more = one.cpu / one.requests - rounds[0].cpu / rounds[0].requests
        table.add_row(
            str(one.parts),
            f"{1000 * one.cpu / one.requests:.2f} ms",
            f"{60 * one.writes / one.seconds:,.0f}",
            f"{one.requests / one.writes:,.1f}" if one.writes else "",
            # Where few queries write, the difference is noise.
            f"{1000 * more * one.requests / one.writes:.2f} ms" if one.writes > one.requests / 2 else "",
        )
    console.print(table)


async def run(home: Server) -> None:
    """Play all rounds over one cloud."""
    async with asking(home) as graphql:
        join = joining(graphql, minting(home))
        members = [await join("reader") for _ in range(MEMBERS)]
    report([await play(home, members, parts) for parts in PARTS])


def main() -> None:
    """Run over a local cloud of its own, which is stopped and removed afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        home = Server(Path(directory))
        home.start()
        try:
            asyncio.run(run(home))
        finally:
            home.stop()


if __name__ == "__main__":
    main()
