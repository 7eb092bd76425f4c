"""`make bench-workflows`: a thousand members have requests with twenty providers, and every hour arrives.

It runs twice: at a steady pace, for which the start latency is promised, and all at once, for comparison.
The start latency is from the request's first row to the workflow's first step, by the rows' own times.
"""

import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from rich.console import Console
from rich.progress import track
from rich.table import Table

from resolvers.identity.issuer import LocalIssuer
from tests.integration.conftest import NO_RATES, free_port
from tests.story.client import Client, RefusedError
from tests.story.play import BALANCE, CREATE, MARK, RESPOND
from tests.story.running import running_server

REQUESTERS = int(os.environ.get("BENCH_REQUESTERS", "1000"))
PROVIDERS = 20
STARTS_PER_SECOND = 20
START_LIMIT_SECONDS = 2.0
# Concurrent HTTP requests; a browser would not have more than this server has connections.
AT_ONCE = 64
PATIENCE_SECONDS = 600
MOST_TRIES = 20

CREATE_USER = "mutation($input:CreateUserInput!){createUser(input:$input){id}}"
CREATE_SERVICE = "mutation($input:CreateServiceInput!){createService(input:$input){id}}"
STATUS = "query($arn:String!){getWorkflowStatus(executionArn:$arn){status statusReason steps{name at}}}"

_T = TypeVar("_T")
console = Console()


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the benchmark."""

    sub: str
    client: Client


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """One service request between two members."""

    id: str
    requester: Member
    provider: Member
    service_id: str


class Bench:
    """The members, and what they do."""

    def __init__(self, base_url: str, issuer: LocalIssuer, http: httpx.AsyncClient) -> None:
        self._base_url = base_url
        self._issuer = issuer
        self._http = http
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.requesters: list[Member] = []
        self.offers: list[tuple[Member, str]] = []
        self.early = 0

    async def gather(self, work: Iterable[Awaitable[_T]]) -> list[_T]:
        """Run tasks concurrently, at most AT_ONCE of them."""

        async def one(thing: Awaitable[_T]) -> _T:
            async with self._turn:
                return await thing

        return await asyncio.gather(*(one(thing) for thing in work))

    async def join(self) -> None:
        """Let everybody join, and the providers offer a service at one hour an hour."""
        people = await self.gather(self._person() for _ in range(REQUESTERS + PROVIDERS))
        self.requesters, providers = people[PROVIDERS:], people[:PROVIDERS]
        services = await self.gather(self._offer(provider) for provider in providers)
        self.offers = list(zip(providers, services, strict=True))

    async def _person(self) -> Member:
        sub = str(uuid4())
        person = Member(sub, Client(self._base_url, self._issuer.mint(sub, sub[:8]), self._http))
        profile = {
            "id": sub,
            "email": f"{sub}@example.org",
            "username": sub,
            "firstName": "Bench",
            "lastName": sub[:8],
            "bankHours": 0,
            "skills": [],
            "rating": 0,
            "totalTransactions": 0,
        }
        await person.client.ask(CREATE_USER, input=profile)
        return person

    async def _offer(self, provider: Member) -> str:
        offer = {
            "userId": provider.sub,
            "title": "Bench help",
            "description": "One hour, one hour.",
            "category": "bench",
            "hourlyRate": 1,
            "isActive": True,
            "tags": [],
        }
        service = await provider.client.ask(CREATE_SERVICE, input=offer)
        return str(service["id"])

    def requests(self) -> list[BenchRequest]:
        """Return one new request for each requester, over the providers in turn."""
        pairs = zip(self.requesters, itertools.cycle(self.offers), strict=False)
        return [BenchRequest(str(uuid4()), person, provider, service) for person, (provider, service) in pairs]

    async def ask(self, request: BenchRequest) -> None:
        """Create a request for one hour."""
        create_input = {
            "id": request.id,
            "serviceId": request.service_id,
            "requesterId": request.requester.sub,
            "providerId": request.provider.sub,
            "status": "INITIATED",
            "estimatedHours": 1,
            "negotiationRound": 0,
        }
        await request.requester.client.ask(CREATE, input=create_input)

    async def reach(self, request: BenchRequest, status: str) -> dict[str, Any]:
        """Wait until a request has a status; return its progress."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found: dict[str, Any] = await request.requester.client.ask(STATUS, arn=f"x:{request.id}")
            if found["status"] == status:
                return found
            if found["status"] in ("REJECTED", "EXPIRED"):
                raise SystemExit(f"request {request.id} ended as {found['status']}: {found['statusReason']}")
            await asyncio.sleep(0.5)
        raise SystemExit(f"request {request.id} did not come to {status} within {PATIENCE_SECONDS} s")

    async def finish(self, request: BenchRequest) -> None:
        """Answer, start, confirm, complete, confirm."""
        given = {"requestId": request.id}
        provider, requester = request.provider.client, request.requester.client
        await self.retry(provider, RESPOND, {**given, "response": "ACCEPTED"})
        await self.retry(provider, MARK % "markServiceStarted", given)
        await self.retry(requester, MARK % "confirmServiceStart", given)
        await self.retry(provider, MARK % "markServiceComplete", given)
        await self.retry(requester, MARK % "confirmServiceCompletion", given)

    async def retry(self, client: Client, mutation: str, given: dict[str, str]) -> None:
        """Send a mutation; retry while the workflow is not there yet."""
        for _ in range(MOST_TRIES):
            try:
                await client.ask(mutation, input=given)
            except RefusedError as refused:
                if refused.type not in ("INVALID_REQUEST_STATUS", "INVALID_STATUS_FOR_COMPLETION"):
                    raise
                self.early += 1
            else:
                return
        raise SystemExit(f"{given} did not go through")


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
        bench = Bench(base_url, LocalIssuer(directory), http)
        await bench.join()
        figures = [
            await play(bench, f"{STARTS_PER_SECOND} starts a second", steadily),
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
