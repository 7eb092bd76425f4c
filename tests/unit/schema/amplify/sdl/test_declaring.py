"""An app's catalogue has the models, tables and rules that its schema declares, and admits nobody beyond them."""

import pytest

from models.storage.store import table_keys
from models.tables.base import KeyAttribute
from schema.amplify.catalogue import Catalogue
from schema.amplify.rules import EVERYTHING, Owner
from schema.amplify.sdl.declaring import MOST_INDEXES, catalogue_of
from tests.unit.schema.amplify.sdl.texts import OLD, app_of


def catalogue(text: str, rules: str = "") -> Catalogue:
    return catalogue_of(app_of(text, rules))


def test_owners_of_older_projects_are_stored_by_their_names_alone() -> None:
    app = catalogue_of(app_of("type A @model @auth(rules: [{ allow: owner }]) { id: ID! }", flags=OLD))
    assert app.models["A"].rules == (Owner("owner", EVERYTHING, claims=("username",)),)


def test_a_table_has_the_attributes_of_its_keys_by_their_types() -> None:
    app = catalogue(
        """enum Kind { ONE }
        type A @model { a: Kind! @primaryKey(sortKeyFields: ["n"]) n: Int! t: AWSTimestamp
          s: String @index(name: "byS", sortKeyFields: ["n", "t"]) f: Float @index(name: "byF") }""",
        'extend type A @ttl(field: "t") @fixed(fields: ["s"])',
    )
    model = app.models["A"]
    assert table_keys(model.table) == (KeyAttribute("a"), KeyAttribute("n", "N"))
    by_s, by_f = model.finders["byS"], model.finders["byF"]
    assert (by_s.hash, by_s.range, by_s.keys.sort) == (KeyAttribute("s"), KeyAttribute("n#t"), ("n", "t"))
    assert (by_f.hash, by_f.range) == (KeyAttribute("f", "N"), None)
    assert model.fixed == {"s"}
    attributes = {one.attr_name for one in model.table.get_attributes().values()}
    assert "t" in attributes


def test_owners_have_an_index_of_ours_where_the_schema_has_none() -> None:
    rules = "@auth(rules: [{ allow: owner }])"
    app = catalogue(f"""
        type A @model {rules} {{ id: ID! }}
        type B @model {rules} {{ id: ID! owner: String @index(name: "byOwner") }}
        type C @model(timestamps: null) {rules} {{ id: ID! }}
    """)
    found = app.models["A"].finders["own-owner"]
    assert (found.hash.name, found.range, found.query) == ("owner", KeyAttribute("createdAt"), None)
    # No argument compares what sorts it.
    assert found.keys.sort == ()
    assert list(app.models["B"].finders) == ["byOwner"]
    assert app.models["C"].finders["own-owner"].range is None


def test_groups_that_a_row_names_have_one_too_but_not_lists_of_names() -> None:
    app = catalogue("""
        type A @model @auth(rules: [
          { allow: groups, groupsField: "team" } { allow: groups, groupsField: "teams" }
          { allow: owner, ownerField: "editors" }
        ]) { id: ID! team: String teams: [String] editors: [String] }
    """)
    assert list(app.models["A"].finders) == ["own-team"]


def test_the_claims_that_rules_name_are_those_that_callers_need() -> None:
    app = catalogue("""
        type A @model @auth(rules: [
          { allow: owner, identityClaim: "team::email" } { allow: groups, groups: ["a"], groupClaim: "roles" }
          { allow: groups, groupsField: "x" } { allow: private, operations: [read] }
        ]) { id: ID! x: String y: Y z: Int @auth(rules: [{ allow: groups, groups: ["a"], groupClaim: "ranks" }]) }
        type Y { part: String @auth(rules: [{ allow: groups, groups: ["a"], groupClaim: "parts" }]) }
        type Query {
          now: Int @function(name: "f") @auth(rules: [{ allow: groups, groups: ["a"], groupClaim: "c" }])
        }
    """)
    assert app.claims == {"team", "email", "roles", "cognito:groups", "ranks", "parts", "c"}


def test_defaults_are_values_and_those_of_required_fields_must_be_sent_all_the_same() -> None:
    app = catalogue("""type A @model { id: ID!
        i: Int @default(value: "3") f: Float @default(value: "1.5") b: Boolean @default(value: "true")
        s: String @default(value: "x") r: Int! @default(value: "4") }""")
    fields = app.models["A"].fields
    assert {name: fields[name].default for name in "ifbsr"} == {"i": 3, "f": 1.5, "b": True, "s": "x", "r": None}
    # A row that lacks the attribute has no default.
    assert fields["i"].decode(None) is None


def test_types_in_rows_may_contain_each_other() -> None:
    app = catalogue("""
        type Todo @model { id: ID! place: Place }
        "Where." type Place { name: String inside: Place }
        type Unused { x: Int }
    """)
    place = app.nested["Place"]
    assert place.fields["inside"].nested is place
    assert place.description == "Where."
    assert "Unused" in app.nested
    wire = {"M": {"name": {"S": "here"}, "inside": {"M": {"name": {"S": "there"}}}}}
    decoded = app.models["Todo"].fields["place"].decode(wire)
    assert decoded == {"name": "here", "inside": {"name": "there", "inside": None}}


def test_what_rows_do_not_have_is_no_field() -> None:
    app = catalogue('type A @model { id: ID! a: A x: Int @function(name: "f") }')
    assert app.models["A"].fields.keys() == {"id", "createdAt", "updatedAt"}
    assert app.models["A"].unwritable == {"createdAt", "updatedAt"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'type A @model @auth(rules: [{ allow: owner, ownerField: "n" }]) { id: ID! n: N } type N { x: Int }',
            "A.n is of type N, and @auth wants a stored text",
        ),
        (
            "type A @model @auth(rules: [{ allow: owner }]) { id: ID! owner: Who } enum Who { ME }",
            "A.owner is of type Who, and @auth wants a stored text",
        ),
        (
            "type A @model { id: ID! n: N } type N { rows: [A] }",
            "A.n is of type N, of which rows could hold nothing",
        ),
    ],
)
def test_objects_in_rows_that_could_not_be_are_refused(text: str, problem: str) -> None:
    with pytest.raises(TypeError) as refused:
        catalogue(text)
    assert str(refused.value) == problem


def test_a_table_has_no_more_indexes_than_dynamodb_takes() -> None:
    def text(indexes: int, rule: str = "") -> str:
        fields = " ".join(f"f{n}: ID @index" for n in range(indexes))
        return f"type A @model {rule} {{ id: ID! {fields} }}"

    owned = "@auth(rules: [{ allow: owner }])"
    assert len(catalogue(text(MOST_INDEXES)).models["A"].finders) == MOST_INDEXES
    assert len(catalogue(text(MOST_INDEXES - 1, owned)).models["A"].finders) == MOST_INDEXES
    with pytest.raises(TypeError, match="A has 21 indexes; a table takes 20 at most"):
        catalogue(text(MOST_INDEXES + 1))
    with pytest.raises(TypeError, match=r"A has 21 indexes, with .* their rows \(own-owner\); a table takes 20"):
        catalogue(text(MOST_INDEXES, owned))


def test_an_answer_may_hold_rows_and_what_is_stored_may_not() -> None:
    found = catalogue("type A @model { id: ID! } type Found { rows: [A!]! count: Int }").nested["Found"]
    assert (found.rows, [*found.fields]) == ({"rows": "[A!]!"}, ["count"])
    assert found.encode({"count": 1, "rows": [{}], "more": 2}) == {"M": {"count": {"N": "1"}}}


def test_a_relation_has_pages_as_large_as_the_schema_says() -> None:
    for limit, expected in (("", None), ("(limit: 100)", None), ("(limit: 7)", 7), ("(limit: 5000)", 1_000)):
        app = catalogue(f"type A @model {{ id: ID! bs: [B] @hasMany{limit} }} type B @model {{ id: ID! }}")
        assert app.models["A"].relations["bs"].limit == expected
