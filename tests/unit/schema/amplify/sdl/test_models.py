"""A model is taken down with its keys, indexes and operations, and what contradicts itself is refused."""

import pytest

from schema.amplify.sdl.declarations import IndexDeclaration, Origin
from tests.unit.schema.amplify.sdl.texts import OLD, model_of, problems_of


def test_a_key_of_several_fields_is_stored_in_two_attributes() -> None:
    model = model_of('type A @model { a: ID! @primaryKey(sortKeyFields: ["b", "c"]) b: Int! c: String! }')
    assert model.key == ("a", "b", "c")
    assert model.key_attributes == ("a", "b#c")
    assert "id" not in model.fields


def test_indexes_have_the_names_and_queries_that_amplify_gives_them() -> None:
    text = """type Person @model {
        id: ID!
        city: String @index @index(name: "byCity", sortKeyFields: ["age"]) @index(name: "silent", queryField: null)
        age: Int @index(name: "byAge", queryField: "peopleOfAge")
    }"""
    assert list(model_of(text).indexes.values()) == [
        IndexDeclaration("peopleByCity", ("city",), "peopleByCity"),
        IndexDeclaration("byCity", ("city", "age"), "peopleByCityAndAge"),
        IndexDeclaration("silent", ("city",), None),
        IndexDeclaration("byAge", ("age",), "peopleOfAge"),
    ]
    assert [index.query for index in model_of(text, OLD).indexes.values()] == [None, None, None, "peopleOfAge"]


def test_an_older_project_has_local_indexes_on_its_own_partition_key() -> None:
    text = """type A @model {
        a: ID! @primaryKey(sortKeyFields: ["b"]) @index(name: "byC", sortKeyFields: ["c"])
        b: ID! @index(name: "byB", sortKeyFields: ["c"])
        c: ID!
    }"""
    assert [index.is_local for index in model_of(text, OLD).indexes.values()] == [True, False]
    assert [index.is_local for index in model_of(text).indexes.values()] == [False, False]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("a: ID! @primaryKey b: ID! @primaryKey", "A has two @primaryKey; one may have `sortKeyFields`"),
        ('a: ID! @primaryKey(sortKeyFields: ["a"])', "A names a field twice in a key: a, a"),
        ('a: ID! @index(name: "byA", sortKeyFields: ["z"])', "A has no field z to be part of a key"),
        ("a: [ID!] @index", "A.a is a list, and a key has single values only"),
        ('a: ID @index(name: "byA") b: ID @index(name: "byA")', "A has two indexes of the name byA"),
        ('a: ID @index(name: "by A")', "A: DynamoDB takes no index of the name 'by A'"),
        ("a: Boolean! @primaryKey", "A.a is of type Boolean, and a key has texts, numbers and enums only"),
        ("a: N @index } type N { a: Int", "A.a is of type N, and a key has texts, numbers and enums only"),
        ("id: [ID]", "A.id is a list, and a key has single values only"),
        ("id: A", "A.id is of type A, and a key has texts, numbers and enums only"),
        ('id: ID @http(url: "x")', "A.id is not stored, and a key has what rows store"),
        ("id: A @hasOne", "A has no field id to be part of a key"),
        ("a: ID @primaryKey", "A.a may be null, and a part of the primary key may not"),
        (
            'a: ID! @primaryKey(sortKeyFields: ["b"]) b: ID',
            "A.b may be null, and a part of the primary key may not",
        ),
        ("a: A @hasMany", "@hasMany is for lists, not for A"),
        ("a: [A] @belongsTo", "@belongsTo is for single rows, not for [A]"),
    ],
)
def test_what_contradicts_itself_is_refused(fields: str, problem: str) -> None:
    assert problems_of(f"type A @model {{ {fields} }}") == (f"schema.graphql:1: {problem}",)


def test_operations_may_be_renamed_or_absent() -> None:
    text = """type A @model(
        queries: { get: "one" }
        mutations: { update: null }
        subscriptions: { onCreate: "made", onDelete: ["gone", "removed"] }
    ) { id: ID! }"""
    names = model_of(text).operations
    assert (names.get, names.list) == ("one", "listAS")
    assert (names.create, names.update, names.delete) == ("createA", None, "deleteA")
    # Nothing is heard of updates that there are none of.
    assert (names.on_create, names.on_update, names.on_delete) == (("made",), (), ("gone", "removed"))
    # An older project has only what it names.
    older = model_of(text, OLD).operations
    assert (older.list, older.create, older.on_create) == (None, None, ())


def test_subscriptions_may_be_off_or_public() -> None:
    off = model_of("type A @model(subscriptions: { level: off }) { id: ID! }").operations
    assert (off.on_create, off.on_update, off.on_delete, off.are_subscriptions_public) == ((), (), (), False)
    text = "type A @model(subscriptions: { level: public }) @auth(rules: [{ allow: owner }]) { id: ID! }"
    for flags in (None, OLD):
        model = model_of(text) if flags is None else model_of(text, flags)
        assert model.operations.on_create == ("onCreateA",)
        assert model.operations.are_subscriptions_public
        assert model.heard_owners == ()


def test_timestamps_may_be_renamed_declared_or_absent() -> None:
    renamed = model_of('type A @model(timestamps: { createdAt: "made", updatedAt: null }) { id: ID! }')
    assert (renamed.created_at, renamed.updated_at) == ("made", None)
    assert renamed.fields["made"].origin is Origin.IMPLIED_TIMESTAMP
    assert model_of("type A @model(timestamps: null) { id: ID! }").fields.keys() == {"id"}
    written = model_of("type A @model { id: ID! createdAt: String }")
    assert written.fields["createdAt"].origin is Origin.WRITTEN


def test_a_long_subscription_is_shortened_as_amplify_does() -> None:
    names = model_of("type AnOrganisationMembershipApplicationDecision @model { id: ID! }").operations
    assert [len(name) for name in (*names.on_create, *names.on_update)] == [50, 50]


def test_defaults_are_kept_as_text() -> None:
    model = model_of('type A @model { id: ID! n: Int @default(value: "60") s: String }')
    assert model.fields["n"].default == "60"
    assert model.fields["s"].default is None


@pytest.mark.parametrize(
    ("type_", "created_at"),
    [("AWSDateTime", "createdAt"), ("String!", "createdAt"), ("AWSTimestamp", None), ("[String]", None)],
)
def test_moments_are_set_where_the_field_can_hold_them(type_: str, created_at: str | None) -> None:
    model = model_of(f"type A @model {{ id: ID! createdAt: {type_} }}")
    assert (model.created_at, model.updated_at) == (created_at, "updatedAt")
