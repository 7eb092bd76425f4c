"""What the commands print."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.migration.former import Oddity
from models.migration.share import MemberAction
from workflows.console.migration.apps import LeftOver
from workflows.console.migration.checks import Check
from workflows.console.migration.rollbacks import RollbackOutcome
from workflows.console.migration.runs import RunOutcome
from workflows.console.migration.surveys import Survey, Tally
from workflows.console.texts import plain

# Rows that are listed; the others are counted. They are as many again after those were put right.
_LISTED = 100


def print_survey(console: Console, found: Survey, share: int) -> None:
    """Print what a run would do."""
    rows = report_table("Rows of the former app", "table", "rows")
    for name, count in found.rows.items():
        rows.add_row(name, str(count))
    console.print(rows)
    members = report_table(
        f"Members, with a share of {share} %", "what a run does with them", "members", "hours there"
    )
    for action in MemberAction:
        tally = found.members[action]
        members.add_row(action, str(tally.count), str(tally.hours))
    console.print(members)
    exchanges = report_table("Open exchanges", "what a run does with them", "exchanges", "hours")
    for status, tally in sorted(found.exchanges.items()):
        exchanges.add_row(f"{status}: become requests", str(tally.count), str(tally.hours))
    exchanges.add_row("wait for a member", str(found.exchanges_waiting), "")
    console.print(exchanges)
    print_oddities(console, "Left with the former app, until somebody puts it right", found.oddities)


def print_run(console: Console, outcome: RunOutcome) -> bool:
    """Print what a run has done, and return whether nothing is left for another run."""
    print_oddities(console, "Left with the former app, until somebody puts it right", outcome.left.oddities)
    console.print(
        f"{outcome.rows} rows copied, {_members(outcome.members)} taken over, {outcome.requests} requests begun"
    )
    if outcome.not_started:
        console.print(
            f"{outcome.not_started} requests could not be started; the sweep starts them within minutes."
        )
    return _print_busy(console, outcome.left)


def print_check(console: Console, found: Check) -> bool:
    """Print how the apps compare, and return whether they agree."""
    rows = report_table("Rows", "table", "in the former app", "of these here")
    for name, (there, here) in found.rows.items():
        rows.add_row(name, str(there), str(here))
    console.print(rows)
    hours = report_table("Hours", "whose", "members", "hours")
    for what, tally in (
        ("kept by the former app", found.there),
        ("taken over, as the former app says", found.taken_over),
        ("taken over, as the opening entries say", found.opened),
        ("taken over from rows that are gone, or odd", found.gone),
    ):
        hours.add_row(what, str(tally.count), str(tally.hours))
    console.print(hours)
    print_oddities(console, "Left with the former app", found.left)
    print_oddities(console, "Wrong", found.faults)
    console.print("Both apps agree." if found.is_right else "The apps do not agree.")
    return found.is_right


def print_rollback(console: Console, outcome: RollbackOutcome) -> bool:
    """Print what a rollback has done, and return whether everything is back."""
    if outcome.open:
        _print_open(console, outcome.open)
        return False
    print_oddities(console, "Left here, until somebody puts it right", outcome.left.oddities)
    console.print(f"{_members(outcome.members)} given back, {outcome.exchanges} exchanges compared")
    return _print_busy(console, outcome.left) and outcome.is_done


def _print_open(console: Console, open_: Counter[str]) -> None:
    listed = ", ".join(f"{count} {status}" for status, count in sorted(open_.items()))
    console.print(
        f"Requests are still open ({listed}), so that nothing was given back yet. Run it again: it waits for "
        "them, or ends them with --refund. A DISPUTED one is decided by an administrator first."
    )


def _print_busy(console: Console, left: LeftOver) -> bool:
    if left.busy:
        console.print(f"{left.busy} rows kept changing, and were left; run it again.")
    return not left.busy


def _members(tally: Tally) -> str:
    return f"{tally.count} members with {tally.hours} hours"


def report_table(title: str, *columns: str) -> Table:
    """Return an empty table with a title and columns."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_oddities(
    console: Console, title: str, oddities: Sequence[Oddity], *, most: int | None = _LISTED
) -> None:
    """Print rows that are left or wrong, each with why; of more than `most` the number, unless that is None."""
    if not oddities:
        return
    table = report_table(title, "table", "row", "why")
    for oddity in oddities[:most]:
        table.add_row(oddity.table, escape(plain(oddity.id)), escape(plain(oddity.why)))
    console.print(table)
    if most is not None and len(oddities) > most:
        console.print(f"and {len(oddities) - most} more")
