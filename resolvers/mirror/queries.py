"""Reading rows for clients: one by its key, pages by an index, a list of what a caller may see.

Rows that a caller may not read never count: neither a page's length nor its `nextToken` tells how many there are.
What the caller may read of an index (`authorization.Visibility`) decides how it is read:

| visibility          | how the index is read                           | why foreign rows are not counted        |
| ------------------- | ----------------------------------------------- | --------------------------------------- |
| ALL                 | one query                                       | there are none                          |
| SHARED              | filtered pages                                  | only rows that pass the filter count    |
| OWN_BY_THIS_INDEX   | filtered pages, skipping to the caller's rows   | the same; after their last row it ends  |
| OWN_BY_OTHER_FIELDS | instead of it, the caller's other owner indexes | only rows that name the caller are read |
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Self

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.indexes import Index

from models.storage.store import Item, Page, Store, index_keys
from resolvers.context import caller_of
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import (
    Visibility,
    admits,
    admits_everywhere,
    admits_strangers,
    concealed_fields,
    is_owner,
    may_ask_for,
    may_read,
    model_for,
    readable,
    unopened,
    visibility,
    visible,
)
from resolvers.mirror.client_filters import read_filter
from resolvers.mirror.conditions import condition_of, fitting, mentions
from resolvers.mirror.equalities import equalities
from resolvers.mirror.filtered_pages import (
    CALL_BUDGET,
    NESTED_CALL_BUDGET,
    FilteredPage,
    SkipTo,
    no_skip,
    position_keys,
)
from resolvers.mirror.filters import Filter, Predicate, compile_filter
from resolvers.mirror.owned_rows import OwnerCursor, page_start
from resolvers.mirror.paging import PageTokens, limit_of, question
from schema.amplify.declaration import Model, Relation
from schema.amplify.fields import Arguments
from schema.amplify.resolver import AnyInfo, Connection
from schema.amplify.rules import Operation
from schema.amplify.wire import encode
from schema.documents.selections import fields_in
from schema.enums import ModelSortDirection
from schema.errors import UnauthorizedError
from schema.strawberry_internals import selected_nodes


@dataclass(frozen=True, slots=True)
class Run:
    """Rows in the order of one index, of the table itself, or of a single key.

    Args:
        page: reads a page: up to `limit` rows after `start_key`.
        keep: which of the rows read belong to the run; all of them if None.
        can_count: `page` takes `count_only` too, to count rows without sending them.
    """

    page: Callable[..., Awaitable[Page]]
    keep: Predicate | None = None
    can_count: bool = False

    async def read(self, limit: int, start_key: Item | None, *, count_only: bool) -> Page:
        """Return a page; the rows of it that `keep` drops still count as read."""
        options = {"count_only": count_only} if self.can_count else {}
        page = await self.page(limit=limit, start_key=start_key, **options)
        return page if self.keep is None else replace(page, items=list(filter(self.keep, page.items)))


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: in which run, after which key; a token encrypts these fields."""

    run: int = 0
    after: Item | None = None


@dataclass(frozen=True, slots=True)
class _Query:
    """A query of a mirrored type, and who asks it."""

    caller: Caller
    model: Model
    info: AnyInfo
    arguments: Arguments

    @classmethod
    def of(cls, model: Model, info: AnyInfo, arguments: Arguments, field: str | None = None) -> Self:
        """Return a caller's query, with its filter as it is meant.

        One that asks for a field which the caller does not see is for their own rows only. Otherwise they could
        guess its value, one query after another.

        Args:
            model: the type.
            info: the field that is resolved.
            arguments: its arguments.
            field: the indexed field that rows are asked for by.

        Raises:
            InvalidInputError: the filter is invalid or too large.
        """
        caller, filter_ = caller_of(info), read_filter(model, arguments.get("filter"))
        concealed = frozenset(concealed_fields(caller, model))
        asks_for_concealed = field in concealed or mentions(filter_, concealed)
        narrowed = model_for(caller, model)
        visible_model = unopened(narrowed) if asks_for_concealed else narrowed
        return cls(caller, visible_model, info, {**arguments, "filter": filter_})

    @property
    def filter(self) -> Filter:
        """Return its filter, empty if there is none."""
        filter_: Filter = self.arguments["filter"]
        return filter_

    @property
    def is_forward(self) -> bool:
        return self.arguments.get("sortDirection") is not ModelSortDirection.DESC

    @property
    def owner_fields(self) -> Sequence[str]:
        return self.model.owner_fields(Operation.READ)


class Queries:
    """Answers the queries of mirrored types.

    Args:
        store: the tables.
        tokens: makes and reads `nextToken`.
    """

    def __init__(self, store: Store, tokens: PageTokens) -> None:
        self._store = store
        self._tokens = tokens

    async def get(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item | None:
        """Return a row, None if there is none.

        Raises:
            UnauthorizedError: the caller may not read it.
        """
        caller, key = caller_of(info), arguments[model.key]
        if not admits(caller, model, Operation.READ):
            raise UnauthorizedError.of(info)
        model = model_for(caller, model)
        if not may_ask_for(caller, model, key):
            raise UnauthorizedError.of(info)
        item = await self._store.get(model.table, key)
        if item is not None and not may_read(caller, model, item):
            raise UnauthorizedError.of(info)
        return item

    async def list(self, model: Model, info: AnyInfo, arguments: Arguments) -> Connection:
        """Return a page of all rows that a caller may see, each of them once.

        If only owner rules admit the caller, their rows are read by the owner indexes; the table is scanned only
        for callers who may see other members' rows, unless their filter pins a key or an indexed field.

        Raises:
            UnauthorizedError: the caller may read no row, or the arguments name a key that they may not read.
        """
        query = _root_query(model, info, arguments)
        model = query.model
        if model.key != "id" and (key := arguments.get(model.key)) is not None:
            if not may_ask_for(query.caller, model, key):
                raise UnauthorizedError.of(info)
            runs: Sequence[Run] = [self._single(query, key)]
        elif (pinned := self._pinned(query)) is not None:
            runs = pinned
        elif admits_strangers(query.caller, model, Operation.READ):
            runs = [self._table(query)]
        else:
            runs = self._owned(query, query.owner_fields)
        return await self._page(query, runs)

    async def by_index(self, model: Model, field: str, info: AnyInfo, arguments: Arguments) -> Connection:
        """Return a page of an index; rows that the caller may not read are left out."""
        value = encode(getattr(model.table, field), arguments[field])["S"]
        query = _root_query(model, info, {**arguments, field: value}, field)
        runs = self._visible_in(query, query.model.indexes[field], value, CALL_BUDGET)
        return await self._page(query, runs)

    async def related(
        self, model: Model, relation: Relation, info: AnyInfo, key: str, arguments: Arguments
    ) -> Connection:
        """Return a page of the rows of a type that a relation's index finds for a key."""
        query = _Query.of(model, info, arguments)
        index = getattr(model.table, str(relation.index))
        runs = self._visible_in(query, index, key, NESTED_CALL_BUDGET)
        return await self._page(query, runs, source=key)

    def _pinned(self, query: _Query) -> Sequence[Run] | None:
        """Return the runs of the rows that a filter pins by the key or an indexed field; None if it pins none."""
        pins = equalities(query.filter)
        if query.model.key in pins:
            return [self._single(query, pins[query.model.key])]
        indexed = [
            field
            for field in (*query.owner_fields, *query.model.indexes)
            if field in pins and field in query.model.indexes
        ]
        for field in indexed:
            with suppress(ValueError):  # a moment in a spelling that no row has
                value = encode(getattr(query.model.table, field), pins[field])["S"]
                return self._visible_in(query, query.model.indexes[field], value, CALL_BUDGET)
        return None

    def _visible_in(self, query: _Query, index: Index[Any], value: str, call_budget: int) -> Sequence[Run]:
        """Return the runs of an index's rows with a value that the caller may read; see the module's table."""
        field = _field_of(index)
        match visibility(query.caller, query.model, field, value):
            case Visibility.ALL:
                return [self._indexed(query, index, value)]
            case Visibility.SHARED:
                return [self._shared(query, index, value, call_budget)]
            case Visibility.OWN_BY_THIS_INDEX:
                return self._own_by_this_index(query, index, value, call_budget)
            case Visibility.OWN_BY_OTHER_FIELDS:
                return self._own_by_other_fields(query, field, value, call_budget)

    def _shared(self, query: _Query, index: Index[Any], value: str, call_budget: int) -> Run:
        """Return the run of the rows that are not hidden from the caller."""
        only = visible(query.caller, query.model, index=_field_of(index))
        run = self._indexed(query, index, value, only=only)
        return _filtered(run, query.model, index, call_budget)

    def _own_by_this_index(self, query: _Query, index: Index[Any], value: str, call_budget: int) -> Sequence[Run]:
        """Return the run of the rows that name the caller; the owner indexes tell where the next one is."""
        if not query.owner_fields:
            return []
        if query.model.key in query.owner_fields:
            run = self._single(query, query.caller.sub)
            return [replace(run, keep=_and_predicates(run.keep, partial(_has, _field_of(index), value)))]
        run = self._indexed(query, index, value, only=visible(query.caller, query.model))
        cursor = OwnerCursor(
            self._store,
            query.model.table,
            indexes=[query.model.indexes[owner] for owner in query.owner_fields],
            owner=query.caller.sub,
            only=Path([_field_of(index)]) == {"S": value},
            forward=query.is_forward,
        )
        return [_filtered(run, query.model, index, call_budget, cursor.next_position)]

    def _own_by_other_fields(self, query: _Query, field: str, value: str, call_budget: int) -> Sequence[Run]:
        """Return a run for each other owner field: the caller's rows that have the value in the indexed field."""
        others = [owner for owner in query.owner_fields if owner != field]
        runs = self._owned(query, others, only=Path([field]) == {"S": value})
        return [
            _filtered(run, query.model, query.model.indexes[owner], call_budget)
            for owner, run in zip(others, runs, strict=True)
        ]

    def _table(self, query: _Query) -> Run:
        """Return the run of the whole table; rows that are hidden from the caller do not count."""
        table, condition = query.model.table, condition_of(query.filter)
        if admits_everywhere(query.caller, query.model, Operation.READ):
            return Run(partial(self._store.scan_page, table, filter=condition), can_count=True)
        condition = _and_conditions(visible(query.caller, query.model), condition)
        page = partial(self._store.scan_page, table, filter=condition)
        return Run(FilteredPage(page, frozenset({query.model.key})).read)

    def _owned(self, query: _Query, fields: Sequence[str], *, only: Condition | None = None) -> Sequence[Run]:
        """Return a run for each owner field: the rows that name the caller there, and in no field before it."""
        runs: list[Run] = []
        for place, field in enumerate(fields):
            if field == query.model.key:
                runs.append(self._single(query, query.caller.sub))
            else:
                run = self._indexed(query, query.model.indexes[field], query.caller.sub, only=only)
                is_first = partial(_names_caller_in_none_of, fields[:place], query.caller)
                runs.append(replace(run, keep=_and_predicates(run.keep, is_first)))
        return runs

    def _indexed(self, query: _Query, index: Index[Any], value: str, *, only: Condition | None = None) -> Run:
        """Return the run of an index's rows with a value that meet a condition and the client's filter."""
        keys = frozenset(str(attribute.attr_name) for attribute in index_keys(index))
        condition, keep = _condition_or_predicate(query.filter, keys)
        condition, forward = _and_conditions(only, condition), query.is_forward

        async def page(*, start_key: Item | None, **options: Any) -> Page:
            start = page_start(index, start_key, forward=forward)
            return await self._store.query(
                query.model.table, index, value, filter=condition, forward=forward, **start, **options
            )

        return Run(page, keep, can_count=True)

    def _single(self, query: _Query, key: str) -> Run:
        """Return the run of the one row with a key, if there is one."""

        async def page(**_: Any) -> Page:
            item = await self._store.get(query.model.table, key)
            return Page([] if item is None else [item], 1, None)

        return Run(page, compile_filter(query.filter))

    async def _page(self, query: _Query, runs: Sequence[Run], *, source: str = "") -> Connection:
        """Read one run after the other, until as many rows are read as the page may have."""
        asked = question(query.info, query.caller.sub, query.arguments, source=source)
        token = query.arguments.get("nextToken")
        position = Position() if token is None else Position(**self._tokens.open(token, asked))
        items: list[Item] = []
        left = limit_of(query.arguments)
        count_only = not selects(query.info, "items")
        while position.run < len(runs) and left > 0:
            page = await runs[position.run].read(left, position.after, count_only=count_only)
            items.extend(page.items)
            left -= page.read
            if page.last_key is not None:
                position = Position(position.run, page.last_key)
                break
            position = Position(position.run + 1)
        is_last = position.run >= len(runs)
        seal = None if is_last else lambda: self._tokens.seal(asdict(position), asked)
        return Connection(readable(query.caller, query.model, items), seal)


def _root_query(model: Model, info: AnyInfo, arguments: Arguments, field: str | None = None) -> _Query:
    """Return a query of a root field.

    Args:
        model: the type.
        info: the field that is resolved.
        arguments: its arguments.
        field: the indexed field that rows are asked for by.

    Raises:
        UnauthorizedError: no rule lets the caller read any row.
    """
    if not admits(caller_of(info), model, Operation.READ):
        raise UnauthorizedError.of(info)
    return _Query.of(model, info, arguments, field)


def _has(field: str, value: str, item: Item) -> bool:
    return item.get(field) == {"S": value}


def _filtered(run: Run, model: Model, index: Index[Any], call_budget: int, skip_to: SkipTo = no_skip) -> Run:
    """Return the run of the same rows in which only those that pass the run's filter count."""
    return Run(FilteredPage(run.page, position_keys(model, index), skip_to, call_budget).read, run.keep)


def _field_of(index: Index[Any]) -> str:
    """Return the field that an index finds rows by."""
    return str(index_keys(index)[0].attr_name)


def _condition_or_predicate(
    filter_: Filter | None, keys: frozenset[str]
) -> tuple[Condition | None, Predicate | None]:
    """Return a filter as a DynamoDB condition, or as a predicate if it names a key: DynamoDB refuses those."""
    if mentions(filter_, keys):
        return None, compile_filter(filter_)
    return condition_of(filter_), None


def _and_conditions(one: Condition | None, other: Condition | None) -> Condition | None:
    return other if one is None else one if other is None else fitting(one & other)


def _and_predicates(one: Predicate | None, other: Predicate) -> Predicate:
    return other if one is None else lambda item: one(item) and other(item)


def _names_caller_in_none_of(fields: Sequence[str], caller: Caller, item: Item) -> bool:
    return not any(is_owner(caller, item.get(field, {}).get("S")) for field in fields)


def selects(info: AnyInfo, field: str) -> bool:
    """Return whether `field` is selected, directly or by a fragment, of what the resolved field returns."""
    nodes, fragments = selected_nodes(info)
    selected = fields_in((node.selection_set for node in nodes), fragments)
    return any(node.name.value == field for node in selected)
