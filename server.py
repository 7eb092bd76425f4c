"""HourBank's server: the command line, and the one place where its parts are put together.

python server.py                  serve, on a local cloud of its own
python server.py serve --aws      serve, on what the AWS_* variables lead to
python server.py token alice      print a token for a local member
"""

import asyncio
import errno
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import FrameType
from typing import Annotated

import boto3
import structlog
import typer
import uvicorn
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from rich.console import Console
from starlette.applications import Starlette

from models import clock
from models.aws import AsyncCalls, Calls
from models.members import Members
from models.ratings import Ratings
from models.settings import Settings
from models.tables import TABLES
from resolvers import disputes, operations
from resolvers.change_feed import ChangeFeed
from resolvers.creation import creators
from resolvers.demo_members import DEMO_MEMBERS, DEMO_SERVICES, load_demo, sign_in, sub_of
from resolvers.graphiql import GraphiQL
from resolvers.guards import GUARDS
from resolvers.health import Health
from resolvers.http import BODY_BYTES, build_app
from resolvers.identity import Identity, RemoteKeys
from resolvers.issuer import LocalIssuer
from resolvers.mirror import Mirror
from resolvers.paging import PageTokens
from resolvers.rows import Rows
from resolvers.service_requests import ServiceRequests
from resolvers.settings import ServerSettings
from resolvers.subscriptions import Subscriptions
from resolvers.writes import Domain, Writes
from schema.amplify.build import MirrorSchema, build_schema
from workflows.deployment.deploy import DeploymentError, deploy_to_aws
from workflows.deployment.local_aws import host_functions, local_aws
from workflows.deployment.local_cloud import LocalCloud, LocalCloudError
from workflows.deployment.machine_resources import read_definitions
from workflows.deployment.package import PackageError
from workflows.deployment.template import build_template
from workflows.revival import revive
from workflows.services import Services

_SERVICES = ("dynamodb", "dynamodbstreams", "stepfunctions")
_LOCAL_ORIGINS = ("http://localhost:4200",)  # where `ng serve` serves
_STOP_LIMIT = 5
# Longer than clients and load balancers keep an idle connection (60 s), so that they close it and not we.
_KEEP_ALIVE = 75
# Whoever starts the server waits for the answer: an endpoint that is not there is told of soon.
_QUICKLY = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})

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
        store = services.store
        members = Members(store, services.transactions, clock.now)
        feed = ChangeFeed(store, interval=own.feed_interval)
        requests = ServiceRequests(calls, services.transactions, services.executions, clock.now)
        ratings = Ratings(store, services.transactions, clock.now)
        raised = disputes.Disputes(store, services.transactions, services.executions, services.windows, clock.now)
        domain = Domain(
            creators=creators(requests, members, ratings, raised, clock.now),
            guards=GUARDS,
            amenders={"Rating": ratings.amend},
        )
        mirror = Mirror(
            Rows(store, PageTokens(page_secret)), Writes(store, clock.now, domain), Subscriptions(feed)
        )
        schema = build_schema(
            mirror,
            extra_queries=[operations.queries(store)],
            extra_mutations=[operations.mutations(requests), disputes.mutations(raised)],
            extra_subscriptions=[operations.subscriptions(feed)],
        )
        return cls(services, members, feed, schema)


class FunctionPlace(StrEnum):
    """Where the local cloud's functions run."""

    HERE = "here"
    EXTERNAL = "external"


class ExpectedError(Exception):
    """Something that a person can put right; the message is one line that says how."""


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
        name = str(first["loc"][0])
        variable = name if name.isupper() else f"HOURBANK_{name.upper()}"
        _fail(f"{variable} is not usable: {first['msg']}.")
    except (ExpectedError, LocalCloudError, DeploymentError, PackageError) as error:
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
    functions: Annotated[FunctionPlace, typer.Option(help="Where the local functions run.")] = FunctionPlace.HERE,
) -> None:
    """Serve on http://127.0.0.1:$PORT."""
    _configure_logging()
    with _told_in_a_line():
        own = ServerSettings()
        with _listen(own.host, own.port) as listener:
            if aws:
                _serve_on_aws(own, listener)
            else:
                _serve_locally(own, listener, functions)


def _serve_on_aws(own: ServerSettings, listener: socket.socket) -> None:
    settings = _settings_on_aws()
    identity = _user_pool(own, settings) or LocalIssuer(own.local).identity()
    serving = _run(settings, own, listener, identity=identity, on_ready=lambda: console.print(_address(listener)))
    asyncio.run(serving)


def _serve_locally(own: ServerSettings, listener: socket.socket, functions: FunctionPlace) -> None:
    settings = Settings()
    hosted = functions is FunctionPlace.HERE
    with local_aws(own.local, settings, report=_report, threads=own.function_threads, hosted=hosted):
        issuer = LocalIssuer(own.local)
        welcome = partial(_welcome, _address(listener), issuer.mint(sub_of("alice"), "alice"))
        serving = _run(settings, own, listener, identity=issuer.identity(), issuer=issuer, on_ready=welcome)
        asyncio.run(serving)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ExpectedError(f"Port {port} is in use; stop what listens there or set PORT.") from None
        raise ExpectedError(f"{host}:{port} cannot be listened on: {error.strerror}.") from None
    return listener


def _settings_on_aws() -> Settings:
    """Return the settings for the account that the credentials belong to.

    Raises:
        ExpectedError: AWS cannot be reached, or does not know us.
    """
    # The SDKs read only the second of the two.
    os.environ["AWS_DEFAULT_REGION"] = Settings().region
    try:
        account = boto3.client("sts", config=_QUICKLY).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise ExpectedError(
            f"AWS cannot be used; check AWS_REGION, AWS_ENDPOINT_URL and credentials: {error}"
        ) from None
    return Settings() if "HOURBANK_ACCOUNT" in os.environ else Settings(account=account)


def _user_pool(own: ServerSettings, settings: Settings) -> Identity | None:
    if own.user_pool is None:
        _report("HOURBANK_USER_POOL is not set: only tokens of the local issuer are taken")
        return None
    issuer = f"https://cognito-idp.{settings.region}.amazonaws.com/{own.user_pool}"
    return Identity(issuer, own.user_pool_clients, RemoteKeys(f"{issuer}/.well-known/jwks.json"))


async def _run(
    settings: Settings,
    own: ServerSettings,
    listener: socket.socket,
    *,
    on_ready: Callable[[], None],
    identity: Identity,
    issuer: LocalIssuer | None = None,
) -> None:
    """Serve until a signal comes."""
    async with _composed(settings, own, identity, issuer) as application:
        config = uvicorn.Config(
            application,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=BODY_BYTES,
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=_STOP_LIMIT,
            timeout_keep_alive=_KEEP_ALIVE,
        )
        await _Server(config, on_ready).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn, which says when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


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
            identity=identity,
            graphiql=GraphiQL(sign_in(issuer) if issuer else None, service=DEMO_SERVICES[0].id),
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


def _page_secret(own: ServerSettings, issuer: LocalIssuer | None) -> bytes:
    if own.page_secret is not None:
        return own.page_secret.get_secret_value().encode()
    return os.urandom(32) if issuer is None else issuer.secret("page tokens")


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


def _report(line: str) -> None:
    console.print(f"[dim]·[/] {line}")


def _welcome(address: str, token: str) -> None:
    console.print(f"\n[bold green]HourBank is ready.[/]  [bold]{address}/graphql[/]  GraphiQL, in a browser")
    console.print(f"  health      {address}/readyz")
    console.print("  members     " + ", ".join(member.username for member in DEMO_MEMBERS))
    console.print("  stop        Ctrl-C; what was done is kept")
    # Not wrapped, so that it can be copied.
    console.print(f"\n[dim]As alice:[/]\nAuthorization: {token}\n", soft_wrap=True)


def _configure_logging() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            # Without the variables of each frame: they hold members' rows.
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


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
        if not deploy_to_aws(_settings_on_aws(), bucket=code_bucket, report=_report):
            _report("nothing to do: it is deployed as it is here")


@cli.command()
def functions() -> None:
    """Host the functions of a local server that runs with `--functions external`."""
    _configure_logging()
    with _told_in_a_line():
        own, settings = ServerSettings(), Settings()
        cloud = LocalCloud(own.local, settings)
        cloud.attach()
        os.environ.update(cloud.environment)
        with host_functions(own.local, settings, threads=own.function_threads, apart=True):
            _report("hosting the functions; stop with Ctrl-C")
            signal.pause()


if __name__ == "__main__":
    cli()
