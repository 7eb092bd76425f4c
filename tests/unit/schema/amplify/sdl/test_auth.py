"""A rule has all that it leaves unsaid."""

import pytest

from schema.amplify.sdl.declarations import ALL_ACTIONS, READING, Action, Provider, RuleDeclaration, Strategy
from tests.unit.schema.amplify.sdl.texts import OLD, app_of, model_of, problems_of

OWNER = RuleDeclaration(
    Strategy.OWNER, Provider.USER_POOLS, owner_field="owner", identity_claims=("sub", "username")
)


def rule(text: str) -> RuleDeclaration:
    (made,) = model_of(f"type Todo @model @auth(rules: [{{ {text} }}]) {{ id: ID! }}").rules
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("allow: owner", OWNER),
        (
            'allow: owner, ownerField: "by", identityClaim: "email", provider: oidc',
            RuleDeclaration(Strategy.OWNER, Provider.OIDC, owner_field="by", identity_claims=("email",)),
        ),
        ("allow: private", RuleDeclaration(Strategy.PRIVATE, Provider.USER_POOLS)),
        ("allow: private, provider: identityPool", RuleDeclaration(Strategy.PRIVATE, Provider.IAM)),
        ("allow: public", RuleDeclaration(Strategy.PUBLIC, Provider.API_KEY)),
        ("allow: custom", RuleDeclaration(Strategy.CUSTOM, Provider.FUNCTION)),
        (
            'allow: groups, groups: "admin"',
            RuleDeclaration(Strategy.GROUPS, Provider.USER_POOLS, groups=("admin",), group_claim="cognito:groups"),
        ),
        (
            'allow: groups, groupsField: "team", groupClaim: "teams"',
            RuleDeclaration(Strategy.GROUPS, Provider.USER_POOLS, groups_field="team", group_claim="teams"),
        ),
        (
            "allow: groups",
            RuleDeclaration(
                Strategy.GROUPS, Provider.USER_POOLS, groups_field="groups", group_claim="cognito:groups"
            ),
        ),
    ],
)
def test_a_rule_is_taken_down(text: str, expected: RuleDeclaration) -> None:
    assert rule(text) == expected


def test_read_means_every_way_of_reading() -> None:
    assert rule("allow: private, operations: [read]").actions == READING
    assert rule("allow: private, operations: [get, sync, search]").actions == {Action.GET}
    assert rule("allow: private, operations: [listen, create]").actions == {Action.LISTEN, Action.CREATE}
    assert rule("allow: private, operations: []").actions == frozenset()
    assert rule("allow: private").actions == ALL_ACTIONS


def test_owners_of_older_projects_are_known_by_their_names() -> None:
    (made,) = model_of("type Todo @model @auth(rules: [{ allow: owner }]) { id: ID! }", OLD).rules
    assert made.identity_claims == ("username",)


def test_the_project_s_rule_is_for_types_without_rules() -> None:
    setting = "input AMPLIFY { globalAuthRule: AuthRule = { allow: public } }"
    app = app_of(f"{setting} type A @model {{ id: ID! }} type B @model @auth(rules: []) {{ id: ID! }}")
    assert app.models["A"].rules == (RuleDeclaration(Strategy.PUBLIC, Provider.API_KEY),)
    assert app.models["B"].rules == ()
    assert app.inputs == {}


def test_without_any_rule_nobody_may_do_anything() -> None:
    assert model_of("type Todo @model { id: ID! }").rules == ()


def test_a_field_has_rules_of_its_own() -> None:
    text = "type Todo @model { id: ID! secret: String @auth(rules: [{ allow: owner }]) }"
    model = model_of(text)
    assert model.fields["secret"].rules == (OWNER,)
    assert model.fields["id"].rules is None
    # The field by which owners are known is implied by it.
    assert str(model.fields["owner"].type) == "String"
    assert model.heard_owners == ("owner",)


@pytest.mark.parametrize(
    ("rule", "fields", "problem"),
    [
        (
            'allow: owner, ownerField: "a"',
            "a: A @hasOne",
            "A.a leads to other rows, and @auth wants a stored text",
        ),
        ('allow: owner, ownerField: "a"', "a: A", "A.a is of type A, and @auth wants a stored text"),
        ('allow: owner, ownerField: "n"', "n: Int", "A.n is of type Int, and @auth wants a stored text"),
        ('allow: owner, ownerField: "n"', "n: ID @connection", "A.n is of type ID, and @auth wants a stored text"),
        (
            'allow: groups, groupsField: "b"',
            "b: [Boolean]",
            "A.b is of type [Boolean], and @auth wants a stored text",
        ),
    ],
)
def test_owners_and_groups_are_named_by_texts(rule: str, fields: str, problem: str) -> None:
    text = f"type A @model @auth(rules: [{{ {rule} }}]) {{ id: ID! {fields} }}"
    assert problems_of(text) == (f"schema.graphql:1: {problem}",)


def test_a_list_of_groups_has_no_nulls() -> None:
    text = "type A @model @auth(rules: [{ allow: groups, groups: [null] }]) { id: ID! }"
    (problem,) = problems_of(text)
    assert "invalid value at [0].groups[0]" in problem
