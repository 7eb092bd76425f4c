"""The rules beside a schema are read, and one that names nothing there is refused."""

from pathlib import Path

import pytest

from models.constraints.declared import (
    Aggregate,
    CompositeField,
    Constraints,
    OnDelete,
    Reference,
    Transitions,
    Unique,
)
from schema.amplify.sdl.importing import import_app
from tests.unit.schema.amplify.sdl.texts import app_of, problems_of

APPS = Path("schema/apps")
SCHEMA = """
enum Status { OPEN DONE }
type List @model { id: ID! total: Float kind: String }
type Item @model {
  owner: ID! @primaryKey(sortKeyFields: ["id"]) @index(name: "byN", sortKeyFields: ["n"]) @index(name: "bare")
  id: ID!
  listId: ID
  n: Int!
  status: Status
  until: AWSTimestamp
  path: String
}
"""


def constraints(rules: str) -> Constraints:
    return app_of(SCHEMA, f"extend type Item {rules}").constraints["Item"]


def test_every_rule_is_taken_down() -> None:
    made = constraints("""
        @unique(fields: ["n"]) @unique(fields: ["owner", "path"])
        @references(field: "listId", type: "List", onDelete: SET_NULL, where: { kind: "a" }, same: ["id"])
        @transitions(field: "status", initial: [OPEN], from: [{ is: OPEN, to: [DONE] }])
        @key(field: "path", of: ["owner", "id"])
        @ttl(field: "until")
        @sum(of: "n", into: "List.total", by: "listId")
        @average(of: "n", into: "List.total", by: "listId")
        @fixed(fields: ["owner"]) @fixed(fields: ["listId"])
        @stream(handler: "item-events")
    """)
    assert made == Constraints(
        unique=(Unique(("n",)), Unique(("owner", "path"))),
        references=(Reference(("listId",), "List", OnDelete.SET_NULL, {"kind": "a"}, ("id",)),),
        transitions=(Transitions("status", ("OPEN",), {"OPEN": ("DONE",)}),),
        composites=(CompositeField("path", ("owner", "id")),),
        aggregates=(
            Aggregate("n", "List", "total", ("listId",), is_average=False),
            Aggregate("n", "List", "total", ("listId",), is_average=True),
        ),
        fixed=frozenset({"owner", "listId"}),
        expires_by="until",
        stream_handler="item-events",
    )


def test_an_index_may_be_local() -> None:
    indexes = app_of(SCHEMA, 'extend type Item @index(name: "byN", kind: LOCAL)').models["Item"].indexes
    assert {name: index.is_local for name, index in indexes.items()} == {"byN": True, "bare": False}


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ('@unique(fields: ["x"])', "@unique: Item has no field x; it has owner, id, listId, n, status, until,"),
        ('@references(field: "listId", type: "Lst")', "@references: there is no type Lst; there are List, Item"),
        (
            '@references(fields: ["owner", "id"], type: "List")',
            "@references: 2 fields cannot hold the key of List, which is id",
        ),
        (
            '@references(field: "listId", type: "List", where: { x: 1 })',
            "@references: List has no field x; it has id, total, kind",
        ),
        (
            '@references(field: "owner", type: "List", onDelete: SET_NULL)',
            "@references: SET_NULL needs a field that may be null, and owner may not",
        ),
        (
            '@transitions(field: "status", initial: [OPEN], from: [{ is: OPN, to: [DONE] }])',
            "@transitions: OPN is no value of Item.status, which has OPEN, DONE",
        ),
        ('@key(field: "path", of: ["x"])', "@key: Item has no field x;"),
        (
            '@key(field: "id", of: ["n", "owner"])',
            "@key: Item.id is part of the table's key, which no update changes, while it may change n, owner;",
        ),
        ('@ttl(field: "path")', "@ttl: Item.path is a String; DynamoDB wants an AWSTimestamp"),
        ('@sum(of: "x", into: "List.total", by: "listId")', "@sum: Item has no field x;"),
        ('@sum(of: "n", into: "total", by: "listId")', "@sum: `into` names no type: total; it is written as"),
        ('@sum(of: "n", into: "List.kind", by: "listId")', "@sum: List.kind is a "),
        ('@sum(of: "listId", into: "List.total", by: "listId")', "@sum: Item.listId is a ID, which is no number"),
        ('@sum(of: "n", into: "List.x", by: "listId")', "@sum: List has no field x; it has id, total, kind"),
        (
            '@average(of: "n", into: "List.total", by: ["owner", "id"])',
            "@average: `by` must name the fields that hold the key of List, which is id",
        ),
        ('@index(name: "x", kind: LOCAL)', "@index: Item has no index x; it has byN, bare"),
        (
            '@index(name: "bare", kind: LOCAL)',
            "@index: bare cannot be local: both need a sort key, and the partition key owner",
        ),
        ('@unqiue(fields: ["n"])', "Unknown directive '@unqiue'."),
    ],
)
def test_a_rule_that_names_nothing_there_is_refused(rules: str, problem: str) -> None:
    found = problems_of(SCHEMA, f"\nextend type Item {rules}")
    assert found[0].startswith(f"rules.graphql:2: {problem}")


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ('extend type Nobody @unique(fields: ["n"])', "Cannot extend type 'Nobody' because it is not defined."),
        ("type Other { id: ID }", "only `extend type` may stand beside a schema"),
        ("extend type Item { more: Int }", "rules add no fields; the schema is the place for those"),
    ],
)
def test_rules_only_add_to_the_types_of_the_schema(rules: str, problem: str) -> None:
    assert problems_of(SCHEMA, rules)[0].startswith(f"rules.graphql:1: {problem}")


def test_the_rules_of_the_apps_are_read() -> None:
    for name, types, told in (("marketplace", 4, ["Booking"]), ("construction", 5, [])):
        app = import_app(APPS / name / "schema.graphql", APPS / name / "rules.graphql")
        assert len(app.constraints) == types
        assert [item.name for item in app.not_served if item.name != "Idempotency"] == told
