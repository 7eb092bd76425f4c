"""The command line of the migration."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Protocol

import typer
from rich.console import Console

from models.migration.share import EVERYBODY
from models.settings import Settings
from workflows.console.migration.apps import Apps
from workflows.console.migration.checks import check
from workflows.console.migration.progress import Steps
from workflows.console.migration.reports import print_check, print_rollback, print_run, print_survey
from workflows.console.migration.rollbacks import roll_back
from workflows.console.migration.runs import run
from workflows.console.migration.surveys import survey

_From = Annotated[
    str, typer.Option("--from", help="The former app: what its tables' names end with, <API id>-<environment>.")
]
_Share = Annotated[int, typer.Option(min=0, max=EVERYBODY, help="Per cent of the members to take over.")]
_OnAws = Annotated[bool, typer.Option("--aws", help="Use the AWS that the AWS_* variables name.")]
_MOST_MINUTES = 60 * 24 * 60
INTERRUPTED = 130  # as shells have it
_Deed = Callable[[Apps, Console], Coroutine[object, object, bool]]


class Deployment(Protocol):
    """Points AWS's clients to a deployment, whose settings it yields."""

    def __call__(self, what: str, *, aws: bool) -> AbstractContextManager[Settings]:
        """Return the context; `what` is what an error says cannot be read."""


@dataclass(frozen=True, slots=True)
class _Work:
    """Does something with both apps; the exit code is 1 if it says that something is left."""

    deployment: Deployment
    console: Callable[[], Console]

    def __call__(self, app: str, do: _Deed, *, aws: bool) -> None:
        with self.deployment(f"The former app {app}, or the deployment", aws=aws) as settings:
            try:
                is_done = asyncio.run(self._with_apps(settings, app, do))
            except KeyboardInterrupt:
                # Whoever goes on with the next command must learn that this one has not done its work.
                raise typer.Exit(INTERRUPTED) from None
            except ExceptionGroup as failed:
                # Of what was done at once, all that failed did so for one reason.
                raise first_of(failed) from failed
            if not is_done:
                raise typer.Exit(1)

    async def _with_apps(self, settings: Settings, app: str, do: _Deed) -> bool:
        async with Apps.opened(settings, app) as apps:
            return await do(apps, self.console())


def migrate_commands(deployment: Deployment, console: Callable[[], Console]) -> typer.Typer:
    """Return the commands.

    Args:
        deployment: points AWS's clients to the deployment that the former app is moved to.
        console: returns where they print.
    """
    commands = typer.Typer(help="Move the members of an app that Amplify deployed here, and back.")
    work = _Work(deployment, console)

    @commands.command()
    def plan(app: _From, *, share: _Share = EVERYBODY, aws: _OnAws = False) -> None:
        """Say what a run would do, and what it cannot do; nothing is written."""
        work(app, partial(_plan, share=share), aws=aws)

    @commands.command("run")
    def run_(app: _From, *, share: _Share = EVERYBODY, aws: _OnAws = False) -> None:
        """Copy rows, take members over, and make open exchanges requests; may be repeated at any time."""
        work(app, partial(_run, share=share), aws=aws)

    @commands.command()
    def verify(app: _From, *, aws: _OnAws = False) -> None:
        """Compare both apps, by counts and by sums; the exit code is 1 if they do not agree."""
        work(app, _verify, aws=aws)

    @commands.command()
    def rollback(
        app: _From,
        *,
        refund: Annotated[bool, typer.Option(help="End open requests at once; their hours go back.")] = False,
        within: Annotated[
            int, typer.Option(min=0, max=_MOST_MINUTES, help="Minutes for which open requests are waited for.")
        ] = 60,
        aws: _OnAws = False,
    ) -> None:
        """Give everything back: open requests end, and balances become User.bankHours again."""
        work(app, partial(_roll_back, refund=refund, within=timedelta(minutes=within)), aws=aws)

    return commands


def first_of(failed: Exception) -> Exception:
    """Return the first error of a group."""
    return first_of(failed.exceptions[0]) if isinstance(failed, ExceptionGroup) else failed


async def _plan(apps: Apps, console: Console, *, share: int) -> bool:
    with Steps.on(console) as steps:
        found = await survey(apps, share, steps.begin("rows read", None))
    print_survey(console, found, share)
    return True


async def _run(apps: Apps, console: Console, *, share: int) -> bool:
    with Steps.on(console) as steps:
        found = await survey(apps, share, steps.begin("rows read", None))
        outcome = await run(apps, found, share, steps)
    return print_run(console, outcome)


async def _verify(apps: Apps, console: Console) -> bool:
    return print_check(console, await check(apps))


async def _roll_back(apps: Apps, console: Console, *, refund: bool, within: timedelta) -> bool:
    with Steps.on(console) as steps:
        outcome = await roll_back(apps, steps, refund=refund, within=within)
    return print_rollback(console, outcome)
