"""`python -m tests.benchmarks.writes`: our server and its peers take the same mutations, in turn, three times.

Ours decides by its rules, chains the entries of its ledger, starts and completes executions, and follows the
change feed; what a second of idling costs is taken off. The functions run in another process. The peers write as
many rows in as many transactions, ask for no rule, and start a machine that does nothing. Other checkouts of this
repository are measured in the same run, each with a local cloud of its own:

    BENCH_CHECKOUTS="before=/tmp/before" python -m tests.benchmarks.writes
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from resolvers.identity.issuer import LocalIssuer
from tests.benchmarks.contenders import OURS, PEERS, Contender, install_peers, running
from tests.benchmarks.lives import AFTERWARDS, CHECKOUTS, LIFE
from tests.benchmarks.lives import Contender as Checkout
from tests.benchmarks.lives import contender as running_checkout
from tests.benchmarks.load import CONNECTIONS, cpu_of
from tests.benchmarks.members import Bench
from tests.benchmarks.pictures import bars
from tests.benchmarks.side_by_side import tokens_of
from tests.integration.conftest import Cloud, Server

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
# Of each mutation, by each server in each round.
WRITES = int(os.environ.get("BENCH_WRITES", "40"))
_IDLE_SECONDS = 3.0
# The local cloud looks at its streams once a second; what our server then hears of is its work, too.
_SETTLED_SECONDS = 1.5
_TRANSFER = "m3 direct transfer"
MUTATIONS = {"m1 create": LIFE["m1 create"], "m2 accept": LIFE["m2 accept"], _TRANSFER: AFTERWARDS[_TRANSFER]}

console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a mutation cost.

    Attributes:
        cpu: milliseconds of the server's process.
        p50: milliseconds until half of the answers were there.
    """

    cpu: float
    p50: float


Costs = Mapping[str, Mapping[str, Sequence[Cost]]]


async def main() -> None:
    """Measure, and print the table."""
    install_peers()
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory))
        console.print("starting the local cloud and the servers …")
        server.start()
        try:
            token = next(iter(tokens_of(server.directory).values()))
            cloud = Cloud.of(server.directory)
            with running(cloud, server.directory, token, PEERS, {}, limit=False) as contenders:
                async with AsyncExitStack() as stack:
                    checkouts = [
                        await stack.enter_async_context(running_checkout(name, Path(at), WRITES))
                        for name, at in CHECKOUTS.items()
                    ]
                    costs = await measured(contenders, LocalIssuer(server.directory), checkouts)
        finally:
            server.stop()
    console.print(table(costs))
    console.print("drawn:", drawn(costs))


async def measured(contenders: Sequence[Contender], issuer: LocalIssuer, checkouts: Sequence[Checkout]) -> Costs:
    """Return what the mutations cost each contender, for each round.

    Args:
        contenders: the running servers; the first is ours, by which all members join.
        issuer: of the members' tokens.
        checkouts: other versions of ours, with members of their own.
    """
    costs: dict[str, dict[str, list[Cost]]] = defaultdict(lambda: defaultdict(list))

    async def measure(name: str, pid: int, bench: Bench, *, is_ours: bool) -> None:
        for mutation, cost in (await _round(pid, bench, is_ours=is_ours)).items():
            costs[name][mutation].append(cost)

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=CONNECTIONS)) as http:
        for _ in range(ROUNDS):
            for one in contenders:
                bench = Bench(contenders[0].url, issuer, http, WRITES)
                await bench.join()
                await measure(one.name, one.pid, bench.at(one.url), is_ours=one.name == OURS)
            for checkout in checkouts:
                await measure(checkout.name, checkout.processes[0], checkout.bench, is_ours=True)
    return costs


async def _round(pid: int, bench: Bench, *, is_ours: bool) -> dict[str, Cost]:
    """Let members send each mutation to a server; one of ours has a workflow, which is waited for."""
    costs = {}
    before = cpu_of(pid)
    await asyncio.sleep(_IDLE_SECONDS)
    idle = (cpu_of(pid) - before) / _IDLE_SECONDS
    requests = bench.requests()
    for name, act in MUTATIONS.items():
        costs[name] = await _cost(pid, idle, [partial(act, bench, request) for request in requests])
        if is_ours and name == "m1 create":
            await bench.gather(bench.reach(request, "AWAITING_RESPONSE") for request in requests)
    return costs


async def _cost(pid: int, idle: float, acts: Sequence[Callable[[], Awaitable[None]]]) -> Cost:
    """Return what an act costs, of those that are done over eight connections.

    Args:
        pid: of the server's process.
        idle: the seconds of CPU that it uses in a second without requests.
        acts: what is done.
    """
    turn = asyncio.Semaphore(CONNECTIONS)

    async def timed(act: Callable[[], Awaitable[None]]) -> float:
        async with turn:
            began = time.monotonic()
            await act()
            return time.monotonic() - began

    began, before = time.monotonic(), cpu_of(pid)
    times = await asyncio.gather(*map(timed, acts))
    await asyncio.sleep(_SETTLED_SECONDS)
    used = cpu_of(pid) - before - idle * (time.monotonic() - began)
    return Cost(1000 * used / len(acts), 1000 * statistics.median(times))


def _middles(costs: Costs, attribute: str) -> dict[str, dict[str, float]]:
    return {
        name: {
            mutation: statistics.median(getattr(cost, attribute) for cost in each)
            for mutation, each in found.items()
        }
        for name, found in costs.items()
    }


def table(costs: Costs) -> Table:
    """Return the table of what the mutations cost, and how that compares with the best peer."""
    cpu, p50 = _middles(costs, "cpu"), _middles(costs, "p50")
    best = {mutation: min(cpu[name][mutation] for name in PEERS) for mutation in MUTATIONS}
    shown = Table(title=f"CPU ms of the server's process: {WRITES} of each, {ROUNDS} rounds")
    shown.add_column("")
    for mutation in MUTATIONS:
        for column in (mutation, "of the best peer", "p50 ms"):
            shown.add_column(column, justify="right")
    for name, found in cpu.items():
        row = [name]
        for mutation, cost in found.items():
            row += [f"{cost:.2f}", f"{cost / best[mutation]:.2f} ×", f"{p50[name][mutation]:.0f}"]
        shown.add_row(*row, style="bold" if name == OURS else None)
    return shown


def drawn(costs: Costs) -> Path:
    """Draw what the mutations cost, and return the picture's path."""
    cpu = _middles(costs, "cpu")
    series = {name: [found[mutation] for mutation in MUTATIONS] for name, found in cpu.items()}
    return bars("writes", "CPU of the server's process for a mutation, in ms", list(MUTATIONS), series)


if __name__ == "__main__":
    asyncio.run(main())
