"""The door of the fast path: finds the plan of an operation, made once for each document, and runs it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    get_operation_ast,
)
from graphql.execution.values import VariableValues
from strawberry.types import ExecutionResult

from models.errors import UnavailableError
from models.storage.breaker import fail_from_now_on
from resolvers.context import RequestContext
from resolvers.plans.arguments import FieldCall, Variables
from resolvers.plans.plan import Bounds, EventPlan, Plan, Root, Run, written
from resolvers.plans.rows import RowCompiler
from resolvers.plans.selection import TYPENAME, UnplannedError, merged
from resolvers.plans.sizes import answer_size
from schema.amplify.derived import ChangedRows, GetRow, ListRows, RowsByIndex
from schema.amplify.fields import ResolvedField
from schema.build import MirrorSchema
from schema.documents.metering import AnswerLimits, too_slow
from schema.documents.reading import Document
from schema.strawberry_internals import definition_of, graphql_schema


class Planner:
    """Finds the plans of operations.

    Args:
        schema: the schema, with its limits.
    """

    def __init__(self, schema: MirrorSchema) -> None:
        self._schema = schema
        self._core = graphql_schema(schema)
        self._documents = schema.documents
        self._bounds = Bounds(schema.limits.rows, schema.limits.values, schema.answers.bytes)
        self._answers = schema.answers

    def planned(self, text: str, name: str | None, variables: Mapping[str, Any] | None) -> "Planned | None":
        """Return an operation with its plan, or None if graphql-core has to execute it.

        Args:
            text: the document.
            name: the operation to run; only a document with a single operation needs none.
            variables: the request's.
        """
        try:
            document = self._documents.read(text)
            plan = self._plan(document, name)
            if not isinstance(plan, Plan) or self._asks_too_much(document, plan.name, variables):
                return None
            coerced = plan.variables.coerced(variables or {})
        except Exception:  # noqa: BLE001 — whatever it is, graphql-core comes to it, too, and reports it
            return None
        return Planned(plan, coerced, self._bounds, self._answers)

    def _asks_too_much(self, document: Document, name: str | None, variables: Mapping[str, Any] | None) -> bool:
        if not document.verdict.by_variables:
            return False
        return self._documents.too_much(document, name, variables) is not None

    def subscription(
        self, text: str, name: str | None, variables: Mapping[str, Any] | None
    ) -> tuple[EventPlan, VariableValues] | None:
        """Return how a subscription's events are answered, and its variables; None if graphql-core has to do it.

        Args:
            text: the document.
            name: the operation to run; only a document with a single operation needs none.
            variables: the request's.

        Raises:
            Exception: the document or a variable is invalid; graphql-core comes to it, too, and reports it.
        """
        document = self._documents.read(text)
        plan = self._plan(document, name)
        if not isinstance(plan, EventPlan) or document.introspects:
            return None
        if self._asks_too_much(document, plan.name, variables):
            return None
        return plan, plan.variables.coerced(variables or {})

    def _plan(self, document: Document, name: str | None) -> Any:
        """Return an operation's `Plan` or `EventPlan`, which is kept with its document; None if it has none."""
        if name in document.plans:
            return document.plans[name]
        operation = get_operation_ast(document.node, name)
        if operation is None or document.errors:
            return None
        planning = _Planning(self._schema, self._core, document)
        is_query = operation.operation is OperationType.QUERY
        try:
            plan = planning.plan(operation) if is_query else planning.event_plan(operation)
        except (UnplannedError, GraphQLError):
            plan = None
        document.plans[name] = plan
        return plan


class Planned:
    """An operation that has a plan.

    Args:
        plan: its plan.
        variables: the request's, coerced.
        bounds: how much it may answer.
        answers: how large the answer may become, and how long it may take.

    Its `constant` answer is None unless it is always the same.
    """

    def __init__(self, plan: Plan, variables: VariableValues, bounds: Bounds, answers: AnswerLimits) -> None:
        self.constant = plan.constant
        self._plan = plan
        self._variables = variables
        self._bounds = bounds
        self._answers = answers

    async def answer(self, context: RequestContext) -> bytes | ExecutionResult | None:
        """Return the answer as JSON, or None if graphql-core has to execute the operation.

        An operation that takes too long has only an error, which is returned as its result.

        Args:
            context: the request's.
        """
        run = Run(context, self._variables, self._bounds)
        try:
            async with asyncio.timeout(self._answers.seconds) as deadline:
                data = await run.data(self._plan)
            if run.shares_rows and answer_size(data) > self._answers.bytes:
                return None
            answer = written(data)
        except TimeoutError:
            return self._too_slow() if deadline.expired() else None
        except Exception as error:  # noqa: BLE001 — whatever it is, graphql-core comes to it, too, and reports it
            if _is_unavailability(error):
                fail_from_now_on()
            return None
        return answer if len(answer) <= self._answers.bytes else None

    def _too_slow(self) -> ExecutionResult:
        reason = too_slow(self._answers.seconds)
        return ExecutionResult(None, [GraphQLError(str(reason), self._plan.node, original_error=reason)])


def _is_unavailability(error: Exception) -> bool:
    """Return whether AWS has not answered: the error itself, or one of several that came together."""
    if isinstance(error, ExceptionGroup):
        return error.subgroup(UnavailableError) is not None
    return isinstance(error, UnavailableError)


class _Planning:
    """Makes the plans of one document."""

    def __init__(self, schema: MirrorSchema, core: GraphQLSchema, document: Document) -> None:
        self._schema = schema
        self._core = core
        self._document = document.node
        self._fragments = {
            node.name.value: node for node in document.node.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._compiler = RowCompiler(schema.catalogue.models, self._fragments, self._call)

    def _call(self, parent: Any, field: Any, nodes: Any) -> FieldCall:
        return FieldCall(self._schema, parent, field, nodes, self._fragments)

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        if operation.operation is not OperationType.QUERY or operation.directives:
            raise UnplannedError
        query = self._core.query_type
        if query is None:
            raise UnplannedError
        fields: dict[str, Root | str] = {}
        for key, nodes in merged([operation.selection_set], self._fragments).items():
            name = nodes[0].name.value
            fields[key] = query.name if name == TYPENAME else self._root(key, query, nodes)
        return Plan(operation, Variables(self._core, operation), fields)

    def event_plan(self, operation: OperationDefinitionNode) -> EventPlan:
        root = self._core.subscription_type
        if operation.operation is not OperationType.SUBSCRIPTION or operation.directives or root is None:
            raise UnplannedError
        ((key, nodes),) = merged([operation.selection_set], self._fragments).items()
        field = root.fields.get(nodes[0].name.value)
        declared = None if field is None else definition_of(field)
        if field is None or not isinstance(declared, ResolvedField):
            raise UnplannedError
        if not isinstance(declared.resolve, ChangedRows):
            raise UnplannedError
        compiler = replace(self._compiler, is_event=True)
        rows = compiler.rows(cast("GraphQLObjectType", get_named_type(field.type)), nodes)
        name = operation.name.value if operation.name else None
        variables = Variables(self._core, operation)
        call = self._call(root, field, nodes)
        return EventPlan(name, variables, key, declared.resolve, call, rows, self._document)

    def _root(self, key: str, query: Any, nodes: Any) -> Root:
        field = query.fields.get(nodes[0].name.value)
        declared = None if field is None else definition_of(field)
        if not isinstance(declared, ResolvedField):
            raise UnplannedError
        returned: Any = get_named_type(field.type)
        resolve = declared.resolve
        if isinstance(resolve, GetRow):
            return Root(key, resolve, self._call(query, field, nodes), self._compiler.rows(returned, nodes))
        if isinstance(resolve, ListRows | RowsByIndex):
            return Root(key, resolve, self._call(query, field, nodes), self._compiler.page(returned, nodes))
        raise UnplannedError
