"""What is refused costs next to nothing, is told in a few words, and leaves nothing behind."""

import asyncio
import gc
import time
from typing import Any

import orjson
import pytest
from graphql import GraphQLError

from resolvers.context import RequestContext
from resolvers.transport.payloads import CHARACTERS, payload_problem, response_of
from schema.build import MirrorSchema
from schema.documents.limits import Limits
from schema.documents.reading import KEPT_NODES, KEPT_REFUSED, Documents
from schema.strawberry_internals import graphql_schema
from tests.unit.mirror import ALICE, MemoryStore, schema_over
from tests.unit.processor_time import CROWDED, least_seconds

REFUSED_SECONDS = 0.050 * CROWDED
# What a message may have beside 100 characters of a value; and the whole answer, with at most six errors.
LONGEST_MESSAGE, LARGEST_ANSWER = 300, 4_000

SERVICE = "mutation ($i: CreateServiceInput!) { createService(input: $i) { id } }"
REQUEST = "mutation ($i: CreateServiceRequestInput!) { createServiceRequest(input: $i) { id } }"
FILTER = "query ($f: ModelServiceFilterInput) { listServices(filter: $f) { nextToken } }"
STATUS = "query ($f: ModelServiceRequestFilterInput) { listServiceRequests(filter: $f) { nextToken } }"
BIG = "y" * 90_000
HUGE = "y" * 900_000


def each(times: int, text: str) -> str:
    return " ".join(text.replace("#", str(number)) for number in range(times))


DOCUMENTS = {
    "a name 1,990 times": "{" + "a " * 1_990 + "}",
    "a name 990 times, one level down": "{getUser(id:1){" + "a " * 990 + "}}",
    "a known name 1,980 times": "{getUser(id:1){" + "id " * 1_980 + "}}",
    "900 names that are not there": "{getUser(id:1){" + each(900, "emai#") + "}}",
    "900 names that are nearly there": "{getUser(id:1){" + each(900, "userNam#") + "}}",
    "a name of 32,000 characters": "{" + "n" * 32_000 + "}",
    "600 arguments that are not there": "{getUser(" + each(600, "idd#:1") + "){id}}",
    "600 fields of an input": "mutation{createService(input:{" + each(600, "titl#:1") + "}){id}}",
    "an enum value of 32,000 characters": "{servicesByUserId(sortDirection:" + "A" * 32_000 + "){nextToken}}",
    "a number of 32,000 digits": "{listServices(limit:" + "9" * 32_000 + "){nextToken}}",
    "a text of 32,000 characters for a number": '{listServices(limit:"' + "9" * 32_000 + '"){nextToken}}',
    "200 fragments that nobody uses": each(200, "fragment F# on User{id}") + "{__typename}",
    "200 types that are not there": each(200, "fragment F# on Servic#{id}") + "{__typename}",
    "490 variables that nobody uses": "query(" + each(490, "$v#:Int") + "){__typename}",
    "490 types of variables": "query(" + each(490, "$v#:Strin#") + "){__typename}",
    "different arguments of one field": "{" + each(10, "getUser(id:#){id}") + "}",
    "900 times braces": "{a" * 900 + "}" * 900,
    "a list of lists": "{getUser(id:" + "[" * 980 + "]" * 980 + "){id}}",
    "a comment": "#" * 32_000 + "\n{a",
}  # fmt: skip
VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "60 unknown fields, and a long text": (SERVICE, {"i": {**{f"u{n}": 1 for n in range(60)}, "title": BIG}}),
    "60 unknown fields, and a huge text": (SERVICE, {"i": {**{f"u{n}": 1 for n in range(60)}, "title": HUGE}}),
    "4,000 fields that are nearly there": (SERVICE, {"i": {f"titl{n}": 1 for n in range(4_000)}}),
    "a field with a long name": (SERVICE, {"i": {BIG: 1}}),
    "a field with a huge name": (SERVICE, {"i": {HUGE: 1}}),
    "9 long names": (SERVICE, {"i": {f"{n}{BIG}": 1 for n in range(9)}}),
    "4,900 numbers for texts": (SERVICE, {"i": {"tags": [1] * 4_900}}),
    "objects for texts": (SERVICE, {"i": {"tags": [{"a": BIG[:400]}] * 2_000}}),
    "a long enum value": (REQUEST, {"i": {"status": BIG}}),
    "9 long enum values": (STATUS, {"f": {"or": [{"status": {"eq": f"{n}{BIG}"}} for n in range(9)]}}),
    "a huge enum value": (STATUS, {"f": {"status": {"ne": HUGE}}}),
    "a list for a number": ("query($l:Int){listServices(limit:$l){nextToken}}", {"l": [1] * 4_900}),
    "an object for a number": ("query($l:Int){listServices(limit:$l){nextToken}}", {"l": {BIG: BIG}}),
    "a text for a number": ("query($l:Int){listServices(limit:$l){nextToken}}", {"l": "9" * 90_000}),
    "an object for an id": ("query($l:ID!){getUser(id:$l){id}}", {"l": {str(n): "a" * 90 for n in range(4_900)}}),
    "1,600 wrong conditions": (FILTER, {"f": {"or": [{"title": {"eq": 1}}] * 1_600}}),
    "1,600 conditions": (FILTER, {"f": {"or": [{"title": {"eq": "a"}}] * 1_600}}),
    "4,800 operators that are not there": (FILTER, {"f": {"title": {f"eqq{n}": 1 for n in range(4_800)}}}),
    "a long list of bounds": (FILTER, {"f": {"title": {"between": ["a"] * 4_900}}}),
    "a long date": ("mutation($i:CreateBookingInput!){createBooking(input:$i){id}}", {"i": {"bookingDate": BIG}}),
    "a long time": (SERVICE, {"i": {"createdAt": BIG}}),
    "a long token": ("query($t:String){listServices(nextToken:$t){nextToken}}", {"t": BIG}),
}  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> MirrorSchema:
    return schema_over(MemoryStore())


async def refused(schema: MirrorSchema, query: str, variables: Any = None, name: str | None = None) -> Any:
    """Return the errors of an operation as a client gets them, and assert how little they took."""
    spent = []
    for space in range(3):  # a new document each time
        text = f"{query}{' ' * space}"
        began = time.thread_time()
        found = payload_problem({"query": text, "variables": variables, "operationName": name})
        if found is None:
            context = RequestContext(MemoryStore(), ALICE, {})
            result = await schema.execute(
                text, variable_values=variables, operation_name=name, context_value=context
            )
            answer = orjson.loads(orjson.dumps(response_of(result)))
        else:
            answer = {"errors": [{"message": found}]}
        spent.append(time.thread_time() - began)
    assert min(spent) < REFUSED_SECONDS
    errors = answer["errors"]
    assert all(len(error["message"]) <= LONGEST_MESSAGE for error in errors)
    assert len(orjson.dumps(answer)) < LARGEST_ANSWER
    assert all(error.get("errorType") != "InternalFailure" for error in errors)
    return errors


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_is_refused_at_once(schema: MirrorSchema, name: str) -> None:
    assert await refused(schema, DOCUMENTS[name])


@pytest.mark.parametrize("name", VARIABLES)
async def test_variables_are_refused_at_once(schema: MirrorSchema, name: str) -> None:
    assert await refused(schema, *VARIABLES[name])


@pytest.mark.parametrize("name", ["x" * 1_000, "x" * 90_000, "x" * 900_000, "q"])
async def test_so_is_the_name_of_an_operation(schema: MirrorSchema, name: str) -> None:
    assert await refused(schema, "query A { __typename } query B { __typename }", None, name)


def test_a_row_as_large_as_may_be_is_not_refused() -> None:
    assert payload_problem({"query": SERVICE, "variables": {"i": {"title": "x" * CHARACTERS}}}) is None
    assert "100000" in str(payload_problem({"query": SERVICE, "variables": {"i": ["x" * (CHARACTERS + 1)]}}))
    assert "names" in str(payload_problem({"query": SERVICE, "variables": {"x" * (CHARACTERS + 1): 1}}))


def test_refused_documents_are_not_kept_as_they_were_parsed(schema: MirrorSchema) -> None:
    documents = Documents(graphql_schema(schema), Limits())
    gc.collect()
    before = len(gc.get_objects())
    for number in range(2 * KEPT_REFUSED):
        assert documents.read(f"{{getUser(id:{number}){{{'a ' * 900}}}}}").errors
        assert documents.read(f"{{getUser(id:{number}){{{each(10, 'b#')}}}}}").errors
    gc.collect()
    assert len(documents._refused) == KEPT_REFUSED
    assert not documents._kept
    assert len(gc.get_objects()) - before < 50 * KEPT_REFUSED


def test_a_refused_document_that_comes_again_costs_nothing(schema: MirrorSchema) -> None:
    documents = Documents(graphql_schema(schema), Limits())
    text = DOCUMENTS["900 names that are not there"]
    first = documents.read(text)
    assert least_seconds(lambda: documents.read(text)) < 0.001
    assert documents.read(text) is first
    assert first.errors[0].formatted["locations"][0]["line"] == 1


def test_kept_documents_are_bounded_by_their_nodes(schema: MirrorSchema) -> None:
    documents = Documents(graphql_schema(schema), Limits())
    for number in range(200):
        body = "id email username firstName lastName bio rating createdAt updatedAt skills " * 14
        assert not documents.read(f"{{getUser(id:{number}){{{body}}}}}").errors
    assert documents._nodes == sum(document.nodes for document in documents._kept.values()) <= KEPT_NODES
    gc.collect()
    began = time.thread_time()
    gc.collect()
    whole = time.thread_time() - began
    documents._kept.clear()
    gc.collect()
    began = time.thread_time()
    gc.collect()
    assert whole - (time.thread_time() - began) < 0.1 * CROWDED


INTROSPECTION = "query A($name: String!) { __type(name: $name) { name fields { name type { name } } } }"


async def test_variables_that_are_not_declared_make_no_new_introspection(schema: MirrorSchema) -> None:
    documents = Documents(graphql_schema(schema), Limits())
    results = await asyncio.gather(
        *(documents.introspect(INTROSPECTION, "A", {"name": "User", f"junk{n}": n}) for n in range(24)),
        *(documents.introspect(INTROSPECTION, "A", {"junk": [n], "name": "User"}) for n in range(24)),
    )
    assert documents._cached_introspection.cache_info().misses == 1
    assert all(result is results[0] for result in results)
    other = await documents.introspect(INTROSPECTION, "A", {"name": "Service"})
    assert (other.data or {})["__type"]["name"] == "Service"
    assert documents._cached_introspection.cache_info().misses == 2


async def test_one_introspection_runs_at_a_time(schema: MirrorSchema) -> None:
    documents = Documents(graphql_schema(schema), Limits())
    running = most = 0

    def slow(*_: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.005)
        running -= 1

    documents._cached_introspection = slow  # type: ignore[assignment]  # as `_introspection`, but slow
    texts = [f"{{ __schema {{ queryType {{ name }} }} }}{'#' * n}" for n in range(8)]
    await asyncio.gather(*(documents.introspect(text, None, None) for text in texts))
    assert most == 1


def test_a_syntax_error_names_its_place(schema: MirrorSchema) -> None:
    documents = Documents(graphql_schema(schema), Limits())
    for text in ("{ a", "{ a(b: ) }", "query ($a) { a }", "{ a } }"):
        with pytest.raises(GraphQLError) as raised:
            documents.read(text)
        assert raised.value.locations
