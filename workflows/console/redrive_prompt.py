"""`python server.py redrive`: shows what has failed, and asks whether to restart it."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from models import clock
from workflows.console.dead_letters import MOST, DeadLetter
from workflows.console.redrive import FailedRequest, Redrive, RedriveOutcome, failed_requests
from workflows.console.texts import plain

# Characters shown of an error or a letter; the log and the queue have the rest.
_LONGEST = 200


async def restart_failed(
    redrive: Redrive, console: Console, *, only_list: bool, ask: Callable[[str], bool]
) -> bool:
    """Show the failed requests and, if the operator agrees, restart them.

    Args:
        redrive: reads the queue and restarts requests.
        console: where they are shown.
        only_list: show them only.
        ask: asks the operator a yes-or-no question.

    Returns:
        Whether no restart failed.
    """
    staying = await redrive.letters()
    failed = failed_requests(staying)
    try:
        _show(console, failed, [letter for letter in staying if letter.request_id is None])
        if only_list or not failed or not ask(f"Restart {len(failed)} of them?"):
            return True
        outcomes = []
        for request in failed:
            outcomes.append(await redrive.restart(request))
            console.print(_text(request.request_id), str(outcomes[-1]))
            if outcomes[-1] is not RedriveOutcome.FAILED:
                staying = [letter for letter in staying if letter not in request.letters]
        return RedriveOutcome.FAILED not in outcomes
    finally:
        await redrive.put_back(staying)


def _show(console: Console, failed: Sequence[FailedRequest], others: Sequence[DeadLetter]) -> None:
    if not failed and not others:
        console.print("Nothing has failed for good.")
    if failed:
        console.print(_request_table(failed))
    if others:
        console.print(_letter_table(others))
    if sum(len(request.letters) for request in failed) + len(others) >= MOST:
        console.print(f"The queue holds more than these {MOST} letters; run this again for the others.")


def _request_table(failed: Sequence[FailedRequest]) -> Table:
    table = Table(title="Requests that have failed")
    table.add_column("request", no_wrap=True)
    for heading in ("step", "error", "since", "times"):
        table.add_column(heading, overflow="fold")
    for request in failed:
        cells = (
            request.request_id,
            request.latest.step,
            request.latest.error,
            clock.to_text(request.since),
            len(request.letters),
        )
        table.add_row(*map(_text, cells))
    return table


def _letter_table(letters: Sequence[DeadLetter]) -> Table:
    table = Table(title="Letters about no request: they stay, for a person to look into")
    table.add_column("letter", no_wrap=True)
    for heading in ("says", "since"):
        table.add_column(heading, overflow="fold")
    for letter in letters:
        table.add_row(*map(_text, (letter.id, letter.body, clock.to_text(letter.sent_at))))
    return table


def _text(value: object) -> Text:
    """Return untrusted text, made safe to print: no markup, and escapes for control characters."""
    return Text(plain(str(value)[:_LONGEST]))
