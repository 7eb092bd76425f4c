"""The backends on which a case is tested: tables in memory, or a cloud; and the outcome of a case."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import httpx

from models import clock
from models.changes import ChangeKind
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.store import Item, Store
from models.tables import Table
from resolvers.api import Api
from resolvers.apps.hourbank import HOURBANK
from resolvers.context import RequestContext
from resolvers.feed.row_changes import RowChange
from resolvers.hosting.settings import ServerSettings
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller
from resolvers.identity.keys import UnauthenticatedError
from resolvers.mirror.mutations import Mutations
from resolvers.mirror.paging import PageTokens
from resolvers.mirror.queries import Queries
from resolvers.mirror.resolver import Mirror
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.mirror.type_rules import TypeRules
from resolvers.operations import search, updates
from resolvers.operations.deletion import DELETE_GUARDS
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from schema.build import MirrorSchema, build_schema
from schema.errors import report
from schema.types import CATALOGUE
from tests.security import own_operations
from tests.security.cases import Case, Line, document
from tests.unit.mirror import MemoryStore, execute
from tests.unit.rates import without_limits
from tests.unit.verifiers import Forgetful
from workflows.executions.services import Services

if TYPE_CHECKING:
    from resolvers.feed.change_feed import ChangeFeed

LATER = "2026-01-02T00:00:00.000Z"
API_KEY = "an-application-of-no-member"
WORDS = {"Unauthorized": "no", "DynamoDB:ConditionalCheckFailedException": "cond"}
# Operations that need transactions, which the tables in memory do not support.
ON_THE_CLOUD = own_operations.STAGED | {
    "createServiceRequest",
    "deleteServiceRequest",
    "createTransaction",
    "updateTransaction",
    "createUser",
    "signOutEverywhere",
    "getUserStats",
    "createRating",
}
# Those of bookings are transactions, too; and who may set a service's hours, the API's own rules say.
ON_THE_CLOUD |= own_operations.OF_DAYS.keys()
ON_THE_CLOUD |= {f"{verb}Booking" for verb in ("create", "update", "delete")}
ON_THE_CLOUD |= {f"{verb}{of}" for verb in ("create", "update") for of in ("ScheduleException", "ServiceSchedule")}
KINDS = {"onCreate": ChangeKind.CREATE, "onUpdate": ChangeKind.UPDATE, "onDelete": ChangeKind.DELETE}


class Backend:
    """A schema over a store, executed in this process; callers without a token go over HTTP."""

    def __init__(self, schema: MirrorSchema, store: Store) -> None:
        self.schema = schema
        self.store = store
        app = build_app(
            schema=schema,
            store=store,
            authentication=Authentication(Nobody(), [API_KEY]),
            graphiql=GraphiQL("HourBank"),
            idempotency=Idempotency(store, clock.now),
            rates=without_limits(),
        )
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")

    async def tried(self, line: Line, columns: Collection[str]) -> dict[str, str]:
        """Return the outcomes of a line, for each of some columns."""
        return {column: await self.outcome(Case.of(line, column)) for column in columns}

    async def outcome(self, case: Case) -> str:
        """Test a case, and assert that the row has changed exactly if the outcome says so."""
        table, key = case.line.table, case.made_key if case.line.creates else case.row_key
        await self.prepare(case)
        before = await self.store.get(table, key, consistent=True)
        if case.column == "nobody":
            outcome = await self._over_http(case, {})
        elif case.line.is_subscription:
            outcome = await self.event_outcome(case)
        elif case.column == "key":
            outcome = await self._over_http(case, {"x-api-key": API_KEY})
        else:
            outcome = _word(case, *await self.ask(case))
        after = await self.store.get(table, key, consistent=True)
        assert (after != before) is (outcome == "done" and case.line.operation not in own_operations.IDLE)
        return outcome

    async def prepare(self, case: Case) -> None:
        """Store the rows that the case needs."""
        if (row := case.row()) is not None:
            await self.store.put(case.line.table, row)
        for table, other in case.beside():
            await self.store.put(table, other)

    async def ask(self, case: Case) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        """Execute the case in this process; return its field, and the errors."""
        query = document(self.schema._schema, case.line)
        data, errors = await execute(self.schema, self.store, case.caller, query, **case.variables())
        return data and data[case.line.operation], errors

    async def _over_http(self, case: Case, headers: Mapping[str, str]) -> str:
        body = {"query": document(self.schema._schema, case.line), "variables": case.variables()}
        response = await self._client.post("/graphql", json=body, headers=headers)
        if response.status_code != httpx.codes.OK:
            return str(response.status_code)
        answer = response.json()
        return _word(case, answer["data"][case.line.operation], answer.get("errors", ()))

    async def event_outcome(self, case: Case) -> str:
        """Subscribe, let the row change, and return what the subscriber receives."""
        raise NotImplementedError

    async def results(self, case: Case, context: RequestContext) -> AsyncGenerator[Any]:
        """Yield a subscription's results."""
        query = document(self.schema._schema, case.line)
        results: Any = await self.schema.stream(query, variable_values=case.variables(), context_value=context)
        async with aclosing(results):
            async for result in results:
                yield result


class MemoryBackend(Backend):
    """Tables in memory; a change is sent to whoever subscribes next."""

    def __init__(self) -> None:
        self.store: MemoryStore = (store := MemoryStore())
        self._feed = Announcements()
        writes = Mutations(store, clock.now, TypeRules(delete_guards=DELETE_GUARDS))
        subscriptions = Subscriptions(cast("ChangeFeed", self._feed))
        tokens = PageTokens(b"secret")
        schema = build_schema(
            CATALOGUE,
            Mirror(CATALOGUE, Queries(store, tokens), writes, subscriptions),
            extra_queries=[search.queries(store, tokens)],
            extra_subscriptions=[updates.subscriptions(subscriptions)],
        )
        super().__init__(schema, store)

    def announce(self, kind: ChangeKind, row: Item) -> None:
        """Send a row's change to whoever subscribes from now on."""
        self._feed.changes = [RowChange(kind, row, 0)]

    async def event_outcome(self, case: Case) -> str:
        """Change the row, and return what the subscriber receives before the feed ends."""
        kinds = (kind for name, kind in KINDS.items() if case.line.operation.startswith(name))
        kind = next(kinds, ChangeKind.CREATE)
        self.announce(kind, case.any_row())
        results = [result async for result in self.results(case, RequestContext(self.store, case.caller, {}))]
        if not results:
            return "quiet"
        (result,) = results
        return _word_of_event(case, result)


class Announcements:
    """A change feed that yields given changes, and ends."""

    def __init__(self) -> None:
        self.changes: list[RowChange] = []

    @asynccontextmanager
    async def subscribe(self, table: type[Table], *_: object) -> AsyncIterator[AsyncIterator[RowChange]]:
        del table
        yield self._given()

    async def _given(self) -> AsyncIterator[RowChange]:
        for change in self.changes:
            yield change


class Recorded(AsyncCalls):
    """Calls to AWS that are recorded, except reads of streams, which happen in the background.

    Args:
        calls: the real calls.
    """

    def __init__(self, calls: AsyncCalls) -> None:
        super().__init__(())
        self._calls = calls
        self.made: list[tuple[str, ...]] = []

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation and return its answer."""
        if service != "dynamodbstreams":
            self.made.append((operation, params.get("TableName", ""), params.get("IndexName", "")))
        return await self._calls.call(service, operation, **params)


class CloudBackend(Backend):
    """The tables of a cloud, and its change feed."""

    def __init__(self, api: Api, calls: "Recorded") -> None:
        super().__init__(api.schema, api.services.store)
        self.calls = calls

    @classmethod
    @asynccontextmanager
    async def over_aws(cls) -> AsyncIterator["CloudBackend"]:
        """Compose the server's API over the cloud that the AWS variables lead to."""
        async with AsyncCalls(["dynamodb", "dynamodbstreams", "stepfunctions"]) as aws:
            calls = Recorded(aws)
            api = Api.over(
                HOURBANK, Services.over(calls, Settings()), ServerSettings(feed_interval=0.02), b"secret"
            )
            yield cls(api, calls)
            await api.feed.aclose()

    async def event_outcome(self, case: Case) -> str:
        """Subscribe, and return what the subscriber receives at once; "quiet" if nothing."""
        async with self.subscribed(case) as first:
            return _word_of_event(case, await first) if first.done() else "quiet"

    @asynccontextmanager
    async def subscribed(self, case: Case) -> AsyncIterator[asyncio.Task[Any]]:
        """Subscribe; yield the task of the first event once the subscription listens or is refused."""
        context = RequestContext(self.store, case.caller, {})
        async with aclosing(self.results(case, context)) as results:
            first = asyncio.create_task(anext(results))
            listens = asyncio.create_task(context.listening.wait())
            try:
                done, _ = await asyncio.wait({first, listens}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
                assert done, "it neither listens nor is refused"
                yield first
            finally:
                for task in (first, listens):
                    task.cancel()
                await asyncio.wait({first, listens})

    async def event_outcomes(self, lines: Sequence[Line]) -> dict[str, dict[str, str]]:
        """Subscribe all callers to a type's changes; return what each receives of one row's changes.

        Then each caller's own row changes, too, so that nobody has to wait in vain for the first row.
        """
        whole = Case.of(lines[0], "stranger")
        callers = [column for column in whole.names if column != "nobody"]
        everybody = [replace(whole, line=line, column=column) for line in lines for column in callers]
        async with AsyncExitStack() as stack, asyncio.timeout(60):
            firsts = [await stack.enter_async_context(self.subscribed(case)) for case in everybody]
            await self._live(whole)
            for column in callers:
                await self._live(whole.owned_by(column))
            event_outcome: dict[str, dict[str, str]] = {str(line): {} for line in lines}
            for case, first in zip(everybody, firsts, strict=True):
                event_outcome[str(case.line)][case.column] = _word_of_event(case, await first, otherwise="quiet")
        return event_outcome

    async def _live(self, case: Case) -> None:
        """Create, update and delete a row."""
        row, table = case.any_row(), case.line.table
        await self.store.put(table, row)
        await self.store.put(table, row | {"updatedAt": {"S": LATER}})
        await self.store.delete(table, case.row_key)


def _word_of_event(case: Case, result: Any, *, otherwise: str = "another's") -> str:
    """Return the table's word for a subscription's result; `otherwise` is that for another row's event."""
    if errors := [report(error).formatted for error in result.errors or ()]:
        return _word(case, None, errors)
    (key,) = result.data[case.line.operation].values()
    return "event" if key == case.row_key else otherwise


def _word(case: Case, shown: Any, errors: Sequence[Mapping[str, Any]]) -> str:
    """Return the table's word for an answer."""
    if errors:
        assert shown is None
        (error,) = errors
        error_type: str = error["errorType"]
        return WORDS.get(error_type, error_type)
    if shown is None:
        return "null"
    if isinstance(shown, list):
        return _word_of_list(case, shown)
    if "items" in shown:
        keys = [item[case.line.key] for item in shown["items"]]
        assert shown["nextToken"] is None
        assert keys in ([], [case.row_key])
        return "row" if keys else "out"
    if case.line.operation not in own_operations.UNNAMED:
        assert list(shown.values()) == [case.made_key if case.line.creates else case.row_key]
    # A create of what is there already returns it unchanged.
    return "row" if case.line.operation.startswith("get") or case.line.variant == "taken" else "done"


def _word_of_list(case: Case, shown: list[dict[str, Any]]) -> str:
    """Return the table's word for what a query about days lists: slots, days with bookings, or bookings."""
    if case.line.operation == "getAvailableTimeSlots":
        return "row" if shown else "out"
    listed = [row for one in shown for row in one.get("bookings", [one])]
    assert listed in ([], [{"id": case.row_key}])
    return "row" if listed else "out"


class Nobody(Forgetful):
    """An identity provider that accepts no token."""

    async def caller(self, authorization: str) -> Caller:
        raise UnauthenticatedError(authorization)
