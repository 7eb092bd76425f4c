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

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from models.storage.store import Item, Key, Page, Store
from resolvers.context import caller_of
from resolvers.mirror.authorization import (
    Naming,
    Visibility,
    admits,
    admits_everywhere,
    admits_strangers,
    may_ask_for,
    may_ask_in,
    may_read,
    model_for,
    readable,
    reader,
    visibility,
    visible,
)
from resolvers.mirror.filtered_pages import CALL_BUDGET, NESTED_CALL_BUDGET, FilteredPage, key_names
from resolvers.mirror.filtering.conditions import condition_of
from resolvers.mirror.filtering.equalities import equalities
from resolvers.mirror.filtering.filters import Filter, compile_filter
from resolvers.mirror.filtering.key_conditions import key_filter, key_prefix
from resolvers.mirror.owned_rows import OwnerCursor, have_one_order, page_start
from resolvers.mirror.paging import PageTokens, limit_of, question
from resolvers.mirror.query import Query, root_query
from resolvers.mirror.relations import check_relation
from resolvers.mirror.runs import (
    NO_FILTER,
    Found,
    Position,
    Run,
    and_conditions,
    and_predicates,
    condition_or_predicate,
    divided,
    filtered,
    names_caller_in_none_of,
    only_rows,
)
from schema.amplify.declaration import Model, Relation
from schema.amplify.fields import Arguments
from schema.amplify.keys import SEPARATOR, Finder
from schema.amplify.resolver import AnyInfo, Connection
from schema.amplify.rules import Operation, Way
from schema.documents.selections import fields_in
from schema.errors import InvalidInputError, UnauthorizedError
from schema.strawberry_internals import selected_nodes


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
        caller, key = caller_of(info), model.key_from(arguments)
        if not admits(caller, model, Operation.READ, Way.GET):
            raise UnauthorizedError.of(info)
        model = model_for(caller, model, Way.GET)
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
            InvalidInputError: the arguments compare a sort field, but name no key.
        """
        key = arguments.get(model.keys.hash) if model.lists_by_key else None
        query = root_query(model, info, arguments, finder=None if key is None else model.primary)
        model = query.model
        if key is not None:
            runs = self._keyed(query, model.text_from(model.keys.hash, key))
        elif model.keys.sort and arguments.get(model.keys.sort_argument) is not None:
            argument, needed = model.keys.sort_argument, model.keys.hash
            raise InvalidInputError(f"{argument} is only compared where {needed} is given, too", field=needed)
        elif (pinned := self._pinned(query)) is not None:
            runs = pinned
        elif admits_strangers(query.caller, model, Operation.READ) or not _are_findable(query, query.namings):
            runs = [self._table(query)]
        else:
            runs = self._owned(query, query.namings)
        return await self._page(query, runs)

    def _keyed(self, query: Query, value: str) -> Sequence[Run]:
        """Return the runs of the rows of one hash key of a table.

        Raises:
            UnauthorizedError: the caller may not read them.
        """
        model = query.model
        if not may_ask_for(query.caller, model, value):
            raise UnauthorizedError.of(query.info)
        if not model.keys.sort:
            return [self._single(query, value)]
        within = key_filter(model, model.primary, query.arguments)
        return self._visible_in(query, model.primary, value, CALL_BUDGET, within)

    async def by_index(self, model: Model, finder: Finder, info: AnyInfo, arguments: Arguments) -> Connection:
        """Return a page of an index; rows that the caller may not read are left out.

        Raises:
            UnauthorizedError: the caller may read no row.
            InvalidInputError: the arguments are invalid.
        """
        field = finder.keys.hash
        value = model.text_from(field, arguments[field])
        query = root_query(model, info, {**arguments, field: value}, field, finder)
        if model.follows_amplify and not may_ask_in(query.caller, query.model, field, value):
            raise UnauthorizedError.of(info)
        within = key_filter(model, finder, arguments)
        return await self._page(query, self._visible_in(query, finder, value, CALL_BUDGET, within))

    async def related(
        self, model: Model, relation: Relation, info: AnyInfo, key: Sequence[str], arguments: Arguments
    ) -> Connection:
        """Return a page of the rows of a type that a relation leads to.

        Args:
            model: the type.
            relation: the relation.
            info: the field that is resolved.
            key: the texts of the fields that the relation starts from; none of them, if one is missing.
            arguments: the field's.

        Raises:
            UnauthorizedError: the caller may read no row, and the type follows Amplify.
            InvalidInputError: the arguments are invalid.
        """
        check_relation(caller_of(info), model, info)
        finder = model.primary if relation.index is None else model.finders[relation.index]
        query = replace(Query.of(model, info, arguments, finder=finder, way=None), is_page=relation.is_many)
        value, *prefix = key or ("",)
        within = key_prefix(finder, prefix) if prefix else key_filter(model, finder, arguments)
        runs = self._visible_in(query, finder, value, NESTED_CALL_BUDGET, within)
        return await self._page(query, runs, source=value if len(key) == 1 else SEPARATOR.join(key))

    def _pinned(self, query: Query) -> Sequence[Run] | None:
        """Return the runs of the rows that a filter pins by the key or an indexed field; None if it pins none."""
        model, pins = query.model, equalities(query.filter)
        if all(field in pins for field in model.keys.fields):
            with suppress(ValueError):  # a value in a spelling that no row has
                return [self._single(query, model.key_from(pins))]
        named = (naming.field for naming in query.namings)
        for field in (*named, *(finder.keys.hash for finder in model.finders.values())):
            if field in pins and (finder := model.finder_of(field)) is not None:
                with suppress(ValueError):  # a moment in a spelling that no row has
                    return self._visible_in(query, finder, model.text_from(field, pins[field]), CALL_BUDGET)
        return None

    def _visible_in(
        self, query: Query, finder: Finder, value: str, call_budget: int, within: Filter = NO_FILTER
    ) -> Sequence[Run]:
        """Return the runs of the rows with a value that the caller may read; see the module's table.

        Args:
            query: the query.
            finder: how the rows are found.
            value: the hash key's.
            call_budget: queries that a page may take.
            within: what is asked of the range key.
        """
        found = Found(finder, value, within)
        match visibility(query.caller, query.model, finder.keys.hash, value):
            case Visibility.ALL:
                return [self._indexed(query, found)]
            case Visibility.SHARED:
                return [self._shared(query, found, call_budget)]
            case Visibility.OWN_BY_THIS_INDEX:
                return self._own_by_this_index(query, found, call_budget)
            case Visibility.OWN_BY_OTHER_FIELDS if _are_findable(query, _others_of(query, finder)):
                return self._own_by_other_fields(query, found, call_budget)
            case Visibility.OWN_BY_OTHER_FIELDS:
                return [self._shared(query, found, call_budget)]

    def _shared(self, query: Query, found: Found, call_budget: int) -> Run:
        """Return the run of the rows that are not hidden from the caller."""
        return filtered(self._visible_only(query, found), query.model, found.finder, call_budget)

    def _visible_only(self, query: Query, found: Found) -> Run:
        """Return the run of the rows with a value of which the caller may read each."""
        finder = found.finder
        if {naming.field for naming in _others_of(query, finder)}.isdisjoint(finder.attributes):
            return self._indexed(query, found, only=visible(query.caller, query.model, index=finder.keys.hash))
        # DynamoDB refuses a filter on what it sorts by.
        return only_rows(self._indexed(query, found), reader(query.caller, query.model))

    def _own_by_this_index(self, query: Query, found: Found, call_budget: int) -> Sequence[Run]:
        """Return the run of the rows that name the caller; the owner indexes tell where the next one is."""
        model, finder, named = query.model, found.finder, query.namings
        if not named:
            return []
        if model.keys.fields == (model.keys.hash,) and model.keys.hash in {naming.field for naming in named}:
            mine = [naming for naming in named if naming.field == model.keys.hash]
            return self._owned(query, mine, only=found.filter)
        run = self._visible_only(query, found)
        owned = [(model.finder_of(naming.field), name) for naming in named for name in naming.stored]
        is_in_order = have_one_order(finder, *(by for by, _ in owned))
        if found.within or not is_in_order or not _are_findable(query, named):
            return [filtered(run, model, finder, call_budget)]
        cursor = OwnerCursor(
            self._store,
            model.table,
            owned=[(by, name) for by, name in owned if by is not None],
            only=Path([finder.hash.name]) == {finder.hash.type: found.value},
            forward=query.is_forward,
        )
        return [filtered(run, model, finder, call_budget, cursor.next_position)]

    def _own_by_other_fields(self, query: Query, found: Found, call_budget: int) -> Sequence[Run]:
        """Return the runs of the caller's rows by each other naming field, if they have the indexed value."""
        runs: list[Run] = []
        for naming in _others_of(query, found.finder):
            by = query.model.finder_of(naming.field)
            owned = self._owned(query, _others_of(query, found.finder), only=found.filter, of=naming)
            runs += owned if by is None else [filtered(run, query.model, by, call_budget) for run in owned]
        return runs

    def _table(self, query: Query) -> Run:
        """Return the run of the whole table; rows that are hidden from the caller do not count."""
        table, condition = query.model.table, condition_of(query.filter)
        if admits_everywhere(query.caller, query.model, Operation.READ):
            return Run(partial(self._store.scan_page, table, filter=condition), can_count=True)
        condition = and_conditions(visible(query.caller, query.model), condition)
        page = partial(self._store.scan_page, table, filter=condition)
        return Run(FilteredPage(page, key_names(query.model)).read)

    def _owned(
        self, query: Query, fields: Sequence[Naming], *, only: Filter = NO_FILTER, of: Naming | None = None
    ) -> Sequence[Run]:
        """Return runs for each naming field: the rows that name the caller there, and in no field before it.

        Args:
            query: the query.
            fields: the fields.
            only: which of these rows are asked for.
            of: the one field whose runs are wanted; all if None.
        """
        runs: list[Run] = []
        for place, naming in enumerate(fields):
            if of is not None and naming != of:
                continue
            finder = query.model.finder_of(naming.field)
            is_first = partial(names_caller_in_none_of, fields[:place])
            for name in naming.stored:
                if finder is None:
                    run, is_meant = self._single(query, name), and_predicates(compile_filter(only), is_first)
                else:
                    within, condition, keep = divided(only, finder)
                    found = Found(finder, name, within)
                    run = self._indexed(query, found, only=condition_of(condition))
                    is_meant = and_predicates(compile_filter(keep), is_first) if keep else is_first
                runs.append(replace(run, keep=and_predicates(run.keep, is_meant)))
        return runs

    def _indexed(self, query: Query, found: Found, *, only: Condition | None = None) -> Run:
        """Return the run of the rows with a value that meet a condition and the client's filter."""
        finder, forward = found.finder, query.is_forward
        condition, keep = condition_or_predicate(query.filter, finder.attributes)
        condition, within = and_conditions(only, condition), condition_of(found.within)

        async def page(*, start_key: Item | None, **options: Any) -> Page:
            start = {"range_condition": within, **page_start(finder, start_key, forward=forward)}
            return await self._store.query(
                query.model.table,
                finder.index,
                found.value,
                filter=condition,
                forward=forward,
                **start,
                **options,
            )

        return Run(page, keep, can_count=True)

    def _single(self, query: Query, key: Key) -> Run:
        """Return the run of the one row with a key, if there is one."""

        async def page(**_: Any) -> Page:
            item = await self._store.get(query.model.table, key)
            return Page([] if item is None else [item], 1, None)

        return Run(page, compile_filter(query.filter))

    async def _page(self, query: Query, runs: Sequence[Run], *, source: str = "") -> Connection:
        """Read one run after the other, until as many rows are read as the page may have."""
        asked = question(query.info, query.caller.sub, query.arguments, source=source)
        token = query.arguments.get("nextToken")
        position = Position() if token is None else Position(**self._tokens.open(token, asked))
        items: list[Item] = []
        left = limit_of(query.arguments)
        count_only = query.is_page and not selects(query.info, "items")
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


def _others_of(query: Query, finder: Finder) -> list[Naming]:
    """Return the fields that name the caller, and that an index does not find rows by."""
    return [naming for naming in query.namings if naming.field != finder.keys.hash]


def _are_findable(query: Query, fields: Sequence[Naming]) -> bool:
    """Return whether the rows that name the caller in some fields are found by few queries of nothing else."""
    model = query.model
    if sum(len(naming.stored) for naming in fields) > CALL_BUDGET:
        return False
    return all(model.finder_of(one.field) is not None or model.keys.fields == (one.field,) for one in fields)


def selects(info: AnyInfo, field: str) -> bool:
    """Return whether `field` is selected, directly or by a fragment, of what the resolved field returns."""
    nodes, fragments = selected_nodes(info)
    selected = fields_in((node.selection_set for node in nodes), fragments)
    return any(node.name.value == field for node in selected)
