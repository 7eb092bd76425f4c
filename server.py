"""HourBank's command line and composition root.

python server.py                  serve, on a local cloud of its own
python server.py serve --aws      serve, on the AWS that the AWS_* variables name
python server.py serve --schema F serve the app that a schema.graphql declares, instead of HourBank
python server.py token alice      print a token for a local member
python server.py --help           list the other commands
"""

import asyncio
import json
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from botocore.exceptions import ClientError
from rich.console import Console
from starlette.applications import Starlette

from models.errors import ExpectedError
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.api import Api
from resolvers.apps.app import App
from resolvers.apps.hourbank import HOURBANK
from resolvers.apps.imported import imported, stack_name
from resolvers.apps.shapes import rows_of
from resolvers.composition import AWS_SERVICES, composed
from resolvers.hosting.certificate import local_certificate
from resolvers.hosting.demo_data import DEMO_PASSWORD, address_of, sub_of
from resolvers.hosting.garbage import keep_what_is_there
from resolvers.hosting.limits_list import limits_page, limits_table
from resolvers.hosting.listener import Listener, listening
from resolvers.hosting.logs import configure_logging
from resolvers.hosting.metrics.declared import SERVER_METRICS
from resolvers.hosting.settings import LOCAL, ServerSettings
from resolvers.hosting.traces import traces_sent
from resolvers.hosting.welcome import print_welcome
from resolvers.identity.callers import Identity, TrustedIssuer
from resolvers.identity.issuer import LocalIssuer, claims_of
from resolvers.identity.user_pool import user_pool
from resolvers.security_log import limit_security_log
from schema.amplify.sdl.project import beside
from workflows.console.commands import Desk, operator_commands
from workflows.console.exits import clean_exit, explain_aws_errors
from workflows.console.migration.commands import migrate_commands
from workflows.console.privacy.accounts import UserAccounts
from workflows.console.single_table.commands import single_table_commands
from workflows.console.texts import plain
from workflows.deployment import command_line
from workflows.deployment.amplify_config import (
    amplify_v5,
    amplify_v6,
    pool_of_members,
    server_here,
    servers_on_aws,
)
from workflows.deployment.app_options import RulesOption, SchemaOption
from workflows.deployment.contents import StackContents, environments_of, hourbank, in_image
from workflows.deployment.environments import FILE as ENVIRONMENTS
from workflows.deployment.local import sent_codes
from workflows.deployment.local.local_aws import local_aws, open_function_host
from workflows.deployment.local.local_cloud import LocalCloud
from workflows.deployment.local.private_files import OTHERS, keep_private
from workflows.deployment.local.user_pool import LocalUserPool, PoolUser, exists
from workflows.deployment.target import page_secret, use_aws, use_local_cloud
from workflows.deployment.template.monitoring.page import metrics_page
from workflows.deployment.template.service.parts import Served
from workflows.deployment.workflow_settings import use_stored
from workflows.executions.services import Services
from workflows.executions.sweep import revive_patiently

_WIDE = 400  # characters, so that no row of a table wraps
console = Console(highlight=False)
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="HourBank's backend.")
cli.add_typer(command_line.cli)


class FunctionPlace(StrEnum):
    """Where the local cloud's functions run."""

    HERE = "here"
    EXTERNAL = "external"


@cli.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    context.obj = _contents_of
    if context.invoked_subcommand is None:
        serve()


@cli.command()
def serve(
    *,
    aws: Annotated[bool, typer.Option("--aws", help="Use the AWS that the AWS_* variables name.")] = False,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https and wss; see `certificate`.")] = False,
    functions: Annotated[FunctionPlace, typer.Option(help="Where the local functions run.")] = FunctionPlace.HERE,
    schema: SchemaOption = None,
    rules: RulesOption = None,
) -> None:
    """Serve on http://127.0.0.1:$PORT."""
    configure_logging()
    with clean_exit():
        app = _chosen(schema, rules, report=_report)
        # A server on AWS keeps nothing on its disk, which may be read-only.
        own = (ServerSettings() if aws and not tls else _private_settings()).with_defaults(is_local=not aws)
        configure_logging(as_json=own.log_format == "json")
        limit_security_log(own.security_log)
        certificate = local_certificate(own.local) if tls else None
        address = listening(own.host, own.port, certificate, own.connections, own.trusted_proxies)
        with address as listener, explain_aws_errors("The deployment"), traces_sent(wanted=own.traces):
            if aws:
                _serve_on_aws(app, own, listener)
            else:
                _serve_locally(app, own, listener, functions)


def _chosen(schema: Path | None, rules: Path | None, report: Callable[[str], None] = lambda _line: None) -> App:
    """Return the app that the options name, and let this process's settings be those of its stack."""
    if schema is None and rules is not None:
        raise ExpectedError("--rules belongs to an app's schema: say --schema, too.")
    if schema is None:
        return HOURBANK
    found = imported(schema, rules)
    for line in found.notes:
        report(line)
    stack = os.environ.setdefault("HOURBANK_STACK", found.stack)
    os.environ["HOURBANK_LOCAL"] = os.environ.get("HOURBANK_LOCAL") or str(LOCAL / stack)
    # Whoever has a key of an application may do what the schema's rules say.
    os.environ.setdefault("HOURBANK_GUESTS", "true")
    return found.app


def _contents_of(schema: Path | None, rules: Path | None) -> StackContents:
    """Return what the app that the options name brings to a stack."""
    if schema is None:
        return hourbank()
    app, told = imported(schema, rules).app, in_image(schema, rules)
    groups = sorted(frozenset().union(*app.demo.callers.values()))
    served = None if told is None else Served(app.name, app.tables, groups=tuple(groups), variables=told)
    environments = environments_of(beside(schema, ENVIRONMENTS.name))
    return StackContents.of_tables(stack_name(schema), app.tables, served, environments)


def _serve_on_aws(app: App, own: ServerSettings, listener: Listener) -> None:
    identity = _identity_on_aws(app, own)
    settings = use_stored(use_aws())
    if own.page_secret is None:
        own = own.model_copy(update={"page_secret": page_secret(settings)})
    server = composed(app, settings, own, identity)
    _run(listener, server, on_ready=lambda: console.print(listener.url))


def _identity_on_aws(app: App, own: ServerSettings) -> Identity:
    """Accept the tokens of the user pool in the settings, and those of the local issuer only if they say so.

    Raises:
        ExpectedError: they name neither.
    """
    trusted: list[TrustedIssuer] = []
    if own.user_pool is not None:
        trusted.append(user_pool(own.user_pool, own.user_pool_clients, limits=own.issuers))
    if own.local_tokens:
        trusted.append(LocalIssuer(_private_settings().local).trusted())
    if not trusted:
        raise ExpectedError(
            "Set HOURBANK_USER_POOL and HOURBANK_USER_POOL_CLIENTS, whose tokens are accepted; or "
            "HOURBANK_LOCAL_TOKENS=true if tokens that anybody with this machine's files can make are meant."
        )
    return Identity(*trusted, limits=own.tokens, claims=app.catalogue.claims)


def _serve_locally(app: App, own: ServerSettings, listener: Listener, functions: FunctionPlace) -> None:
    settings = Settings()
    running = local_aws(
        own.local,
        settings,
        hourbank() if app is HOURBANK else StackContents.of_tables(settings.stack, app.tables),
        report=_report,
        origins=own.allowed_origins or (),
        threads=own.function_threads,
        hosted=functions is FunctionPlace.HERE,
    )
    with running as cloud:
        issuer = LocalIssuer(own.local)
        key = issuer.api_key() if app.has_guests else None
        own = own.with_key(key)
        identity = _local_identity(app, own, settings, issuer)
        alice = issuer.mint(sub_of("alice"), "alice")
        welcome = partial(print_welcome, console, app.name, app.demo.callers, app.options, listener, alice, key)
        with sent_codes.repeated(cloud.log, _show_code):
            server = composed(app, settings, own, identity, issuer=issuer, report=_report)
            _run(listener, server, on_ready=welcome)


def _local_identity(app: App, own: ServerSettings, settings: Settings, issuer: LocalIssuer) -> Identity:
    """Accept the tokens of the local issuer, of the local user pool, and of the one that the settings name."""
    callers = app.demo.callers
    pool = LocalUserPool.find_or_make(settings, frozenset().union(*callers.values()))
    users = (PoolUser(sub_of(name), address_of(name), name, frozenset(groups)) for name, groups in callers.items())
    pool.add(users, DEMO_PASSWORD)
    clients = {pool.id: {pool.client}}
    if own.user_pool is not None:
        clients.setdefault(own.user_pool, set()).update(own.user_pool_clients)
    pools = [
        user_pool(name, of, on_aws=not exists(name, settings), limits=own.issuers) for name, of in clients.items()
    ]
    return Identity(issuer.trusted(), *pools, limits=own.tokens, claims=app.catalogue.claims)


def _private_settings() -> ServerSettings:
    """Return the server's settings, and keep its directory, and what it writes from now on, to its own user."""
    own = ServerSettings()
    os.umask(OTHERS)
    keep_private(own.local)
    return own


def _show_code(line: str) -> None:
    console.print(plain(line), style="bold", markup=False, soft_wrap=True)


def _run(
    listener: Listener, server: AbstractAsyncContextManager[Starlette], *, on_ready: Callable[[], None]
) -> None:
    async def serve_until_signal() -> None:
        async with server as application:
            keep_what_is_there()
            await listener.serve(application, on_ready)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_signal())


async def _revive_over(settings: Settings) -> None:
    """Resume the requests that waited for the functions; a stack that is not deployed yet has none."""
    async with AsyncCalls(AWS_SERVICES) as calls:
        with suppress(ClientError):
            await revive_patiently(Services.over(calls, settings).sweep, _report)


def _report(line: str) -> None:
    console.print(f"[dim]·[/] {line}")


@cli.command()
def token(
    name: Annotated[str, typer.Argument(help="A member's name: alice, bob, carol, admin, or any other.")],
    group: Annotated[list[str] | None, typer.Option(help="A group, such as admin; may be repeated.")] = None,
    *,
    claim: Annotated[
        list[str] | None,
        typer.Option(help="A further claim, such as team=red; named again, it is a list."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print sub, username and groups, too.")] = False,
    schema: SchemaOption = None,
    rules: RulesOption = None,
) -> None:
    """Print a token of the local issuer."""
    with clean_exit():
        known = _chosen(schema, rules).demo.callers.get(name, ())
        groups = sorted({*known, *(group or ())})
        sub = sub_of(name)
        minted = LocalIssuer(_private_settings().local).mint(sub, name, groups, more=claims_of(claim or ()))
        details = {"sub": sub, "username": name, "groups": groups, "token": minted}
        typer.echo(json.dumps(details) if as_json else minted)


@cli.command()
def amplify_config(
    *,
    v5: Annotated[bool, typer.Option("--v5", help="Print aws-exports.js, for Amplify v5.")] = False,
    tls: Annotated[bool, typer.Option("--tls", help="The server runs with `serve --tls`.")] = False,
    aws: Annotated[bool, typer.Option("--aws", help="Of the servers of $HOURBANK_STACK on AWS.")] = False,
    client: Annotated[str | None, typer.Option(help="The app client, if the pool on AWS has several.")] = None,
    schema: SchemaOption = None,
    rules: RulesOption = None,
) -> None:
    """Print amplifyconfiguration.json for an app that uses the running local server on $PORT, or one on AWS."""
    with clean_exit():
        app = _chosen(schema, rules)
        own = ServerSettings() if aws else _private_settings()
        if aws:
            found = servers_on_aws(use_aws(), client)
        else:
            found = server_here(use_local_cloud(own.local), own.port, tls=tls)
        if app.is_keyed:
            own = own if aws else own.with_key(LocalIssuer(own.local).api_key())
            found = found.by_key([key.get_secret_value() for key in own.api_keys])
        typer.echo(amplify_v5(found) if v5 else json.dumps(amplify_v6(found), indent=2))


@cli.command("local-aws")
def local_aws_environment(schema: SchemaOption = None, rules: RulesOption = None) -> None:
    """Print the variables with which AWS's tools use the running local cloud, for a shell's `eval`."""
    with clean_exit():
        _chosen(schema, rules)
        own = _private_settings()
        cloud = LocalCloud(own.local, Settings())
        cloud.attach()
        for name, value in cloud.environment.items():
            typer.echo(f"export {name}={shlex.quote(value)}")


@cli.command()
def certificate(
    *,
    force: Annotated[bool, typer.Option("--force", help="Make a new one, which must be trusted again.")] = False,
) -> None:
    """Make the certificate of `serve --tls`, if there is none, and print how to trust it."""
    with clean_exit():
        made = local_certificate(_private_settings().local, anew=force)
        typer.echo(f"serve       python server.py serve --tls, until {made.expires:%Y-%m-%d}")
        typer.echo(f"a browser   must trust {made.authority}: import it as a certificate authority")
        typer.echo(f"Node        NODE_EXTRA_CA_CERTS={made.authority}")


@cli.command()
def limits(
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/limits.md, whatever is set.")] = False,
) -> None:
    """Print every limit as it applies now, and the variable that sets it."""
    with clean_exit():
        if markdown:
            typer.echo(limits_page(), nl=False)
        else:
            _output().print(limits_table(ServerSettings(), Settings()))


@cli.command()
def metrics() -> None:
    """Print docs/metrics.md: every metric, and every alarm."""
    with clean_exit():
        typer.echo(metrics_page(one.row for one in SERVER_METRICS), nl=False)


@cli.command()
def schema(schema: SchemaOption = None, rules: RulesOption = None) -> None:
    """Print the GraphQL schema."""
    with clean_exit():
        app = _chosen(schema, rules)
        api = Api.over(app, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"none")
        typer.echo(api.schema.as_str())


@cli.command()
def functions() -> None:
    """Host the functions of a local server that runs with `--functions external`."""
    configure_logging()
    with clean_exit():
        own = _private_settings()
        settings = use_stored(use_local_cloud(own.local))
        host = open_function_host(own.local, settings, threads=own.function_threads, separate=True)
        with host, traces_sent(wanted=own.traces):
            _report("hosting the functions; stop with Ctrl-C")
            asyncio.run(_revive_over(settings))
            signal.pause()


def _output() -> Console:
    """Return the console for tables: in a file or for another program, each row is one line."""
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)


@contextmanager
def _deployment(what: str, *, aws: bool) -> Iterator[Settings]:
    """Point AWS's clients to a deployment; an error of AWS ends the command with a line about what it reads."""
    configure_logging()
    with clean_exit():
        settings = use_aws() if aws else use_local_cloud(_private_settings().local)
        with explain_aws_errors(f"{what} of {settings.stack}"):
            yield settings


def _accounts(settings: Settings, *, aws: bool) -> UserAccounts | None:
    """Return the accounts with which a deployment's members sign in."""
    pool = (ServerSettings().user_pool if aws else None) or pool_of_members(settings, aws=aws)
    return None if pool is None else UserAccounts(pool)


cli.add_typer(
    operator_commands(Desk(deployment=_deployment, stored=use_stored, console=_output, accounts=_accounts))
)
cli.add_typer(migrate_commands(_deployment, _output), name="migrate")
cli.add_typer(single_table_commands(_deployment, _output, lambda schema, rules: rows_of(_chosen(schema, rules))))


if __name__ == "__main__":
    cli()
