"""The command line of the move out of a single table."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from models.integrity.ruled_tables import RuledTables
from models.settings import Settings
from models.single_table.shapes import TypeShape
from workflows.console.migration.commands import INTERRUPTED, Deployment, first_of
from workflows.console.migration.progress import Steps
from workflows.console.single_table.checks import check
from workflows.console.single_table.reports import (
    print_back,
    print_check,
    print_run,
    print_survey,
    print_switch,
)
from workflows.console.single_table.runs import Run
from workflows.console.single_table.surveys import survey
from workflows.console.single_table.switches import go_back, switch
from workflows.console.single_table.tables import MovedApp, Sides, SingleTableError

_From = Annotated[str, typer.Option("--from", help="The name of the single table.")]
_Schema = Annotated[
    Path,
    typer.Option(
        "--schema", envvar="HOURBANK_SCHEMA", exists=True, help="The app: its schema.graphql, or its folder."
    ),
]
_Rules = Annotated[
    Path | None, typer.Option("--rules", envvar="HOURBANK_RULES", exists=True, help="What its rows must obey.")
]
_OnAws = Annotated[bool, typer.Option("--aws", help="Use the AWS that the AWS_* variables name.")]
_NobodyWrites = Annotated[
    bool, typer.Option("--nobody-writes", help="The single table needs no stream: nobody writes to it meanwhile.")
]
_Deed = Callable[[Sides, Console], Coroutine[object, object, bool]]
# Returns the types of a schema with their rules, None if there are none, and what their rows look like; lets this
# process's settings be those of the app's stack.
AppOf = Callable[[Path, Path | None], tuple[RuledTables | None, Mapping[str, TypeShape]]]


@dataclass(frozen=True, slots=True)
class _Work:
    """Does something with both sides; the exit code is 1 if it says that something is wrong."""

    deployment: Deployment
    console: Callable[[], Console]
    app_of: AppOf

    def __call__(self, name: str, schema: Path, rules: Path | None, do: _Deed, *, aws: bool) -> None:
        tables, shapes = self.app_of(schema, rules)
        with self.deployment(f"The single table {name}, or the deployment", aws=aws) as settings:
            if tables is None:
                raise SingleTableError(f"The app of {schema} has no rules; give --rules, such as construction's.")
            try:
                is_right = asyncio.run(self._with_sides(settings, MovedApp(tables, shapes), name, do))
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None
            except ExceptionGroup as failed:
                raise first_of(failed) from failed
            if not is_right:
                raise typer.Exit(1)

    async def _with_sides(self, settings: Settings, app: MovedApp, name: str, do: _Deed) -> bool:
        async with Sides.opened(settings, app, name) as sides:
            return await do(sides, self.console())


def single_table_commands(deployment: Deployment, console: Callable[[], Console], app_of: AppOf) -> typer.Typer:
    """Return the commands.

    Args:
        deployment: points AWS's clients to the deployment whose tables the rows come into.
        console: returns where they print.
        app_of: returns the app of a schema.
    """
    commands = typer.Typer(
        name="migrate-single-table",
        help="Move the rows of a single table into the construction app's tables, and back.",
    )
    work = _Work(deployment, console, app_of)
    _add_looking(commands, work)
    _add_moving(commands, work)
    return commands


def _add_looking(commands: typer.Typer, work: _Work) -> None:
    """Add the commands that write nothing."""

    @commands.command()
    def plan(name: _From, schema: _Schema, rules: _Rules = None, *, aws: _OnAws = False) -> None:
        """Say what a run would do, and what does not fit; nothing is written."""
        work(name, schema, rules, _plan, aws=aws)

    @commands.command()
    def verify(name: _From, schema: _Schema, rules: _Rules = None, *, aws: _OnAws = False) -> None:
        """Compare both sides, row by row; the exit code is 1 if they do not agree."""
        work(name, schema, rules, _verify, aws=aws)


def _add_moving(commands: typer.Typer, work: _Work) -> None:
    """Add the commands that write."""

    @commands.command("run")
    def run_(
        name: _From,
        schema: _Schema,
        rules: _Rules = None,
        *,
        follow: Annotated[
            bool, typer.Option("--follow", help="Go on until Ctrl-C, or until the app takes over.")
        ] = False,
        again: Annotated[bool, typer.Option("--again", help="Compare everything again.")] = False,
        nobody_writes: _NobodyWrites = False,
        aws: _OnAws = False,
    ) -> None:
        """Copy all rows, and then what the stream says was written meanwhile; may be repeated at any time."""
        do = partial(_run, follow=follow, again=again, nobody_writes=nobody_writes)
        work(name, schema, rules, do, aws=aws)

    @commands.command("switch")
    def switch_(
        name: _From,
        schema: _Schema,
        rules: _Rules = None,
        *,
        leave: Annotated[
            bool, typer.Option("--leave", help="Rows that do not fit stay in the single table.")
        ] = False,
        nobody_writes: _NobodyWrites = False,
        aws: _OnAws = False,
    ) -> None:
        """Read the stream to its end, compare, and let the app have the rows; stop whoever writes before."""
        work(name, schema, rules, partial(_switch, leave=leave, nobody_writes=nobody_writes), aws=aws)

    @commands.command()
    def back(
        name: _From,
        schema: _Schema,
        rules: _Rules = None,
        *,
        delete: Annotated[
            bool | None,
            typer.Option("--delete/--keep", help="What becomes, there, of rows that the app has deleted."),
        ] = None,
        aws: _OnAws = False,
    ) -> None:
        """Bring what the app has written since the switch into the single table; stop the app before."""
        work(name, schema, rules, partial(_back, delete=delete), aws=aws)


async def _plan(sides: Sides, console: Console) -> bool:
    with Steps.on(console) as steps:
        found = await survey(sides, steps.begin("rows read", await sides.count_there()))
    print_survey(console, found)
    return True


async def _run(sides: Sides, console: Console, *, follow: bool, again: bool, nobody_writes: bool) -> bool:
    with Steps.on(console) as steps:
        run = await Run.begun(sides, steps, again=again, nobody_writes=nobody_writes)
        outcome = await run.ended(follow=follow)
    print_run(console, outcome)
    return True


async def _verify(sides: Sides, console: Console) -> bool:
    return print_check(console, await check(sides))


async def _switch(sides: Sides, console: Console, *, leave: bool, nobody_writes: bool) -> bool:
    with Steps.on(console) as steps:
        found = await switch(sides, steps, leave=leave, nobody_writes=nobody_writes)
    return print_switch(console, found)


async def _back(sides: Sides, console: Console, *, delete: bool | None) -> bool:
    with Steps.on(console) as steps:
        outcome = await go_back(sides, steps, delete=delete)
    return print_back(console, outcome)
