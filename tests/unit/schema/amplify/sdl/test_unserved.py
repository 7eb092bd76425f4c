"""What a schema asks for and is not served is listed by name, and the rest is imported all the same."""

from graphql import Source

from schema.amplify.sdl.declarations import Origin
from schema.amplify.sdl.importing import declared
from schema.amplify.sdl.project import Project
from tests.unit.schema.amplify.sdl.texts import app_of

TEXT = """
type Post @model @searchable
  @key(name: "byTitle", fields: ["title"], queryField: "postsByTitle")
  @key(fields: ["id", "title"])
  @versioned
  @auth(rules: [{ allow: private, provider: iam }, { allow: owner, provider: oidc }, { allow: custom }]) {
  id: ID!
  title: String! @validate(type: "minLength", value: "3")
  comments: [Comment] @connection(keyName: "byPost", fields: ["id"])
  weather: String @http(url: "https://example.com")
  price: Int @function(name: "price")
  hint: String @auth(rules: [{ allow: private }, { allow: public, provider: iam }])
}
type Comment @model @mapsTo(name: "Remark") @searchable(queries: { search: null }) { id: ID! }
type Query {
  speech(text: String!): String @predictions(actions: [convertTextToSpeech])
  nothing: Int
  secret: Int @function(name: "f") @aws_iam
}
"""


def test_everything_is_listed_by_its_name() -> None:
    assert [item.name for item in app_of(TEXT).not_served] == [
        "Query.searchPosts",
        "Query.postsByTitle",
        "Post",
        "Post",
        "Post.title",
        "Post.comments",
        "Post.weather",
        "Post.price",
        "Comment",
        "Query.speech",
        "Post",
        "Post",
        "Post",
        "Post.hint",
        "Query.speech",
        "Query.nothing",
        "Query.secret",
    ]


def test_a_line_says_what_and_why() -> None:
    lines = [str(item) for item in app_of(TEXT).not_served]
    assert "Query.searchPosts: @searchable needs OpenSearch" in lines
    assert (
        "Post: the rule { allow: private, provider: iam } admits nobody: "
        "a caller's signature by IAM cannot be verified here" in lines
    )
    assert "Query.nothing: neither @function nor @aws_subscribe answers it" in lines


def test_a_subscription_to_no_mutation_is_listed() -> None:
    heard = '@aws_subscribe(mutations: ["createPost", "say", "shout"])'
    text = f"""type Post @model {{ id: ID! }} type Mutation {{ say: Post @function(name: "say") }}
        type Subscription {{ heard: Post {heard} }}"""
    (item,) = app_of(text).not_served
    assert str(item) == "Subscription.heard: @aws_subscribe names shout, which is no mutation"


def test_fields_that_are_not_served_are_there_and_say_so() -> None:
    fields = app_of(TEXT).models["Post"].fields
    unserved = {name for name, field in fields.items() if field.origin is Origin.NOT_SERVED}
    assert unserved == {"comments", "weather", "price"}


def test_conflict_resolution_is_listed_for_every_model() -> None:
    text = "type Person @model { id: ID! } type News @model { id: ID! }"
    app = declared(Project((Source(text, "schema.graphql"),), has_conflict_resolution=True))
    assert [item.name for item in app.not_served] == ["Query.syncPeople", "Query.syncNews"]


def test_a_function_that_changes_would_go_to_is_named() -> None:
    app = app_of("type A @model { id: ID! }", 'extend type A @stream(handler: "told")')
    (one,) = app.not_served
    assert str(one).startswith("A: @stream hands no changes to told")


def test_arguments_of_stored_fields_are_listed() -> None:
    text = """
    type Post @model {
      title(length: Int, case: String): String
      comments(limit: Int, after: ID): [Comment] @hasMany
    }
    type Comment @model { text: String by(full: Boolean): Author }
    type Author { name(full: Boolean): String }
    """
    assert [item.name for item in app_of(text).not_served] == [
        "Post.title(length:)",
        "Post.title(case:)",
        "Post.comments(after:)",
        "Comment.by(full:)",
        "Author.name(full:)",
    ]
