"""Composes a server: the API and everything around it, over AWS."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from models.changes import Feed
from models.errors import ExpectedError
from models.integrity.departures import Departures
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.breaker import PromptCalls
from resolvers.api import Api
from resolvers.apps.app import App
from resolvers.feed.change_feed import ChangeFeed
from resolvers.feed.server_queues.queue_source import QueueSource
from resolvers.feed.writes import HeardCalls
from resolvers.hosting.demo_data import sub_of
from resolvers.hosting.departures import watch
from resolvers.hosting.health import Health
from resolvers.hosting.metrics.collector import ServerCollector, page_of
from resolvers.hosting.metrics.page import MetricsPage
from resolvers.hosting.settings import ServerSettings
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Identity
from resolvers.identity.issuer import LocalIssuer
from resolvers.identity.membership import Membership
from resolvers.operation_log import OperationLines
from resolvers.rates.rates import Rates
from resolvers.rates.shared_counter import SharedCounter
from resolvers.transport.app import HttpPolicy, build_app
from resolvers.transport.console.page import Console
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from workflows.executions.services import Services
from workflows.executions.sweep import revive_patiently

_log = structlog.get_logger(__name__)

# What the server calls.
AWS_SERVICES = ("dynamodb", "dynamodbstreams", "stepfunctions")
# What it also calls if it has a queue of changes.
_QUEUE_SERVICES = ("sqs", "sns")


@asynccontextmanager
async def composed(
    app: App,
    settings: Settings,
    own: ServerSettings,
    identity: Identity,
    *,
    issuer: LocalIssuer | None = None,
    report: Callable[[str], None] = print,
) -> AsyncIterator[Starlette]:
    """Compose the server, and end what it has begun when the context ends.

    Args:
        app: the app that it serves.
        settings: the deployment's settings.
        own: the server's.
        identity: verifies members' tokens.
        issuer: of a local server, which has demo callers and revives its requests.
        report: shows a line of progress.

    Raises:
        ExpectedError: the stack is not deployed, or AWS does not answer.
    """
    has_queue = settings.feed_of(is_local=issuer is not None) is Feed.QUEUE
    async with AsyncCalls((*AWS_SERVICES, *(_QUEUE_SERVICES if has_queue else ())), lines=own.line) as calls:
        # The start, the revival and the health checks may wait for AWS; clients wait for a second or two only.
        services = Services.over(calls, settings)
        heard = HeardCalls(calls, own.aws)
        queue = QueueSource(calls, settings.names, services.clock) if has_queue else None
        api = Api.over(app, Services.over(heard, settings), own, _page_secret(own, issuer), queue)
        heard.hear = api.feed.expect
        health = Health(services.store, api.feed, tables=app.tables, machines=app.machines)
        await health.check_deployment()
        if issuer is not None and app.demo.load is not None:
            await app.demo.load(services)
        rates = Rates(own.rates)
        routes = [*health.routes, *_metrics(heard, api, own, rates)]
        served = _served(app, api, own, identity, routes, issuer, rates)
        begun = _watched(app, services)
        if issuer is not None and app.machines:  # on AWS the scheduled sweep does that
            begun.append(_begun(revive_patiently(services.sweep, report), "live requests were not revived"))
        if rates.due is not None:
            counter = SharedCounter(rates, rates.due, api.services.store)
            begun.append(_begun(counter.run(), "the servers' shared counter is not used any more"))
        try:
            async with _open(api.feed, queue):
                yield served
        finally:
            for task in begun:
                task.cancel()
            await asyncio.gather(*begun, return_exceptions=True)


@asynccontextmanager
async def _open(feed: ChangeFeed, queue: QueueSource | None) -> AsyncIterator[None]:
    """Let subscribers hear of changes, until the context ends."""
    try:
        if queue is not None:
            await queue.open()
        yield
    finally:
        await feed.aclose()


def _watched(app: App, services: Services) -> list[asyncio.Task[None]]:
    """Begin to finish deletions of rows that others follow, if the app has rules that say so."""
    if app.catalogue.ruled is None:
        return []
    departing = Departures.over(services.store, app.catalogue.ruled, services.clock)
    return [_begun(watch(departing), "rows that follow deleted ones stay")]


def _begun(work: Coroutine[Any, Any, None], failure: str) -> asyncio.Task[None]:
    """Begin work that nobody waits for; if it fails, the log says what that means, and why."""

    def log_failure(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error(failure, exc_info=error)

    task = asyncio.create_task(work)
    task.add_done_callback(log_failure)
    return task


def _metrics(calls: PromptCalls, api: Api, own: ServerSettings, rates: Rates) -> list[BaseRoute]:
    collector = ServerCollector(calls, api.feed, rates)
    return MetricsPage(partial(page_of, collector), own.metrics_token).routes


def _served(
    app: App,
    api: Api,
    own: ServerSettings,
    identity: Identity,
    routes: Sequence[BaseRoute],
    issuer: LocalIssuer | None,
    rates: Rates,
) -> Starlette:
    store, clock = api.services.store, api.services.clock
    return build_app(
        schema=api.schema,
        store=store,
        authentication=Authentication(
            identity,
            [key.get_secret_value() for key in own.api_keys],
            admits_guests=own.guests,
            membership=Membership(store) if app.has_members else None,
        ),
        graphiql=_explorer(app, issuer) if own.graphiql else None,
        idempotency=Idempotency(store, clock, claimed_for=timedelta(seconds=own.idempotency_claim)),
        rates=rates,
        routes=[*routes, *(issuer.routes() if issuer else ()), *_console(app, own, issuer)],
        policy=HttpPolicy(
            origins=own.allowed_origins or (),
            hosts=own.allowed_hosts or (),
            strict_transport=own.strict_transport,
        ),
        fast_path=own.fast_path,
        operation_lines=OperationLines(reads=own.log_reads, slow=own.log_slow),
    )


def _explorer(app: App, issuer: LocalIssuer | None) -> GraphiQL:
    mint = (
        {}
        if issuer is None
        else {name: partial(_minted, issuer, name, of) for name, of in app.demo.callers.items()}
    )
    key = issuer.api_key() if issuer is not None and app.has_guests else None
    return GraphiQL(app.name, app.examples, mint, key)


def _console(app: App, own: ServerSettings, issuer: LocalIssuer | None) -> list[BaseRoute]:
    """Return the routes of the console: of an app whose requests are moved by state machines, where it is set."""
    if not (own.console and app.machines):
        return []
    # Without GraphiQL nobody gives a token to whoever asks.
    callers = app.demo.callers if issuer is not None and own.graphiql else ()
    return Console(app.name, callers).routes()


def _minted(issuer: LocalIssuer, name: str, groups: Collection[str]) -> str:
    return issuer.mint(sub_of(name), name, groups)


def _page_secret(own: ServerSettings, issuer: LocalIssuer | None) -> bytes:
    """Return the secret of page tokens, which servers of one deployment share; a local server keeps its own."""
    if own.page_secret is not None:
        return own.page_secret.get_secret_value().encode()
    if issuer is None:
        raise ExpectedError("HOURBANK_PAGE_SECRET is not set, with which all servers encrypt page tokens.")
    return issuer.secret("page tokens")
