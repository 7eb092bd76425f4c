"""The plan of one operation, and how it is run."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from graphql import DocumentNode, OperationDefinitionNode
from graphql.execution.values import VariableValues

from models.storage.store import Item, Key, Read
from resolvers.context import RequestContext
from resolvers.mirror.authorization import may_ask_for, model_for, reader
from resolvers.mirror.relations import keys_of_relation, leads_nowhere
from resolvers.plans.arguments import FieldCall, Variables
from resolvers.plans.rows import Answer, ComputedStep, Guard, PagePlan, PageStep, RowPlan
from resolvers.plans.selection import TYPENAME, UnplannedError
from schema.amplify.derived import ChangedRows, GetRow, ListRows, RowsByIndex
from schema.amplify.resolver import Connection
from schema.documents.turns import turns

_T = TypeVar("_T")

# Leaves that are made at a stretch, in some 0.5 ms; then others may have a turn.
_STRETCH = 4_000


@dataclass(frozen=True, slots=True)
class Root:
    """A field of Query."""

    key: str
    resolve: GetRow | ListRows | RowsByIndex
    call: FieldCall
    plan: RowPlan | PagePlan


@dataclass(frozen=True, slots=True)
class Plan:
    """An operation.

    Args:
        node: the operation in its document.
        variables: those that it declares.
        fields: its fields by their names in the answer; one that is no `Root` is a text that is known already.
    """

    node: OperationDefinitionNode
    variables: Variables
    fields: Mapping[str, Root | str]
    constant: bytes | None = field(init=False)

    def __post_init__(self) -> None:
        is_known = not any(isinstance(one, Root) for one in self.fields.values())
        object.__setattr__(self, "constant", written(dict(self.fields)) if is_known else None)

    @property
    def name(self) -> str | None:
        """Return the operation's name, None if it has none."""
        return self.node.name.value if self.node.name else None


def written(data: Any) -> bytes:
    """Return an operation's data as the JSON that answers it."""
    return orjson.dumps({"data": data})


@dataclass(frozen=True, slots=True, eq=False)
class EventPlan:
    """A subscription to changed rows.

    Args:
        name: its name, None if it has none.
        variables: those that it declares.
        key: the name of its field in the answers.
        resolve: says whose changes.
        call: how the field is called.
        rows: how the rows are answered.
        document: what the subscription is in.
    """

    name: str | None
    variables: Variables
    key: str
    resolve: ChangedRows
    call: FieldCall
    rows: RowPlan
    document: DocumentNode


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a plan may answer; more is left to graphql-core, which meters it."""

    rows: int
    values: int
    bytes: int


@dataclass(slots=True)
class _Answered:
    """Rows that are answered, but for what the steps of their plan add.

    Args:
        plan: the rows' plan.
        rows: the rows.
        answers: an answer for each.
        keys: for each step to one other row, by its name in the answer: the key of that row for each of the rows.
    """

    plan: RowPlan
    rows: Sequence[Item]
    answers: Sequence[Answer]
    keys: dict[str, list[Key | None]] = field(default_factory=dict)


class Run:
    """One run of a plan.

    Args:
        context: the request's.
        variables: the request's, coerced.
        bounds: how much it may answer.

    Afterwards, `shares_rows` tells whether the answer to a row with steps stands in several places of the data.
    Its size was not known when it was counted, so the size of the whole answer must be measured.
    """

    def __init__(self, context: RequestContext, variables: VariableValues, bounds: Bounds) -> None:
        self._context = context
        self._variables = variables
        self._rows_left = bounds.rows
        self._values_left = bounds.values
        self._bytes_left = bounds.bytes
        self._guards: dict[int, Sequence[Guard]] = {}
        self._unfinished: list[_Answered] = []
        self.shares_rows = False

    async def data(self, plan: Plan) -> Answer:
        """Return the operation's data.

        Raises:
            UnplannedError: something is unusual.
            Exception: what a resolver raises.
        """
        roots = [one for one in plan.fields.values() if isinstance(one, Root)]
        if len(roots) == 1:
            found = {roots[0].key: await self._root(roots[0])}
        else:
            values = await _all(map(self._root, roots))
            found = dict(zip((root.key for root in roots), values, strict=True))
        await self._complete()
        return {key: found[key] if isinstance(field, Root) else field for key, field in plan.fields.items()}

    async def row(self, plan: RowPlan, row: Item) -> Answer:
        """Return the answer to one row.

        Raises:
            UnplannedError: something is unusual.
            Exception: what a resolver raises.
        """
        (answer,) = await self._answer(plan, [row])
        await self._complete()
        return answer

    async def _complete(self) -> None:
        while self._unfinished:
            await self._finish()

    async def _root(self, root: Root) -> Answer | None:
        info = root.call.info(self._context)
        found: Any = await root.resolve(None, info, root.call.arguments(self._variables))
        if isinstance(root.plan, PagePlan):
            return await self._page(root.plan, found)
        if found is None:
            return None
        (answer,) = await self._answer(root.plan, [found])
        return answer

    async def _page(self, plan: PagePlan, page: Connection) -> Answer:
        answer: Answer = {}
        for key, name in plan.fields:
            if name == "items":
                answer[key] = await self._answer(plan.rows[key], page.items)
            else:
                answer[key] = plan.typename if name == TYPENAME else page.next_token
        self._spend(0, len(answer), plan.names)
        return answer

    def _spend(self, rows: int, values: int, size: int = 0) -> None:
        self._rows_left -= rows
        self._values_left -= values
        self._bytes_left -= size
        if self._rows_left < 0 or self._values_left < 0 or self._bytes_left < 0:
            raise UnplannedError

    async def _answer(self, plan: RowPlan, rows: Sequence[Item]) -> list[Answer]:
        self._spend(len(rows), len(rows) * plan.leaves, len(rows) * plan.names)
        answers = await self._projected(plan, rows)
        if plan.has_steps and rows:
            self._unfinished.append(_Answered(plan, rows, answers))
        return answers

    def _weighed(self, plan: RowPlan, answers: list[Answer]) -> list[Answer]:
        self._spend(0, *plan.weight(answers))
        return answers

    async def _projected(self, plan: RowPlan, rows: Sequence[Item]) -> list[Answer]:
        guards = self._guards_of(plan) if plan.guarded else ()
        if plan.leaves * len(rows) <= _STRETCH:
            return self._weighed(plan, plan.project(rows, guards))
        answers: list[Answer] = []
        together = max(1, _STRETCH // plan.leaves)
        for start in range(0, len(rows), together):
            while turns.are_over():
                await turns.next()
            answers += self._weighed(plan, plan.project(rows[start : start + together], guards))
        return answers

    def _guards_of(self, plan: RowPlan) -> Sequence[Guard]:
        found = self._guards.get(id(plan))
        if found is None:
            caller = self._caller
            found = self._guards[id(plan)] = [leaf.for_caller(caller) for leaf in plan.guarded]
        return found

    @property
    def _caller(self) -> Any:
        caller = self._context.caller
        if caller is None or caller.has_expired:
            raise UnplannedError
        return caller

    async def _finish(self) -> None:
        """Take the next steps of all rows that wait for one: one batch of rows, and all pages at once."""
        waiting, self._unfinished = self._unfinished, []
        reads: dict[Read, Item | None] = {}
        for one in waiting:
            self._collect(one, reads)
        pages = [self._related_page(step, row, answer) for one in waiting for step, row, answer in _pages_of(one)]
        if pages:
            await _all([self._read(reads), *pages])
        else:
            await self._read(reads)
        for one in waiting:
            await self._fill(one, reads)

    def _collect(self, one: _Answered, reads: dict[Read, Item | None]) -> None:
        """Add the rows that steps need."""
        for step in one.plan.rows:
            relation = step.relation.relation
            if leads_nowhere(self._caller, step.rows.model):
                raise UnplannedError
            target = model_for(self._caller, step.rows.model)
            keys = one.keys[step.key] = keys_of_relation(one.plan.model, relation, one.rows)
            for key in dict.fromkeys(keys):
                if key is not None and may_ask_for(self._caller, target, key):
                    reads[target.table, key] = None
        for computed in one.plan.computed:
            is_concealed = computed.concealment.from_caller(self._caller)
            for row in one.rows:
                if is_concealed is None or not is_concealed(row):
                    reads[_source_of(computed, row)] = None

    async def _read(self, reads: dict[Read, Item | None]) -> None:
        if reads:
            keys = list(reads)
            reads.update(zip(keys, await self._context.store.batch_get(keys), strict=True))

    async def _fill(self, one: _Answered, reads: Mapping[Read, Item | None]) -> None:
        for step in one.plan.rows:
            target = model_for(self._caller, step.rows.model)
            may_read, keys = reader(self._caller, target), one.keys[step.key]
            found = {key: reads.get((target.table, key)) for key in keys if key is not None}
            shown = {key: row for key, row in found.items() if row is not None and may_read(row)}
            made = dict(zip(shown, await self._answer(step.rows, list(shown.values())), strict=True))
            for answer, key in zip(one.answers, keys, strict=True):
                answer[step.key] = None if key is None else made.get(key)
            self._spend_again(step.rows, made, keys)
        for computed in one.plan.computed:
            self._fill_computed(computed, one, reads)

    def _spend_again(self, plan: RowPlan, made: Mapping[Key, Answer], keys: Sequence[Key | None]) -> None:
        """Count an answer that stands in several places once for each of them; the first is counted already."""
        repeated = len(keys) - len(made)
        if not repeated:
            return
        self._spend(repeated, repeated * plan.leaves, repeated * plan.names)
        if plan.has_steps:  # how large they become is known only when their steps are done
            self.shares_rows = True
        elif plan.texts or plan.lists:
            counts = Counter(keys)
            for key, answer in made.items():
                elements, size = plan.weight([answer])
                self._spend(0, (counts[key] - 1) * elements, (counts[key] - 1) * size)

    def _fill_computed(self, computed: ComputedStep, one: _Answered, reads: Mapping[Read, Item | None]) -> None:
        concealment = computed.concealment
        is_concealed = concealment.from_caller(self._caller)
        for row, answer in zip(one.rows, one.answers, strict=True):
            if is_concealed is None or not is_concealed(row):
                other = reads[_source_of(computed, row)]
                answer[computed.key] = concealment.complete(computed.source.value(other))
            else:
                answer[computed.key] = concealment.instead(self._caller)

    async def _related_page(self, step: PageStep, row: Item, answer: Answer) -> None:
        found = await step.relation(row, step.call.info(self._context), step.call.arguments(self._variables))
        answer[step.key] = await self._page(step.page, found)


async def _all(works: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Return what all works give; if one fails, the others are ended before that is raised."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
    return [task.result() for task in tasks]


def _source_of(computed: ComputedStep, row: Item) -> Read:
    return computed.source.table, row[computed.source.key]["S"]


def _pages_of(one: _Answered) -> Any:
    return (
        (step, row, answer) for step in one.plan.pages for row, answer in zip(one.rows, one.answers, strict=True)
    )
