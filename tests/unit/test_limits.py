"""How much one operation may ask for."""

import time
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse, print_ast, validate

from schema.amplify.build import MirrorSchema
from schema.limits import OperationLimits
from tests.unit.mirror import ALICE, MemoryStore, execute, schema_over

OPERATIONS = Path(__file__).parents[1] / "contract" / "operations"


@pytest.fixture(scope="module")
def schema() -> MirrorSchema:
    return schema_over(MemoryStore())


def refusals(schema: MirrorSchema, query: str) -> list[str]:
    return [error.message for error in validate(schema._schema, parse(query), [OperationLimits])]


def members_of(depth: int) -> str:
    return '{ getUser(id: "a") ' + "{ balance { user " * depth + "{ id }" + " } }" * depth + " }"


def rows(limit: str) -> str:
    inner = "items { user { services(limit: 9) { items { id } } } }"
    return f"query ($n: Int) {{ listServices({limit}) {{ {inner} }} }}"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        (members_of(4), "at most 8 levels of fields, and this asks for 10"),
        (
            "{ getUser(id: 1) { " + " ".join(f"a{n}: id" for n in range(31)) + " } }",
            "at most 30 aliases, and this asks for 31",
        ),
        ("{ " + " ".join(["__typename"] * 11) + " }", "at most 10 root fields, and this asks for 11"),
        ('{ getUser(id: "a") { ' + "id " * 101 + "} }", None),
        (
            '{ getUser(id: "a") { ' + "services { nextToken } " * 102 + "} }",
            "at most 100 repeated fields, and this asks for 101",
        ),
        ('{ getUser(id: "a") { ' + "id " * 1_000 + "} }", "at most 1000 fields, and this asks for 1001"),
        (
            '{ getUser(id: "a") { services { items { user { services { nextToken items { id } } } } } } }',
            "at most 2000 rows, with every page full, and this asks for 10201",
        ),
        (rows("filter: null"), None),
        (rows("limit: $n"), None),
        (rows("limit: 1000"), "at most 2000 rows, with every page full, and this asks for 11000"),
        (rows("limit: " + "9" * 5_000), "at most 2000 rows"),
        (rows("limit: -1"), None),
        ("{ listServices(limit: 1000) { items { " + "id " * 25 + "} } }", None),
        (
            "{ listServices(limit: 1000) { items { " + "id " * 26 + "} } }",
            "at most 25000 values, with every page full, and this asks for 26000",
        ),
    ],
)
def test_each_limit_is_named_with_its_value(schema: MirrorSchema, query: str, problem: str | None) -> None:
    found = refusals(schema, query)
    if problem is None:
        assert found == []
    else:
        (message,) = found
        assert problem in message


def test_depth_eight_is_deep_enough(schema: MirrorSchema) -> None:
    assert refusals(schema, members_of(3)) == []


def test_a_page_without_its_rows_is_one_call(schema: MirrorSchema) -> None:
    asked = "{ listUsers(limit: %d) { items { services { nextToken } requestsMade { nextToken } } } }"
    assert refusals(schema, asked % 666) == []
    assert "asks for 2001" in refusals(schema, asked % 667)[0]


def test_fragments_count_where_they_are_spread(schema: MirrorSchema) -> None:
    query = """{ a: listServices { ...P } b: listServices(limit: 901) { ... on ModelServiceConnection { ...P } } }
        fragment P on ModelServiceConnection { items { ...S } }
        fragment S on Service { id user { id } }"""
    assert refusals(schema, query) == [
        "The operation asks for too much: at most 2000 rows, with every page full, and this asks for 2002"
    ]


def test_what_doubles_ninety_times_is_refused_at_once(schema: MirrorSchema) -> None:
    bomb = "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(90))
    document = parse(bomb + " fragment F90 on Query { __typename }")
    started = time.process_time()
    (error,) = validate(schema._schema, document, [OperationLimits])
    spent = time.process_time() - started
    assert "more than a thousand million" in error.message
    assert spent < 0.01


@pytest.mark.parametrize(
    "query",
    [
        get_introspection_query(input_value_deprecation=True),
        '{ __type(name: "User") { fields { type { ofType { ofType { ofType { ofType { name } } } } } } } }',
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ nothing { of { the { kind } } } ...Unknown }",
    ],
)
def test_the_rest_is_left_to_the_other_rules(schema: MirrorSchema, query: str) -> None:
    assert refusals(schema, query) == []


def test_whatever_amplify_generates_is_within_the_limits(schema: MirrorSchema) -> None:
    documents = [parse(path.read_text()) for path in sorted(OPERATIONS.glob("*.graphql"))]
    generated = [node for document in documents for node in document.definitions]
    assert len(generated) > 190
    for operation in generated:
        assert isinstance(operation, OperationDefinitionNode)
        assert refusals(schema, print_ast(operation)) == []


async def test_nothing_is_read_for_an_operation_that_asks_for_too_much() -> None:
    store = MemoryStore()
    data, (error,) = await execute(schema_over(store), store, ALICE, members_of(4))
    assert (data, store.asked) == (None, [])
    assert error["errorType"] == "ValidationError"
    assert error["message"] == "The operation asks for too much: at most 8 levels of fields, and this asks for 10"
