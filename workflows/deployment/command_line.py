"""The commands that deploy: template, diff, deploy and rollback."""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models.settings import Settings
from workflows.console.exits import clean_exit
from workflows.deployment.deploy import Deployer, roll_back
from workflows.deployment.environments import Environment
from workflows.deployment.servers import Servers
from workflows.deployment.target import use_aws
from workflows.deployment.template.build import build_template
from workflows.deployment.template.intrinsics import Resource
from workflows.deployment.template.service.build import build_service_template

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


class Part(StrEnum):
    """The stacks of an environment."""

    DATA = "data"
    SERVICE = "service"


# How each stack's template is built, with the defaults of its parameters.
TEMPLATES: Mapping[Part, Callable[[], Resource]] = {
    Part.DATA: build_template,
    Part.SERVICE: build_service_template,
}


@cli.command()
def template(
    part: Annotated[
        Part, typer.Argument(help="data: tables and workflows; service: servers, balancer, user pool.")
    ] = Part.DATA,
) -> None:
    """Print the CloudFormation template of a stack."""
    typer.echo(json.dumps(TEMPLATES[part](), indent=2))


@cli.command()
def diff(environment: _Environment, code_bucket: _Bucket = None, image: _Image = None) -> None:
    """Show what a deployment would change on AWS, and change nothing."""
    with clean_exit():
        found = Environment.find(environment)
        changes = _deployer(found, code_bucket).diff() + _servers(found, code_bucket, image).diff()
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
    environment: _Environment,
    code_bucket: _Bucket = None,
    image: _Image = None,
    *,
    import_tables: Annotated[
        bool, typer.Option("--import-tables", help="A new stack takes in the tables that a former one has left.")
    ] = False,
) -> None:
    """Deploy to AWS; a deployment that was interrupted goes on when it is started again."""
    with clean_exit():
        found = Environment.find(environment)
        if not _deployer(found, code_bucket).deploy(imports_tables=import_tables):
            _report(f"nothing to do: {found.stack} is up to date")
        _servers(found, code_bucket, image).deploy()


@cli.command()
def rollback(environment: _Environment) -> None:
    """Let functions and servers run the code from before the last deployment; tables stay as they are."""
    with clean_exit():
        found = Environment.find(environment)
        roll_back(_settings(found), _report)
        if _servers(found).roll_back():
            _report("the servers run the former image")


def _deployer(environment: Environment, code_bucket: str | None) -> Deployer:
    return Deployer(environment, _settings(environment), bucket=code_bucket, report=_report)


def _servers(environment: Environment, bucket: str | None = None, image: str | None = None) -> Servers:
    return Servers(environment, _settings(environment), image=image, bucket=bucket, report=_report)


def _settings(environment: Environment) -> Settings:
    """Return the settings of an environment in the account that the credentials belong to."""
    return use_aws().model_copy(update={"stack": environment.stack})


def _report(line: str) -> None:
    console.print(f"[dim]·[/] {line}")
