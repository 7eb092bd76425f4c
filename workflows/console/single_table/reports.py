"""What the commands print."""

from rich.console import Console

from models.clock import to_text
from workflows.console.migration.reports import print_oddities, report_table
from workflows.console.single_table.checks import Check
from workflows.console.single_table.runs import RunOutcome
from workflows.console.single_table.surveys import Survey
from workflows.console.single_table.switches import BackOutcome

_LEFT = "Left in the single table, until somebody puts it right"


def print_survey(console: Console, found: Survey) -> None:
    """Print what a run would do."""
    rows = report_table("Rows that a run moves", "type", "rows", "amounts")
    for name, count in found.rows.items():
        rows.add_row(name, str(count.rows), f"{count.amount:f}")
    console.print(rows)
    if found.unnamed:
        console.print(
            f"{found.unnamed} users have no row with their address; createUser makes each one in the app."
        )
    print_oddities(console, _LEFT, found.left)


def print_run(console: Console, outcome: RunOutcome) -> None:
    """Print what a run has done."""
    print_oddities(console, _LEFT, outcome.left)
    console.print(f"{outcome.written} rows written, {len(outcome.left)} left")
    if not outcome.is_followed:
        console.print("The single table has no stream: what is written to it from now on does not come.")


def print_check(console: Console, found: Check) -> bool:
    """Print how both sides compare, and return whether they agree."""
    rows = report_table("Rows", "type", "to move", "their amounts", "moved", "their amounts", "made in the app")
    for name, there in found.there.items():
        here, made = found.here[name], found.made[name]
        amounts = f"{there.amount:f}", f"{here.amount:f}"
        rows.add_row(name, str(there.rows), amounts[0], str(here.rows), amounts[1], str(made.rows))
    console.print(rows)
    if found.switched is not None:
        console.print(
            f"The app has the rows since {to_text(found.switched)}; what it has changed since is not compared."
        )
    for title, oddities in ("Deleted by the app", found.gone), (_LEFT, found.left), ("Wrong", found.faults):
        print_oddities(console, title, oddities, most=None)
    console.print("Both sides agree." if found.is_right else "The sides do not agree.")
    return found.is_right


def print_switch(console: Console, found: Check) -> bool:
    """Print how both sides compare, and return whether the app has the rows."""
    is_right = print_check(console, found)
    if found.switched is not None and is_right:
        console.print("Apps may be pointed to the new server; the single table counts as read-only from now on.")
    elif found.switched is not None:
        console.print(
            "The app has the rows, and the single table was written to since: write that in the app, too."
        )
    elif not is_right:
        console.print(
            "Not switched. Is the single table still written to? Stop that, and switch again; or `run --again`."
        )
    else:
        console.print("Not switched, because rows would be left. Put them right, or let them stay with --leave.")
    return found.switched is not None and is_right


def print_back(console: Console, outcome: BackOutcome) -> bool:
    """Print what the way back has done, and return whether the single table has everything."""
    print_oddities(console, "Written on both sides", outcome.conflicts)
    print_oddities(console, "Deleted by the app", outcome.gone)
    console.print(f"{outcome.written} rows written to the single table")
    if outcome.gone:
        console.print("Say --delete to delete those rows in the single table, too, or --keep to let them stay.")
    if outcome.is_done:
        console.print("The single table has everything; apps may be pointed to it again.")
    return outcome.is_done
