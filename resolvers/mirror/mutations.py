"""Writing rows for clients: create, update and delete, as far as the type's rules and the workflows allow."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from models import clock
from models.clock import Clock
from models.errors import Refusal
from models.storage.store import ConditionFailedError, Item, Key, Store, key_of
from models.transactions.retrying import StaleSnapshotError, retry
from resolvers.context import caller_of, context_of
from resolvers.identity.callers import Caller, Standing
from resolvers.mirror.authorization import (
    admits_everywhere,
    admitting,
    concealed_fields,
    may,
    model_for,
    shows_all,
)
from resolvers.mirror.field_rules import check_asked, check_updated, conceals
from resolvers.mirror.filtering.client_filters import read_filter
from resolvers.mirror.filtering.conditions import condition_of, mentions
from resolvers.mirror.filtering.filters import Filter, compile_filter, fields_of
from resolvers.mirror.relations import COMPUTED
from resolvers.mirror.type_rules import Amender, Changes, Given, Remover, TypeRules, Updating
from resolvers.mirror.validation import check_order, stored, validated
from resolvers.mirror.writing.new_rows import with_owner
from resolvers.mirror.writing.protections import party_refusal, reserved_fields, take_initial
from resolvers.mirror.writing.row_writes import RowWrites, and_conditions, followed, new_row
from schema.amplify.declaration import Model
from schema.amplify.fields import Arguments
from schema.amplify.keys import Keys
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation
from schema.amplify.wire import Wire
from schema.errors import ConditionalCheckError, InvalidInputError, RefusedError, UnauthorizedError

_NULL: Wire = {"NULL": True}
# The types of an id that the server makes where a client gives none.
GENERATED = frozenset({"ID", "String"})


@dataclass(frozen=True, slots=True)
class _Mutation:
    """A mutation of a mirrored type, and who asks for it."""

    caller: Caller
    model: Model
    info: AnyInfo
    arguments: Arguments

    @property
    def input(self) -> Given:
        given: Given = self.arguments["input"]
        return given

    @property
    def condition(self) -> Filter:
        """Return the client's condition as it is meant, empty if there is none."""
        return read_filter(self.model, self.arguments.get("condition"))

    @property
    def key(self) -> Key:
        return self.model.key_from(self.input)

    @property
    def hash_key(self) -> str:
        """Return the key of a row whose type has rules of its own: it is one field."""
        return self.model.text_from(self.model.keys.hash, self.input[self.model.keys.hash])


class Mutations:
    """Answers the mutations of mirrored types.

    Args:
        store: the tables.
        now: the clock that dates rows.
        rules: the types that have rules of their own.
    """

    def __init__(self, store: Store, now: Clock, rules: TypeRules) -> None:
        self._store = store
        self._now = now
        self._rules = rules
        self._rows = RowWrites(store, now)

    async def create(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Write a new row; if it is stored already with the same content, return the stored row.

        Raises:
            UnauthorizedError: the input does not name the caller, or sets a field that the workflow owns.
            InvalidInputError: a value is out of bounds.
            ConditionalCheckError: another row of that id exists, or the condition does not hold.
            RefusedError: a business rule refused it.
        """
        mutation = _Mutation(caller_of(info), model, info, arguments)
        given = with_owner(mutation.caller, model, mutation.input, info)
        take_initial(mutation.caller, model, given)
        if (key := model.fields.get("id")) is not None and "id" not in given:
            if key.type not in GENERATED:
                raise InvalidInputError(f"id is required: the server makes no {key.type}", field="id")
            given["id"] = context_of(info).new_id(info)
        if (guard := self._rules.create_guards.get(model.name)) and (refusal := await guard(given)):
            raise RefusedError(refusal)
        creator = self._rules.creators.get(model.name)
        if creator is None:
            return await self._put(mutation, given)
        # The condition is tested on an empty row, because the row does not exist yet.
        created = await creator(mutation.caller, given) if compile_filter(mutation.condition)({}) else None
        if created is None:
            raise ConditionalCheckError
        if isinstance(created, Refusal):
            raise RefusedError(created)
        if mutation.caller.standing is not Standing.MEMBER:
            await context_of(info).check_membership()  # what is created may be the membership
        return created

    async def _put(self, mutation: _Mutation, given: Given) -> Item:
        model, condition, now = mutation.model, condition_of(mutation.condition), clock.to_text(self._now())
        stamped = model.stamped
        content = validated(model, {name: value for name, value in given.items() if name not in stamped})
        item = {name: {"S": now} for name in model.timestamps} | content | {"__typename": {"S": model.name}}
        item = new_row(model, item)
        item |= model.composites_in(item)
        await self._check(mutation, item)
        try:
            await self._rows.put(model, item, condition)
        except ConditionFailedError as error:
            found = error.item
            if found is None or not same_content(model, found, content) or conceals(mutation.caller, model, found):
                raise ConditionalCheckError from error
            return found
        return item

    async def update(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Change a row; see `_update_once`, which is tried again if what rules look at changes meanwhile."""
        once = partial(self._update_once, model, info, arguments)
        return await once() if model.ruled is None else await retry(self._store.calls, once)

    async def _update_once(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Change a row: absent fields stay, null removes the attribute; where there is none it changes nothing.

        Raises:
            UnauthorizedError: the caller may not change the row, or one of the fields.
            InvalidInputError: a value is out of bounds, or null for a field that the type requires.
            ConditionalCheckError: the condition does not hold, or there is no such row.
        """
        mutation = _Mutation(caller_of(info), model, info, arguments)
        item = await self._find(mutation, Operation.UPDATE)
        rules = list(admitting(mutation.caller, model_for(mutation.caller, model), Operation.UPDATE, item))
        check_updated(mutation.caller, model, mutation.input, item)
        reserved = reserved_fields(mutation.caller, model, rules)
        if (updating := self._rules.updaters.get(model.name)) is not None:
            return await _update(updating, mutation, item, reserved)
        now, kept = clock.to_text(self._now()), {*model.keys.fields, *model.stamped, *model.ignored}
        changes: Changes = {} if model.updated_at is None else {model.updated_at: {"S": now}}
        for name, value in mutation.input.items():
            if name in kept:
                continue
            if name not in reserved:
                if value is not None or name in item or model.fields[name].required:
                    changes[name] = _change(model, name, value)
            elif not await _is_repeated(mutation, item, name, value):
                raise reserved[name]
        changes = followed(model, item, changes)
        changes |= _composites(model, item, changes)
        changed = item | {name: wire or _NULL for name, wire in changes.items()}
        check_order(model, changed, changes)
        await self._check(mutation, {name: wire for name, wire in changed.items() if wire != _NULL})
        if (amend := self._rules.amenders.get(model.name)) is not None:
            return await _amend(amend, mutation, changes)
        condition = and_conditions(_unchanged_since_read(model, item, changes), condition_of(mutation.condition))
        try:
            return await self._rows.update(model, mutation.key, item, changes, condition)
        except ConditionFailedError as error:
            raise _failure(mutation, error) from error

    async def _check(self, mutation: _Mutation, item: Item) -> None:
        if (check := self._rules.checks.get(mutation.model.name)) is not None:
            await check(mutation.caller, item)

    async def delete(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Remove a row; see `_delete_once`, which is tried again if what rules look at changes meanwhile."""
        once = partial(self._delete_once, model, info, arguments)
        return await once() if model.ruled is None else await retry(self._store.calls, once)

    async def _delete_once(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Remove a row and return it as it was.

        Raises:
            UnauthorizedError: the caller may not delete the row.
            ConditionalCheckError: the condition does not hold, or there is no such row.
            RefusedError: a business rule refused it.
        """
        mutation = _Mutation(caller_of(info), model, info, arguments)
        item = await self._find(mutation, Operation.DELETE)
        if (amend := self._rules.amenders.get(model.name)) is not None:
            return await _amend(amend, mutation, None)
        if (remove := self._rules.removers.get(model.name)) is not None:
            return await _remove(remove, mutation)
        condition = and_conditions(key_of(model.table).exists(), condition_of(mutation.condition))
        guard = self._rules.delete_guards.get(model.name)
        if guard is not None:
            if (refusal := guard(item)) is not None:
                raise RefusedError(refusal)
            # The row must still be as the guard saw it. Every writer sets updatedAt; the workflow also counts
            # versions, because two hosts may write at the same time.
            for name in filter(item.__contains__, ("updatedAt", "version")):
                condition &= Path([name]) == item[name]
        try:
            return await self._rows.delete(model, mutation.key, item, condition)
        except ConditionFailedError as error:
            raise _failure(mutation, error) from error

    async def _find(self, mutation: _Mutation, operation: Operation) -> Item:
        """Return the stored row that a caller may change.

        Raises:
            UnauthorizedError: the caller may not change it, or it does not exist.
            RefusedError: the caller is a party of the row.
            ConditionalCheckError: it does not exist; only those who may change any row learn this.
        """
        caller, model = mutation.caller, mutation.model
        item = await self._store.get(model.table, mutation.key, consistent=True)
        allowed = model_for(caller, model)
        if item is None and admits_everywhere(caller, allowed, operation):
            if operation is Operation.UPDATE:
                check_updated(caller, model, mutation.input, {})
            raise ConditionalCheckError
        if item is None or not may(caller, allowed, operation, item):
            raise UnauthorizedError.of(mutation.info)
        if (refusal := party_refusal(caller, model, item)) is not None:
            raise RefusedError(refusal)
        if model.guarded:
            check_asked(caller, model, fields_of(mutation.condition), item)
        concealed = frozenset(concealed_fields(caller, model))
        if not shows_all(caller, model, item) and mentions(mutation.condition, concealed):
            raise ConditionalCheckError  # whether the condition holds would tell the field's value
        return item


def _failure(mutation: _Mutation, error: ConditionFailedError) -> Exception:
    """Return what it means that a row was not written: it does not meet the condition, or has changed."""
    if mutation.model.ruled is not None and error.item and compile_filter(mutation.condition)(error.item):
        return StaleSnapshotError()
    return ConditionalCheckError()


async def _update(
    updating: Updating, mutation: _Mutation, item: Item, reserved: Mapping[str, UnauthorizedError]
) -> Item:
    """Update a row by its type's own rules, which are given every wish, whether it is so already or not."""
    if not compile_filter(mutation.condition)(item):
        raise ConditionalCheckError
    wished: dict[str, Any] = {}
    for name, value in mutation.input.items():
        if name in updating.wishes and value is not None:
            stored(mutation.model, name, value)
            wished[name] = value
        elif name not in mutation.model.timestamps and not await _is_repeated(mutation, item, name, value):
            if name in updating.wishes:
                raise InvalidInputError(f"{name} cannot be taken away", field=name)
            raise reserved[name]
    updated = await updating.update(mutation.caller, item, wished)
    if isinstance(updated, Refusal):
        raise RefusedError(updated)
    return updated


async def _amend(amend: Amender, mutation: _Mutation, changes: Changes | None) -> Item:
    """Change or remove a row by its type's own rules."""
    is_met = compile_filter(mutation.condition)
    try:
        amended = await amend(mutation.hash_key, changes, is_met, actor=mutation.caller.sub)
    except ConditionFailedError as error:
        raise ConditionalCheckError from error
    if isinstance(amended, Refusal):
        raise RefusedError(amended)
    return amended


async def _remove(remove: Remover, mutation: _Mutation) -> Item:
    """Remove a row by its type's own rules."""
    try:
        removed = await remove(mutation.hash_key, compile_filter(mutation.condition))
    except ConditionFailedError as error:
        raise ConditionalCheckError from error
    if isinstance(removed, Refusal):
        raise RefusedError(removed)
    return removed


async def _is_repeated(mutation: _Mutation, item: Item, name: str, value: Any) -> bool:
    """Return whether a field has the value that is shown now, as it does if a client sends a whole row back."""
    model = mutation.model
    if value == model.fields[name].decode(item.get(name)):
        return True
    computed = COMPUTED.get((model.name, name))
    return computed is not None and value == await computed(mutation.info, item)


def _change(model: Model, name: str, value: Any) -> Wire | None:
    """Return a field's new value as a row stores it; None to remove it.

    Raises:
        InvalidInputError: it is invalid, or null for a field that the type requires.
    """
    if value is not None:
        return stored(model, name, value)
    if model.fields[name].required:
        raise InvalidInputError(f"{name} is required: it cannot be null", field=name)
    return None


def _unchanged_since_read(model: Model, item: Item, changes: Changes) -> Condition:
    """Return the condition that the row exists, and that what changed fields were judged with is unchanged."""
    condition: Condition = key_of(model.table).exists()
    compared = [*model.pairs_of(changes), *(keys.sort for keys in _changed_composites(model, changes))]
    for name in {name for names in compared for name in names} - changes.keys():
        path = Path([name])
        condition &= path == item[name] if name in item else path.does_not_exist()
    return condition


def _changed_composites(model: Model, changes: Changes) -> list[Keys]:
    """Return the keys whose sort fields are stored together, and of which one changes."""
    return [keys for keys in model.composites if not changes.keys().isdisjoint(keys.sort)]


def _composites(model: Model, item: Item, changes: Changes) -> Changes:
    """Return how the attributes change that store sort fields together, with those that stay as they are."""
    changed = {name: wire for name, wire in {**item, **changes}.items() if wire is not None}
    whole = model.composites_in(changed)
    return {keys.sort_attribute: whole.get(keys.sort_attribute) for keys in _changed_composites(model, changes)}


def same_content(model: Model, item: Item, content: Item) -> bool:
    """Return whether a stored row has exactly this content, as far as it is clients'; numbers compare by value."""
    passed_over = model.timestamps | model.unwritable | model.ignored
    compared = (field for field in model.fields.values() if field.name not in passed_over)
    return all(field.decode(item.get(field.name)) == field.decode(content.get(field.name)) for field in compared)
