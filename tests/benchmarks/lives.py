"""`make bench-lives`: what one request's life costs, from its creation to the payment.

It measures the CPU of our process, which is the server with the functions in its threads, and of the local cloud
beside it, for each thing that members do and all that the workflow does thereupon. Members act at a gentle pace,
so that nothing queues. Other checkouts of this repository are measured in the same run, in turn with this one:

    BENCH_CHECKOUTS="before=/tmp/before" python -m tests.benchmarks.lives
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from uuid import uuid4

import httpx
from rich.console import Console
from rich.table import Table

from resolvers.identity.issuer import LocalIssuer
from tests.benchmarks.load import cpu_of
from tests.benchmarks.members import AT_ONCE, Bench, BenchRequest
from tests.integration.conftest import NO_RATES, free_port
from tests.story.running import is_ready

LIVES = int(os.environ.get("BENCH_LIVES", "20"))  # in each round
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "2"))
PACE = float(os.environ.get("BENCH_PACE", "5"))  # actions a second
CHECKOUTS = dict(one.split("=", 1) for one in os.environ.get("BENCH_CHECKOUTS", "").split() if one)
OURS = "HourBank"
# The local cloud looks at the event log's stream once a second, and then tells the functions.
_SETTLED_SECONDS = 1.5
_START_SECONDS = 90
_IDLE_SECONDS = 5.0
_IDLE = "a second of idling"
_REPOSITORY = Path(__file__).parents[2]
_TRANSFER = "mutation($input:ProcessDirectTransferInput!){processDirectTransfer(input:$input){id}}"

console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
Act = Callable[[Bench, BenchRequest], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of CPU.

    Args:
        ours: of the server with the functions.
        cloud: of the local cloud.
    """

    ours: float
    cloud: float


@dataclass(frozen=True, slots=True)
class Contender:
    """A checkout's running server, with its members."""

    name: str
    pid: int
    cloud: int
    bench: Bench

    async def cost(self, acts: Callable[[], Awaitable[None]], count: float, idle: Cost = Cost(0, 0)) -> Cost:
        """Return what something costs, divided by how often it is done.

        Args:
            acts: does it.
            count: how often.
            idle: what a second of idling costs, which is not counted.
        """
        begun, before = time.monotonic(), (cpu_of(self.pid), cpu_of(self.cloud))
        await acts()
        ours, cloud = cpu_of(self.pid) - before[0], cpu_of(self.cloud) - before[1]
        seconds = time.monotonic() - begun
        return Cost((1000 * ours - seconds * idle.ours) / count, (1000 * cloud - seconds * idle.cloud) / count)


async def _transfer(_bench: Bench, request: BenchRequest) -> None:
    """Let the provider give an hour back."""
    given = {
        "id": str(uuid4()),
        "transactionType": "TRANSFER",
        "fromUserId": request.provider.sub,
        "toUserId": request.requester.sub,
        "amount": 1,
        "description": "bench",
    }
    await request.provider.client.ask(_TRANSFER, input=given)


# What members do in a request's life, in order.
LIFE: Mapping[str, Act] = {
    "create": lambda bench, request: bench.ask(request),
    "accept": lambda bench, request: bench.accept(request),
    "started": lambda bench, request: bench.mark(request, "markServiceStarted", by=request.provider),
    "confirm start": lambda bench, request: bench.mark(request, "confirmServiceStart", by=request.requester),
    "complete": lambda bench, request: bench.mark(request, "markServiceComplete", by=request.provider),
    "confirm work": lambda bench, request: bench.mark(request, "confirmServiceCompletion", by=request.requester),
}
AFTERWARDS: Mapping[str, Act] = {"direct transfer": _transfer}


@asynccontextmanager
async def contender(name: str, checkout: Path) -> AsyncIterator[Contender]:
    """Start a checkout's server and let its members join; stop it with the context."""
    with tempfile.TemporaryDirectory() as made:
        directory, port = Path(made), free_port()
        settings = {**os.environ, **NO_RATES, "HOURBANK_LOCAL": made, "PORT": str(port)}
        command = [sys.executable, "server.py", "serve"]
        process = Popen(command, cwd=checkout, env=settings, stdout=DEVNULL, stderr=DEVNULL)  # noqa: ASYNC220, S603 — our own
        try:
            url = f"http://127.0.0.1:{port}"
            await _ready(process, url)
            async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=AT_ONCE)) as http:
                bench = Bench(url, LocalIssuer(directory), http, LIVES)
                await bench.join()
                cloud = int(json.loads((directory / "cloud.json").read_text())["pid"])
                yield Contender(name, process.pid, cloud, bench)
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30)


async def _ready(process: "Popen[bytes]", url: str) -> None:
    for _ in range(_START_SECONDS * 5):
        if await asyncio.to_thread(is_ready, url):
            return
        if process.poll() is not None:
            break
        await asyncio.sleep(0.2)
    raise SystemExit("a server did not start; `make run` says why")


async def paced(bench: Bench, act: Act, requests: Sequence[BenchRequest]) -> None:
    """Do something with each request at a steady pace, and wait until what follows is done."""
    doing = []
    for request in requests:
        doing.append(asyncio.ensure_future(act(bench, request)))
        await asyncio.sleep(1 / PACE)
    await asyncio.gather(*doing)
    await asyncio.sleep(_SETTLED_SECONDS)


async def lives(one: Contender) -> dict[str, Cost]:
    """Let requests live, all of them side by side, and return what each of their steps costs."""
    first = one.bench.requests()[:1]  # which finds nothing opened and nothing compiled
    for act in LIFE.values():
        await paced(one.bench, act, first)
    requests = one.bench.requests()
    idle = await one.cost(lambda: asyncio.sleep(_IDLE_SECONDS), _IDLE_SECONDS)
    costs = {_IDLE: idle}
    for name, act in {**LIFE, **AFTERWARDS}.items():
        if name in AFTERWARDS:
            await one.bench.gather(one.bench.reach(request, "PAID") for request in requests)

        async def acts(act: Act = act) -> None:
            await paced(one.bench, act, requests)

        costs[name] = await one.cost(acts, len(requests), idle)
    return costs


def table(costs: Mapping[str, Mapping[str, Sequence[Cost]]]) -> Table:
    """Return what each contender's steps cost, in the median of the rounds."""
    shown = Table(title=f"CPU ms above idling: {LIVES} lives a round, {ROUNDS} rounds, {PACE:g} actions a second")
    shown.add_column("")
    for name in costs:
        shown.add_column(f"{name}: server and functions", justify="right")
        shown.add_column("local cloud", justify="right")
    middle = {
        name: {
            step: Cost(statistics.median(c.ours for c in each), statistics.median(c.cloud for c in each))
            for step, each in steps.items()
        }
        for name, steps in costs.items()
    }
    rows = {step: [found[step] for found in middle.values()] for step in (_IDLE, *LIFE, *AFTERWARDS)}
    rows["a whole life"] = [
        Cost(sum(found[step].ours for step in LIFE), sum(found[step].cloud for step in LIFE))
        for found in middle.values()
    ]
    for step, row in rows.items():
        shown.add_row(step, *(f"{number:.1f}" for cost in row for number in (cost.ours, cost.cloud)))
    return shown


async def main() -> None:
    """Measure all checkouts in turn, and print the table."""
    checkouts = {OURS: _REPOSITORY, **{name: Path(at) for name, at in CHECKOUTS.items()}}
    costs: dict[str, dict[str, list[Cost]]] = {name: defaultdict(list) for name in checkouts}
    for _ in range(ROUNDS):
        for name, checkout in checkouts.items():
            async with contender(name, checkout) as one:
                for step, cost in (await lives(one)).items():
                    costs[name][step].append(cost)
    console.print(table(costs))


if __name__ == "__main__":
    asyncio.run(main())
