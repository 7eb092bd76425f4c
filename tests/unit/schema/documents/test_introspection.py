"""Values of the schema are counted before they are returned."""

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, get_introspection_query, parse

from schema.build import MirrorSchema
from schema.documents.introspection import PartCounter, count_introspection_values, only_introspects
from tests.unit.schema.documents.refusals import refusal

INTROSPECTION = get_introspection_query(input_value_deprecation=True, specified_by_url=True)


def operation(query: str) -> OperationDefinitionNode:
    (node,) = parse(query).definitions
    assert isinstance(node, OperationDefinitionNode)
    return node


def counted(schema: GraphQLSchema, query: str, *, most: int = 1_000) -> int:
    return count_introspection_values(schema, operation(query), {}, most=most)


def test_the_worked_example_is_true() -> None:
    hello = build_schema("type Query { hello: String }")
    fields = [field for type_ in hello.type_map.values() for field in getattr(type_, "fields", ())]
    assert (len(hello.type_map), len(fields)) == (11, 41)
    assert counted(hello, "{ __schema { types { fields { name } } } }") == 1 + 11 + 41
    assert "1 `types` + 11 `fields` + 41 `name` = 53 values" in str(count_introspection_values.__doc__)


def test_lists_inside_lists_multiply_until_that_is_enough() -> None:
    schema = build_schema("type Query { me: User } type User { friend: User, name: String }")
    query = '{ __type(name: "User") { fields { type { fields { name } } } } }'
    # The list of fields; the type of both; the fields of these types, of which the scalar has none; their names.
    assert counted(schema, query) == 1 + 2 + 2 + 2
    assert counted(schema, query, most=2) == 3


def test_a_part_is_looked_at_once_however_often_it_is_met() -> None:
    one: list[str] = []
    other: list[str] = []
    parts = PartCounter(one)
    parts.add(other, 2)
    parts.add(one, 3)
    found = [(part is one, times) for part, times in parts.items()]
    assert found == [(True, 4), (False, 2)]
    assert parts.total() == 6


@pytest.mark.parametrize(
    ("query", "only"),
    [
        ("{ __schema { queryType { name } } __typename }", True),
        ('{ ... { __type(name: "User") { name } } }', True),
        ("{ __typename }", False),
        ("{ __schema { queryType { name } } hello }", False),
    ],
)
def test_an_operation_may_ask_about_nothing_but_the_schema(query: str, *, only: bool) -> None:
    assert only_introspects(operation(query), {}) is only


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("{ __schema { queryType { name } } }", 2),
        ('{ __type(name: "EscrowType") { name enumValues { name } } }', 5),
        ('{ a: __type(name: "EscrowType") { ... F } b: __type(name: "Nobody") { ... F } }', 1),
        ("{ __schema { nothing { more } types } __typename }", 2),
    ],
)
def test_values_of_the_schema_are_counted_exactly(schema: MirrorSchema, query: str, count: int) -> None:
    query += " fragment F on __Type { name }"
    assert refusal(schema, query, introspected=count) is None
    assert f"at most {count - 1} values of the schema, and this asks for more" in str(
        refusal(schema, query, introspected=count - 1)
    )


def test_introspection_is_for_the_schema_as_it_is_not_for_its_multiples(schema: MirrorSchema) -> None:
    assert refusal(schema, INTROSPECTION) is None
    twice = "{ a: __schema { types { ... F } } b: __schema { types { ... F } } } fragment F on __Type { "
    assert "at most 40000 values of the schema, and" in str(
        refusal(schema, twice + "inputFields { name type { inputFields { name type { name } } } } }")
    )
    beside = '{ __schema { types { name fields { name args { name } } } } getUser(id: "a") { id } }'
    assert "at most 1000 values of the schema beside other fields" in str(refusal(schema, beside))
    few = '{ __type(name: "EscrowStatus") { enumValues { name } } getUser(id: "a") { id } }'
    assert refusal(schema, few) is None


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "User") { name } }'])
def test_introspection_can_be_off(schema: MirrorSchema, query: str) -> None:
    assert "at most 0 values of the schema" in str(refusal(schema, query, introspected=0))
    assert refusal(schema, '{ getUser(id: "a") { __typename id } }', introspected=0) is None
