"""Relations say in full which fields and which index lead to the other rows; what leads nowhere is refused."""

import pytest

from schema.amplify.sdl.declarations import IndexDeclaration, Origin, RelationDeclaration
from tests.unit.schema.amplify.sdl.texts import OLD, app_of, problems_of

BLOG = """
type Blog @model { id: ID! name: String! @primaryKey(sortKeyFields: ["year"]) year: Int! posts: [Post!]! @hasMany }
type Post @model { id: ID! blog: Blog! @belongsTo picture: Picture @hasOne }
type Picture @model { id: ID! post: Post @belongsTo }
"""


def test_a_relation_to_many_adds_the_key_and_an_index_to_the_other_type() -> None:
    app = app_of(BLOG)
    held = ("blogPostsName", "blogPostsYear")
    assert app.models["Post"].indexes == {"gsi-Blog.posts": IndexDeclaration("gsi-Blog.posts", held)}
    assert [str(app.models["Post"].fields[name].type) for name in held] == ["String!", "Int!"]
    assert {app.models["Post"].fields[name].origin for name in held} == {Origin.IMPLIED_KEY}
    assert app.models["Blog"].relations["posts"] == RelationDeclaration(
        "posts", "Post", ("name", "year"), is_many=True, index="gsi-Blog.posts"
    )


def test_the_way_back_of_a_relation_to_many_leads_by_the_added_key() -> None:
    back = app_of(BLOG).models["Post"].relations["blog"]
    assert back == RelationDeclaration("blog", "Blog", ("blogPostsName", "blogPostsYear"), is_required=True)


def test_both_ways_of_a_relation_to_one_have_keys_of_their_own() -> None:
    app = app_of(BLOG)
    assert app.models["Post"].relations["picture"].fields == ("postPictureId",)
    assert app.models["Picture"].relations["post"].fields == ("picturePostId",)


def test_older_projects_call_every_added_key_id_and_index_its_first_part_only() -> None:
    app = app_of(BLOG, flags=OLD)
    assert app.models["Blog"].relations["posts"].fields == ("name",)
    assert app.models["Post"].indexes["gsi-Blog.posts"].fields == ("blogPostsId",)
    assert str(app.models["Post"].fields["blogPostsId"].type) == "ID!"
    assert app.models["Post"].relations["blog"].fields == ("blogPostsId", "blogPostsYear")


def test_relations_by_references_are_held_by_the_other_type() -> None:
    app = app_of("""
        type A @model { id: ID! bs: [B] @hasMany(references: "aId") c: C @hasOne(references: ["aId"]) }
        type B @model { id: ID! aId: ID a: A @belongsTo(references: ["aId"]) }
        type C @model { id: ID! aId: ID a: A @belongsTo }
    """)
    assert app.models["A"].relations["bs"] == RelationDeclaration(
        "bs", "B", ("id",), is_many=True, index="gsi-A.bs"
    )
    assert app.models["A"].relations["c"] == RelationDeclaration("c", "C", ("id",), index="gsi-A.c")
    assert app.models["B"].relations["a"].fields == ("aId",)
    assert app.models["B"].indexes["gsi-A.bs"].fields == ("aId",)


def test_a_way_back_that_says_nothing_leads_by_the_index_of_the_way_forth() -> None:
    app = app_of("""
        type A @model { id: ID! bs: [B] @hasMany(indexName: "byA", fields: ["id"]) }
        type B @model { id: ID! aId: ID @index(name: "byA", sortKeyFields: ["n"]) n: Int a: A @belongsTo }
    """)
    assert app.models["B"].relations["a"].fields == ("aId",)
    assert app.models["A"].relations["bs"].sort_fields == ("n",)


def test_a_relation_by_an_index_alone_leads_by_the_own_key() -> None:
    app = app_of("""
        type A @model { id: ID! bs: [B] @hasMany(indexName: "byA") }
        type B @model { id: ID! aId: ID @index(name: "byA") }
    """)
    assert app.models["A"].relations["bs"].fields == ("id",)
    # Amplify adds it all the same.
    assert "aBsId" in app.models["B"].fields


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("p: P @hasOne", "A.p leads to P, which is no @model"),
        ('b: B @hasOne(fields: ["x"])', "A has no stored field x, which b names"),
        ('b: B @hasOne(references: ["x"])', "B has no stored field x, which b names"),
        ('b: B @hasOne(fields: ["id"], references: ["bs"])', "A.b has both `fields` and `references`"),
        ('b: [B] @hasMany(indexName: "x", fields: ["id"])', "B has no index x, which b names"),
        ("b: B @belongsTo", "A.b needs `fields`, or a @hasOne or @hasMany back in B"),
        ('b: B @hasOne(fields: ["id", "n"])', "A.b has 2 fields for the key of B: id"),
        ('b: B @hasOne(fields: ["n"])', "A.n is a Int and B.id, to which b leads, a ID"),
    ],
)
def test_what_leads_nowhere_is_refused(fields: str, problem: str) -> None:
    text = f"type A @model {{ id: ID! n: Int {fields} }} type B @model {{ id: ID! }} type P {{ x: Int }}"
    assert problems_of(text) == (f"schema.graphql:1: {problem}",)


def test_a_field_of_a_model_s_type_without_a_relation_is_not_stored() -> None:
    app = app_of("type A @model { id: ID! b: B } type B @model { id: ID! }")
    assert app.models["A"].fields["b"].origin is Origin.UNRELATED


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'bs: [B] @hasMany(indexName: "byN", fields: ["id"]) } type B @model { n: Int @index(name: "byN")',
            "A.id is of type ID, and B.n, by which bs finds rows, of type Int",
        ),
        (
            'b: [B] @hasMany(indexName: "byM", fields: ["id", "id"]) } type B @model { m: ID @index(name: "byM")',
            "A.b has 2 fields, and index byM of B only m",
        ),
        (
            "aBId: Int b: B @hasOne } type B @model { id: ID!",
            "A.aBId is a Int and B.id, to which b leads, a ID",
        ),
    ],
)
def test_fields_that_no_key_is_like_are_refused(text: str, problem: str) -> None:
    assert problems_of(f"type A @model {{ id: ID! {text} }}") == (f"schema.graphql:1: {problem}",)
