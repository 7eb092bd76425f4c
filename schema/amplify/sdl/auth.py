"""Takes down the rules of `@auth`, and those of AppSync's own directives."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from graphql import FieldDefinitionNode

from schema.amplify.sdl.declarations import (
    ALL_ACTIONS,
    READING,
    Action,
    Provider,
    RuleDeclaration,
    Strategy,
)
from schema.amplify.sdl.project import Flags
from schema.amplify.sdl.reading import WrittenType, every, single

_USUAL_PROVIDERS = {
    Strategy.OWNER: Provider.USER_POOLS,
    Strategy.GROUPS: Provider.USER_POOLS,
    Strategy.PRIVATE: Provider.USER_POOLS,
    Strategy.PUBLIC: Provider.API_KEY,
    Strategy.CUSTOM: Provider.FUNCTION,
}
# Amplify has two names for the same.
_PROVIDERS = {"identityPool": Provider.IAM} | {provider.value: provider for provider in Provider}
_NAMES_OF_IDENTITY = {True: "sub::username", False: "username"}
_GROUPS = "cognito:groups"
# `search` and `sync` belong to what is not served.
_ACTIONS = {
    "read": READING,
    "search": frozenset[Action](),
    "sync": frozenset[Action](),
} | {action.value: frozenset({action}) for action in Action}


def rules_of(node: WrittenType | FieldDefinitionNode, flags: Flags) -> tuple[RuleDeclaration, ...] | None:
    """Return the rules that `@auth` gives a type or a field; None if it has no `@auth`.

    Raises:
        SchemaFileError: an argument has another type than it should.
    """
    given = single(node, "auth")
    return None if given is None else tuple(rule_of(rule, flags) for rule in given["rules"])


def rule_of(rule: Mapping[str, Any], flags: Flags) -> RuleDeclaration:
    """Return a rule from its arguments, with what it leaves unsaid."""
    strategy = Strategy(rule["allow"])
    given = rule.get("provider")
    actions = rule.get("operations")
    made = RuleDeclaration(
        strategy,
        provider=_USUAL_PROVIDERS[strategy] if given is None else _PROVIDERS[given],
        actions=ALL_ACTIONS if actions is None else frozenset().union(*(_ACTIONS[name] for name in actions)),
    )
    if strategy is Strategy.OWNER:
        claim = rule.get("identityClaim") or _NAMES_OF_IDENTITY[flags.usesubusernamefordefaultidentityclaim]
        owner_field = rule.get("ownerField") or "owner"
        return replace(made, owner_field=owner_field, identity_claims=tuple(claim.split("::")))
    if strategy is Strategy.GROUPS:
        groups_field = rule.get("groupsField")
        groups = () if groups_field else tuple(rule.get("groups") or ())
        return replace(
            made,
            groups=groups,
            groups_field=None if groups else groups_field or "groups",
            group_claim=rule.get("groupClaim") or _GROUPS,
        )
    return made


def appsyncs_rules(node: FieldDefinitionNode) -> tuple[RuleDeclaration, ...]:
    """Return what AppSync's directives on a root field say; empty if it has none."""
    return tuple(_appsyncs_rules(node))


def _appsyncs_rules(node: FieldDefinitionNode) -> Iterator[RuleDeclaration]:
    for name in ("aws_cognito_user_pools", "aws_auth"):
        for given in every(node, name):
            if groups := tuple(given.get("cognito_groups") or ()):
                yield RuleDeclaration(Strategy.GROUPS, Provider.USER_POOLS, groups=groups, group_claim=_GROUPS)
            else:
                yield RuleDeclaration(Strategy.PRIVATE, Provider.USER_POOLS)
    others = {
        "aws_api_key": (Strategy.PUBLIC, Provider.API_KEY),
        "aws_iam": (Strategy.PRIVATE, Provider.IAM),
        "aws_oidc": (Strategy.PRIVATE, Provider.OIDC),
        "aws_lambda": (Strategy.CUSTOM, Provider.FUNCTION),
    }
    for name, (strategy, provider) in others.items():
        for _ in every(node, name):
            yield RuleDeclaration(strategy, provider)
