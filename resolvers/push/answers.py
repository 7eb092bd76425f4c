"""The answers to events, each made once for all subscribers who get the same."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, replace

import orjson
from graphql.execution.values import VariableValues

from models.storage.store import Item
from resolvers.context import RequestContext
from resolvers.feed.row_changes import RowChange
from resolvers.plans.plan import Bounds, EventPlan, Run
from resolvers.push.views import view_of
from schema.documents.metering import AnswerLimits

# Instead of the payload of an event that graphql-core has to answer.
UNPLANNED = b""
# What an answer takes beside its bytes, or while it is being made.
_AROUND = 500


@dataclass(frozen=True, slots=True)
class EventAnswers:
    """How the events of one subscription are answered.

    Args:
        plan: the operation's.
        variables: the subscription's.
        bounds: how much an answer may hold.
        limits: how large it may be, and how long it may take.
    """

    plan: EventPlan
    variables: VariableValues
    bounds: Bounds
    limits: AnswerLimits

    def to(self, change: RowChange, context: RequestContext) -> "bytes | asyncio.Future[bytes]":
        """Return an event's payload, `UNPLANNED` if graphql-core has to answer it; a future if rows are read.

        Args:
            change: what happened.
            context: the subscription's, whose caller may read the row.
        """
        try:
            key = self._key(change.item, context)
        except Exception:  # noqa: BLE001 — something about the row is odd, which graphql-core reports
            return UNPLANNED
        found: bytes | asyncio.Future[bytes] | None = change.answers.get(key)
        if found is not None:
            return found
        made = self._made(change.item, context)
        if isinstance(made, bytes):
            _keep(change, key, made)
        else:
            change.answers.keep(key, made, _AROUND)
            made.add_done_callback(lambda done: _keep(change, key, done.result()))
        return made

    def _key(self, row: Item, context: RequestContext) -> Hashable:
        plan, caller = self.plan, context.caller
        assert caller is not None  # noqa: S101 — of nobody else it is known that they may read the row
        view = view_of(plan.rows, caller, row)
        # Only the pages that rows lead to have arguments.
        return (plan, view, self._variables_key()) if view is caller else (plan, view)

    def _variables_key(self) -> bytes:
        return orjson.dumps(self.variables.coerced, default=str, option=orjson.OPT_SORT_KEYS)

    def _made(self, row: Item, context: RequestContext) -> "bytes | asyncio.Future[bytes]":
        rows = self.plan.rows
        if rows.has_steps:
            # As the caller is now: they may be another by the time that rows are read.
            return asyncio.ensure_future(self._run(row, replace(context)))
        try:
            guards = [leaf.for_caller(context.caller) for leaf in rows.guarded] if context.caller else ()
            (answer,) = rows.project([row], guards)
            return UNPLANNED if rows.weight([answer])[1] > self.limits.bytes else self._written(answer)
        except Exception:  # noqa: BLE001 — whatever it is, graphql-core comes to it, too, and reports it
            return UNPLANNED

    async def _run(self, row: Item, context: RequestContext) -> bytes:
        try:
            async with asyncio.timeout(self.limits.seconds):
                answer = await Run(context, self.variables, self.bounds).row(self.plan.rows, row)
            return self._written(answer)
        except Exception:  # noqa: BLE001 — as above
            return UNPLANNED

    def _written(self, answer: object) -> bytes:
        payload = orjson.dumps({"data": {self.plan.key: answer}})
        return payload if len(payload) <= self.limits.bytes else UNPLANNED


def _keep(change: RowChange, key: Hashable, answer: bytes) -> None:
    change.answers.keep(key, answer, len(answer) + _AROUND)
