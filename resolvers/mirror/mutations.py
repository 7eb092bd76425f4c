"""Writing rows for clients: create, update and delete, within the rules of the type and what the workflows own."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from models import clock
from models.clock import Clock
from models.errors import Refusal
from models.storage.store import ConditionFailedError, Item, Store, key_of
from resolvers.context import context_of, signed_in
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import admits_everywhere, admitting, by_group, is_owner
from resolvers.mirror.conditions import condition_of, fitting
from resolvers.mirror.filters import Predicate, compile_filter
from resolvers.mirror.relations import COMPUTED
from resolvers.mirror.validation import check_order, stored, understood, validated
from schema.amplify.declaration import Model, Protection
from schema.amplify.fields import Arguments
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import AuthRule, Operation, Owner
from schema.amplify.wire import Wire
from schema.errors import ConditionalCheckError, InvalidInputError, RefusedError, UnauthorizedError

Given = Mapping[str, Any]
Changes = dict[str, Wire | None]  # None takes the attribute away
Creator = Callable[[Caller, Given], Awaitable[Item | Refusal | None]]
DeleteGuard = Callable[[Item], Refusal | None]
Remover = Callable[[str, Predicate], Awaitable[Item | Refusal]]


class Amender(Protocol):
    """Changes or removes rows that others follow from, and those with them."""

    def __call__(self, key: str, changes: Changes | None, is_met: Predicate, *, actor: str) -> Awaitable[Item]:
        """Apply changes to a row, or remove it if they are None, if it meets the client's condition.

        Raises:
            ConditionFailedError: it does not, or there is no such row.
        """


_NULL: Wire = {"NULL": True}
_TIMESTAMPS = frozenset({"createdAt", "updatedAt"})


@dataclass(frozen=True, slots=True)
class TypeRules:
    """Where a type's rows are more than rows.

    Args:
        creators: create a type's rows by its own rules, given the caller and the checked input with its id
            and owner filled in; they answer with the stored row, or None where another row of that id exists.
        guards: say why a row may not be deleted now.
        amenders: change and remove a type's rows, where other rows follow from them.
        removers: remove a type's rows by its own rules, if they meet the client's condition, and answer with the
            row as it was; they raise ConditionFailedError where there is none, or none that meets it.
    """

    creators: Mapping[str, Creator] = field(default_factory=dict)
    guards: Mapping[str, DeleteGuard] = field(default_factory=dict)
    amenders: Mapping[str, Amender] = field(default_factory=dict)
    removers: Mapping[str, Remover] = field(default_factory=dict)


class Mutations:
    """Answers the mutations of mirrored types.

    Args:
        store: the tables.
        now: the clock that dates rows.
        domain: the types that have rules of their own.
    """

    def __init__(self, store: Store, now: Clock, domain: TypeRules) -> None:
        self._store = store
        self._now = now
        self._domain = domain

    async def create(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Write a new row; the same caller with the same content gets the stored row again.

        Raises:
            UnauthorizedError: the input does not name the caller, or sets what the workflow owns.
            InvalidInputError: a value is out of bounds.
            ConditionalCheckError: another row of that id exists, or the condition does not hold.
            RefusedError: a business rule said no.
        """
        caller = signed_in(info)
        given = {name: value for name, value in arguments["input"].items() if value is not None}
        given = _owned(caller, model, info, given)
        _check_initial(caller, model, given)
        given.setdefault(model.key, context_of(info).made_id(info))
        creator = self._domain.creators.get(model.name)
        condition = arguments.get("condition")
        if creator is None:
            return await self._put(model, given, condition_of(condition))
        # What is created by its own rules does not exist yet, and that is what the condition is about.
        created = await creator(caller, given) if compile_filter(condition)({}) else None
        if created is None:
            raise ConditionalCheckError
        if isinstance(created, Refusal):
            raise RefusedError(created)
        return created

    async def _put(self, model: Model, given: Given, condition: Condition | None) -> Item:
        now = clock.to_text(self._now())
        content = validated(model, {name: value for name, value in given.items() if name not in _TIMESTAMPS})
        item = content | {name: {"S": now} for name in _TIMESTAMPS} | {"__typename": {"S": model.name}}
        is_new = key_of(model.table).does_not_exist()
        try:
            with understood():
                await self._store.put(model.table, item, condition=_all(is_new, condition))
        except ConditionFailedError as error:
            if error.item is None or not same_content(model, error.item, content):
                raise ConditionalCheckError from error
            return error.item
        return item

    async def update(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Change a row: absent fields stay, null removes what may be removed.

        Raises:
            UnauthorizedError: the row is not the caller's to change, or a field is not.
            InvalidInputError: a value is out of bounds, or null for a field that the type requires.
            ConditionalCheckError: the condition does not hold, or there is no such row.
        """
        caller = signed_in(info)
        given = dict(arguments["input"])
        key = given.pop(model.key)
        item = await self._find(caller, model, info, key, Operation.UPDATE)
        rules = list(admitting(caller, model, Operation.UPDATE, item))
        removable = any(Operation.DELETE in rule.operations for rule in rules)
        reserved = _reserved(caller, model, rules)
        changes: Changes = {"updatedAt": {"S": clock.to_text(self._now())}}
        for name, value in given.items():
            if name in _TIMESTAMPS:
                continue
            if name not in reserved:
                changes[name] = _changed(model, name, value, removable=removable)
            elif not await self._is_echo(model, info, item, name, value):
                raise reserved[name]
        check_order(model, item | {name: wire or _NULL for name, wire in changes.items()}, changes)
        if (amend := self._domain.amenders.get(model.name)) is not None:
            return await self._amend(amend, caller, key, changes, arguments)
        condition = _all(_unmoved(model, item, changes), condition_of(arguments.get("condition")))
        return await self._apply(model, key, changes, condition)

    async def _apply(self, model: Model, key: str, changes: Changes, condition: Condition) -> Item:
        actions = [_action(name, wire) for name, wire in changes.items()]
        try:
            with understood():
                return await self._store.update(model.table, key, actions, condition=condition)
        except ConditionFailedError as error:
            raise ConditionalCheckError from error

    async def _amend(
        self, amend: Amender, caller: Caller, key: str, changes: Changes | None, arguments: Arguments
    ) -> Item:
        is_met = compile_filter(arguments.get("condition"))
        try:
            with understood():
                return await amend(key, changes, is_met, actor=caller.sub)
        except ConditionFailedError as error:
            raise ConditionalCheckError from error

    async def _is_echo(self, model: Model, info: AnyInfo, item: Item, name: str, value: Any) -> bool:
        """Tell whether a field is only repeated, as it is when a whole row is sent back."""
        if value == model.fields[name].decode(item.get(name)):
            return True
        computed = COMPUTED.get((model.name, name))
        return computed is not None and value == await computed(info, item)

    async def delete(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Remove a row and return it as it was.

        Raises:
            UnauthorizedError: the row is not the caller's to delete.
            ConditionalCheckError: the condition does not hold, or there is no such row.
            RefusedError: a business rule said no.
        """
        caller = signed_in(info)
        key = arguments["input"][model.key]
        item = await self._find(caller, model, info, key, Operation.DELETE)
        if (amend := self._domain.amenders.get(model.name)) is not None:
            return await self._amend(amend, caller, key, None, arguments)
        if (remove := self._domain.removers.get(model.name)) is not None:
            return await _removed(remove, key, arguments)
        condition = _all(key_of(model.table).exists(), condition_of(arguments.get("condition")))
        guard = self._domain.guards.get(model.name)
        if guard is not None:
            if (refusal := guard(item)) is not None:
                raise RefusedError(refusal)
            # What the guard looked at must still be so: every writer dates the row, and the workflow counts its
            # versions, since two hosts may date their writes alike.
            for name in filter(item.__contains__, ("updatedAt", "version")):
                condition &= Path([name]) == item[name]
        try:
            removed = await self._store.delete(model.table, key, condition=condition)
        except ConditionFailedError as error:
            raise ConditionalCheckError from error
        return item if removed is None else removed

    async def _find(self, caller: Caller, model: Model, info: AnyInfo, key: str, operation: Operation) -> Item:
        """Return the stored row that a caller may change; whether there is none is told only to groups."""
        item = await self._store.get(model.table, key, consistent=True)
        if item is None and by_group(caller, model, operation):
            raise ConditionalCheckError
        if item is None or not any(True for _ in admitting(caller, model, operation, item)):
            raise UnauthorizedError.of(info)
        return item


async def _removed(remove: Remover, key: str, arguments: Arguments) -> Item:
    try:
        removed = await remove(key, compile_filter(arguments.get("condition")))
    except ConditionFailedError as error:
        raise ConditionalCheckError from error
    if isinstance(removed, Refusal):
        raise RefusedError(removed)
    return removed


def _owned(caller: Caller, model: Model, info: AnyInfo, given: dict[str, Any]) -> dict[str, Any]:
    """Return the input of a new row with its owner filled in, every name of the caller's written as their `sub`.

    Raises:
        UnauthorizedError: it names the caller in no owner field of a rule that admits creation.
    """
    owners = model.owner_fields(Operation.CREATE)
    given = dict.fromkeys(owners, caller.sub) | given
    for name in {*owners, *model.owner_fields(Operation.READ)}:
        if is_owner(caller, given.get(name)):
            given[name] = caller.sub
    named = any(given[name] == caller.sub for name in owners)
    if not named and not admits_everywhere(caller, model, Operation.CREATE):
        raise UnauthorizedError.of(info)
    return given


def _check_initial(caller: Caller, model: Model, given: Given) -> None:
    """See that fields which clients do not set have their initial values.

    Raises:
        UnauthorizedError: one has another.
    """
    for name, protection in model.protected.items():
        free = protection.initial is ... or not caller.groups.isdisjoint(protection.groups)
        if name in given and not free and given[name] != protection.initial:
            raise _protected(name, protection)


def _changed(model: Model, name: str, value: Any, *, removable: bool) -> Wire | None:
    if value is not None:
        return stored(model, name, value)
    if model.fields[name].required:
        raise InvalidInputError(f"{name} is required: it cannot be null", field=name)
    if not removable:
        raise UnauthorizedError(f"Unauthorized on [{name}]")
    return None


def _action(name: str, wire: Wire | None) -> Action:
    return Path([name]).remove() if wire is None else Path([name]).set(wire)


def _unmoved(model: Model, item: Item, changes: Changes) -> Condition:
    """Return that the row exists, and that what a change is held against is still as it was read."""
    condition: Condition = key_of(model.table).exists()
    for pair in model.pairs_of(changes):
        for name in set(pair) - changes.keys():
            path = Path([name])
            condition &= path == item[name] if name in item else path.does_not_exist()
    return condition


def _reserved(caller: Caller, model: Model, rules: Collection[AuthRule]) -> Mapping[str, UnauthorizedError]:
    """Return the fields that an update may only repeat, each with what is said of any other value.

    Args:
        caller: who updates.
        model: the row's type.
        rules: those that admit the caller to the update.
    """
    fixed = "{} is fixed when the row is created; an update may only repeat it"
    reserved = {name: UnauthorizedError(fixed.format(name), info={"field": name}) for name in model.fixed}
    for name, protection in model.protected.items():
        if caller.groups.isdisjoint(protection.groups):
            reserved[name] = _protected(name, protection)
    limits = [rule.may_change if isinstance(rule, Owner) else frozenset() for rule in rules]
    if all(limits):
        yours = frozenset().union(*limits)
        message = f"{{}} is not yours to change, only {', '.join(sorted(yours))}"
        others = model.fields.keys() - yours
        reserved |= {name: UnauthorizedError(message.format(name), info={"field": name}) for name in others}
    return reserved


def _protected(name: str, protection: Protection) -> UnauthorizedError:
    return UnauthorizedError(
        f"{name} is not yours to set; use {protection.use}", info={"field": name, "use": protection.use}
    )


def same_content(model: Model, item: Item, content: Item) -> bool:
    """Tell whether a stored row has exactly this content; numbers are compared as they read."""
    compared = (f for f in model.fields.values() if f.name not in _TIMESTAMPS | model.unwritable)
    return all(field.decode(item.get(field.name)) == field.decode(content.get(field.name)) for field in compared)


def _all(first: Condition, second: Condition | None) -> Condition:
    return first if second is None else fitting(first & second)
