"""The commands that operators run on a deployment."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.calls import BlockingCalls, drive
from models.storage.names import Names
from workflows.console import books
from workflows.console.migration.commands import Deployment
from workflows.console.privacy.commands import FindAccounts, PrivacyDesk, add_privacy_commands
from workflows.console.redrive import Redrive
from workflows.console.redrive_prompt import restart_failed
from workflows.console.status.looking import SERVICES, Look
from workflows.console.status.readings import Verdict
from workflows.console.status.report import print_status, watch
from workflows.console.trace.life import SERVICES as TRACED
from workflows.console.trace.life import Life, Lives
from workflows.console.trace.logs import lines_in, lines_on_aws
from workflows.console.trace.report import print_life
from workflows.executions.services import Services

_OnAws = Annotated[bool, typer.Option("--aws", help="Use the AWS that the AWS_* variables name.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the commands of operators need.

    Args:
        deployment: points AWS's clients to the deployment.
        stored: returns settings with the workflow settings that the deployment has stored.
        console: returns where the commands print.
        accounts: finds the accounts with which the deployment's members sign in.
    """

    deployment: Deployment
    stored: Callable[[Settings], Settings]
    console: Callable[[], Console]
    accounts: FindAccounts


def operator_commands(desk: Desk) -> typer.Typer:
    """Return the commands."""
    commands = typer.Typer()
    _add_redrive(commands, desk)
    _add_books(commands, desk)
    _add_status(commands, desk)
    _add_trace(commands, desk)
    add_privacy_commands(
        commands, PrivacyDesk(deployment=desk.deployment, accounts=desk.accounts, console=desk.console)
    )
    return commands


def _add_redrive(commands: typer.Typer, desk: Desk) -> None:
    @commands.command()
    def redrive(
        *,
        aws: _OnAws = False,
        only_list: Annotated[bool, typer.Option("--list", help="Restart nothing.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    ) -> None:
        """List what has failed for good, and restart it."""
        with desk.deployment("The dead-letter queue", aws=aws) as settings:
            of_stack = Redrive(Services.over(BlockingCalls(), desk.stored(settings)))
            ask = (lambda _question: True) if yes else typer.confirm
            if not drive(restart_failed(of_stack, desk.console(), only_list=only_list, ask=ask)):
                raise typer.Exit(1)


def _add_books(commands: typer.Typer, desk: Desk) -> None:
    """Add the commands that check the books; their exit code is 1 if the books are wrong."""

    def check_books(check: Callable[[Names, Console], Coroutine[object, object, bool]], *, aws: bool) -> None:
        with desk.deployment("The ledger", aws=aws) as settings:
            if not asyncio.run(check(settings.names, desk.console())):
                raise typer.Exit(1)

    @commands.command()
    def reconcile(*, aws: _OnAws = False) -> None:
        """Compare every member's log with their balance, and print what is wrong."""
        check_books(books.reconcile, aws=aws)

    @commands.command()
    def audit(
        member: Annotated[str, typer.Argument(help="A member's user name or id.")],
        *,
        by_id: Annotated[bool, typer.Option("--id", help="It is an id, and no user name.")] = False,
        aws: _OnAws = False,
    ) -> None:
        """Verify one member's log and print it, entry by entry."""
        check_books(partial(books.audit, member, by_id=by_id), aws=aws)


def _add_status(commands: typer.Typer, desk: Desk) -> None:
    async def look(settings: Settings, show: Callable[[Look], Awaitable[bool]], *, aws: bool) -> bool:
        async with AsyncCalls(SERVICES) as calls:
            return await show(Look(Services.over(calls, settings), on_aws=aws))

    @commands.command()
    def status(
        *,
        watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
        every: Annotated[float, typer.Option(min=1, max=3600, help="Seconds between two looks.")] = 5,
        as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False,
        aws: _OnAws = False,
    ) -> None:
        """Say how the deployment fares, and what mends it; the exit code is 1 if something needs a look."""
        show = partial(_watch, every=every) if watch else partial(_print, as_json=as_json)
        with desk.deployment("The deployment", aws=aws) as settings:
            if not asyncio.run(look(desk.stored(settings), partial(show, desk.console()), aws=aws)):
                raise typer.Exit(1)


async def _print(console: Console, look: Look, *, as_json: bool) -> bool:
    found = await look.status()
    print_status(console, found, as_json=as_json)
    return found.verdict is Verdict.OK


async def _watch(console: Console, look: Look, *, every: float) -> bool:
    await watch(console, look, every=every)
    return True


def _add_trace(commands: typer.Typer, desk: Desk) -> None:
    async def read(settings: Settings, request_id: str, log: Path | None) -> Life:
        async with AsyncCalls(TRACED) as calls:
            lives = Lives(Services.over(calls, settings))
            request = await lives.find(request_id)
            lines = [*await lines_on_aws(calls, settings.names, request), *(lines_in(log, request) if log else ())]
            return await lives.read(request, lines)

    @commands.command()
    def trace(
        request_id: Annotated[
            str, typer.Argument(help="A request's id, or its dispute's, escrow's or execution's.")
        ],
        *,
        log: Annotated[Path | None, typer.Option(help="A log that a server has written as JSON.")] = None,
        aws: _OnAws = False,
    ) -> None:
        """Print a request's life as a tree with times: its executions, its rows, and what logs say."""
        with desk.deployment("The request", aws=aws) as settings:
            print_life(desk.console(), asyncio.run(read(settings, request_id, log)))
