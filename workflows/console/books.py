"""Checks of the books for the command line: reconciles all members, or audits one member's log entry by entry."""

import asyncio

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from models import clock
from models.errors import ExpectedError
from models.ledger.reconciliation import Account, AuditOutcome, Discrepancy, statement
from models.storage.async_calls import AsyncCalls
from models.storage.names import Names
from models.storage.store import Store
from models.transactions.audits import Audits
from workflows.console.texts import plain

_PAGE = 200
_AT_ONCE = 8


# Members whom a name fits; more are counted only.
_LISTED = 20


class UnknownMemberError(ExpectedError):
    """There is no such member, or several; the message is one line that says so."""


async def reconcile(names: Names, console: Console) -> bool:
    """Check every member's books, print every discrepancy, and return whether there was none."""
    async with AsyncCalls(("dynamodb",), connections=2 * _AT_ONCE) as calls:
        outcome = await _check_members(Audits(Store(calls, names), clock.now), console)
    if outcome.found:
        console.print(_discrepancy_table(outcome.found))
    console.print(
        f"{outcome.checked} members checked, {outcome.count} discrepancies; "
        f"{outcome.total_hours} hours in their accounts, {outcome.issued_hours} issued"
    )
    if outcome.total_hours != outcome.issued_hours and not outcome.found:
        console.print("The two sums differ: run it again, unless hours were moving meanwhile.")
    return not outcome.found


async def _check_members(audits: Audits, console: Console) -> AuditOutcome:
    """Check every member, a page at a time and a few members at once, and return the outcome."""
    outcome, cursor, slots = AuditOutcome(), None, asyncio.Semaphore(_AT_ONCE)

    async def check(user_id: str) -> AuditOutcome:
        async with slots:
            return await audits.outcome(user_id)

    columns = (SpinnerColumn(), TextColumn("{task.completed} members checked"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("reconciling", total=None)
        while True:
            members, cursor = await audits.members(cursor, limit=_PAGE)
            for checking in asyncio.as_completed([check(user_id) for user_id in members]):
                outcome += await checking
                progress.advance(bar)
            if cursor is None:
                return outcome


def _table(title: str, *columns: str) -> Table:
    """Return an empty table in which a long id wraps and is never cut."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _discrepancy_table(discrepancies: tuple[Discrepancy, ...]) -> Table:
    table = _table("Discrepancies", "member", "fault", "entry", "what is wrong")
    for one in sorted(discrepancies, key=lambda discrepancy: discrepancy.user_id):
        table.add_row(_safe(one.user_id), one.fault, _safe(one.entry_id or ""), _safe(one.message))
    return table


async def audit(member: str, names: Names, console: Console, *, by_id: bool = False) -> bool:
    """Print a member's log with the running balance beside each entry, and return whether the books are right.

    Args:
        member: their user name or id.
        names: the deployment's names.
        console: where it is printed.
        by_id: whether it is their id, and nobody is looked for whose user name it is.

    Raises:
        UnknownMemberError: there is no such member, or several.
    """
    async with AsyncCalls(("dynamodb",)) as calls:
        audits = Audits(Store(calls, names), clock.now)
        user_id = await _find(audits, member, by_id=by_id)
        account, found = await audits.check(user_id)
    console.print(_log_table(member, account))
    for one in found:
        console.print(f"[bold red]{one.fault}[/] {_safe(one.entry_id or '')}: {_safe(one.message)}")
    if not found:
        console.print("The chain is whole and leads to the balance.")
    return not found


async def _find(audits: Audits, member: str, *, by_id: bool) -> str:
    """Return the id of the one member whom a text means."""
    if by_id:
        if await audits.is_member(member):
            return member
        raise UnknownMemberError(f"There is no member with the id {member}.")
    found = await audits.find_members(member)
    if not found:
        raise UnknownMemberError(f"There is no member {member}; give a user name or an id.")
    if len(found) > 1:
        listed = ", ".join(f"{one.id} ({one.username or 'has left'})" for one in found[:_LISTED])
        more = "" if len(found) <= _LISTED else f" and {len(found) - _LISTED} more"
        raise UnknownMemberError(f"{member} fits {len(found)} members: {listed}{more}; give an id with --id.")
    return found[0].id


def _safe(text: str) -> str:
    """Return a text that others wrote, without markup and without what a terminal would obey."""
    return escape(plain(text))


def _log_table(member: str, account: Account) -> Table:
    columns = ("#", "when", "type", "available", "held", "= available", "= held", "entry")
    table = _table(f"The log of {_safe(member)}", *columns)
    for line in statement(account, clock.now()):
        entry, balance = line.entry, line.balance
        table.add_row(
            str(entry.balance_version),
            f"{entry.created_at:%Y-%m-%d %H:%M:%S}",
            entry.transaction_type,
            f"{entry.amount:+}",
            f"{entry.escrowed_amount:+}",
            str(balance.available_balance),
            str(balance.escrowed_balance),
            f"{_safe(entry.id)} [bold red]breaks the chain[/]" if line.breach else _safe(entry.id),
        )
    return table
