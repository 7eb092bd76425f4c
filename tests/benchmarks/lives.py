"""`make bench-lives`: what one request's life costs, from its creation to the payment.

It measures the CPU of a server, of the functions, which another server hosts, and of the local cloud, for each
thing that members do and all that the workflow does thereupon. Members act at a gentle pace, so that nothing
queues. The host of the functions follows the change feed, too. Other checkouts of this repository are measured in
the same run, in turn with this one:

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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from uuid import uuid4

import httpx
from rich.console import Console
from rich.table import Table

from resolvers.identity.issuer import LocalIssuer
from tests.benchmarks.load import cpu_of
from tests.benchmarks.members import AT_ONCE, Bench, BenchRequest
from tests.benchmarks.pictures import bars
from tests.integration.conftest import LOCAL_TOKENS, NO_RATES, STREAMS, Cloud, free_port
from tests.story.running import is_ready

LIVES = int(os.environ.get("BENCH_LIVES", "20"))  # in each round
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "2"))
PACE = float(os.environ.get("BENCH_PACE", "5"))  # actions a second
# Other checkouts of this repository to be measured beside it, such as "before=/tmp/before".
CHECKOUTS = dict(one.split("=", 1) for one in os.environ.get("BENCH_CHECKOUTS", "").split() if one)
OURS = "HourBank"
# The local cloud gathers events for a second, and then tells the functions.
_SETTLED_SECONDS = 1.5
_START_SECONDS = 90
_SAVED_SECONDS = 12.0  # after which the local cloud has also saved what was done, and imported its CloudWatch
_IDLE_SECONDS = 5.0
_IDLE, _WHOLE = "a second of idling", "a whole life"
_REPOSITORY = Path(__file__).parents[2]
_TRANSFER = "mutation($input:ProcessDirectTransferInput!){processDirectTransfer(input:$input){id}}"

console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
Act = Callable[[Bench, BenchRequest], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of CPU.

    Args:
        server: of the server that the members call.
        functions: of the server that hosts the functions.
        cloud: of the local cloud.
    """

    server: float
    functions: float
    cloud: float

    @property
    def both(self) -> float:
        """Return what the server and the functions cost together."""
        return self.server + self.functions

    @classmethod
    def middle(cls, costs: Sequence["Cost"]) -> "Cost":
        """Return the medians of several costs."""
        return cls(*map(statistics.median, zip(*map(astuple, costs), strict=True)))

    @classmethod
    def total(cls, costs: Iterable["Cost"]) -> "Cost":
        """Return the sum of several costs."""
        return cls(*map(sum, zip(*map(astuple, costs), strict=True)))


_NOTHING = Cost(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Contender:
    """A checkout's running processes, with the members who call its server.

    Args:
        name: its name.
        processes: the ids of the server, the host of the functions and the local cloud.
        bench: the members.
    """

    name: str
    processes: tuple[int, int, int]
    bench: Bench

    async def cost(self, acts: Callable[[], Awaitable[None]], count: float, idle: Cost = _NOTHING) -> Cost:
        """Return what something costs, divided by how often it is done.

        Args:
            acts: does it.
            count: how often.
            idle: what a second of idling costs, which is not counted.
        """
        began, before = time.monotonic(), [cpu_of(pid) for pid in self.processes]
        await acts()
        used = [cpu_of(pid) - then for pid, then in zip(self.processes, before, strict=True)]
        seconds = time.monotonic() - began
        return Cost(
            *((1000 * cpu - seconds * still) / count for cpu, still in zip(used, astuple(idle), strict=True))
        )


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


# What members do in a request's life, in order; some of it is one of the benchmark's mutations.
LIFE: Mapping[str, Act] = {
    "m1 create": lambda bench, request: bench.ask(request),
    "m2 accept": lambda bench, request: bench.accept(request),
    "started": lambda bench, request: bench.mark(request, "markServiceStarted", by=request.provider),
    "confirm start": lambda bench, request: bench.mark(request, "confirmServiceStart", by=request.requester),
    "complete": lambda bench, request: bench.mark(request, "markServiceComplete", by=request.provider),
    "confirm work": lambda bench, request: bench.mark(request, "confirmServiceCompletion", by=request.requester),
}
AFTERWARDS: Mapping[str, Act] = {"m3 direct transfer": _transfer}


@asynccontextmanager
async def contender(name: str, checkout: Path, requesters: int = LIVES) -> AsyncIterator[Contender]:
    """Start a checkout's servers and let its members join; stop all with the context."""
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        settings = {**os.environ, **NO_RATES, **LOCAL_TOKENS, **STREAMS, "HOURBANK_LOCAL": made}
        async with _serving(checkout, settings) as (host, _):
            to_cloud = Cloud.of(directory).environment
            async with (
                _serving(checkout, {**settings, **to_cloud}, "--aws") as (server, url),
                httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=AT_ONCE)) as http,
            ):
                bench = Bench(url, LocalIssuer(directory), http, requesters)
                await bench.join()
                cloud = int(json.loads((directory / "cloud.json").read_text())["pid"])
                yield Contender(name, (server, host, cloud), bench)


@asynccontextmanager
async def _serving(checkout: Path, settings: Mapping[str, str], *options: str) -> AsyncIterator[tuple[int, str]]:
    """Start a server, and yield its process's id and its URL; stop it with the context."""
    port = free_port()
    command = [sys.executable, "server.py", "serve", *options]
    process = Popen(command, cwd=checkout, env={**settings, "PORT": str(port)}, stdout=DEVNULL, stderr=DEVNULL)  # noqa: ASYNC220, S603 — our own
    try:
        url = f"http://127.0.0.1:{port}"
        await _ready(process, url)
        yield process.pid, url
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
    await asyncio.sleep(_SAVED_SECONDS)
    idle = await one.cost(lambda: asyncio.sleep(_IDLE_SECONDS), _IDLE_SECONDS)
    costs = {_IDLE: idle}
    for name, act in {**LIFE, **AFTERWARDS}.items():
        if name in AFTERWARDS:
            await one.bench.gather(one.bench.reach(request, "PAID") for request in requests)

        async def acts(act: Act = act) -> None:
            await paced(one.bench, act, requests)

        costs[name] = await one.cost(acts, len(requests), idle)
    return costs


def middles(costs: Mapping[str, Mapping[str, Sequence[Cost]]]) -> dict[str, dict[str, Cost]]:
    """Return what each contender's steps cost in the median of the rounds, and what their lives cost in all."""
    found = {name: {step: Cost.middle(each) for step, each in steps.items()} for name, steps in costs.items()}
    for steps in found.values():
        steps[_WHOLE] = Cost.total(steps[step] for step in LIFE)
    return found


def table(costs: Mapping[str, Mapping[str, Cost]]) -> Table:
    """Return the table of what each contender's steps cost."""
    shown = Table(title=f"CPU ms above idling: {LIVES} lives a round, {ROUNDS} rounds, {PACE:g} actions a second")
    shown.add_column("")
    for name in costs:
        shown.add_column(f"{name}: server", justify="right")
        for column in ("functions", "both", "local cloud"):
            shown.add_column(column, justify="right")
    for step in (_IDLE, *LIFE, _WHOLE, *AFTERWARDS):
        each = (steps[step] for steps in costs.values())
        figures = ((one.server, one.functions, one.both, one.cloud) for one in each)
        shown.add_row(step, *(f"{figure:.1f}" for row in figures for figure in row))
    return shown


def drawn(costs: Mapping[str, Mapping[str, Cost]]) -> Path:
    """Draw what each step costs server and functions together, and return the picture's path."""
    steps = [*LIFE, *AFTERWARDS]
    series = {name: [found[step].both for step in steps] for name, found in costs.items()}
    return bars("lives", "CPU of server and functions for a step of a request's life, in ms", steps, series)


async def main() -> None:
    """Measure all checkouts in turn, and print the table."""
    checkouts = {OURS: _REPOSITORY, **{name: Path(at) for name, at in CHECKOUTS.items()}}
    costs: dict[str, dict[str, list[Cost]]] = {name: defaultdict(list) for name in checkouts}
    for _ in range(ROUNDS):
        for name, checkout in checkouts.items():
            async with contender(name, checkout) as one:
                for step, cost in (await lives(one)).items():
                    costs[name][step].append(cost)
    found = middles(costs)
    console.print(table(found))
    console.print("drawn:", drawn(found))


if __name__ == "__main__":
    asyncio.run(main())
