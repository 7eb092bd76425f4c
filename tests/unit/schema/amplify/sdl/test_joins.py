"""A many-to-many relation becomes a model of its own between the two."""

from schema.amplify.sdl.declarations import IndexDeclaration, RelationDeclaration, Strategy
from tests.unit.schema.amplify.sdl.texts import OLD, app_of, problems_of

TEXT = """
type Student @model @auth(rules: [{ allow: owner }]) {
  name: String
  clubs: [Club] @manyToMany(relationName: "member-ship", limit: 10)
}
type Club @model @auth(rules: [{ allow: public }]) {
  city: String! @primaryKey(sortKeyFields: ["name"])
  name: String!
  members: [Student] @manyToMany(relationName: "member-ship")
}
"""


def test_the_join_holds_both_keys_with_an_index_by_each() -> None:
    join = app_of(TEXT).models["Membership"]
    assert {name: str(field.type) for name, field in join.fields.items()} == {
        "id": "ID!",
        "studentId": "ID!",
        "clubCity": "String!",
        "clubname": "String!",
        "createdAt": "AWSDateTime!",
        "updatedAt": "AWSDateTime!",
        "owner": "String",
    }
    assert list(join.indexes.values()) == [
        IndexDeclaration("byStudent", ("studentId",), "membershipsByStudentId"),
        IndexDeclaration("byClub", ("clubCity", "clubname"), "membershipsByClubCityAndClubname"),
    ]
    assert join.relations["club"] == RelationDeclaration(
        "club", "Club", ("clubCity", "clubname"), is_required=True
    )
    assert [rule.strategy for rule in join.rules] == [Strategy.OWNER, Strategy.PUBLIC]


def test_both_types_lead_to_the_join() -> None:
    models = app_of(TEXT).models
    assert models["Student"].relations["clubs"] == RelationDeclaration(
        "clubs", "Membership", ("id",), is_many=True, index="byStudent", limit=10
    )
    assert models["Club"].relations["members"].fields == ("city", "name")


def test_older_projects_call_the_keys_id() -> None:
    join = app_of(TEXT, flags=OLD).models["Membership"]
    assert list(join.indexes.values()) == [
        IndexDeclaration("byStudent", ("studentID",), None),
        IndexDeclaration("byClub", ("clubID", "clubname"), None),
    ]


def test_a_name_that_joins_no_two_types_is_refused() -> None:
    text = 'type A @model { id: ID! as: [A] @manyToMany(relationName: "x") }'
    assert problems_of(text) == ('schema.graphql:1: "x" joins two types, and stands in 1 places',)


def test_a_join_that_has_the_name_of_a_type_is_refused() -> None:
    text = TEXT + "type Membership @model { id: ID! }"
    assert problems_of(text) == (
        'schema.graphql:4: "member-ship" makes a type Membership, and there is one already',
    )


def test_a_type_is_not_joined_with_itself() -> None:
    joined = '@manyToMany(relationName: "Friends")'
    text = f"type Person @model {{ friends: [Person] {joined} of: [Person] {joined} }}"
    assert problems_of(text) == (
        'schema.graphql:1: "Friends" joins Person with itself; write the type between them by hand',
    )
