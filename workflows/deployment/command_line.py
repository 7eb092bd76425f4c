"""The commands that deploy: template, package, diff, deploy and rollback.

The context's object is a `ContentsOf`.
"""

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models.errors import ExpectedError
from models.settings import LONGEST_STACK, Settings
from workflows.console.exits import clean_exit
from workflows.deployment.app_options import RulesOption, SchemaOption
from workflows.deployment.contents import StackContents
from workflows.deployment.deploy import Deployer, roll_back
from workflows.deployment.environments import Environment, InvalidEnvironmentError
from workflows.deployment.package import build_package
from workflows.deployment.servers import Servers
from workflows.deployment.target import use_aws
from workflows.deployment.template.service.build import build_service_template
from workflows.deployment.template.service.parts import Served

_WIDE = 400  # characters, so that no row of a table wraps in a file or for another program

cli = typer.Typer(add_completion=False)
console = Console(highlight=False)

_Environment = Annotated[
    str, typer.Argument(metavar="ENV", help="An environment of environments.toml: dev, prod.")
]
_Bucket = Annotated[
    str | None,
    typer.Option(
        "--code-bucket", help="The bucket for code and templates; by default that of the last deployment."
    ),
]


_Image = Annotated[
    str | None,
    typer.Option("--image", help="The servers' image, by its digest in ECR; by default the one that is deployed."),
]


class NotInImageError(ExpectedError):
    """Servers are to serve an app that their image does not have; the message says how it gets there."""


class Part(StrEnum):
    """The stacks of an environment."""

    DATA = "data"
    SERVICE = "service"


@cli.command()
def template(
    context: typer.Context,
    part: Annotated[
        Part, typer.Argument(help="data: tables and workflows; service: servers, balancer, user pool.")
    ] = Part.DATA,
    schema: SchemaOption = None,
    rules: RulesOption = None,
) -> None:
    """Print the CloudFormation template of a stack."""
    with clean_exit():
        contents = _contents(context, schema, rules)
        built = contents.template() if part is Part.DATA else build_service_template(_served(contents))
        typer.echo(json.dumps(built, indent=2))


@cli.command()
def package(file: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Write the functions' code, as a deployment uploads it."""
    with clean_exit():
        code = build_package(_report)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(code)
        _report(f"{file}: {len(code) / 1e6:.1f} MB, SHA-256 {hashlib.sha256(code).hexdigest()}")


@cli.command()
def diff(
    context: typer.Context,
    environment: _Environment,
    code_bucket: _Bucket = None,
    image: _Image = None,
    schema: SchemaOption = None,
    rules: RulesOption = None,
) -> None:
    """Show what a deployment would change on AWS, and change nothing."""
    with clean_exit():
        contents = _contents(context, schema, rules)
        found = Environment.find(environment, contents.app, contents.environments)
        changes = _deployer(found, contents, code_bucket).diff()
        if contents.served is not None:
            changes += _servers(found, contents, code_bucket, image).diff()
        if not changes:
            _report(f"nothing to do: {found.stack} and its servers are as deployed")
            return
        table = Table("action", "resource", "type", "replacement", box=None)
        for change in sorted(changes, key=lambda one: (one.action, one.kind, one.resource)):
            table.add_row(change.action, change.resource, change.kind, change.replacement)
        output = console if console.is_terminal else Console(highlight=False, width=_WIDE)
        output.print(table)
        _report(f"{len(changes)} resources of {found.stack} and its servers would change")


@cli.command()
def deploy(
    context: typer.Context,
    environment: _Environment,
    code_bucket: _Bucket = None,
    image: _Image = None,
    schema: SchemaOption = None,
    rules: RulesOption = None,
    *,
    import_tables: Annotated[
        bool, typer.Option("--import-tables", help="A new stack takes in the tables that a former one has left.")
    ] = False,
) -> None:
    """Deploy to AWS; a deployment that was interrupted goes on when it is started again."""
    with clean_exit():
        contents = _contents(context, schema, rules)
        found = Environment.find(environment, contents.app, contents.environments)
        has_servers = contents.served is not None or image is not None
        servers = _servers(found, contents, code_bucket, image) if has_servers else None
        if not _deployer(found, contents, code_bucket).deploy(imports_tables=import_tables):
            _report(f"nothing to do: {found.stack} is up to date")
        if servers is not None:
            servers.deploy()


@cli.command()
def rollback(
    context: typer.Context, environment: _Environment, schema: SchemaOption = None, rules: RulesOption = None
) -> None:
    """Let functions and servers run the code from before the last deployment; tables stay as they are."""
    with clean_exit():
        contents = _contents(context, schema, rules)
        found = Environment.find(environment, contents.app, contents.environments)
        roll_back(_settings(found), _report)
        if contents.served is not None and _servers(found, contents).roll_back():
            _report("the servers run the former image")


def _contents(context: typer.Context, schema: Path | None, rules: Path | None) -> StackContents:
    contents: StackContents = context.obj(schema, rules)
    return contents


def _deployer(environment: Environment, contents: StackContents, code_bucket: str | None) -> Deployer:
    return Deployer(environment, _settings(environment), contents, bucket=code_bucket, report=_report)


def _servers(
    environment: Environment, contents: StackContents, bucket: str | None = None, image: str | None = None
) -> Servers:
    served, settings = _served(contents), _settings(environment)
    return Servers(environment, settings, served, image=image, bucket=bucket, report=_report)


def _served(contents: StackContents) -> Served:
    """Return what the servers serve.

    Raises:
        NotInImageError: the image does not have the app.
    """
    if contents.served is None:
        raise NotInImageError(
            f"The servers' image has the apps in schema/apps/: copy the app to schema/apps/{contents.app}, make "
            "the image anew, and name that folder by --schema."
        )
    return contents.served


def _settings(environment: Environment) -> Settings:
    """Return the settings of an environment in the account that the credentials belong to."""
    stack = environment.stack
    if len(stack) > LONGEST_STACK:
        raise InvalidEnvironmentError(
            f"The stack would be called {stack}, and a name has {LONGEST_STACK} characters at most: give the "
            "app's folder a shorter name."
        )
    return use_aws().model_copy(update={"stack": stack})


def _report(line: str) -> None:
    console.print(f"[dim]·[/] {line}")
