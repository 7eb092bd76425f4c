"""`make bench-workflows`: a thousand members have requests with twenty providers, and every hour arrives.

It runs twice: at a steady pace, for which the start latency is promised, and all at once, for comparison.
The start latency is from the request's first row to the workflow's first step, by the rows' own times.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track
from rich.table import Table

from resolvers.identity.issuer import LocalIssuer
from tests.benchmarks.members import AT_ONCE, PROVIDERS, Bench, BenchRequest
from tests.integration.conftest import NO_RATES, free_port
from tests.story.play import BALANCE
from tests.story.running import running_server

REQUESTERS = int(os.environ.get("BENCH_REQUESTERS", "1000"))
STARTS_PER_SECOND = float(os.environ.get("BENCH_STARTS_PER_SECOND", "20"))
START_LIMIT_SECONDS = 2.0

console = Console()


def seconds_between(steps: Sequence[dict[str, Any]], first: str, last: str) -> float:
    """Return the seconds between two steps of a request's progress."""
    at = {step["name"]: datetime.fromisoformat(step["at"]) for step in steps if step["at"]}
    return (at[last] - at[first]).total_seconds()


@dataclass(frozen=True, slots=True)
class Figures:
    """The times of one round, in seconds."""

    name: str
    starts: tuple[float, ...]
    asking: float
    answering: float


async def play(bench: Bench, name: str, ask: Callable[[Bench, list[BenchRequest]], Awaitable[None]]) -> Figures:
    """Run one round: all requests are created, a thousand wait at once, all are answered, all are paid."""
    requests = bench.requests()
    begun = time.monotonic()
    await ask(bench, requests)
    waiting = await bench.gather(bench.reach(request, "AWAITING_RESPONSE") for request in requests)
    asked = time.monotonic()
    console.print(f"{name}: {len(waiting)} waits are open at once after {asked - begun:.1f} s")
    await bench.gather(bench.finish(request) for request in requests)
    await bench.gather(bench.reach(request, "PAID") for request in requests)
    paid = time.monotonic()
    console.print(f"{name}: all {len(requests)} are paid after another {paid - asked:.1f} s")
    starts = tuple(seconds_between(found["steps"], "INITIATED", "VALIDATING") for found in waiting)
    return Figures(name, starts, asked - begun, paid - asked)


async def steadily(bench: Bench, requests: list[BenchRequest]) -> None:
    """Create the requests at a steady pace."""
    asking = []
    begun = time.monotonic()
    for number, request in enumerate(track(requests, description="steady", console=console)):
        await asyncio.sleep(begun + number / STARTS_PER_SECOND - time.monotonic())
        asking.append(asyncio.create_task(bench.ask(request)))
    await asyncio.gather(*asking)


async def at_once(bench: Bench, requests: list[BenchRequest]) -> None:
    """Create all requests at once."""
    await bench.gather(bench.ask(request) for request in requests)


async def check_ledger(bench: Bench, rounds: int) -> None:
    """Check that every hour is where it belongs."""
    people = [(person, Decimal(10 - rounds)) for person in bench.requesters]
    share, rest = divmod(len(bench.requesters), len(bench.offers))
    for number, (provider, _) in enumerate(bench.offers):
        people.append((provider, Decimal(10 + rounds * (share + (number < rest)))))
    rows = await bench.gather(person.client.ask(BALANCE, userId=person.sub) for person, _ in people)
    for row, (person, due) in zip(rows, people, strict=True):
        found = Decimal(str(row["availableBalance"])), Decimal(str(row["escrowedBalance"]))
        if found != (due, Decimal(0)):
            raise SystemExit(f"{person.sub} has {found}, not {due}: the ledger is not exact")
    console.print(f"{bench.early} actions came before the workflow was ready and were repeated.")
    console.print(f"{bench.unavailable} times the local cloud was late, and what was asked was repeated.")
    console.print(f"The ledger is exact: {len(people)} balances are what they must be, nothing is held.")


def report(figures: Sequence[Figures]) -> float:
    """Print the rounds side by side; return the steady round's p99 of the start latency."""
    table = Table(title=f"{REQUESTERS} requesters, {PROVIDERS} providers")
    for column in ("", "start p50", "start p99", "all waiting after", "all paid after"):
        table.add_column(column, justify="right")
    p99s = []
    for round_ in figures:
        percentiles = statistics.quantiles(round_.starts, n=100)
        p99s.append(percentiles[98])
        cells = (percentiles[49], percentiles[98], round_.asking, round_.answering)
        table.add_row(round_.name, *(f"{cell:.2f} s" for cell in cells))
    console.print(table)
    return p99s[0]


async def run(base_url: str, directory: Path) -> None:
    """Run both rounds against a running local server."""
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(timeout=60, limits=limits) as http:
        bench = Bench(base_url, LocalIssuer(directory), http, REQUESTERS)
        await bench.join()
        figures = [
            await play(bench, f"{STARTS_PER_SECOND:g} starts a second", steadily),
            await play(bench, "all at once", at_once),
        ]
        await check_ledger(bench, rounds=len(figures))
    if (p99 := report(figures)) > START_LIMIT_SECONDS:
        sys.exit(f"The steady start latency is {p99:.2f} s (p99), not below {START_LIMIT_SECONDS} s.")


def main() -> None:
    """Run against a server of its own, which is stopped and removed afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        base_url = f"http://127.0.0.1:{free_port()}"
        with running_server(base_url, {"HOURBANK_LOCAL": directory, **NO_RATES}):
            asyncio.run(run(base_url, Path(directory)))


if __name__ == "__main__":
    main()
