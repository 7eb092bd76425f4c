"""HourBank's command line and composition root.

python server.py                  serve, on a local cloud of its own
python server.py serve --aws      serve, on the AWS that the AWS_* variables name
python server.py serve --tls      serve https and wss, with a certificate for this machine
python server.py token alice      print a token for a local member
python server.py amplify-config   print what an app made for Amplify needs to use the local server
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from botocore.exceptions import ClientError
from rich.console import Console
from starlette.applications import Starlette

from models.errors import ExpectedError
from models.settings import Settings
from models.storage.calls import AsyncCalls, BlockingCalls, drive
from models.storage.names import Names
from models.tables import TABLES
from resolvers.api import Api
from resolvers.hosting.certificate import local_certificate
from resolvers.hosting.demo import load_demo, sign_in
from resolvers.hosting.demo_data import DEMO_MEMBERS, DEMO_PASSWORD, DEMO_SERVICES, sub_of
from resolvers.hosting.demo_exchanges import load_dealings
from resolvers.hosting.health import Health
from resolvers.hosting.listener import Listener, listening
from resolvers.hosting.logs import configure_logging
from resolvers.hosting.settings import LOCAL_ORIGINS, ServerSettings
from resolvers.hosting.welcome import print_welcome
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Identity
from resolvers.identity.issuer import LocalIssuer
from resolvers.identity.membership import Membership
from resolvers.identity.user_pool import user_pool
from resolvers.rates.rates import Rates
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.idempotency import Idempotency
from workflows.console import books
from workflows.console.exits import clean_exit, explain_aws_errors
from workflows.console.redrive import Redrive
from workflows.console.redrive_prompt import restart_failed
from workflows.deployment.deploy import deploy_to_aws
from workflows.deployment.local import sent_codes
from workflows.deployment.local.amplify_config import amplify_v5, amplify_v6
from workflows.deployment.local.local_aws import local_aws, open_function_host
from workflows.deployment.local.user_pool import LocalUserPool, PoolUser, exists
from workflows.deployment.target import use_aws, use_local_cloud
from workflows.deployment.template.build import build_template
from workflows.deployment.template.machines import read_definitions
from workflows.executions.services import Services
from workflows.executions.sweep import revive

_SERVICES = ("dynamodb", "dynamodbstreams", "stepfunctions")
_WIDE = 400  # characters, so that no row of a table wraps


console = Console(highlight=False)
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="HourBank's backend.")


class FunctionPlace(StrEnum):
    """Where the local cloud's functions run."""

    HERE = "here"
    EXTERNAL = "external"


@cli.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        serve()


@cli.command()
def serve(
    *,
    aws: Annotated[bool, typer.Option("--aws", help="Use the AWS that the AWS_* variables name.")] = False,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https and wss; see `certificate`.")] = False,
    functions: Annotated[FunctionPlace, typer.Option(help="Where the local functions run.")] = FunctionPlace.HERE,
) -> None:
    """Serve on http://127.0.0.1:$PORT."""
    configure_logging()
    with clean_exit():
        own = ServerSettings()
        with listening(own.host, own.port, local_certificate(own.local) if tls else None) as listener:
            if aws:
                _serve_on_aws(own, listener)
            else:
                _serve_locally(own, listener, functions)


def _serve_on_aws(own: ServerSettings, listener: Listener) -> None:
    settings = use_aws()
    if own.user_pool is None:
        _report("HOURBANK_USER_POOL is not set: only tokens of the local issuer are accepted")
        trusted = LocalIssuer(own.local).trusted()
    else:
        trusted = user_pool(own.user_pool, own.user_pool_clients)
    _run(listener, _compose(settings, own, Identity(trusted)), on_ready=lambda: console.print(listener.url))


def _serve_locally(own: ServerSettings, listener: Listener, functions: FunctionPlace) -> None:
    settings = Settings()
    hosted = functions is FunctionPlace.HERE
    with local_aws(own.local, settings, report=_report, threads=own.function_threads, hosted=hosted) as cloud:
        issuer = LocalIssuer(own.local)
        identity = _local_identity(own, settings, issuer)
        welcome = partial(print_welcome, console, listener, issuer.mint(sub_of("alice"), "alice"))
        with sent_codes.repeated(cloud.log, _show_code):
            _run(listener, _compose(settings, own, identity, issuer), on_ready=welcome)


def _local_identity(own: ServerSettings, settings: Settings, issuer: LocalIssuer) -> Identity:
    """Accept the tokens of the local issuer, of the local user pool, and of the one that the settings name."""
    pool = LocalUserPool.find_or_make(settings)
    users = (PoolUser(member.sub, member.email, member.username, member.groups) for member in DEMO_MEMBERS)
    pool.add(users, DEMO_PASSWORD)
    clients = {pool.id: {pool.client}}
    if own.user_pool is not None:
        clients.setdefault(own.user_pool, set()).update(own.user_pool_clients)
    pools = [user_pool(name, of, on_aws=not exists(name, settings)) for name, of in clients.items()]
    return Identity(issuer.trusted(), *pools)


def _show_code(line: str) -> None:
    console.print(line, style="bold", markup=False, soft_wrap=True)


def _run(
    listener: Listener, composed: AbstractAsyncContextManager[Starlette], *, on_ready: Callable[[], None]
) -> None:
    async def serve_until_signal() -> None:
        async with composed as application:
            await listener.serve(application, on_ready)

    asyncio.run(serve_until_signal())


@asynccontextmanager
async def _compose(
    settings: Settings, own: ServerSettings, identity: Identity, issuer: LocalIssuer | None = None
) -> AsyncIterator[Starlette]:
    """Compose the server; with an issuer it is a local one, which has demo members and revives its requests.

    Raises:
        ExpectedError: the stack is not deployed.
    """
    async with AsyncCalls(_SERVICES) as calls:
        services = Services.over(calls, settings)
        api = Api.over(services, own, _page_secret(own, issuer))
        health = Health(services.store, api.feed, tables=TABLES, machines=read_definitions())
        if missing := await health.missing():
            raise ExpectedError(f"Run `python server.py deploy` first; {missing[0]} and others do not exist.")
        if issuer is not None:
            await load_demo(services.store, services.members, services.clock)
            await load_dealings(services)
        app = build_app(
            schema=api.schema,
            store=services.store,
            authentication=Authentication(
                identity,
                [key.get_secret_value() for key in own.api_keys],
                admits_guests=own.guests,
                membership=Membership(services.store),
            ),
            graphiql=GraphiQL(sign_in(issuer) if issuer else None, service=DEMO_SERVICES[0].id),
            idempotency=Idempotency(
                services.store, services.clock, claimed_for=timedelta(seconds=own.idempotency_claim)
            ),
            rates=Rates(own.rates),
            routes=[*health.routes, *(issuer.routes() if issuer else ())],
            origins=LOCAL_ORIGINS if issuer and own.allowed_origins is None else own.allowed_origins or (),
        )
        revival = asyncio.create_task(_revive(services)) if issuer else None
        try:
            yield app
        finally:
            if revival:
                revival.cancel()
            await api.feed.aclose()


async def _revive(services: Services) -> None:
    """Resume every live request of a local cloud whose execution is gone; on AWS the scheduled sweep does that."""
    if live := await revive(services.sweep):
        _report(f"live requests: {live}")


async def _revive_over(settings: Settings) -> None:
    """Resume the requests that waited for the functions; a stack that is not deployed yet has none."""
    async with AsyncCalls(_SERVICES) as calls:
        with suppress(ClientError):
            await _revive(Services.over(calls, settings))


def _page_secret(own: ServerSettings, issuer: LocalIssuer | None) -> bytes:
    """Return the secret of page tokens; by default a local server keeps one, others draw one at each start."""
    if own.page_secret is not None:
        return own.page_secret.get_secret_value().encode()
    return os.urandom(32) if issuer is None else issuer.secret("page tokens")


def _report(line: str) -> None:
    console.print(f"[dim]·[/] {line}")


@cli.command()
def token(
    name: Annotated[str, typer.Argument(help="A member's name: alice, bob, carol, admin, or any other.")],
    group: Annotated[list[str] | None, typer.Option(help="A group, such as admin; may be repeated.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print sub, username and groups, too.")] = False,
) -> None:
    """Print a token of the local issuer."""
    with clean_exit():
        known = next((member.groups for member in DEMO_MEMBERS if member.username == name), frozenset())
        groups = sorted({*known, *(group or ())})
        sub = sub_of(name)
        minted = LocalIssuer(ServerSettings().local).mint(sub, name, groups)
        details = {"sub": sub, "username": name, "groups": groups, "token": minted}
        typer.echo(json.dumps(details) if as_json else minted)


@cli.command()
def amplify_config(
    *,
    v5: Annotated[bool, typer.Option("--v5", help="Print aws-exports.js, for Amplify v5.")] = False,
    tls: Annotated[bool, typer.Option("--tls", help="The server runs with `serve --tls`.")] = False,
) -> None:
    """Print amplifyconfiguration.json for an app that uses the running local server on $PORT."""
    with clean_exit():
        own = ServerSettings()
        pool = LocalUserPool.find_or_make(use_local_cloud(own.local))
        url = f"https://localhost:{own.port}/graphql" if tls else f"http://127.0.0.1:{own.port}/graphql"
        typer.echo(amplify_v5(pool, url) if v5 else json.dumps(amplify_v6(pool, url), indent=2))


@cli.command()
def certificate(
    *,
    force: Annotated[bool, typer.Option("--force", help="Make a new one, which must be trusted again.")] = False,
) -> None:
    """Make the certificate of `serve --tls`, if there is none, and print how to trust it."""
    with clean_exit():
        made = local_certificate(ServerSettings().local, anew=force)
        typer.echo(f"serve       python server.py serve --tls, until {made.expires:%Y-%m-%d}")
        typer.echo(f"a browser   must trust {made.authority}: import it as a certificate authority")
        typer.echo(f"Node        NODE_EXTRA_CA_CERTS={made.authority}")


@cli.command()
def schema() -> None:
    """Print the GraphQL schema."""
    with clean_exit():
        api = Api.over(Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"none")
        typer.echo(api.schema.as_str())


@cli.command()
def template() -> None:
    """Print the CloudFormation template."""
    typer.echo(json.dumps(build_template(), indent=2))


@cli.command()
def deploy(code_bucket: Annotated[str, typer.Option(help="The bucket for the functions' code.")]) -> None:
    """Deploy to AWS."""
    with clean_exit():
        if not deploy_to_aws(use_aws(), bucket=code_bucket, report=_report):
            _report("nothing to do: the deployment is up to date")


@cli.command()
def functions() -> None:
    """Host the functions of a local server that runs with `--functions external`."""
    configure_logging()
    with clean_exit():
        own = ServerSettings()
        settings = use_local_cloud(own.local)
        with open_function_host(own.local, settings, threads=own.function_threads, separate=True):
            _report("hosting the functions; stop with Ctrl-C")
            asyncio.run(_revive_over(settings))
            signal.pause()


_OnAws = Annotated[bool, typer.Option("--aws", help="Use the AWS that the AWS_* variables name.")]


@cli.command()
def redrive(
    *,
    aws: _OnAws = False,
    only_list: Annotated[bool, typer.Option("--list", help="Restart nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """List what has failed for good, and restart it."""
    with _deployment("The dead-letter queue", aws=aws) as settings:
        of_stack = Redrive(Services.over(BlockingCalls(), settings))
        ask = (lambda _question: True) if yes else typer.confirm
        if not drive(restart_failed(of_stack, console, only_list=only_list, ask=ask)):
            raise typer.Exit(1)


@cli.command()
def reconcile(*, aws: _OnAws = False) -> None:
    """Compare every member's log with their balance, and print what is wrong."""
    _check_books(books.reconcile, aws=aws)


@cli.command()
def audit(
    member: Annotated[str, typer.Argument(help="A member's user name or id.")], *, aws: _OnAws = False
) -> None:
    """Verify one member's log and print it, entry by entry."""
    _check_books(partial(books.audit, member), aws=aws)


def _check_books(check: Callable[[Names, Console], Coroutine[object, object, bool]], *, aws: bool) -> None:
    """Check the books; the exit code is 1 if they are wrong."""
    # In a file or for another program, each row is one line.
    output = console if console.is_terminal else Console(highlight=False, width=_WIDE)
    with _deployment("The ledger", aws=aws) as settings:
        if not asyncio.run(check(settings.names, output)):
            raise typer.Exit(1)


@contextmanager
def _deployment(what: str, *, aws: bool) -> Iterator[Settings]:
    """Point AWS's clients to a deployment; an error of AWS ends the command with a line about what it reads."""
    configure_logging()
    with clean_exit():
        settings = use_aws() if aws else use_local_cloud(ServerSettings().local)
        with explain_aws_errors(f"{what} of {settings.stack}"):
            yield settings


if __name__ == "__main__":
    cli()
