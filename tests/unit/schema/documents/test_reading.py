"""Documents are read once, and reading one takes no time, whoever wrote it."""

import asyncio
from contextlib import suppress
from unittest.mock import Mock

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from schema.build import MirrorSchema, build_schema
from schema.documents import reading
from schema.documents.limits import Limits, LimitsCheck
from schema.documents.reading import KEPT_CHARACTERS, KEPT_REFUSED, Documents
from schema.types import CATALOGUE
from tests.unit.mirror import ALICE, MemoryStore, execute, schema_over
from tests.unit.processor_time import least_seconds, least_seconds_async

INTROSPECTION = get_introspection_query(input_value_deprecation=True, specified_by_url=True)
DEEP = '{ getUser(id: "a") ' + "{ balance { user " * 4 + "{ id }" + " } }" * 4 + " }"


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


def test_what_is_no_document_is_parsed_once(schema: MirrorSchema, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request reads its text up to four times, for its rate, its plan, its execution and its line in the log."""
    documents = Documents(schema._schema, Limits())
    parsing = Mock(side_effect=parse)
    monkeypatch.setattr(reading, "parse", parsing)
    texts = [f"{{ a(b{n}) }}" for n in range(KEPT_REFUSED + 1)]
    for text in (text for text in texts for _ in range(4)):
        with pytest.raises(GraphQLError, match=r"Syntax Error: Expected ':', found '\)'"):
            documents.read(text)
    assert parsing.call_count == len(texts)
    with pytest.raises(GraphQLError):
        documents.read(texts[0])
    assert parsing.call_count == len(texts) + 1


def test_one_servers_limits_are_not_anothers() -> None:
    strict, free = (
        build_schema(CATALOGUE, None, limits=Limits(depth=depth)).documents  # type: ignore[arg-type]  # nobody answers
        for depth in (8, 20)
    )
    for _ in range(2):
        assert strict.read(DEEP).errors
        assert not free.read(DEEP).errors


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


TWO = "mutation A { createCategory(input: {name: 1}) { id } } query B { __typename }"


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        (TWO, None, "Must provide operation name if query contains multiple operations."),
        (TWO, "C", "Unknown operation named 'C'."),
        (TWO, "", "Unknown operation named ''."),
        ("query B { __typename }", "C", "Unknown operation named 'C'."),
        ("{ __typename }", "", "Unknown operation named ''."),
        ("fragment F on User { id }", None, "Must provide an operation."),
        ("fragment F on User { id }", "F", "Unknown operation named 'F'."),
        ("query B { __typename }", None, None),
        ("query B { __typename }", "B", None),
        ("query A { __typename } query B { __typename }", "B", None),
    ],
)
async def test_an_operation_is_chosen_or_nothing_runs(text: str, name: str | None, problem: str | None) -> None:
    result = await schema_over(MemoryStore()).execute(text, operation_name=name)
    assert [error.message for error in result.errors or ()] == ([] if problem is None else [problem])
    assert (result.data is None) is (problem is not None)


@pytest.mark.parametrize("half", [r"\ud800", r"\uDC00", r"\u{d800}", r"\u{00DFFF}", r"\ud83d\u0041"])
def test_half_a_character_is_called_so_by_its_arguments_name(schema: MirrorSchema, half: str) -> None:
    documents = Documents(schema._schema, Limits())
    for text, name in (
        (f'{{ getUser(id: "x{half}") {{ id }} }}', "id"),
        (f'{{ a(tags: ["x", "{half}"]) }}', "tags"),
    ):
        with pytest.raises(GraphQLError, match=f"a lone surrogate at {name}: half of a character") as error:
            documents.read(text)
        assert error.value.locations


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


def test_what_doubles_ninety_times_is_refused_at_once(schema: MirrorSchema) -> None:
    document = parse(DOUBLING)
    checks = LimitsCheck(schema._schema, Limits(spreads=1_000, fragments=1_000))
    assert "more than a thousand million" in str(checks.look_at(document).refusal)
    assert least_seconds(lambda: checks.look_at(document).refusal) < 0.1


@pytest.mark.parametrize("name", HOSTILE)
def test_reading_takes_no_time_whatever_the_document(schema: MirrorSchema, name: str) -> None:
    text = HOSTILE[name]
    assert len(text) <= Limits().characters

    def read() -> None:
        with suppress(GraphQLError):
            Documents(schema._schema, Limits()).read(text)

    assert least_seconds(read) < 0.3  # a tenth of it here; what grows with the square takes seconds


async def test_a_value_that_is_none_is_named_in_no_time() -> None:
    store = MemoryStore()

    async def run() -> None:
        _, (first, *_) = await execute(schema_over(store), store, ALICE, HOSTILE["a long default"])
        assert first["errorType"] == "ValidationError"

    assert await least_seconds_async(run) < 1
