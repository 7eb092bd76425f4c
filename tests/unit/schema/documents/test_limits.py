"""How much one document and one operation may ask for."""

from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse, print_ast
from pydantic import ValidationError

from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.api import Api
from resolvers.apps.hourbank import HOURBANK
from resolvers.hosting.settings import ServerSettings
from schema.build import MirrorSchema
from schema.documents.limits import Limits
from schema.documents.reading import Documents
from tests.unit.mirror import ALICE, MemoryStore, execute, schema_over
from tests.unit.schema.documents.refusals import refusal
from workflows.executions.services import Services

OPERATIONS = Path(__file__).parents[3] / "contract" / "operations"


def members_of(depth: int) -> str:
    return '{ getUser(id: "a") ' + "{ balance { user " * depth + "{ id }" + " } }" * depth + " }"


def rows(limit: str) -> str:
    inner = "items { user { services(limit: 9) { items { id } } } }"
    return f"query ($n: Int) {{ listServices({limit}) {{ {inner} }} }}"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        (members_of(3), None),
        (members_of(4), "at most 8 levels of fields, and this asks for 10"),
        (
            "{ getUser(id: 1) { " + " ".join(f"a{n}: id" for n in range(31)) + " } }",
            "at most 30 aliases, and this asks for 31",
        ),
        (
            "{ " + "getUser(id: 1) { id } " * 11 + "}",
            "at most 10 root fields, and this asks for 11",
        ),
        ('{ getUser(id: "a") { ' + "id " * 1_000 + "} }", "at most 1000 fields, and this asks for 1001"),
        (rows("filter: null"), None),
        (rows("limit: $n"), None),
        (rows("limit: 1000"), "at most 2000 rows, with every page full, and this asks for 11000"),
        (rows("limit: " + "9" * 5_000), "at most 2000 rows"),
        (rows("limit: -1"), None),
        (
            '{ getUser(id: "a") { services { items { user { services { nextToken items { id } } } } } } }',
            "at most 2000 rows, with every page full, and this asks for 10201",
        ),
        ("{ listServices(limit: 1000) { items { " + " ".join(f"a{n}: id" for n in range(25)) + "} } }", None),
        (
            "{ listServices(limit: 1000) { items { " + " ".join(f"a{n}: id" for n in range(26)) + "} } }",
            "at most 25000 values, with every page full, and this asks for 26000",
        ),
        (
            " ".join(f"query Q{n} {{ __typename }}" for n in range(21)),
            "at most 20 operations, and this asks for 21",
        ),
        (
            "{ " + "... F " * 51 + "} fragment F on Query { __typename }",
            "at most 50 fragment spreads, and this asks for 51",
        ),
        ("query " + "@a " * 3 + "{ __typename " + "@skip(if: false) " * 5 + "}", None),
        (
            "{ __typename " + "@skip(if: false) " * 6 + "}",
            "at most 5 directives in one place, and this asks for 6",
        ),
        ("{ a(" + "b: 1 " * 100 + "c: {" + "d: 1 " * 100 + "}) }", "at most 100 arguments or fields of an input"),
        ("{ a(b: {" + "c: 1 " * 100 + "}) }", None),
        ("{ a } " + "fragment F on Query { a } " * 50, None),
        ("{ a } " + "fragment F on Query { a } " * 51, "at most 50 fragments, and this asks for 51"),
        *(
            (query.replace("…", "c: 1 " * 101), "at most 100 arguments or fields of an input in one place")
            for query in (
                "{ a(…) }",
                "{ a(b: {…}) }",
                "{ a(b: [1, [{d: {…}}]]) }",
                "{ a @skip(…) }",
                "{ a @skip(if: {…}) }",
                "query ($v: Int = {…}) { a }",
                "query ($v: Int @a(…)) { a }",
                "query @a(…) { a }",
                "{ ... @a(b: {…}) { a } }",
                "{ ...F @a(…) } fragment F on Query { a }",
                "{ ...F } fragment F on Query { a { b(c: {…}) } }",
                "mutation { a } query B { a(…) }",
            )
        ),
        (
            "query ($v: Int @a) @a {"
            + "... @a { __typename @a } ... F @a " * 6
            + "} fragment F on Query @a { id }",
            "at most 20 directives, and this asks for 21",
        ),
    ],
)
def test_each_limit_is_named_with_its_value(schema: MirrorSchema, query: str, problem: str | None) -> None:
    found = refusal(schema, query)
    if problem is None:
        assert found is None
    else:
        assert problem in str(found)


def test_every_operation_of_a_document_is_looked_at(schema: MirrorSchema) -> None:
    assert "10 root fields" in str(
        refusal(schema, "query A { __typename } query B {" + "listUsers { nextToken }" * 11 + "}")
    )


@pytest.mark.parametrize(
    ("mutation", "crowd"),
    [
        ("a: createUser(input: $i) { id } createService(input: $j) { id }", None),
        ("a: createService(input: $i) { id } b: createService(input: $j) { id }", None),
        ("createUser(input: $i) { id } createUser(input: $i) { email }", None),
        ("a: createUser(input: $i) { id } b: createUser(input: $i) { id }", "createUser, and this asks for 2"),
        (
            "... { createUser(input: $i) { id } } ... F",
            "cancelServiceRequest, createUser, and this asks for 2",
        ),
    ],
)
def test_what_moves_hours_stands_alone(schema: MirrorSchema, mutation: str, crowd: str | None) -> None:
    query = f"mutation {{ {mutation} }} fragment F on Mutation {{ cancelServiceRequest(input: $k) {{ id }} }}"
    said = refusal(schema, query)
    assert said == (crowd and f"The operation asks for too much: at most 1 of {crowd}")


@pytest.mark.parametrize(
    ("fields", "crowd"),
    [
        (
            "a: createUser(input: {}) { id } b: createServiceRequest(input: {}) { id }",
            "createServiceRequest, createUser",
        ),
        ("a: createRating(input: {}) { id } b: createDispute(input: {}) { id }", "createDispute, createRating"),
        (
            "a: markServiceStarted(input: $i) { id } b: cancelServiceRequest(input: $j) { id }",
            "cancelServiceRequest, markServiceStarted",
        ),
    ],
)
def test_what_the_server_moves_stands_alone(fields: str, crowd: str) -> None:
    served = Api.over(HOURBANK, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"secret").schema
    (error,) = served.documents.read(f"mutation {{ {fields} }}").errors
    assert f"at most 1 of {crowd}, and this asks for 2" in error.message


@pytest.mark.parametrize(
    "query",
    [
        '{ __type(name: "User") { fields { type { ofType { ofType { ofType { ofType { name } } } } } } } }',
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ nothing { of { the { kind } } } ...Unknown }",
        "type A { b: Int }",
        "query ($name: String!) { __type(name: $name) { name } } fragment F on Nothing { id }",
    ],
)
def test_the_rest_is_left_to_the_other_rules(schema: MirrorSchema, query: str) -> None:
    assert refusal(schema, query) is None


def test_whatever_amplify_generates_is_within_the_limits() -> None:
    served = Api.over(HOURBANK, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"secret").schema
    documents = [parse(path.read_text()) for path in sorted(OPERATIONS.glob("*.graphql"))]
    generated = [node for document in documents for node in document.definitions]
    assert len(generated) == 218
    kept = Documents(served._schema, Limits())
    for operation in generated:
        assert isinstance(operation, OperationDefinitionNode)
        assert kept.read(print_ast(operation)).errors == []
    assert len(kept._kept) == 218


async def test_nothing_is_read_for_an_operation_that_asks_for_too_much() -> None:
    store = MemoryStore()
    data, (error,) = await execute(schema_over(store), store, ALICE, members_of(4))
    assert (data, store.reads) == (None, [])
    assert error["errorType"] == "ValidationError"
    assert error["message"] == "The operation asks for too much: at most 8 levels of fields, and this asks for 10"


def test_limits_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServerSettings().limits == Limits()
    monkeypatch.setenv("HOURBANK_MAX_DEPTH", "12")
    monkeypatch.setenv("HOURBANK_MAX_ROOT_FIELDS", "3")
    monkeypatch.setenv("HOURBANK_MAX_INTROSPECTED", "0")
    assert ServerSettings().limits == Limits(depth=12, root_fields=3, introspected=0)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("DEPTH", "none", "valid integer"),
        ("DEPTH", "0", "depth must be more than 0, not 0"),
        ("DEPHT", "9", "Unexpected keyword"),
    ],
)
def test_a_limit_that_makes_no_sense_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(f"HOURBANK_MAX_{name}", value)
    with pytest.raises(ValidationError, match=problem):
        ServerSettings()
