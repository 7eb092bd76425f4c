"""Makes the house's rules of those that a schema declares; what cannot be proved here admits nobody."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

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
    role_of,
)
from schema.amplify.sdl.declarations import (
    Action,
    FieldDeclaration,
    ModelDeclaration,
    Origin,
    Provider,
    RelationDeclaration,
    RuleDeclaration,
    Strategy,
)

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


# What the schema says of a type; what Amplify adds to it has no rules.
_DECLARED = frozenset({Origin.WRITTEN, Origin.UNRELATED, Origin.NOT_SERVED})


def rules_of_model(model: ModelDeclaration) -> tuple[tuple[AuthRule, ...], Mapping[str, tuple[AuthRule, ...]]]:
    """Return the rules of a model's rows; and of each declared field, if one has rules of its own.

    Then whoever may do something with one of the fields may do it with a row, as Amplify has it, but for deleting:
    that takes the right to delete each of them.
    """
    of_type = tuple(rule for rule in house_rules(model.rules) if _has_its_field(rule, model))
    own = own_rules(model)
    if not own:
        return of_type, {}
    declared = [name for name, one in model.fields.items() if one.origin in _DECLARED]
    usual = tuple(_single_roles(of_type))
    by_field = {
        name: tuple(_single_roles(house_rules(own[name]))) if name in own else usual
        for name in (*declared, *model.relations)
    }
    roles = dict.fromkeys(role_of(rule) for rules in (usual, *by_field.values()) for rule in rules)
    of_rows = (_of_row(role, by_field.values()) for role in roles if _has_its_field(role, model))
    return tuple(rule for rule in of_rows if rule.operations), by_field


def own_rules(model: ModelDeclaration) -> Mapping[str, tuple[RuleDeclaration, ...]]:
    """Return the rules of the fields and relations that have rules of their own."""
    ruled: list[FieldDeclaration | RelationDeclaration] = [*model.fields.values(), *model.relations.values()]
    return {one.name: one.rules for one in ruled if one.rules is not None}


def _has_its_field(rule: AuthRule, model: ModelDeclaration) -> bool:
    """Return whether rows have the field in which a rule looks for groups; Amplify does not add one."""
    return not isinstance(rule, GroupsField) or rule.field in model.fields


def _single_roles(rules: Iterable[AuthRule]) -> Iterator[AuthRule]:
    """Yield rules of which each is about one group, so that those of several fields can be compared."""
    for rule in rules:
        if isinstance(rule, Groups):
            yield from (replace(rule, groups=frozenset({group})) for group in sorted(rule.groups))
        else:
            yield rule


def _of_row(role: AuthRule, fields: Iterable[Iterable[AuthRule]]) -> AuthRule:
    """Return the rule by which the rules of some fields let a role do something with a row."""
    of_role = [[rule for rule in rules if role_of(rule) == role] for rules in fields]
    operations = frozenset().union(*(rule.operations for rules in of_role for rule in rules))
    if not all(any(Operation.DELETE in rule.operations for rule in rules) for rules in of_role):
        operations -= {Operation.DELETE}
    ways = frozenset().union(*(rule.ways for rules in of_role for rule in rules))
    return replace(role, operations=operations, ways=ways)
