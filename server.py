"""HourBank's server: the command line, and the one place where its parts are put together.

python server.py                  serve, on a local cloud of its own
python server.py serve --aws      serve, on what the AWS_* variables lead to
python server.py serve --tls      serve https and wss, with a certificate for this machine
python server.py token alice      print a token for a local member
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from types import FrameType
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from rich.console import Console
from starlette.applications import Starlette

from models import clock
from models.aws import AsyncCalls, BlockingCalls, Calls, drive
from models.members import Members
from models.naming import Names
from models.settings import Settings
from models.tables import TABLES
from resolvers.admission import Admission
from resolvers.api import build_api
from resolvers.certificate import CertificateError, local_certificate
from resolvers.change_feed import ChangeFeed
from resolvers.demo_members import DEMO_MEMBERS, DEMO_SERVICES, load_demo, sign_in, sub_of
from resolvers.graphiql import GraphiQL
from resolvers.health import Health
from resolvers.http import build_app
from resolvers.idempotency import Idempotency
from resolvers.identity import Identity, RemoteKeys
from resolvers.issuer import LocalIssuer
from resolvers.logs import configure_logging
from resolvers.paging import PageTokens
from resolvers.serving import AddressError, Listener, listening
from resolvers.settings import ServerSettings
from schema.amplify.build import MirrorSchema
from workflows import bookkeeping
from workflows.bookkeeping import UnknownMemberError
from workflows.deployment.deploy import DeploymentError, deploy_to_aws
from workflows.deployment.local_aws import host_functions, local_aws
from workflows.deployment.local_cloud import LocalCloudError
from workflows.deployment.machine_resources import read_definitions
from workflows.deployment.package import PackageError
from workflows.deployment.reaching import UnreachableError, settings_here, settings_on_aws
from workflows.deployment.template import build_template
from workflows.redrive import Redrive
from workflows.redrive_console import restart_failed
from workflows.revival import revive
from workflows.services import Services

_SERVICES = ("dynamodb", "dynamodbstreams", "stepfunctions")
_LOCAL_ORIGINS = ("http://localhost:4200", "https://localhost:4200")  # where `ng serve` serves, and with `--ssl`
_UNBROKEN = 400


console = Console(highlight=False)
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="HourBank's backend.")


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers; put together without a call to AWS."""

    services: Services
    members: Members
    feed: ChangeFeed
    schema: MirrorSchema

    @classmethod
    def over(cls, calls: Calls, settings: Settings, own: ServerSettings, page_secret: bytes) -> "Parts":
        """Return the parts that reach AWS by `calls`."""
        services = Services.over(calls, settings)
        members = Members(services.store, services.transactions, services.clock)
        feed = ChangeFeed(services.store, interval=own.feed_interval)
        schema = build_api(services, members, feed, tokens=PageTokens(page_secret), limits=own.limits)
        return cls(services, members, feed, schema)


class FunctionPlace(StrEnum):
    """Where the local cloud's functions run."""

    HERE = "here"
    EXTERNAL = "external"


class ExpectedError(Exception):
    """Something that a person can put right; the message is one line that says how."""


_EXPECTED = (
    ExpectedError,
    AddressError,
    CertificateError,
    DeploymentError,
    LocalCloudError,
    PackageError,
    UnknownMemberError,
    UnreachableError,
)


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    """End the process as a person expects: 0 after Ctrl-C, 1 and one line after what they can put right."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except ValidationError as error:
        (first, *_) = error.errors()
        name = "_".join(part for part in first["loc"] if isinstance(part, str))
        variable = name if name.isupper() else f"HOURBANK_{name.removeprefix('HOURBANK_').upper()}"
        _fail(f"{variable} is not usable: {first['msg']}.")
    except _EXPECTED as error:
        _fail(str(error))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Once is enough: what is being stopped must not be torn away while it saves.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _fail(message: str) -> None:
    typer.echo(" ".join(message.split()), err=True)
    raise typer.Exit(1) from None


@cli.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        serve()


@cli.command()
def serve(
    *,
    aws: Annotated[bool, typer.Option("--aws", help="Use what the AWS_* variables lead to.")] = False,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https and wss; see `certificate`.")] = False,
    functions: Annotated[FunctionPlace, typer.Option(help="Where the local functions run.")] = FunctionPlace.HERE,
) -> None:
    """Serve on http://127.0.0.1:$PORT."""
    configure_logging()
    with _told_in_a_line():
        own = ServerSettings()
        with listening(own.host, own.port, local_certificate(own.local) if tls else None) as listener:
            if aws:
                _serve_on_aws(own, listener)
            else:
                _serve_locally(own, listener, functions)


def _serve_on_aws(own: ServerSettings, listener: Listener) -> None:
    settings = settings_on_aws()
    identity = _user_pool(own, settings) or LocalIssuer(own.local).identity()
    serving = _run(settings, own, listener, identity=identity, on_ready=lambda: console.print(listener.url))
    asyncio.run(serving)


def _serve_locally(own: ServerSettings, listener: Listener, functions: FunctionPlace) -> None:
    settings = Settings()
    hosted = functions is FunctionPlace.HERE
    with local_aws(own.local, settings, report=_report, threads=own.function_threads, hosted=hosted):
        issuer = LocalIssuer(own.local)
        welcome = partial(_welcome, listener, issuer.mint(sub_of("alice"), "alice"))
        serving = _run(settings, own, listener, identity=issuer.identity(), issuer=issuer, on_ready=welcome)
        asyncio.run(serving)


def _user_pool(own: ServerSettings, settings: Settings) -> Identity | None:
    if own.user_pool is None:
        _report("HOURBANK_USER_POOL is not set: only tokens of the local issuer are taken")
        return None
    issuer = f"https://cognito-idp.{settings.region}.amazonaws.com/{own.user_pool}"
    return Identity(issuer, own.user_pool_clients, RemoteKeys(f"{issuer}/.well-known/jwks.json"))


async def _run(
    settings: Settings,
    own: ServerSettings,
    listener: Listener,
    *,
    on_ready: Callable[[], None],
    identity: Identity,
    issuer: LocalIssuer | None = None,
) -> None:
    """Serve until a signal comes."""
    async with _composed(settings, own, identity, issuer) as application:
        await listener.serve(application, on_ready)


@asynccontextmanager
async def _composed(
    settings: Settings, own: ServerSettings, identity: Identity, issuer: LocalIssuer | None
) -> AsyncIterator[Starlette]:
    """Put the server together; with an issuer it is a local one: it has demo members and revives its requests.

    Raises:
        ExpectedError: the stack is not there.
    """
    async with AsyncCalls(_SERVICES) as calls:
        parts = Parts.over(calls, settings, own, _page_secret(own, issuer))
        store = parts.services.store
        health = Health(store, parts.feed, tables=TABLES, machines=read_definitions())
        if missing := await health.missing():
            raise ExpectedError(f"Run `python server.py deploy` first; {missing[0]} and others are not there.")
        if issuer is not None:
            await load_demo(store, parts.members, clock.now)
        app = build_app(
            schema=parts.schema,
            store=store,
            admission=Admission(identity, [key.get_secret_value() for key in own.api_keys]),
            graphiql=GraphiQL(sign_in(issuer) if issuer else None, service=DEMO_SERVICES[0].id),
            idempotency=Idempotency(store, clock.now, claimed_for=timedelta(seconds=own.idempotency_claim)),
            routes=[*health.routes, *(issuer.routes() if issuer else ())],
            origins=_LOCAL_ORIGINS if issuer and own.allowed_origins is None else own.allowed_origins or (),
        )
        reviving = asyncio.create_task(_revived(parts.services)) if issuer else None
        try:
            yield app
        finally:
            if reviving:
                reviving.cancel()
            await parts.feed.aclose()


async def _revived(services: Services) -> None:
    """Look after every live request of a local cloud; on AWS the scheduled sweep is enough."""
    if live := await revive(services.sweep):
        _report(f"requests that go on: {live}")


async def _revived_apart(settings: Settings) -> None:
    """Look after what waited for the functions; a stack that is not deployed yet has nothing that did."""
    async with AsyncCalls(_SERVICES) as calls:
        with suppress(ClientError):
            await _revived(Services.over(calls, settings))


def _page_secret(own: ServerSettings, issuer: LocalIssuer | None) -> bytes:
    if own.page_secret is not None:
        return own.page_secret.get_secret_value().encode()
    return os.urandom(32) if issuer is None else issuer.secret("page tokens")


def _report(line: str) -> None:
    console.print(f"[dim]·[/] {line}")


def _welcome(listener: Listener, token: str) -> None:
    console.print(f"\n[bold green]HourBank is ready.[/]  [bold]{listener.url}/graphql[/]  GraphiQL, in a browser")
    console.print(f"  health      {listener.url}/readyz")
    if listener.certificate:
        console.print(f"  trust       {listener.certificate.authority}", soft_wrap=True)
    console.print("  members     " + ", ".join(member.username for member in DEMO_MEMBERS))
    console.print("  stop        Ctrl-C; what was done is kept")
    # Not wrapped, so that it can be copied.
    console.print(f"\n[dim]As alice:[/]\nAuthorization: {token}\n", soft_wrap=True)


@cli.command()
def token(
    name: Annotated[str, typer.Argument(help="A member's name: alice, bob, carol, admin, or any other.")],
    group: Annotated[list[str] | None, typer.Option(help="A group, such as admin; may be repeated.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print sub, username and groups, too.")] = False,
) -> None:
    """Print a token of the local issuer."""
    with _told_in_a_line():
        known = next((member.groups for member in DEMO_MEMBERS if member.username == name), frozenset())
        groups = sorted({*known, *(group or ())})
        sub = sub_of(name)
        minted = LocalIssuer(ServerSettings().local).mint(sub, name, groups)
        whole = {"sub": sub, "username": name, "groups": groups, "token": minted}
        typer.echo(json.dumps(whole) if as_json else minted)


@cli.command()
def certificate(
    *,
    force: Annotated[bool, typer.Option("--force", help="Make another, to be trusted anew.")] = False,
) -> None:
    """Make the certificate that `serve --tls` uses, if it is not there, and say what must trust it."""
    with _told_in_a_line():
        made = local_certificate(ServerSettings().local, anew=force)
        typer.echo(f"serve       python server.py serve --tls, until {made.expires:%Y-%m-%d}")
        typer.echo(f"a browser   must trust {made.authority}: import it as a certificate authority")
        typer.echo(f"Node        NODE_EXTRA_CA_CERTS={made.authority}")


@cli.command()
def schema() -> None:
    """Print the schema in GraphQL's own language."""
    with _told_in_a_line():
        parts = Parts.over(AsyncCalls(()), Settings(), ServerSettings(), b"none")
        typer.echo(parts.schema.as_str())


@cli.command()
def template() -> None:
    """Print the CloudFormation template."""
    typer.echo(json.dumps(build_template(), indent=2))


@cli.command()
def deploy(code_bucket: Annotated[str, typer.Option(help="The bucket for the functions' code.")]) -> None:
    """Deploy to AWS."""
    with _told_in_a_line():
        if not deploy_to_aws(settings_on_aws(), bucket=code_bucket, report=_report):
            _report("nothing to do: it is deployed as it is here")


@cli.command()
def functions() -> None:
    """Host the functions of a local server that runs with `--functions external`."""
    configure_logging()
    with _told_in_a_line():
        own = ServerSettings()
        settings = settings_here(own.local)
        with host_functions(own.local, settings, threads=own.function_threads, apart=True):
            _report("hosting the functions; stop with Ctrl-C")
            asyncio.run(_revived_apart(settings))
            signal.pause()


_OnAws = Annotated[bool, typer.Option("--aws", help="Use what the AWS_* variables lead to.")]


@cli.command()
def redrive(
    *,
    aws: _OnAws = False,
    only_list: Annotated[bool, typer.Option("--list", help="Restart nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """List what has failed for good, and restart it."""
    with _reading("The dead-letter queue", aws=aws) as settings:
        of_stack = Redrive(Services.over(BlockingCalls(), settings))
        ask = (lambda _question: True) if yes else typer.confirm
        if not drive(restart_failed(of_stack, console, only_list=only_list, ask=ask)):
            raise typer.Exit(1)


@cli.command()
def reconcile(*, aws: _OnAws = False) -> None:
    """Compare every member's log with their balance, and print what is wrong."""
    _look_into_books(bookkeeping.reconcile, aws=aws)


@cli.command()
def audit(
    member: Annotated[str, typer.Argument(help="A member's user name or id.")], *, aws: _OnAws = False
) -> None:
    """Verify one member's log and print it, entry by entry."""
    _look_into_books(partial(bookkeeping.audit, member), aws=aws)


def _look_into_books(look: Callable[[Names, Console], Coroutine[object, object, bool]], *, aws: bool) -> None:
    """Run a look into the books; the exit code is 1 if they are wrong."""
    # A file or another program gets each row in one line.
    printing = console if console.is_terminal else Console(highlight=False, width=_UNBROKEN)
    with _reading("The ledger", aws=aws) as settings:
        if not asyncio.run(look(settings.names, printing)):
            raise typer.Exit(1)


@contextmanager
def _reading(what: str, *, aws: bool) -> Iterator[Settings]:
    """Lead AWS's clients to a deployment, and tell in a line if it cannot be read."""
    configure_logging()
    with _told_in_a_line():
        settings = settings_on_aws() if aws else settings_here(ServerSettings().local)
        try:
            yield settings
        except (BotoCoreError, ClientError) as error:
            raise ExpectedError(f"{what} of {settings.stack} cannot be read: {error}") from None


if __name__ == "__main__":
    cli()
