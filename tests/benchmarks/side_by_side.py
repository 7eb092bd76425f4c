"""`make bench`: our server and its peers answer the same queries over the same rows, in turn, three times."""

import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models import tables
from resolvers.hosting.demo_data import sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.benchmarks.contenders import (
    LIMIT,
    OURS,
    PEERS,
    REPOSITORY,
    Contender,
    import_seconds,
    install_peers,
    running,
)
from tests.benchmarks.lives import CHECKOUTS
from tests.benchmarks.load import Measure, measured
from tests.benchmarks.operations import Query, queries
from tests.benchmarks.pictures import bars
from tests.benchmarks.rows import DEMO_MEMBERS, MEMBERS, requests, write
from tests.integration.conftest import Cloud, Server

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
REQUESTS = 500

console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
Measures = Mapping[tuple[str, str], Sequence[Measure]]


def main() -> None:
    """Measure, and print the tables."""
    install_peers()
    checkouts = {name: Path(at) for name, at in CHECKOUTS.items()}
    names = [OURS, *checkouts, *PEERS, LIMIT]
    for name, at in {OURS: REPOSITORY, **checkouts}.items():
        console.print(f"{name} is imported in {import_seconds(at):.1f} s")
    found = measured_side_by_side(PEERS, checkouts, rounds=ROUNDS, seconds=SECONDS)
    for query, measures in found:
        console.print(_table(query, measures, names))
    console.print("drawn:", _drawn(found, names))


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
            loaded = list(requests(0, REQUESTS))
            write(cloud.client("dynamodb"), cloud.names.table(tables.ServiceRequest), loaded)
            asked = queries([(row["id"]["S"], row["requesterId"]["S"]) for row in loaded], MEMBERS)
            asked = [query for query in asked if query.name in only] if only else asked
            tokens = tokens_of(server.directory)
            token = next(iter(tokens.values()))
            with running(cloud, server.directory, token, peers, checkouts) as contenders:
                measures = measured_in_turn(asked, contenders, tokens, rounds, seconds)
        finally:
            server.stop()
    return [(query, measures) for query in asked]


def tokens_of(directory: Path) -> dict[str, str]:
    """Return a token for each of the members, from the issuer of a server's directory."""
    issuer = LocalIssuer(directory)
    return {sub_of(name): issuer.mint(sub_of(name), name) for name in DEMO_MEMBERS}


def measured_in_turn(
    asked: Sequence[Query],
    contenders: Sequence[Contender],
    tokens: Mapping[str, str],
    rounds: int,
    seconds: float,
) -> Measures:
    """Return what was measured for each query and contender, which give the same answers.

    Args:
        asked: the queries.
        contenders: the running servers.
        tokens: of the members who ask.
        rounds: in each of them every contender answers every query.
        seconds: for how long.
    """
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


def _cpu(query: Query, measures: Measures, names: Sequence[str]) -> dict[str, float]:
    """Return the milliseconds of CPU that a query costs each of the servers that were asked."""
    return {
        name: statistics.median(one.cpu for one in measures[query.name, name])
        for name in names
        if (query.name, name) in measures
    }


def _drawn(found: Sequence[tuple[Query, Measures]], names: Sequence[str]) -> Path:
    costs = [_cpu(query, measures, names) for query, measures in found]
    best = [min(cost[name] for name in PEERS) for cost in costs]
    ratios = {
        name: [cost[name] / least if name in cost else None for cost, least in zip(costs, best, strict=True)]
        for name in names
    }
    title = "CPU of a read, in proportion to the best peer: less is better"
    return bars("reads", title, [f"{query.name} {query.operation}" for query, _ in found], ratios)


def _table(query: Query, measures: Measures, names: Sequence[str]) -> Table:
    cpu = _cpu(query, measures, names)
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
