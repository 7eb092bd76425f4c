"""`make bench-scale`: what a read costs our process as the table grows from a thousand rows to a million.

The rows are in Amazon's DynamoDB Local, which has indexes, in memory; all else is in the local cloud. Every member
has a hundred requests, so that the answers stay as they are.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import boto3
from rich.progress import track
from rich.table import Table

from models import tables
from models.tables import TABLES
from tests.benchmarks.contenders import LIMIT, OURS, running
from tests.benchmarks.operations import queries
from tests.benchmarks.pictures import lines
from tests.benchmarks.rows import MEMBERS, OWN, requests, write
from tests.benchmarks.side_by_side import console, measured_in_turn, tokens_of
from tests.engines.dynamodb_local import dynamodb_local
from tests.engines.front import front_of
from tests.engines.tables import create_table_parameters
from tests.integration.conftest import Cloud, Server

SIZES = [int(size) for size in os.environ.get("BENCH_ROWS", "1000 10000 100000 1000000").split()]
_ROUNDS, _SECONDS = 3, 2.0
_WRITERS = 8
_PART = 2_500
_STREAM = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
Costs = Mapping[str, Mapping[str, list[float]]]


def main() -> None:
    """Measure, and print the table."""
    costs: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as directory, _cloud(Path(directory)) as cloud:
        own = [(row["id"]["S"], row["requesterId"]["S"]) for row in requests(0, OWN)]
        asked = [query for query in queries(own, MEMBERS) if query.name in ("q1", "q2", "q3")]
        tokens = tokens_of(Path(directory))
        former = 0
        for size in SIZES:
            _load(cloud, former, size)
            former = size
            # A server reads the streams from its start on, so that what was loaded does not concern it.
            with running(cloud, Path(directory), next(iter(tokens.values())), {}, {}) as contenders:
                measures = measured_in_turn(asked, contenders, tokens, _ROUNDS, _SECONDS)
            for query in asked:
                for name in (OURS, LIMIT):
                    cpu = statistics.median(one.cpu for one in measures[query.name, name])
                    costs.setdefault(query.name, {}).setdefault(name, []).append(cpu)
    console.print(_table(costs))
    labels = [f"{size:,} rows" for size in SIZES]
    ours = {f"{query} {name}": found for query, each in costs.items() for name, found in each.items()}
    console.print("drawn:", lines("scale", "CPU of our process for a read, in ms", labels, ours))


@contextmanager
def _cloud(directory: Path) -> Iterator[Cloud]:
    """Run a local cloud whose tables are in DynamoDB Local, with the demo's rows."""
    server = Server(directory)
    with dynamodb_local() as engine, front_of(engine) as endpoint:
        server.start()
        try:
            cloud = Cloud.of(directory)
            tables_at = {"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": endpoint}
            split = Cloud({**cloud.environment, **tables_at})
            database = _database(split)
            for parameters in create_table_parameters(cloud.names):
                database.create_table(**parameters, **_STREAM)
            for table in TABLES:
                name = cloud.names.table(table)
                write(database, name, cloud.client("dynamodb").scan(TableName=name)["Items"])
            yield split
        finally:
            server.stop()


def _database(cloud: Cloud) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=cloud.environment["AWS_ENDPOINT_URL_DYNAMODB"],
        region_name=cloud.environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=cloud.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud.environment["AWS_SECRET_ACCESS_KEY"],
    )


def _load(cloud: Cloud, former: int, size: int) -> None:
    """Write the requests that are missing, and a member for a hundred of them."""
    database = _database(cloud)
    rows, people = cloud.names.table(tables.ServiceRequest), cloud.names.table(tables.User)
    starts = range(former, size, _PART)

    def load(start: int) -> None:
        part = list(requests(start, min(start + _PART, size)))
        members = {row["requesterId"]["S"] for row in part} - set(MEMBERS)
        write(database, people, ({"id": {"S": key}, "username": {"S": key}} for key in members))
        write(database, rows, part)

    with ThreadPool(_WRITERS) as pool:
        loading = pool.imap_unordered(load, starts)
        for _ in track(loading, f"{size:,} rows", len(starts), console=console, disable=not console.is_terminal):
            pass


def _table(costs: Costs) -> Table:
    table = Table(title="CPU of our process for a read, in ms, and of the bare call", title_justify="left")
    table.add_column("")
    for size in SIZES:
        table.add_column(f"{size:,} rows", justify="right")
    for query, each in costs.items():
        for name, found in each.items():
            table.add_row(f"{query} {name}", *(f"{cpu:.3f}" for cpu in found))
    return table


if __name__ == "__main__":
    main()
