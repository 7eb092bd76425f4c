"""The command line of exports and erasures."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console

from models import clock
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.store import Store
from models.transactions.members import Members
from models.transactions.moves import Transactions
from workflows.console.migration.commands import INTERRUPTED, Deployment
from workflows.console.migration.progress import Steps
from workflows.console.privacy.accounts import SignInAccounts
from workflows.console.privacy.erasing import (
    Erased,
    HinderedError,
    begun_on,
    erase,
    erased_on,
    hindering,
    unfinished,
)
from workflows.console.privacy.exporting import export
from workflows.console.privacy.rows import find
from workflows.console.texts import plain

_Member = Annotated[str, typer.Argument(help="A member's user name, e-mail address or id.")]
_OnAws = Annotated[bool, typer.Option("--aws", help="Use the AWS that the AWS_* variables name.")]
_Deed = Callable[[Store, SignInAccounts | None], Coroutine[object, object, bool]]
# Only who wrote the file may read it.
_PRIVATE = 0o600


class FindAccounts(Protocol):
    """Finds the accounts with which a deployment's members sign in."""

    def __call__(self, settings: Settings, *, aws: bool) -> SignInAccounts | None:
        """Return them, None if no user pool is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyDesk:
    """What the commands need.

    Args:
        deployment: points AWS's clients to the deployment.
        accounts: finds the accounts of its members.
        console: returns where the commands print.
    """

    deployment: Deployment
    accounts: FindAccounts
    console: Callable[[], Console]

    def work(self, do: _Deed, *, aws: bool) -> None:
        """Do something with the tables and accounts; the exit code is 1 if it says that something is left."""
        with self.deployment("What is kept about members", aws=aws) as settings:
            accounts = self.accounts(settings, aws=aws)
            try:
                is_done = asyncio.run(_with_store(settings, accounts, do))
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None
            if not is_done:
                raise typer.Exit(1)


async def _with_store(settings: Settings, accounts: SignInAccounts | None, do: _Deed) -> bool:
    async with AsyncCalls(("dynamodb",)) as calls:
        return await do(Store(calls, settings.names), accounts)


def add_privacy_commands(commands: typer.Typer, desk: PrivacyDesk) -> None:
    """Add `export` and `erase`."""

    @commands.command("export")
    def export_(
        member: _Member,
        *,
        to: Annotated[Path | None, typer.Option("--to", help="A file to write it to, for you alone.")] = None,
        aws: _OnAws = False,
    ) -> None:
        """Print everything that is stored about a member, as JSON."""

        async def do(store: Store, accounts: SignInAccounts | None) -> bool:
            with Steps.on(Console(stderr=True)) as steps:
                found = await export(store, accounts, member, steps.begin("rows read", None))
            text = json.dumps(found, indent=2, ensure_ascii=False)
            if to is None:
                typer.echo(text)
            else:
                _write(to, text)
            return True

        desk.work(do, aws=aws)

    @commands.command("erase")
    def erase_(
        member: Annotated[
            str | None,
            typer.Argument(help="A member's user name, e-mail address or id; none: list what is unfinished."),
        ] = None,
        *,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
        aws: _OnAws = False,
    ) -> None:
        """Erase what is personal about a member; the ledger keeps its entries under their id."""

        async def do(store: Store, accounts: SignInAccounts | None) -> bool:
            console = desk.console()
            if member is None:
                return await _list_unfinished(store, console)
            return await _erase(store, accounts, member, console, ask=not yes)

        desk.work(do, aws=aws)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "w") as file:
        os.fchmod(file.fileno(), _PRIVATE)  # also of a file that was there
        file.write(text + "\n")


async def _list_unfinished(store: Store, console: Console) -> bool:
    """Print whose erasure has not ended; return whether there is none."""
    found = [one async for one in unfinished(store)]
    for user_id, since in found:
        _print(console, f"{user_id}: begun {clock.to_text(since)}, not finished; go on with: erase {user_id}")
    if not found:
        console.print("No erasure is unfinished.")
    return not found


async def _erase(store: Store, accounts: SignInAccounts | None, text: str, console: Console, *, ask: bool) -> bool:
    member = await find(store, text)
    if (on := await erased_on(store, member)) is not None:
        _print(console, f"{member} was erased on {clock.to_text(on)}.")
        return True
    begun = await begun_on(store, member)
    if begun is not None:
        _print(
            console, f"The erasure of {member} began on {clock.to_text(begun)} and was not finished; it goes on."
        )
    elif found := await hindering(store, member):
        raise HinderedError("\n".join((f"{text} cannot be erased now:", *found)))
    elif ask and not typer.confirm(
        f"Erase {plain(text)} for good? What is theirs alone is deleted; what others had part in, and the ledger, "
        f"stay under the id {plain(member)}, without their words"
    ):
        console.print("Nothing was changed.")
        return True
    members = Members(store, Transactions(store, clock.now), clock.now)
    with Steps.on(console) as steps:
        done = await erase(store, members, accounts, member, steps)
    _report(console, text, member, done)
    return True


def _report(console: Console, text: str, member: str, done: Erased) -> None:
    _print(console, f"{text} is erased: {done.written} rows; what stays names them {member}.")
    if done.has_account is None:
        _print(console, "No user pool is known: delete the account there that has this id as its sub.")
    if done.picture is not None:
        _print(console, f"Their picture is not kept here; delete it where it is: {done.picture}")
    if done.sealed:
        listed = ", ".join(sorted(done.sealed))
        _print(
            console,
            f"These entries of the ledger are from before texts could be erased, and keep theirs: {listed}",
        )
    _print(console, "Backups of the tables keep all of it for up to 35 days: docs/data.md.")


def _print(console: Console, line: str) -> None:
    console.print(plain(line), markup=False, soft_wrap=True)
