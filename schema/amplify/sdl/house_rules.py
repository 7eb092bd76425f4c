"""Makes the house's rules of those that a schema declares; what cannot be proved here admits nobody."""

from collections.abc import Iterable, Iterator

from schema.amplify.rules import (
    EVERYTHING,
    GROUPS_CLAIM,
    AuthRule,
    Groups,
    GroupsField,
    Operation,
    Owner,
    Private,
    Public,
    Way,
)
from schema.amplify.sdl.declarations import Action, Provider, RuleDeclaration, Strategy

_WRITING = {
    Action.CREATE: Operation.CREATE,
    Action.UPDATE: Operation.UPDATE,
    Action.DELETE: Operation.DELETE,
}
_WAYS = {Action.GET: Way.GET, Action.LIST: Way.LIST, Action.LISTEN: Way.LISTEN}


def house_rules(declared: Iterable[RuleDeclaration]) -> Iterator[AuthRule]:
    """Yield the rules that admit anybody, in their order: of members by a token, and of guests by an API key."""
    for rule in declared:
        ways = frozenset(_WAYS[action] for action in rule.actions if action in _WAYS)
        operations = frozenset(_WRITING[action] for action in rule.actions if action in _WRITING)
        operations |= frozenset({Operation.READ}) if ways else frozenset()
        if rule.provider is Provider.API_KEY:
            yield Public(operations, ways=ways, is_for_guests_only=True)
        elif rule.provider is Provider.USER_POOLS:
            yield _of_members(rule, operations, ways)


def _of_members(rule: RuleDeclaration, operations: frozenset[Operation], ways: frozenset[Way]) -> AuthRule:
    claim = rule.group_claim or GROUPS_CLAIM
    if rule.strategy is Strategy.PRIVATE:
        return Private(operations, ways=ways)
    if rule.owner_field is not None:
        claims = rule.identity_claims
        return Owner(rule.owner_field, operations, ways=ways, claims=claims, is_qualified=len(claims) > 1)
    if rule.groups_field is not None:
        return GroupsField(rule.groups_field, operations, ways, claim)
    return Groups(frozenset(rule.groups), operations, ways, claim)


def rules_of_calls(declared: Iterable[RuleDeclaration] | None, default_mode: Provider) -> tuple[AuthRule, ...]:
    """Return who may ask for a field that belongs to no row: one of a root type, or of a type that is no model.

    As Amplify has it, rules about rows (of owners, of groups that a row names) admit nobody to it.

    Args:
        declared: the field's rules; None if it has none, so that every caller of the default mode may ask.
        default_mode: how callers prove who they are, where nothing else is said.
    """
    if declared is None:
        everybody: dict[Provider, AuthRule] = {
            Provider.API_KEY: Public(EVERYTHING, is_for_guests_only=True),
            Provider.USER_POOLS: Private(EVERYTHING),
        }
        return (everybody[default_mode],) if default_mode in everybody else ()
    return tuple(rule for rule in house_rules(declared) if not isinstance(rule, Owner | GroupsField))
