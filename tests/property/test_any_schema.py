"""Any schema that GraphQL's grammar takes is served, or refused with what is wrong: never with a traceback."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ExpectedError
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.api import Api
from resolvers.apps.imported import imported
from resolvers.apps.shapes import rows_of
from resolvers.hosting.settings import ServerSettings
from workflows.executions.services import Services

MODELS = ("List", "Item")
NAMES = st.sampled_from(["id", "owner", "createdAt", "listId", "info", "items", "a", "b"])
# Most are such that a schema can be served.
SCALARS = (
    *["ID", "String"] * 4,
    "Int",
    "Float",
    "Boolean",
    "AWSDateTime",
    "AWSTimestamp",
    "AWSJSON",
    "Kind",
    "Place",
)
LISTS = st.sampled_from([*["{}"] * 8, "[{}]", "[{}!]"])
REQUIRED = st.sampled_from(["", "!"])
AUTH = (
    "@auth(rules: [{ allow: private }])",
    "@auth(rules: [{ allow: owner }])",
    '@auth(rules: [{ allow: owner, ownerField: "a", operations: [create, list] }])',
    '@auth(rules: [{ allow: groups, groupsField: "b" }])',
    "@auth(rules: [{ allow: private, provider: iam }])",
)
ON_FIELDS = st.sampled_from(
    [
        *[""] * 60,
        *AUTH,
        "@primaryKey",
        '@primaryKey(sortKeyFields: ["a"])',
        '@index(name: "byIt", sortKeyFields: ["a", "b"], queryField: "byIt")',
        '@default(value: "1")',
        '@http(url: "x")',
        "@connection",
    ]
)
RELATIONS = st.sampled_from(
    [
        *[""] * 4,
        "at: List @hasOne",
        "at: List @belongsTo",
        'at: Item! @hasOne(fields: ["a"])',
        "in: [Item] @hasMany(limit: 2)",
        'in: [Item] @hasMany(references: ["listId"])',
        'in: [Item] @hasMany(indexName: "byIt", fields: ["id"])',
        'all: [List] @manyToMany(relationName: "ListItem")',
    ]
)
MODEL = st.sampled_from(
    [
        *["@model"] * 4,
        "@model(timestamps: null)",
        "@model(queries: null)",
        '@model(mutations: { create: "make" }, timestamps: { createdAt: "a", updatedAt: "b" })',
        '@model(subscriptions: { onCreate: ["heard"], onUpdate: ["heard"] })',
    ]
)
RULES = st.sampled_from(
    [
        "@unique(fields: [{0}])",
        '@references(field: {0}, type: "List", onDelete: CASCADE)',
        '@references(field: {0}, type: "Item", onDelete: SET_NULL)',
        '@transitions(field: {0}, initial: ["X"], from: [])',
        "@key(field: {0}, of: [{1}])",
        '@sum(of: {0}, into: "List.a", by: [{1}])',
        "@fixed(fields: [{0}, {1}])",
        "@ttl(field: {0})",
    ]
)
OTHERS = """
enum Kind { X Y }
type Place { x: Int within: Place lists: [List] }
type Query { ask(info: Kind = X): Place @function(name: "ask") }
"""


@st.composite
def models(draw: st.DrawFn, name: str) -> str:
    """Return a type with a table."""
    fields = [
        f"{field}: {draw(LISTS).format(draw(st.sampled_from(SCALARS)))}{draw(REQUIRED)} {draw(ON_FIELDS)}"
        for field in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    ]
    auth = draw(st.sampled_from(["", *AUTH]))
    return f"type {name} {draw(MODEL)} {auth} {{ {' '.join(fields)} {draw(RELATIONS)} }}\n"


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Return a rule beside the schema."""
    named = [f'"{draw(NAMES)}"' for _ in range(2)]
    return f"extend type {draw(st.sampled_from(MODELS))} {draw(RULES).format(*named)}\n"


@settings(max_examples=200, deadline=None)
@given(st.tuples(*map(models, MODELS)), st.lists(rules(), max_size=2))
def test_it_is_served_or_refused(types: tuple[str, ...], beside: list[str]) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "schema.graphql").write_text(OTHERS + "".join(types))
        Path(folder, "rules.graphql").write_text("# rules\n" + "".join(beside))
        try:
            app = imported(Path(folder)).app
        except ExpectedError:
            return
    Api.over(app, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"none")
    rows_of(app)
