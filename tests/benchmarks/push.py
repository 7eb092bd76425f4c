"""`make bench-push`: a thousand sockets of each protocol hear of changes, how soon, for how much CPU and memory.

The server runs in a process of its own, over the local cloud of another, and the sockets in two further ones, so
that its CPU is what it takes to tell them: with the mutations, without what an idle server reads of its streams.
An event's time is from the sending of the mutation to its arrival.
"""

import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from models import tables
from resolvers.hosting.demo_data import sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.benchmarks.bare import bare_server
from tests.benchmarks.receivers import Listener, Protocol, Receivers, receiving
from tests.integration.conftest import Cloud, Server
from tests.security.measuring import Target, serving

SOCKETS = int(os.environ.get("BENCH_SOCKETS", "1000"))
EVENTS = int(os.environ.get("BENCH_EVENTS", "20"))
OWN_EVENTS = int(os.environ.get("BENCH_OWN_EVENTS", "200"))
# Settings of the server that is measured, such as "HOURBANK_FAST_PATH=false".
SETTINGS = dict(one.split("=", 1) for one in os.environ.get("BENCH_SETTINGS", "").split() if one)
PROCESSES = 2
_PAUSE = 0.25  # seconds between two events
_OWN_PAUSE = 0.05
_QUIET = 0.05  # seconds of CPU in a second, below which a server only reads its streams
_LATEST = 10.0  # seconds after which an event does not come any more
_BATCH = 25
_STAMP = {"S": "2026-01-01T00:00:00.000Z"}
_KILO = 1_000

SHARED = "subscription { onUpdateService { id userId title description category hourlyRate isActive updatedAt } }"
OWN = "subscription { onUpdateServiceRequest { id requesterId providerId status message hours: estimatedHours } }"
UPDATE_SERVICE = "mutation($input: UpdateServiceInput!) { updateService(input: $input) { id } }"
UPDATE_REQUEST = "mutation($input: UpdateServiceRequestInput!) { updateServiceRequest(input: $input) { id } }"

# What is promised.
SHARED_P99, OWN_P99 = 250.0, 100.0  # milliseconds
SHARED_CPU = 0.05  # milliseconds of the server's for each event that is delivered
IDLE_MEMORY = 30.0  # kilobytes, beside those of an idle socket of uvicorn's

console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)


@dataclass(frozen=True, slots=True)
class Line:
    """A figure, and what is promised of it."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Return whether the promise is kept."""
        return self.goal is None or self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Delivery:
    """How events were delivered: of each, the milliseconds to each receiver, and the CPU for all of them."""

    times: Sequence[Sequence[float]]
    cpu: float
    expected: int

    @property
    def lost(self) -> int:
        """Return how many did not arrive."""
        return self.expected - sum(map(len, self.times))

    @property
    def last(self) -> list[float]:
        """Return when the last receiver had each event."""
        return sorted(max(one) for one in self.times if one)


def p99(values: Sequence[float]) -> float:
    """Return what 99 of 100 values do not exceed."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1] if values else math.inf


class Bench:
    """The members, their rows, and the server that tells of them."""

    def __init__(self, home: Server, target: Target, tokens: Sequence[tuple[str, str]]) -> None:
        self._home = home
        self._target = target
        self._tokens = tokens
        self._idle = 0.0  # seconds of CPU in a second

    def idle(self, protocol: Protocol, query: str) -> float:
        """Return the bytes of memory that each further socket with a subscription takes."""
        listeners = [Listener(token, query) for _, token in self._tokens]
        few = SOCKETS // 10
        with self._listening(protocol, listeners[:few]):
            settle(self._target)
        settle(self._target)
        before = self._target.memory()
        with self._listening(protocol, listeners):
            settle(self._target)
            grown = self._target.memory() - before
        settle(self._target)
        return grown / SOCKETS

    def shared(self, protocol: Protocol) -> Delivery:
        """Let all sockets hear of one service."""
        listeners = [Listener(token, SHARED) for _, token in self._tokens]
        with self._listening(protocol, listeners) as receivers, self._writer() as write:
            write(self._tokens[0][1], UPDATE_SERVICE, {"id": "bench-service", "title": "warm"})
            self._idle = settle(self._target)
            _collect(receivers)

            def update(number: int) -> None:
                title = {"id": "bench-service", "title": f"push-{number}"}
                write(self._tokens[0][1], UPDATE_SERVICE, title)

            return self._deliver(receivers, update, EVENTS, _PAUSE, SOCKETS)

    def own(self, protocol: Protocol) -> Delivery:
        """Let each member hear of their own request only."""
        random = Random(5)  # noqa: S311 — no secret
        listeners = [Listener(token, OWN) for _, token in self._tokens]
        with self._listening(protocol, listeners) as receivers, self._writer() as write:
            self._idle = settle(self._target)

            def update(number: int) -> None:
                sub, token = random.choice(self._tokens)
                write(token, UPDATE_REQUEST, {"id": f"bench-{sub}", "message": f"push-{number}"})

            return self._deliver(receivers, update, OWN_EVENTS, _OWN_PAUSE, 1)

    def _deliver(
        self,
        receivers: Sequence[Receivers],
        write: Callable[[int], None],
        events: int,
        pause: float,
        each: int,
    ) -> Delivery:
        sent: list[float] = []
        before, begun = self._target.cpu(), time.monotonic()
        for number in range(events):
            sent.append(time.monotonic())
            write(number)
            time.sleep(pause)
        arrived: list[tuple[float, int]] = []
        end = time.monotonic() + _LATEST
        while len(arrived) < events * each and time.monotonic() < end:
            time.sleep(pause)
            arrived += _collect(receivers)
        used = self._target.cpu() - before - self._idle * (time.monotonic() - begun)
        times: list[list[float]] = [[] for _ in sent]
        for at, number in arrived:
            times[number].append(_KILO * (at - sent[number]))
        return Delivery(times, _KILO * used, events * each)

    @contextmanager
    def _listening(self, protocol: Protocol, listeners: Sequence[Listener]) -> Iterator[list[Receivers]]:
        _, port = self._target.address
        with ExitStack() as stack:
            parts = [listeners[part::PROCESSES] for part in range(PROCESSES)]
            yield [stack.enter_context(receiving(port, protocol, part)) for part in parts if part]

    @contextmanager
    def _writer(self) -> Iterator[Callable[[str, str, dict[str, Any]], None]]:
        with httpx.Client(base_url=self._target.url, trust_env=False, timeout=30) as client:

            def write(token: str, query: str, values: dict[str, Any]) -> None:
                body = {"query": query, "variables": {"input": values}}
                answer = client.post("/graphql", json=body, headers={"Authorization": token}).json()
                if "errors" in answer:
                    raise RuntimeError(answer["errors"][0])

            yield write


def _collect(receivers: Sequence[Receivers]) -> list[tuple[float, int]]:
    return [(at, number) for one in receivers for at, number in one.arrived() if number >= 0]


def settle(target: Target) -> float:
    """Wait until a server only reads its streams; return the CPU that this takes, in seconds a second."""
    while True:
        before = target.cpu()
        time.sleep(1)
        if (used := target.cpu() - before) < _QUIET:
            return used


def load_rows(cloud: Cloud, subs: Sequence[str]) -> None:
    """Write the members, a request of each, and one service, past the API."""
    users = [
        {
            **{name: {"S": sub} for name in ("id", "cognitoId", "username")},
            "email": {"S": f"{sub}@example.org"},
            "firstName": {"S": "Bench"},
            "lastName": {"S": sub},
            **{name: {"N": "0"} for name in ("bankHours", "rating", "totalTransactions")},
            "skills": {"L": []},
        }
        for sub in subs
    ]
    requests = [
        {
            "id": {"S": f"bench-{sub}"},
            "requesterId": {"S": sub},
            "providerId": {"S": sub_of("alice")},
            "serviceId": {"S": "bench-service"},
            "status": {"S": "PAID"},
            "message": {"S": "none"},
            "estimatedHours": {"N": "1"},
            "negotiationRound": {"N": "0"},
        }
        for sub in subs
    ]
    service = {
        "id": {"S": "bench-service"},
        "userId": {"S": subs[0]},
        "title": {"S": "Bench help"},
        "description": {"S": "One hour of help in the garden, tools are there."},
        "category": {"S": "bench"},
        **{name: {"N": "1"} for name in ("hourlyRate", "hourlyDuration")},
        "isActive": {"BOOL": True},
        "tags": {"L": []},
    }
    for table, rows in ((tables.User, users), (tables.ServiceRequest, requests), (tables.Service, [service])):
        stamped: list[dict[str, Any]] = [{**row, "createdAt": _STAMP, "updatedAt": _STAMP} for row in rows]
        for start in range(0, len(stamped), _BATCH):
            puts = [{"PutRequest": {"Item": row}} for row in stamped[start : start + _BATCH]]
            cloud.client("dynamodb").batch_write_item(RequestItems={cloud.names.table(table): puts})


def lines_of(bench: Bench, protocol: Protocol, bare: float) -> Iterator[Line]:
    """Measure one protocol."""
    console.print(f"{protocol}: idle sockets …")
    idle = bench.idle(protocol, SHARED)
    yield Line(
        f"{protocol}: memory of an idle socket with a subscription, beside uvicorn's",
        (idle - bare) / _KILO,
        "KB",
        IDLE_MEMORY,
        f"{idle / _KILO:.1f} KB, uvicorn {bare / _KILO:.1f} KB",
    )
    console.print(f"{protocol}: {EVENTS} events for {SOCKETS} sockets …")
    shared = bench.shared(protocol)
    every = [one for times in shared.times for one in times]
    note = f"p50 {statistics.median(every):.0f} ms, {shared.lost} of {shared.expected} lost"
    yield Line(f"{protocol}: shared list, last of all receivers, p99", p99(shared.last), "ms", SHARED_P99, note)
    yield Line(f"{protocol}: shared list, CPU of a delivery", shared.cpu / len(every), "ms", SHARED_CPU)
    yield Line(f"{protocol}: shared list, lost", shared.lost, "events", 0)
    console.print(f"{protocol}: {OWN_EVENTS} events for one of {SOCKETS} sockets each …")
    own = bench.own(protocol)
    note = f"p50 {statistics.median(own.last):.0f} ms, {own.lost} of {own.expected} lost"
    yield Line(f"{protocol}: own rows, p99", p99(own.last), "ms", OWN_P99, note)
    yield Line(f"{protocol}: own rows, CPU of an event, with its mutation", own.cpu / OWN_EVENTS, "ms")
    yield Line(f"{protocol}: own rows, lost", own.lost, "events", 0)


def measured(home: Server) -> list[Line]:
    """Measure both protocols on a server of their own."""
    issuer = LocalIssuer(home.directory)
    names = [f"bench-{number:04}" for number in range(SOCKETS)]
    tokens = [(sub_of(name), issuer.mint(sub_of(name), name)) for name in names]
    load_rows(Cloud.of(home.directory), [sub for sub, _ in tokens])
    with bare_server() as bare_target, receiving(bare_target.address[1], None, [Listener("")] * (SOCKETS // 10)):
        before = bare_target.memory()
        with receiving(bare_target.address[1], None, [Listener("")] * SOCKETS):
            bare = (bare_target.memory() - before) / SOCKETS
    lines: list[Line] = []
    for protocol in Protocol:
        # All sockets come from one address.
        with serving(home, **{"HOURBANK_CONNECTIONS_BY_ADDRESS": "1000000", **SETTINGS}) as target:
            lines += lines_of(Bench(home, target, tokens), protocol, bare)
    return lines


def report(lines: Sequence[Line]) -> None:
    """Print the figures beside what is promised."""
    table = Table(title=f"{SOCKETS} sockets, each of another member", title_justify="left")
    for column in ("", "measured", "promised", "", ""):
        table.add_column(column, justify="right" if column else "left")
    for line in lines:
        verdict = "" if line.goal is None else "pass" if line.is_met else "FAIL"
        goal = "" if line.goal is None else f"{line.goal:g} {line.unit}"
        style = None if line.is_met else "red"
        table.add_row(line.what, f"{line.value:.3g} {line.unit}", goal, verdict, line.note, style=style)
    console.print(table)


def main() -> None:
    """Measure, print the figures, and fail if a promise is not kept."""
    with tempfile.TemporaryDirectory() as directory:
        home = Server(Path(directory))
        console.print("starting the local cloud …")
        home.start()
        try:
            lines = measured(home)
        finally:
            home.stop()
    report(lines)
    if not all(line.is_met for line in lines):
        sys.exit(1)


if __name__ == "__main__":
    main()
