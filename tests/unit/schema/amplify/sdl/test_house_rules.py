"""Each rule that a schema declares is held exactly as Amplify holds it, or admits nobody."""

import pytest

from schema.amplify.rules import (
    EVERY_WAY,
    EVERYTHING,
    READING,
    AuthRule,
    Groups,
    GroupsField,
    Owner,
    Private,
    Public,
    Way,
)
from schema.amplify.sdl.declarations import Provider
from schema.amplify.sdl.house_rules import house_rules, rules_of_calls
from tests.unit.schema.amplify.sdl.texts import app_of

NAMES = ("sub", "username")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("allow: owner", [Owner("owner", EVERYTHING, claims=NAMES, is_qualified=True)]),
        ('allow: owner, identityClaim: "sub"', [Owner("owner", EVERYTHING, claims=("sub",))]),
        ('allow: owner, identityClaim: "email"', [Owner("owner", EVERYTHING, claims=("email",))]),
        (
            'allow: owner, ownerField: "editors", identityClaim: "team::email"',
            [Owner("editors", EVERYTHING, claims=("team", "email"), is_qualified=True)],
        ),
        ("allow: private, operations: [read]", [Private(READING)]),
        ("allow: private, operations: [get, listen]", [Private(READING, ways=frozenset({Way.GET, Way.LISTEN}))]),
        ("allow: private, operations: [sync]", [Private(frozenset(), ways=frozenset())]),
        ("allow: public, operations: [read]", [Public(READING, ways=EVERY_WAY, is_for_guests_only=True)]),
        ('allow: groups, groups: ["a", "b"]', [Groups(frozenset({"a", "b"}), EVERYTHING)]),
        ('allow: groups, groupsField: "team"', [GroupsField("team", EVERYTHING)]),
        (
            'allow: groups, groups: ["a"], groupClaim: "teams"',
            [Groups(frozenset({"a"}), EVERYTHING, claim="teams")],
        ),
        (
            'allow: groups, groupsField: "team", groupClaim: "teams"',
            [GroupsField("team", EVERYTHING, claim="teams")],
        ),
        ("allow: owner, provider: oidc", []),
        ("allow: private, provider: iam", []),
        ("allow: public, provider: iam", []),
        ("allow: custom", []),
    ],
)
def test_a_rule_is_held_exactly_or_not_at_all(text: str, expected: list[AuthRule]) -> None:
    app = app_of(f"type A @model @auth(rules: [{{ {text} }}]) {{ id: ID! editors: [String] team: String }}")
    assert list(house_rules(app.models["A"].rules)) == expected


ROOT = """type A @model {{ id: ID! }}
type Query {{ now: String @function(name: "now") {} }}"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@auth(rules: [{ allow: private }])", (Private(EVERYTHING),)),
        ("@auth(rules: [{ allow: public }])", (Public(EVERYTHING, is_for_guests_only=True),)),
        ('@auth(rules: [{ allow: groups, groups: ["a"] }])', (Groups(frozenset({"a"}), EVERYTHING),)),
        # There is no row that could name anybody.
        ('@auth(rules: [{ allow: owner } { allow: groups, groupsField: "team" }])', ()),
        ("@auth(rules: [{ allow: private, provider: iam }])", ()),
    ],
)
def test_a_root_field_has_the_rules_that_need_no_row(text: str, expected: tuple[AuthRule, ...]) -> None:
    (root,) = app_of(ROOT.format(text)).roots
    assert rules_of_calls(root.rules, Provider.USER_POOLS) == expected


def test_without_rules_it_is_for_callers_of_the_default_mode() -> None:
    assert rules_of_calls(None, Provider.USER_POOLS) == (Private(EVERYTHING),)
    assert rules_of_calls(None, Provider.API_KEY) == (Public(EVERYTHING, is_for_guests_only=True),)
    for mode in (Provider.IAM, Provider.OIDC, Provider.FUNCTION):
        assert rules_of_calls(None, mode) == ()
