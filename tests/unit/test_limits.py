"""How much one document and one operation may ask for."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, get_introspection_query, parse, print_ast
from pydantic import ValidationError

from resolvers.settings import ServerSettings
from schema.amplify.build import MirrorSchema, build_schema
from schema.documents import KEPT_CHARACTERS, Documents
from schema.limits import Limits, LimitsCheck
from tests.unit.mirror import ALICE, MemoryStore, execute, schema_over

OPERATIONS = Path(__file__).parents[1] / "contract" / "operations"
INTROSPECTION = get_introspection_query(input_value_deprecation=True, specified_by_url=True)


@pytest.fixture(scope="module")
def schema() -> MirrorSchema:
    return schema_over(MemoryStore())


def refusal(schema: MirrorSchema, query: str, **limits: int) -> str | None:
    check = LimitsCheck(schema._schema, Limits(**limits), {"createUser", "cancelServiceRequest"})
    error = check.refusal(parse(query))
    return None if error is None else error.message


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


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("id " * 15, None),
        ("id " * 16, 16),
        ("services { nextToken } " * 16, 16),
        ("... { id } " * 15 + "id", 16),
        ("... F " * 3 + "id " * 12, None),
        ("... F " * 3 + "id " * 13, 16),
        # What is merged is merged below, too: four balances of four fields each.
        ("balance { userId userId userId userId } " * 4, 16),
        ("balance { ... B ... B } " * 4, 16),
        ("a: balance { version version } b: balance { version version }", None),
    ],
)
def test_fields_that_become_one_are_counted_where_they_meet(
    schema: MirrorSchema, inside: str, found: int | None
) -> None:
    fragments = "fragment F on User { id } fragment B on UserBalance { userId userId }"
    said = refusal(schema, f'{{ getUser(id: "a") {{ {inside} }} }} {fragments}')
    if found is None:
        assert said is None
    else:
        assert f"at most 15 fields of one name in one place, and this asks for {found}" in str(said)


def test_a_page_without_its_rows_is_one_call(schema: MirrorSchema) -> None:
    asked = "{ listUsers(limit: %d) { items { services { nextToken } requestsMade { nextToken } } } }"
    assert refusal(schema, asked % 666) is None
    assert "asks for 2001" in str(refusal(schema, asked % 667))


def test_fragments_count_where_they_are_spread(schema: MirrorSchema) -> None:
    query = """{ a: listServices { ...P } b: listServices(limit: 901) { ... on ModelServiceConnection { ...P } } }
        fragment P on ModelServiceConnection { items { ...S } }
        fragment S on Service { id user { id } }"""
    said = "The operation asks for too much: at most 2000 rows, with every page full, and this asks for 2002"
    assert refusal(schema, query) == said


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


async def test_our_own_mutations_stand_alone_in_the_schema_that_serves() -> None:
    store = MemoryStore()
    twice = "mutation { a: createUser(input: {}) { id } b: createServiceRequest(input: {}) { id } }"
    _, (error,) = await execute(schema_over(store), store, ALICE, twice)
    assert "at most 1 of createServiceRequest, createUser, and this asks for 2" in error["message"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ __schema { queryType { name } } }", 2),
        ('{ __type(name: "EscrowType") { name enumValues { name } } }', 5),
        ('{ a: __type(name: "EscrowType") { ... F } b: __type(name: "Nobody") { ... F } }', 1),
        ("{ __schema { nothing { more } types } __typename }", 2),
    ],
)
def test_what_is_told_of_the_schema_is_counted_exactly(schema: MirrorSchema, query: str, told: int) -> None:
    query += " fragment F on __Type { name }"
    assert refusal(schema, query, introspected=told) is None
    assert f"at most {told - 1} values of the schema, and this asks for more" in str(
        refusal(schema, query, introspected=told - 1)
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


def test_whatever_amplify_generates_is_within_the_limits(schema: MirrorSchema) -> None:
    documents = [parse(path.read_text()) for path in sorted(OPERATIONS.glob("*.graphql"))]
    generated = [node for document in documents for node in document.definitions]
    assert len(generated) == 197
    kept = Documents(schema._schema, Limits())
    for operation in generated:
        assert isinstance(operation, OperationDefinitionNode)
        assert kept.read(print_ast(operation)).errors == []
    assert len(kept._kept) == 197


async def test_nothing_is_read_for_an_operation_that_asks_for_too_much() -> None:
    store = MemoryStore()
    data, (error,) = await execute(schema_over(store), store, ALICE, members_of(4))
    assert (data, store.asked) == (None, [])
    assert error["errorType"] == "ValidationError"
    assert error["message"] == "The operation asks for too much: at most 8 levels of fields, and this asks for 10"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#" * 32_768, "32768 characters at most, and this has 32769"),
        ("\n" * 2_000, "2000 lines at most, and this has 2001"),
        ("\r" * 2_000, "2000 lines at most, and this has 2001"),
        ("," * 32_766 + "{ a", "Expected Name, found <EOF>"),
        ("{ " + "a " * 2_000, "more than 2000 tokens"),
    ],
)
def test_a_text_has_limits(schema: MirrorSchema, text: str, problem: str) -> None:
    documents = Documents(schema._schema, Limits(characters=32_768 if "EOF" not in problem else 40_000))
    for _ in range(2):
        with pytest.raises(GraphQLError, match=problem):
            documents.read(text + " ")


def test_one_servers_limits_are_not_anothers() -> None:
    strict, free = (
        build_schema(None, limits=Limits(depth=depth)).documents  # type: ignore[arg-type]  # nobody answers
        for depth in (8, 20)
    )
    for _ in range(2):
        assert strict.read(members_of(4)).errors
        assert not free.read(members_of(4)).errors


def test_what_is_kept_has_a_limit(schema: MirrorSchema) -> None:
    documents = Documents(schema._schema, Limits())
    text = "{ __typename }" + " " * 20_000
    texts = [text + str(n).replace("0", "#") for n in ("#" * m for m in range(2 * KEPT_CHARACTERS // len(text)))]
    first = documents.read(texts[0])
    for other in texts[1:]:
        documents.read(other)
        assert documents.read(texts[0]) is first
    assert sum(map(len, documents._kept)) == documents._characters <= KEPT_CHARACTERS
    assert texts[1] not in documents._kept


async def test_introspection_holds_up_nobody_and_is_remembered() -> None:
    store = MemoryStore()
    served = schema_over(store)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    data, errors = await execute(served, store, ALICE, INTROSPECTION)
    ticking.cancel()
    assert errors == []
    assert len(data["__schema"]["types"]) > 200
    assert ticks > 5
    again, _ = await execute(served, store, ALICE, INTROSPECTION)
    assert again["__schema"] is data["__schema"]


async def test_introspection_takes_variables_and_names() -> None:
    store = MemoryStore()
    query = """query A($name: String!) { __type(name: $name) { name } } query B { __schema { __typename } }"""
    served = schema_over(store)
    assert (await served.execute(query, {"name": "User"}, operation_name="A")).data == {"__type": {"name": "User"}}
    assert (await served.execute(query, {"name": "Rating"}, operation_name="A")).data == {
        "__type": {"name": "Rating"}
    }
    assert (await served.execute(query, operation_name="B")).data == {"__schema": {"__typename": "__Schema"}}


def spread(bodies: list[str], on: str) -> str:
    return " ".join(f"fragment F{n} on {on} {{ {body} }}" for n, body in enumerate(bodies))


DOUBLING = "{ ... F0 } " + spread([f"... F{n + 1} ... F{n + 1}" for n in range(90)] + ["__typename"], "Query")
MEMBER = "id email username bio firstName lastName rating skills createdAt updatedAt"
BALANCE = "userId totalBalance availableBalance escrowedBalance version createdAt"
HOSTILE = {
    "doubling": DOUBLING,
    "doubling within the limit": "{ ... F0 } "
    + spread([f"... F{n + 1} ... F{n + 1}" for n in range(24)] + ["__typename"], "Query"),
    "circles": "{ ... F0 } " + spread([f"... F{(n + 1) % 24} ... F{(n + 7) % 24}" for n in range(24)], "Query"),
    "operations over a chain": " ".join(f"query Q{n}($a: ID!) {{ ... F0 }}" for n in range(20))
    + spread([f"... F{n + 1}" for n in range(29)] + ["getUser(id: $a) { id }"], "Query"),
    "inline fragments": "{ " + "... { " * 190 + "__typename" + " }" * 190 + " }",
    "wide inline fragments": "{ getUser(id: 1) { " + "... on User { id email } " * 250 + "} }",
    "merged": "{ getUser(id: 1) { "
    + f"balance {{ {BALANCE} user {{ {MEMBER} balance {{ {BALANCE} user {{ {MEMBER} }} }} }} }} " * 15
    + "} }",
    "merged fragments": "{ getUser(id: 1) { "
    + " ".join(f"... F{n}" for n in range(50))
    + " } } "
    + spread([f"balance {{ {BALANCE} }}"] * 50, "User"),
    "variables": "query (" + " ".join(f"$v{n}: Int" for n in range(490)) + ") { __typename }",
    "variables of no type": "query ("
    + " ".join(f"$v{n}: ModelSubscriptionServiceRequestFilterInpu{n}" for n in range(400))
    + ") { __typename }",
    "a type in lists": "query ($v: " + "[" * 190 + "Int" + "]" * 190 + ") { __typename }",
    "a long default": "query ($a: ID = " + "a" * 30_000 + ', $b: Int = "x") { getUser(id: $a) { id } }',
    "directives": "{ __typename " + "@include(if: true) " * 300 + "}",
    "no directives": "query " + "@x " * 900 + "{ __typename }",
    "long names": "{ getUser(id: 1) { "
    + " ".join(f"{'transactionLogsAndRequestsReceivedAndMade' * 2}{n}" for n in range(200))
    + " } }",
    "names that are not there": "{ getUser(id: 1) { " + " ".join(f"userNam{n}" for n in range(900)) + " } }",
    "types that are not there": "{ __typename } "
    + " ".join(f"fragment F{n} on ModelServic{n} {{ __typename }}" for n in range(200)),
    "fields of an input that are not there": "{ listUsers(filter: {"
    + " ".join(f"userNam{n}: 1" for n in range(640))
    + "}) { nextToken } }",
    "arguments that are not there": "{ listUsers(" + " ".join(f"filte{n}: 1" for n in range(600)) + ") { id } }",
    "nested lists": "{ listUsers(filter: {id: {between: " + "[" * 190 + "]" * 190 + "}}) { nextToken } }",
    "nested objects": "{ listUsers(filter: " + "{not: " * 190 + "{}" + "}" * 190 + ") { nextToken } }",
    "a wide list": "{ listUsers(filter: {or: [" + '{id: {eq: "a"}} ' * 195 + "]}) { nextToken } }",
    "empty lines": "\n" * 1_900 + "{ getUser(id: 1) { " + " ".join(f"a{n}" for n in range(99)) + " } }",
    "an introspection of an introspection": "{ __schema { types { "
    + "fields { type { " * 2
    + "inputFields { name } fields { args { name type { fields { name } } } }"
    + " } }" * 2
    + " } } }",
    "ten introspections": "{ "
    + " ".join(f"a{n}: __schema {{ types {{ name fields {{ name args {{ name }} }} }} }}" for n in range(10))
    + " }",
    "conditions": "query ("
    + " ".join(f"$v{n}: Boolean!" for n in range(20))
    + ") { getUser(id: 1) { "
    + " ".join(f"a{n}: id @include(if: $v{n})" for n in range(20))
    + " } }",
    "definitions": " ".join(f"extend type User {{ a{n}: Int }}" for n in range(200)),
    "commas": "," * 32_000 + "{ __typename }",
    "an open text": '{ a(b: "' + "x" * 32_000,
    "escapes": '{ getUser(id: "' + "\\u00e9" * 5_000 + '") { id } }',
    "a large number": "{ listUsers(limit: " + "9" * 32_000 + ") { nextToken } }",
}


def seconds(work: Any, times: int = 3) -> float:
    """Return the processor's time for some work, the best of several."""
    spent = []
    for turn in range(times):
        began = time.process_time()
        work(turn)
        spent.append(time.process_time() - began)
    return min(spent)


def test_what_doubles_ninety_times_is_refused_at_once(schema: MirrorSchema) -> None:
    document = parse(DOUBLING)
    checks = LimitsCheck(schema._schema, Limits(spreads=1_000))
    assert "more than a thousand million" in str(checks.refusal(document))
    assert seconds(lambda _: checks.refusal(document)) < 0.01
    assert seconds(lambda _: refusal(schema, DOUBLING)) < 0.01


@pytest.mark.parametrize("name", HOSTILE)
def test_reading_takes_no_time_whatever_the_document(schema: MirrorSchema, name: str) -> None:
    text = HOSTILE[name]
    assert len(text) <= Limits().characters

    def read(_: int) -> None:
        with suppress(GraphQLError):
            Documents(schema._schema, Limits()).read(text)

    assert seconds(read) < 0.1  # a third of it here; what grows with the square takes seconds


async def test_a_value_that_is_none_is_named_in_no_time() -> None:
    store = MemoryStore()
    began = time.process_time()
    _, (first, *_) = await execute(schema_over(store), store, ALICE, HOSTILE["a long default"])
    assert first["errorType"] == "ValidationError"
    assert time.process_time() - began < 1


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
        ("DEPTH", "0", "depth must be 1 at least, not 0"),
        ("DEPHT", "9", "Unexpected keyword"),
    ],
)
def test_a_limit_that_makes_no_sense_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(f"HOURBANK_MAX_{name}", value)
    with pytest.raises(ValidationError, match=problem):
        ServerSettings()
