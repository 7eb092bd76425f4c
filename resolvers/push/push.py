"""The door of push: begins subscriptions whose events are answered together."""

from collections.abc import Mapping
from functools import partial
from inspect import isawaitable
from typing import Any, Protocol, cast

from graphql import ExecutionResult as CoreResult
from graphql import execute
from strawberry.types import ExecutionResult

from models.storage.store import Item, Store
from resolvers.context import RequestContext
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.plans.plan import Bounds, EventPlan
from resolvers.plans.planner import Planner
from resolvers.push.answers import EventAnswers
from resolvers.push.lookups import Lookups
from resolvers.push.recipient import Outlet, Recipient, Sharing, Subject
from schema.build import MirrorSchema
from schema.errors import report
from schema.strawberry_internals import graphql_schema


class _Subscribable(Protocol):
    """A resolver of the derived fields whose subscriptions may be answered together."""

    subscriptions: Subscriptions


class Push:
    """Answers the events of subscriptions to changed rows once for all who get the same.

    Args:
        schema: the schema, whose resolver has the subscriptions.
        store: the tables.
        planner: makes plans.
    """

    def __init__(self, schema: MirrorSchema, store: Store, planner: Planner) -> None:
        self._schema = schema
        self._core = graphql_schema(schema)
        self._planner = planner
        self._bounds = Bounds(schema.limits.rows, schema.limits.values, schema.answers.bytes)
        self._lookups = Lookups(store)

    async def begin(
        self,
        text: str,
        name: str | None,
        variables: Mapping[str, Any] | None,
        context: RequestContext,
        outlet: Outlet,
    ) -> Recipient | None:
        """Begin a subscription, which sends nothing before its `begin`; return None if graphql-core has to run it.

        Args:
            text: the document.
            name: the operation to run; only a document with a single operation needs none.
            variables: the request's.
            context: who subscribes, a member as of now.
            outlet: where events go.
        """
        try:
            planned = self._planner.subscription(text, name, variables)
            if planned is None or context.caller is None or context.caller.has_expired:
                return None
            plan, values = planned
            subscriptions = cast("_Subscribable", self._schema.resolver).subscriptions
            info, arguments = plan.call.info(context), plan.call.arguments(values)
            wanted = subscriptions.wanted(plan.resolve.model, plan.resolve.operations, info, arguments)
            who = context.caller.sub
            subject = Subject(
                wanted.model,
                subscriptions.test_of(wanted, who),
                EventAnswers(plan, values, self._bounds, self._schema.answers),
                partial(self._execute, plan, variables, context),
            )
            sharing = Sharing(subscriptions.feed.rotation, self._lookups)
            recipient = Recipient(subject, context, outlet, subscriptions.feed.queue(), sharing)
            recipient.leave = await subscriptions.join(wanted, who, recipient)
        except Exception:  # noqa: BLE001 — whatever it is, graphql-core comes to it, too, and reports it
            return None
        return recipient

    async def _execute(
        self, plan: EventPlan, variables: Mapping[str, Any] | None, context: RequestContext, row: Item
    ) -> ExecutionResult:
        """Let graphql-core answer an event."""
        found: Any = execute(
            self._core,
            plan.document,
            row,
            context,
            dict(variables or {}),
            plan.name,
            executor_class=self._schema.execution_context_class,
        )
        result: CoreResult = await found if isawaitable(found) else found
        return ExecutionResult(data=result.data, errors=[report(error) for error in result.errors or ()] or None)
