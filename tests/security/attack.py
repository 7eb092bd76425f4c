"""Attacks a running server with the whole catalogue and prints what became of it.

    python -m tests.security.attack [--url http://127.0.0.1:8000] [--only 3] [--local .local]

Without a URL it starts a server, over a local cloud of its own, and stops it at the end. A server that is named
must run on this machine, because its CPU is measured; attackers' tokens are minted with the key in its directory.
The exit code is 1 if an attack succeeds, costs too much, or keeps others waiting.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from tests.integration.conftest import Server
from tests.security.attacks import every_attack
from tests.security.attacks.running import Verdict, attempt, attempt_together
from tests.security.measuring import Target, serving

_HOUSE = Path(__file__).parents[2]
_LISTENS = "0A"  # the state of a socket in /proc/net/tcp
_SHOWN = 70
_WIDE = 200

console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def main(
    url: Annotated[str, typer.Option(help="A server on this machine; by default one is started.")] = "",
    only: Annotated[list[int] | None, typer.Option(help="A finding of issue 10; may be repeated.")] = None,
    local: Annotated[Path, typer.Option(help="The directory of the server that is named.")] = _HOUSE / ".local",
) -> None:
    """Attack a server and print the table."""
    attacks = [attack for attack in every_attack() if not only or attack.finding in only]
    with _named(url, local) if url else _started() as target:
        verdicts: list[Verdict] = []
        for kind, of_kind in groupby((one for one in attacks if not one.slow), key=attrgetter("finding", "kind")):
            console.print(f"[dim]·[/] {kind[0]} {kind[1]}")
            verdicts += asyncio.run(attempt(list(of_kind), target))
        if slow := [attack for attack in attacks if attack.slow]:
            console.print(f"[dim]·[/] {len(slow)} that wait for the server's deadlines, together")
            verdicts += asyncio.run(attempt_together(slow, target))
    console.print(_table(verdicts))
    bad = [verdict for verdict in verdicts if not verdict.is_good]
    console.print(f"{len(verdicts)} attacks, {len(bad)} not as they should be")
    raise typer.Exit(bool(bad))


@contextmanager
def _started() -> Iterator[Target]:
    """Start a server over a local cloud of its own."""
    with tempfile.TemporaryDirectory(prefix="hourbank-attack-") as directory:
        console.print("[dim]·[/] starting a server")
        home = Server(Path(directory))
        home.start()
        try:
            with serving(home) as target:
                yield target
        finally:
            home.stop()


@contextmanager
def _named(url: str, directory: Path) -> Iterator[Target]:
    port = urlsplit(url).port
    pid = _listener(port or 80)
    if pid is None:
        raise typer.BadParameter(f"no process of yours listens on {url}")
    yield Target(url, pid, directory)


def _listener(port: int) -> int | None:
    """Return the process that listens on a port of this machine."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {line[9] for line in lines if line[3] == _LISTENS and int(line[1].partition(":")[2], 16) == port}
    for opened in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(opened.readlink()).removeprefix("socket:[").removesuffix("]") in inodes:
                return int(opened.parts[2])
        except OSError:  # gone, or somebody else's
            continue
    return None


def _table(verdicts: list[Verdict]) -> Table:
    table = Table("attack", "refused how")
    for column in ("CPU ms", "others p50", "p99", "max ms"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for verdict in verdicts:
        cost, others = verdict.cost, verdict.cost.others
        figures = (cost.cpu, others.p50, others.p99, others.longest)
        table.add_row(
            str(verdict.attack),
            verdict.refused[:_SHOWN],
            *(f"{1000 * figure:.0f}" for figure in figures),
            "[green]ok[/]" if verdict.is_good else f"[red]{', '.join(verdict.problems)}[/]",
        )
    return table


if __name__ == "__main__":
    typer.run(main)
