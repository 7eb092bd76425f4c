"""`python server.py redrive`: what a person is shown, and asked."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from models import clock
from workflows.console.dead_letters import MOST, Letter
from workflows.console.redrive import Case, Redrive, RedriveOutcome, cases_of

# Of an error or a letter, enough to know it by; the log and the queue have the rest.
_LONGEST = 200


async def restart_failed(
    redrive: Redrive, console: Console, *, only_list: bool, ask: Callable[[str], bool]
) -> bool:
    """Show what failed and, if that is wanted, restart it.

    Args:
        redrive: knows the queue and restarts.
        console: where it is shown.
        only_list: restart nothing.
        ask: asks a person a question.

    Returns:
        Whether all that was to be restarted was.
    """
    staying = await redrive.letters()
    cases = cases_of(staying)
    try:
        _show(console, cases, [letter for letter in staying if letter.request_id is None])
        if only_list or not cases or not ask(f"Restart {len(cases)} of them?"):
            return True
        outcomes = []
        for case in cases:
            outcomes.append(await redrive.restart(case))
            console.print(_text(case.request_id), str(outcomes[-1]))
            if outcomes[-1] is not RedriveOutcome.FAILED:
                staying = [letter for letter in staying if letter not in case.letters]
        return RedriveOutcome.FAILED not in outcomes
    finally:
        await redrive.put_back(staying)


def _show(console: Console, cases: Sequence[Case], others: Sequence[Letter]) -> None:
    if not cases and not others:
        console.print("Nothing has failed for good.")
    if cases:
        console.print(_of_requests(cases))
    if others:
        console.print(_of_others(others))
    if sum(len(case.letters) for case in cases) + len(others) >= MOST:
        console.print(f"The queue holds more than these {MOST} letters; run this again for the others.")


def _of_requests(cases: Sequence[Case]) -> Table:
    table = Table(title="Requests that have failed")
    table.add_column("request", no_wrap=True)
    for heading in ("step", "error", "since", "times"):
        table.add_column(heading, overflow="fold")
    for case in cases:
        said = (case.request_id, case.latest.step, case.latest.error, clock.to_text(case.since), len(case.letters))
        table.add_row(*map(_text, said))
    return table


def _of_others(letters: Sequence[Letter]) -> Table:
    table = Table(title="Letters that tell of no request: they stay, for a person to see to")
    table.add_column("letter", no_wrap=True)
    for heading in ("says", "since"):
        table.add_column(heading, overflow="fold")
    for letter in letters:
        table.add_row(*map(_text, (letter.id, letter.body, clock.to_text(letter.sent_at))))
    return table


def _text(found: object) -> Text:
    """Return what somebody else wrote so that it does nothing to the console: no markup, no control characters."""
    written = str(found)[:_LONGEST]
    return Text("".join(letter if letter.isprintable() else " " for letter in written))
