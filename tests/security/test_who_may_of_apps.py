"""The tables of who may do what with the rows of imported apps, tested line by line over tables in memory."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from models import clock
from models.changes import ChangeKind
from resolvers.context import RequestContext
from resolvers.feed.row_changes import RowChange
from resolvers.identity.callers import Caller
from resolvers.mirror.mutations import Mutations
from resolvers.mirror.paging import PageTokens
from resolvers.mirror.queries import Queries
from resolvers.mirror.resolver import Mirror
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.mirror.type_rules import TypeRules
from resolvers.plans.planner import Planner
from schema.build import MirrorSchema, build_schema
from schema.errors import report
from tests.security.app_cases import Asked, Line, asked, caller_of, catalogue, key_of, lines, row_of
from tests.security.backends import WORDS, Announcements
from tests.unit.mirror import MemoryStore, execute

if TYPE_CHECKING:
    from resolvers.feed.change_feed import ChangeFeed

_EVENTS = {"onCreate": ChangeKind.CREATE, "onUpdate": ChangeKind.UPDATE, "onDelete": ChangeKind.DELETE}


@cache
def backend_of(app: str) -> "AppBackend":
    """Return an app, made once: each line of its table has rows of its own."""
    return AppBackend(app)


class AppBackend:
    """An app over tables in memory; a change is sent to whoever subscribes next."""

    def __init__(self, app: str) -> None:
        self.store, self._feed = MemoryStore(), Announcements()
        writes = Mutations(self.store, clock.now, TypeRules())
        subscriptions = Subscriptions(cast("ChangeFeed", self._feed))
        types = catalogue(app)
        mirror = Mirror(types, Queries(self.store, PageTokens(b"secret")), writes, subscriptions)
        self.schema: MirrorSchema = build_schema(types, mirror)
        self._planner = Planner(self.schema)
        self.answered_by_plans = 0

    async def outcome(self, line: Line, column: str) -> str:
        """Return what comes of a line for a caller, and assert that the row has changed exactly if it says so."""
        self.store.rows.clear()
        model, row = line.model, row_of(line.model)
        creates = line.operation == model.operations.create
        key = (model.table, key_of(model, row))
        if not creates:
            self.store.rows[key] = row
        before = dict(self.store.rows)
        caller = caller_of(model, column)
        operation = asked(line, caller)
        if line.operation.startswith("on"):
            kind = next(kind for name, kind in _EVENTS.items() if line.operation.startswith(name))
            self._feed.changes = [RowChange(kind, row, 0)]
            return await self._event(line, RequestContext(self.store, caller, {}), operation)
        data, errors = await execute(self.schema, self.store, caller, operation.text, **operation.variables)
        await self._check_plan(caller, operation, None if errors else data)
        word = _word(line, data and data[line.operation], errors)
        assert (self.store.rows != before) is (word == "done")
        return word

    async def _check_plan(self, caller: Caller, operation: Asked, data: Any) -> None:
        """Assert that the fast path gives the same answer, or leaves it to graphql-core, as it does any error."""
        planned = self._planner.planned(operation.text, None, operation.variables)
        answer = None if planned is None else await planned.answer(RequestContext(self.store, caller, {}))
        assert answer is None or orjson.loads(cast("bytes", answer)) == {"data": data}
        self.answered_by_plans += answer is not None

    async def _event(self, line: Line, context: RequestContext, operation: Asked) -> str:
        variables = dict(operation.variables)
        stream: Any = await self.schema.stream(operation.text, variable_values=variables, context_value=context)
        results = [result async for result in stream]
        if not results:
            return "quiet"
        (result,) = results
        if result.errors:
            return _word(line, None, [report(error).formatted for error in result.errors])
        shown = result.data[line.operation]
        is_null = line.variant in line.model.guarded and shown[line.variant] is None
        return "null" if is_null else "event"


def _word(line: Line, shown: Any, errors: Any) -> str:
    """Return the tables' word for an answer; of a variant that names a guarded field, for that field."""
    model = line.model
    if errors:
        (error,) = errors
        word = WORDS.get(error["errorType"], error["errorType"])
        is_of_field = error["message"].startswith("Unauthorized on") or len(error["path"] or ()) > 1
        return f"{word}-field" if is_of_field else word
    if line.operation in (model.operations.create, model.operations.update, model.operations.delete):
        return "done"
    if shown is None:
        return "null"
    if "items" in shown:
        assert shown["nextToken"] is None
        return _shown_word(line, shown["items"][0]) if shown["items"] else "out"
    return _shown_word(line, shown)


def _shown_word(line: Line, row: Mapping[str, Any]) -> str:
    return "null" if line.variant in row and row[line.variant] is None else "row"


@pytest.mark.parametrize("line", lines(), ids=lambda line: f"{line.app}:{line}")
async def test_it_is_as_the_table_says(line: Line) -> None:
    backend = backend_of(line.app)
    before = backend.answered_by_plans
    assert {column: await backend.outcome(line, column) for column in line.expected} == line.expected
    answered = [word for word in line.expected.values() if word in {"row", "out", "null"}]
    is_query = not line.operation.startswith(("on", "create", "update", "delete"))
    assert backend.answered_by_plans - before == (len(answered) if is_query else 0)


@pytest.mark.parametrize("app", sorted({line.app for line in lines()}))
def test_every_operation_of_the_app_is_in_its_table(app: str) -> None:
    schema: Any = backend_of(app).schema._schema
    fields = {name for root in ("Query", "Mutation", "Subscription") for name in schema.type_map[root].fields}
    assert fields == {line.operation for line in lines() if line.app == app}


def test_the_tables_have_no_line_twice() -> None:
    found = [f"{line.app}:{line}" for line in lines()]
    assert len(set(found)) == len(found)
