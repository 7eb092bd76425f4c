"""The servers that are measured, all over one local cloud: ours as it ships, its peers bare, and the bare call."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from models import tables
from schema.types import CATALOGUE
from tests.integration.conftest import LOCAL_TOKENS, NO_RATES, STREAMS, WINDOWS, Cloud, free_port

REPOSITORY = Path(__file__).parents[2]
_PEERS = Path(__file__).with_name("peers")
_EVENTS = "bench-events"
OURS, LIMIT = "HourBank", "limit"
PEERS = {"Apollo Server": "apollo.js", "Mercurius, JIT": "mercurius.js", "Grafast": "grafast.js"}
_BARE = [sys.executable, "-m", "tests.benchmarks.peers.limit"]
_START_SECONDS = 60
_SHOWN = 2_000  # characters of a log
_TYPENAME = {"query": "query Nothing { __typename }", "operationName": "Nothing", "variables": {}}


@dataclass(frozen=True, slots=True)
class Contender:
    """A running server.

    Args:
        name: its name.
        url: its URL, without a path.
        pid: of its process.
        ready: seconds from its start to its first answer.
    """

    name: str
    url: str
    pid: int
    ready: float


def install_peers() -> None:
    """Install the peers, as their lock says, if they are not there."""
    if not (_PEERS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=_PEERS, check=True)  # noqa: S607 — whichever npm there is


def import_seconds(checkout: Path) -> float:
    """Return how long a checkout's server takes to import, of three times the shortest."""
    command = [sys.executable, "-c", "import server"]
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run(command, cwd=checkout, check=True)  # noqa: S603 — our own
        seconds.append(time.monotonic() - began)
    return min(seconds)


@contextmanager
def running(
    cloud: Cloud,
    directory: Path,
    token: str,
    peers: Mapping[str, str],
    checkouts: Mapping[str, Path],
    *,
    limit: bool = True,
) -> Iterator[list[Contender]]:
    """Start all contenders; end them with the context.

    Args:
        cloud: where the rows are.
        directory: of the server that hosts the cloud.
        token: a member's, for the first request.
        peers: the peers' programs by their names.
        checkouts: other versions of ours to be measured, too, by their names.
        limit: whether the bare call is measured, too.
    """
    environment = {**os.environ, **cloud.environment, **_names(cloud), "NODE_ENV": "production"}
    environment["BENCH_SCHEMA"] = str(_schema_file(directory))
    ours = {**environment, **NO_RATES, **WINDOWS, **LOCAL_TOKENS, **STREAMS, "HOURBANK_LOCAL": str(directory)}
    serve = [sys.executable, "server.py", "serve", "--aws"]
    with ExitStack() as stack:

        def start(name: str, command: list[str], at: Path, settings: Mapping[str, str]) -> Contender:
            port = free_port()
            path = directory / f"{name}.log"
            log = stack.enter_context(path.open("wb"))
            process = subprocess.Popen(  # noqa: S603 — our own programs
                command, cwd=at, env={**settings, "PORT": str(port)}, stdout=log, stderr=log
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            url = f"http://127.0.0.1:{port}"
            return Contender(name, url, process.pid, _ready_after(path, url, token, process))

        yield [
            start(OURS, serve, REPOSITORY, ours),
            *(start(name, serve, at, ours) for name, at in checkouts.items()),
            *(start(name, ["node", file], _PEERS, environment) for name, file in peers.items()),
            *([start(LIMIT, _BARE, REPOSITORY, environment)] if limit else ()),
        ]


def _ready_after(log: Path, url: str, token: str, process: "subprocess.Popen[bytes]") -> float:
    """Wait for a server's first answer, and return the seconds that it took."""
    began = time.monotonic()
    while True:
        with suppress(httpx.TransportError):
            answer = httpx.post(f"{url}/graphql", json=_TYPENAME, headers={"Authorization": token})
            if answer.status_code == httpx.codes.OK:
                return time.monotonic() - began
        if process.poll() is not None or time.monotonic() - began > _START_SECONDS:
            raise RuntimeError(f"{log.stem} did not start:\n{log.read_text()[-_SHOWN:]}")
        time.sleep(0.02)


def _names(cloud: Cloud) -> dict[str, str]:
    user = CATALOGUE.models["User"]
    pages = {}
    for field, relation in user.relations.items():
        if relation.index is not None:
            target = CATALOGUE.models[relation.target]
            pages[field] = [
                cloud.names.table(target.table),
                relation.index,
                target.finders[relation.index].hash.name,
            ]
    return {
        "BENCH_REQUESTS": cloud.names.table(tables.ServiceRequest),
        "BENCH_USERS": cloud.names.table(tables.User),
        "BENCH_BALANCES": cloud.names.table(tables.UserBalance),
        "BENCH_SERVICES": cloud.names.table(tables.Service),
        "BENCH_EXCHANGES": cloud.names.table(tables.Transaction),
        "BENCH_ENTRIES": cloud.names.table(tables.TransactionLog),
        "BENCH_NOTICES": cloud.names.table(tables.Notification),
        "BENCH_EVENTS": _table_without_stream(cloud),
        "BENCH_MACHINE": _idle_machine(cloud),
        "BENCH_PAGES": json.dumps(pages),
    }


def _table_without_stream(cloud: Cloud) -> str:
    """Make a table for the peers' events, which no function shall publish, and return its name."""
    cloud.client("dynamodb").create_table(
        TableName=_EVENTS,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return _EVENTS


def _idle_machine(cloud: Cloud) -> str:
    """Make a state machine that does nothing, in place of the peers' workflow, and return its ARN."""
    definition = {"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}}
    made = cloud.client("stepfunctions").create_state_machine(
        name="bench-nothing", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/bench"
    )
    return str(made["stateMachineArn"])


def _schema_file(directory: Path) -> Path:
    """Write our schema for the peers, which need the scalars' names only."""
    ran = subprocess.run([sys.executable, "server.py", "schema"], cwd=REPOSITORY, capture_output=True, check=True)
    path = directory / "schema.graphql"
    path.write_bytes(ran.stdout)
    return path
