"""What the rules of a model's fields mean for its rows, as Amplify's matrix of roles and fields has it."""

from dataclasses import replace

from schema.amplify.declaration import Model
from schema.amplify.rules import (
    EVERYTHING,
    READING,
    AuthRule,
    Groups,
    Operation,
    Owner,
    Private,
    Public,
    Way,
    covers,
)
from schema.amplify.sdl.declaring import catalogue_of
from tests.unit.schema.amplify.sdl.texts import app_of


def model(text: str) -> Model:
    return catalogue_of(app_of(text)).models["A"]


def allowed(model: Model) -> dict[type[AuthRule], set[str]]:
    return {type(rule): {operation.value for operation in rule.operations} for rule in model.rules}


def test_without_rules_of_fields_nothing_is_kept_of_fields() -> None:
    plain = model('type A @model @auth(rules: [{ allow: groups, groups: ["a", "b"] }]) { id: ID! x: Int }')
    assert (plain.field_rules, plain.guarded) == ({}, frozenset())
    assert plain.rules == (Groups(frozenset({"a", "b"}), EVERYTHING),)


def test_whoever_may_do_something_with_a_field_may_do_it_with_the_row() -> None:
    found = model("""type A @model @auth(rules: [{ allow: owner }]) {
      id: ID! x: Int @auth(rules: [{ allow: private, operations: [read, update] }, { allow: owner }]) }""")
    assert allowed(found) == {Owner: {"create", "read", "update", "delete"}, Private: {"read", "update"}}
    # Others than the owner read no other field, and Amplify's own fields have no rules.
    assert found.guarded == {"id"}
    assert found.field_rules.keys() == {"id", "x"}


def test_to_delete_a_row_is_to_delete_each_of_its_fields() -> None:
    found = model("""type A @model @auth(rules: [{ allow: private }, { allow: owner }]) {
      id: ID! x: Int @auth(rules: [{ allow: private, operations: [read] }, { allow: owner }]) }""")
    assert allowed(found) == {Private: {"create", "read", "update"}, Owner: {"create", "read", "update", "delete"}}


def test_each_group_is_a_role_of_its_own() -> None:
    found = model("""type A @model @auth(rules: [{ allow: groups, groups: ["a", "b"] }]) {
      id: ID! x: Int @auth(rules: [{ allow: groups, groups: ["a"] }]) }""")
    by_group = {rule.groups: rule.operations for rule in found.rules if isinstance(rule, Groups)}
    assert by_group == {frozenset({"a"}): EVERYTHING, frozenset({"b"}): EVERYTHING - {Operation.DELETE}}
    assert found.guarded == {"x"}


def test_a_role_without_any_field_has_no_row_either() -> None:
    rules = "@auth(rules: [{ allow: private }])"
    found = model(f"type A @model @auth(rules: [{{ allow: owner }}]) {{ id: ID! {rules} x: Int {rules} }}")
    assert allowed(found) == {Private: {"create", "read", "update", "delete"}}


def test_fields_may_be_read_in_all_ways_by_whom_their_own_rules_name() -> None:
    found = model("""type A @model @auth(rules: [{ allow: private, operations: [get] }]) {
      id: ID! x: Int @auth(rules: [{ allow: groups, groups: ["a"], operations: [read] }]) }""")
    assert {type(rule): rule.ways for rule in found.rules} == {Private: {Way.GET}, Groups: set(Way)}


def test_the_rule_of_all_types_is_not_that_of_one_whose_fields_have_rules() -> None:
    setting = "input AMPLIFY { globalAuthRule: AuthRule = { allow: public } }"
    ruled = model(f"{setting} type A @model {{ id: ID! @auth(rules: [{{ allow: private }}]) x: Int }}")
    assert allowed(ruled) == {Private: {"create", "read", "update"}}
    assert ruled.field_rules["x"] == ()


def test_groups_in_a_field_that_rows_lack_admit_nobody() -> None:
    found = model('type A @model @auth(rules: [{ allow: groups, groupsField: "none" }]) { id: ID! }')
    assert found.rules == ()


def test_private_covers_whoever_is_signed_in_and_no_guest() -> None:
    owner = Owner("owner", READING)
    assert covers([Private(READING)], owner)
    assert covers([replace(owner, operations=EVERYTHING)], owner)
    assert not covers([owner], Private(READING))
    assert not covers([Private(READING)], Public(READING))
