"""Prints how a deployment fares: a table for people, refreshed in place if they watch, or JSON for programs."""

import json
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from workflows.console.status.looking import Look
from workflows.console.status.readings import Reading, Status, Verdict
from workflows.console.texts import plain

_STYLES = {Verdict.OK: "green", Verdict.LOOK: "bold red"}


def print_status(console: Console, status: Status, *, as_json: bool) -> None:
    """Print one status."""
    if as_json:
        console.print_json(json.dumps(status.as_json()))
    else:
        console.print(shown(status))


async def watch(console: Console, look: Look, *, every: float) -> None:
    """Show the status until the process is interrupted; where there is no terminal, one table after another.

    Args:
        console: where it is shown.
        look: the deployment.
        every: seconds between two looks.
    """
    if not console.is_terminal:
        while True:
            console.print(shown(await look.status()))
            await look.services.calls.pause(every)
    with Live(Text("looking …"), console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            live.update(shown(await look.status(), f"again every {every:g} s; stop with Ctrl-C"), refresh=True)
            await look.services.calls.pause(every)


def shown(status: Status, note: str = "") -> RenderableType:
    """Return the status as a table, and below it what mends whatever needs a look."""
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", show_edge=False)
    for heading in ("", "", "what was found"):
        table.add_column(heading, overflow="fold")
    for one in status.readings:
        verdict = Text(one.verdict.value, style=_STYLES[one.verdict])
        table.add_row(verdict, one.name, Text(plain(one.says)))
    title = Text.assemble((status.stack, "bold"), f" at {status.at:%Y-%m-%d %H:%M:%S} UTC  ", (note, "dim"))
    return Group(title, table, *_mends(status))


def _mends(status: Status) -> Iterable[Text]:
    """Yield a line for each way to mend something."""
    ways: dict[str, list[str]] = {}
    for one in status.readings:
        if one.mend is not None:
            ways.setdefault(_way(one, on_aws=status.on_aws), []).append(one.name)
    for way, names in ways.items():
        yield Text.assemble((", ".join(names), "bold"), f": {way}")


def _way(reading: Reading, *, on_aws: bool) -> str:
    assert reading.mend is not None  # noqa: S101 — a reading that needs a look
    line = reading.mend.line(on_aws=on_aws)
    return reading.mend.runbook.path if line is None else f"{line}   ({reading.mend.runbook.path})"
