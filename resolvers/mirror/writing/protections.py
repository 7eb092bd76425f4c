"""Fields that clients may not set or change, and rows that are about the caller."""

from collections.abc import Collection, Mapping
from typing import Any

from models.errors import Code, Refusal
from models.storage.store import Item
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import is_named, names_of
from schema.amplify.bounds import OneOf
from schema.amplify.declaration import Model, Protection
from schema.amplify.rules import AuthRule, Owner
from schema.errors import UnauthorizedError


def take_initial(caller: Caller, model: Model, given: dict[str, Any]) -> None:
    """Check that protected fields have values that a create accepts, and replace those by the initial ones.

    Raises:
        UnauthorizedError: one of them has another value.
    """
    for name, protection in model.protected.items():
        free = protection.initial is ... or not caller.groups.isdisjoint(protection.groups)
        if name not in given or free:
            continue
        accepts = protection.accepts or OneOf((protection.initial,))
        if accepts.problem(given[name]) is not None:
            raise _protected_error(name, protection)
        given[name] = protection.initial


def reserved_fields(caller: Caller, model: Model, rules: Collection[AuthRule]) -> Mapping[str, UnauthorizedError]:
    """Return the fields that an update may only repeat, each with the error for any other value.

    Args:
        caller: who asks for the update.
        model: the row's type.
        rules: those that admit the caller to the update.
    """
    fixed = "{} is fixed when the row is created; an update may only repeat it"
    reserved = {name: UnauthorizedError(fixed.format(name), info={"field": name}) for name in model.fixed}
    for name, protection in model.protected.items():
        if caller.groups.isdisjoint(protection.groups):
            reserved[name] = _protected_error(name, protection)
    limits = [rule.may_change if isinstance(rule, Owner) else frozenset() for rule in rules]
    if all(limits):
        yours = frozenset().union(*limits)
        message = f"{{}} is not yours to change, only {', '.join(sorted(yours))}"
        others = model.fields.keys() - yours
        reserved |= {name: UnauthorizedError(message.format(name), info={"field": name}) for name in others}
    return reserved


def party_refusal(caller: Caller, model: Model, item: Item) -> Refusal | None:
    """Return the refusal of a caller who is a party of the row that they want to change or remove; else None."""
    for name in model.parties:
        if is_named(names_of(caller), item.get(name, {})):
            message = f"{name}: this names you; ask another administrator or moderator to change or remove it."
            return Refusal(Code.UNAUTHORIZED_ADMIN, message, {"field": name})
    return None


def _protected_error(name: str, protection: Protection) -> UnauthorizedError:
    return UnauthorizedError(
        f"{name} is not yours to set; use {protection.use}", info={"field": name, "use": protection.use}
    )
