"""A rule that its fields cannot keep is refused by name, and one that they can is not."""

import pytest

from tests.unit.schema.amplify.sdl.texts import app_of, problems_of

SCHEMA = """
enum Status { OPEN DONE }
type Place { x: Int }
type List @model { id: ID! total: Float whole: Int n: Int f: Float open: Boolean status: Status kinds: [String] }
type Item @model {
  id: ID! listId: ID number: Int lists: [ID] n: Int! f: Float status: Status open: Boolean
  begun: Status @default(value: "DONE") until: [AWSTimestamp] path: String joined: String! place: Place
}
type Ranked @model { kind: ID! @index(name: "byRank", sortKeyFields: ["rank", "age"]) rank: Int age: Int }
"""
TO_LIST = 'field: "listId", type: "List"'


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("@unique(fields: [])", "it names no field"),
        ('@unique(fields: ["n", "n"])', "it names a field twice: n, n"),
        ("@fixed(fields: [])", "it names no field"),
        ('@references(fields: ["listId"], ' + TO_LIST + ")", "say `field` or `fields`, not both"),
        (
            '@references(field: "number", type: "List")',
            "Item.number is a Int, and List.id, which it should hold, a ID!",
        ),
        (
            '@references(field: "lists", type: "List")',
            "Item.lists is a [ID], and List.id, which it should hold, a ID!",
        ),
        (f'@references({TO_LIST}, where: "x")', "`where` names fields with a value of each, such as"),
        (f"@references({TO_LIST}, where: {{ status: GONE }})", "List.status is a Status, which is never 'GONE'"),
        (f'@references({TO_LIST}, where: {{ n: "1" }})', "List.n is a Int, which is never '1'"),
        (f"@references({TO_LIST}, where: {{ n: 1.5 }})", "List.n is a Int, which is never 1.5"),
        (f"@references({TO_LIST}, where: {{ n: true }})", "List.n is a Int, which is never True"),
        (f"@references({TO_LIST}, where: {{ open: 1 }})", "List.open is a Boolean, which is never 1"),
        (f"@references({TO_LIST}, where: {{ id: null }})", "List.id is a ID!, which is never None"),
        (f'@references({TO_LIST}, where: {{ id: ["a"] }})', "List.id is a ID!, which is never ['a']"),
        (f'@references({TO_LIST}, where: {{ kinds: "a" }})', "List.kinds is a [String], which is never 'a'"),
        (
            '@transitions(field: "open", initial: [true], from: [])',
            "Item.open is a Boolean; only texts, numbers and enums go by steps",
        ),
        (
            '@transitions(field: "status", initial: [], from: [])',
            "`initial` names no value, so that Item.status could never have one",
        ),
        (
            '@transitions(field: "path", initial: ["a"], from: [{ is: "a", to: [] }, { is: "a", to: ["b"] }])',
            "a stands twice in `from`; one can name all that follows",
        ),
        (
            '@transitions(field: "begun", initial: [OPEN], from: [])',
            "the default of Item.begun is DONE, and a new row cannot begin with it",
        ),
        ('@key(field: "path", of: [])', "it names no field"),
        ('@key(field: "number", of: ["f"])', "Item.number is a Int, and what the server joins is a text"),
        ('@key(field: "path", of: ["place"])', "Item.place is a Place; only texts, numbers and enums are joined"),
        ('@key(field: "path", of: ["open"])', "Item.open is a Boolean; only texts, numbers and enums are joined"),
        ('@key(field: "joined", of: ["n", "f"])', "Item.joined is required, and f may be absent"),
        ('@ttl(field: "until")', "Item.until is a [AWSTimestamp]; DynamoDB wants an AWSTimestamp"),
        (
            '@sum(of: "f", into: "List.whole", by: "listId")',
            "List.whole is an Int, and the sum of Item.f may be none",
        ),
        (
            '@average(of: "n", into: "List.whole", by: "listId")',
            "List.whole is an Int, and the average of Item.n may be none",
        ),
        (
            '@sum(of: "n", into: "Ranked.age", by: "listId")',
            "Ranked.age is part of a key, which no total can be",
        ),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(rule: str, problem: str) -> None:
    name = rule[: rule.index("(")]
    (found,) = problems_of(SCHEMA, f"extend type Item {rule}")
    assert found.startswith(f"rules.graphql:1: {name}: {problem}")


def test_what_can_be_kept_is_taken_down() -> None:
    where = 'where: { status: OPEN, n: 3, f: 1, total: 1.5, open: true, id: "x" }'
    rules = app_of(
        SCHEMA,
        f"""extend type Item
        @references({TO_LIST}, {where})
        @transitions(field: "number", initial: [1, 2], from: [{{ is: 1, to: [2, 3] }}])
        @key(field: "joined", of: ["n"]) @key(field: "path", of: ["f", "status"])
        @sum(of: "n", into: "List.whole", by: "listId")
        @sum(of: "n", into: "List.total", by: "listId")""",
    ).constraints["Item"]
    assert rules.references[0].where["total"] == 1.5
    (steps,) = rules.transitions
    assert (steps.initial, steps.allowed) == (("1", "2"), {"1": ("2", "3")})
    assert [total.is_whole for total in rules.aggregates] == [True, False]


def test_rules_may_be_nothing_but_comments() -> None:
    assert app_of(SCHEMA, "# nothing yet").constraints == {}
