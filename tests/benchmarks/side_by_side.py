"""`make bench`: our server and its peers answer the same queries over the same rows, in turn, three times."""

import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models import tables
from resolvers.hosting.demo_data import sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.benchmarks.contenders import LIMIT, OURS, PEERS, Contender, install_peers, running
from tests.benchmarks.load import Measure, measured
from tests.benchmarks.operations import Query, queries
from tests.integration.conftest import Cloud, Server

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
# Other checkouts of this repository to be measured beside it, such as "before=/tmp/before".
CHECKOUTS = dict(one.split("=", 1) for one in os.environ.get("BENCH_CHECKOUTS", "").split() if one)
REQUESTS, MEMBERS = 500, ["alice", "bob", "carol", "dan", "emma"]
MESSAGES = ["Could you help me on Saturday?", "The gate is open.", "Thanks!"]
_BATCH = 25

console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
Measures = Mapping[tuple[str, str], Sequence[Measure]]


def main() -> None:
    """Measure, and print the tables."""
    install_peers()
    checkouts = {name: Path(at) for name, at in CHECKOUTS.items()}
    names = [OURS, *checkouts, *PEERS, LIMIT]
    for query, measures in measured_side_by_side(PEERS, checkouts, rounds=ROUNDS, seconds=SECONDS):
        console.print(_table(query, measures, names))


def measured_side_by_side(
    peers: Mapping[str, str], checkouts: Mapping[str, Path], *, rounds: int, seconds: float, only: str = ""
) -> list[tuple[Query, Measures]]:
    """Return the queries, each with what was measured for the query and a server.

    Args:
        peers: the peers' programs by their names.
        checkouts: other versions of ours by their names.
        rounds: in each of them every server answers every query.
        seconds: for how long.
        only: the short names of the queries; all, if empty.
    """
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory))
        console.print("starting the local cloud and the servers …")
        server.start()
        try:
            cloud = Cloud.of(server.directory)
            asked = queries(_load_rows(cloud), [sub_of(name) for name in MEMBERS])
            asked = [query for query in asked if query.name in only] if only else asked
            issuer = LocalIssuer(server.directory)
            tokens = {sub_of(name): issuer.mint(sub_of(name), name) for name in MEMBERS}
            token = next(iter(tokens.values()))
            with running(cloud, server.directory, token, peers, checkouts) as contenders:
                measures = _measured(asked, contenders, tokens, rounds, seconds)
        finally:
            server.stop()
    return [(query, measures) for query in asked]


def _measured(
    asked: Sequence[Query],
    contenders: Sequence[Contender],
    tokens: Mapping[str, str],
    rounds: int,
    seconds: float,
) -> Measures:
    for query in asked:
        _check_same(query, contenders, tokens)
    console.print(
        "all answer the same; ready after", ", ".join(f"{one.name} {one.ready:.1f} s" for one in contenders)
    )
    turns = [
        (query, one)
        for _ in range(rounds)
        for query in asked
        for one in contenders
        if one.name != LIMIT or query.name != "q4"
    ]
    measures: dict[tuple[str, str], list[Measure]] = defaultdict(list)
    for query, one in track(turns, "measuring", console=console, disable=not console.is_terminal):
        sent = [(tokens[given["member"]], _body(query, given)) for given in query.variables]
        measures[query.name, one.name].append(measured(one.url, one.pid, sent, seconds))
    return measures


def _load_rows(cloud: Cloud) -> list[dict[str, str]]:
    """Write the requests, a hundred of each member, and return their ids and requesters."""
    database, name = cloud.client("dynamodb"), cloud.names.table(tables.ServiceRequest)
    random = Random(7)  # noqa: S311 — no secret
    rows = []
    for number in range(REQUESTS):
        requester, provider = MEMBERS[number % len(MEMBERS)], random.choice(MEMBERS)
        moment = f"2026-01-01T00:{number // 60:02}:{number % 60:02}.000Z"
        rows.append(
            {
                "id": {"S": f"bench-{number:04}"},
                "serviceId": {"S": f"service-{number % 7}"},
                "requesterId": {"S": sub_of(requester)},
                "providerId": {"S": sub_of(provider)},
                "status": {"S": random.choice(["AWAITING_RESPONSE", "PAID", "REJECTED", "IN_PROGRESS"])},
                "estimatedHours": {"N": str(random.randint(1, 40) / 4)},
                "message": {"S": random.choice(MESSAGES)},
                "negotiationRound": {"N": "0"},
                "createdAt": {"S": moment},
                "updatedAt": {"S": moment},
                **({"agreedRate": {"N": "1.5"}} if number % 3 else {}),
            }
        )
    for start in range(0, len(rows), _BATCH):
        puts = [{"PutRequest": {"Item": row}} for row in rows[start : start + _BATCH]]
        database.batch_write_item(RequestItems={name: puts})
    return [{"id": row["id"]["S"], "requesterId": row["requesterId"]["S"]} for row in rows]


def _body(query: Query, given: Mapping[str, Any]) -> bytes:
    variables = {name: value for name, value in given.items() if name != "member"}
    return orjson.dumps({"query": query.text, "operationName": query.operation, "variables": variables})


def _check_same(query: Query, contenders: Sequence[Contender], tokens: Mapping[str, str]) -> None:
    """Check that all contenders give the same answer; tokens of pages are each server's own."""
    for given in query.variables[:: max(1, len(query.variables) // 5)]:
        answers = {}
        for one in contenders:
            if one.name == LIMIT and query.name == "q4":
                continue
            headers = {"Authorization": tokens[given["member"]], "Content-Type": "application/json"}
            answer = httpx.post(f"{one.url}/graphql", content=_body(query, given), headers=headers).json()
            if "errors" in answer:
                raise RuntimeError(f"{one.name} answers {query.name} with {answer['errors'][0]}")
            answers[one.name] = _without_tokens(answer["data"])
        for name, answer in answers.items():
            if answer != answers[OURS]:
                raise RuntimeError(f"{name} answers {query.name} with {answer}, and we with {answers[OURS]}")


def _without_tokens(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_tokens(one) for one in value]
    if isinstance(value, dict):
        return {name: bool(one) if name == "nextToken" else _without_tokens(one) for name, one in value.items()}
    return value


def _table(query: Query, measures: Measures, names: Sequence[str]) -> Table:
    cpu = {
        name: statistics.median(one.cpu for one in measures[query.name, name])
        for name in names
        if (query.name, name) in measures
    }
    best = min(cpu[name] for name in PEERS)
    table = Table(title=f"{query.name}: {query.operation}", title_justify="left")
    for column in ("", "requests/s", "p50 ms", "p99 ms", "CPU ms", "of the best peer", "bytes"):
        table.add_column(column, justify="left" if not column else "right")
    for name in names:
        found = measures.get((query.name, name))
        if found:
            middle = {
                field: statistics.median(getattr(one, field) for one in found)
                for field in ("rate", "p50", "p99", "bytes")
            }
            table.add_row(
                name,
                f"{middle['rate']:,.0f}",
                f"{middle['p50']:.1f}",
                f"{middle['p99']:.1f}",
                f"{cpu[name]:.3f}",
                f"{cpu[name] / best:.2f} ×",
                f"{middle['bytes']:,.0f}",
                style="bold" if name == OURS else None,
            )
    return table


if __name__ == "__main__":
    main()
