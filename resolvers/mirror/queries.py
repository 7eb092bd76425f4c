"""Reading rows for clients: one by its key, pages by an index, a list of what a caller may see."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.indexes import Index

from models.storage.store import Item, Page, Store, index_keys
from resolvers.context import signed_in
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import (
    admits_everywhere,
    admits_strangers,
    is_owner,
    may_ask_for,
    may_read,
    readable,
    visible,
)
from resolvers.mirror.conditions import condition_of, fitting, mentions
from resolvers.mirror.filtered_pages import CALLS, NESTED_CALLS, Ahead, keys_in, read_on, right_there
from resolvers.mirror.filters import compile_filter
from resolvers.mirror.owned_rows import OwnRows, beginning
from resolvers.mirror.paging import PageTokens, limit_of, question
from resolvers.mirror.validation import understood
from schema.amplify.declaration import Model, Relation
from schema.amplify.fields import Arguments
from schema.amplify.resolver import AnyInfo, Connection
from schema.amplify.rules import Operation
from schema.amplify.wire import encode
from schema.documents.selections import fields_in
from schema.enums import ModelSortDirection
from schema.errors import UnauthorizedError
from schema.strawberry_internals import selected_nodes

Keep = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class Run:
    """Rows in the order of one index, of the table itself, or of a single key.

    Args:
        page: reads so many rows from a position on.
        keep: which of the rows read are meant.
    """

    page: Callable[..., Awaitable[Page]]
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: in which run, after which key; the wire form is what a token hides."""

    run: int = 0
    after: Item | None = None


class Rows:
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
            UnauthorizedError: it is not for this caller.
        """
        caller = signed_in(info)
        return await self._get(caller, model, info, arguments[model.key])

    async def _get(self, caller: Caller, model: Model, info: AnyInfo, key: str) -> Item | None:
        if not may_ask_for(caller, model, key):
            raise UnauthorizedError.of(info)
        item = await self._store.get(model.table, key)
        if item is not None and not may_read(caller, model, item):
            raise UnauthorizedError.of(info)
        return item

    async def list(self, model: Model, info: AnyInfo, arguments: Arguments) -> Connection:
        """Return a page of all rows that a caller may see, each of them once.

        A caller whom only owner rules admit is read what is theirs, by the owner indexes; the table is read
        through only for those who may see all of it.

        Raises:
            UnauthorizedError: a key was asked for that is not for this caller.
        """
        caller = signed_in(info)
        if model.key != "id" and (key := arguments.get(model.key)) is not None:
            if not may_ask_for(caller, model, key):
                raise UnauthorizedError.of(info)
            runs: Sequence[Run] = [self._single(model, key, arguments)]
        elif admits_strangers(caller, model, Operation.READ):
            runs = [self._all(caller, model, arguments)]
        else:
            runs = self._owned(caller, model, arguments, model.owner_fields(Operation.READ))
        return await self._page(caller, model, info, arguments, runs)

    async def by_index(self, model: Model, field: str, info: AnyInfo, arguments: Arguments) -> Connection:
        """Return a page of an index; rows that the caller may not read are left out."""
        caller = signed_in(info)
        value = encode(getattr(model.table, field), arguments[field])["S"]
        runs = self._found(caller, model, model.indexes[field], value, arguments, calls=CALLS)
        return await self._page(caller, model, info, arguments, runs)

    async def related(
        self, model: Model, relation: Relation, info: AnyInfo, key: str, arguments: Arguments
    ) -> Connection:
        """Return a page of the rows of a type that a relation's index finds for a key."""
        caller = signed_in(info)
        index = getattr(model.table, str(relation.index))
        runs = self._found(caller, model, index, key, arguments, calls=NESTED_CALLS)
        return await self._page(caller, model, info, arguments, runs, source=key)

    def _found(
        self, caller: Caller, model: Model, index: Index[Any], value: str, arguments: Arguments, *, calls: int
    ) -> Sequence[Run]:
        """Return runs of an index's rows in which those that the caller may not read do not even count."""
        field = str(index_keys(index)[0].attr_name)
        owners = model.owner_fields(Operation.READ)
        all_theirs = field in owners and is_owner(caller, value)
        if all_theirs or admits_everywhere(caller, model, Operation.READ):
            return [self._indexed(model, index, value, arguments)]
        if admits_strangers(caller, model, Operation.READ):
            run = self._indexed(model, index, value, arguments, only=visible(caller, model, index=field))
            return [_reading_on(run, model, index, calls)]
        others = [owner for owner in owners if owner != field]
        is_found = Path([field]) == {"S": value}
        if field in owners:
            # Of another member's rows, the caller's are those that name the caller, too: no other is looked at.
            runs = zip(others, self._owned(caller, model, arguments, others, only=is_found), strict=True)
            return [_reading_on(run, model, model.indexes[owner], calls) for owner, run in runs]
        run = self._indexed(model, index, value, arguments, only=visible(caller, model))
        indexes = [model.indexes[owner] for owner in others]
        own = OwnRows(self._store, model.table, indexes, caller.sub, is_found, _is_forward(arguments))
        return [_reading_on(run, model, index, calls, own.ahead)] if others else []

    def _all(self, caller: Caller, model: Model, arguments: Arguments) -> Run:
        """Return a run of the whole table; rows that are hidden from the caller do not count."""
        condition = condition_of(arguments.get("filter"))
        if admits_everywhere(caller, model, Operation.READ):
            return Run(partial(self._store.scan_page, model.table, filter=condition))
        page = partial(self._store.scan_page, model.table, filter=_both_hold(visible(caller, model), condition))
        return Run(partial(read_on, page, frozenset({model.key}), CALLS, right_there))

    def _owned(
        self,
        caller: Caller,
        model: Model,
        arguments: Arguments,
        fields: Sequence[str],
        *,
        only: Condition | None = None,
    ) -> Sequence[Run]:
        """Return a run for each owner field: the rows that name the caller there, and in no field before it."""
        runs: list[Run] = []
        before: tuple[str, ...] = ()
        for field in fields:
            if field == model.key:
                runs.append(self._single(model, caller.sub, arguments))
            else:
                run = self._indexed(model, model.indexes[field], caller.sub, arguments, only=only)
                runs.append(Run(run.page, _both(run.keep, partial(_is_first, caller, before))))
            before += (field,)
        return runs

    def _indexed(
        self, model: Model, index: Index[Any], value: str, arguments: Arguments, *, only: Condition | None = None
    ) -> Run:
        keys = frozenset(str(attribute.attr_name) for attribute in index_keys(index))
        condition, keep = _filtered(arguments.get("filter"), keys)
        condition, forward = _both_hold(only, condition), _is_forward(arguments)

        async def page(*, start_key: Item | None, **given: Any) -> Page:
            begin = beginning(index, start_key, forward=forward)
            return await self._store.query(
                model.table, index, value, filter=condition, forward=forward, **begin, **given
            )

        return Run(page, keep)

    def _single(self, model: Model, key: str, arguments: Arguments) -> Run:
        async def page(**_: Any) -> Page:
            item = await self._store.get(model.table, key)
            return Page([] if item is None else [item], 1, None)

        return Run(page, compile_filter(arguments.get("filter")))

    async def _page(
        self,
        caller: Caller,
        model: Model,
        info: AnyInfo,
        arguments: Arguments,
        runs: Sequence[Run],
        *,
        source: str = "",
    ) -> Connection:
        """Read one run after the other, until as many rows are read as the page may have."""
        asked = question(info, caller.sub, arguments, source=source)
        token = arguments.get("nextToken")
        position = Position() if token is None else Position(**self._tokens.open(token, asked))
        items: list[Item] = []
        left = limit_of(arguments)
        count_only = not selects(info, "items")
        while position.run < len(runs) and left > 0:
            run = runs[position.run]
            with understood():
                page = await run.page(limit=left, start_key=position.after, count_only=count_only)
            items.extend(page.items if run.keep is None else filter(run.keep, page.items))
            left -= page.read
            if page.last_key is not None:
                position = Position(position.run, page.last_key)
                break
            position = Position(position.run + 1)
        is_last = position.run >= len(runs)
        next_token = None if is_last else self._tokens.seal(asdict(position), asked)
        return Connection(readable(caller, model, items), next_token)


def _reading_on(run: Run, model: Model, index: Index[Any], calls: int, ahead: Ahead = right_there) -> Run:
    """Return a run of the same rows, of which only those that pass its filter count."""
    return Run(partial(read_on, run.page, keys_in(model, index), calls, ahead), run.keep)


def _is_forward(arguments: Arguments) -> bool:
    return arguments.get("sortDirection") is not ModelSortDirection.DESC


def _filtered(given: Mapping[str, Any] | None, keys: frozenset[str]) -> tuple[Condition | None, Keep | None]:
    """Return a filter for DynamoDB, or, since it refuses filters on an index's own keys, as a predicate."""
    if mentions(given, keys):
        return None, compile_filter(given)
    return condition_of(given), None


def _both_hold(one: Condition | None, other: Condition | None) -> Condition | None:
    return other if one is None else one if other is None else fitting(one & other)


def _is_first(caller: Caller, before: Sequence[str], item: Item) -> bool:
    return not any(is_owner(caller, item.get(field, {}).get("S")) for field in before)


def _both(one: Keep | None, other: Keep) -> Keep:
    return other if one is None else lambda item: one(item) and other(item)


def selects(info: AnyInfo, field: str) -> bool:
    """Tell whether `field` is selected, directly or by a fragment, of what the resolved field returns."""
    nodes, fragments = selected_nodes(info)
    selected = fields_in((node.selection_set for node in nodes), fragments)
    return any(node.name.value == field for node in selected)
