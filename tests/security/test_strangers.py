"""What a stranger can learn of rows that are not theirs, on a real cloud: nothing, not even by what it costs."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from models.storage.store import Item
from tests.security import own_operations
from tests.security.cases import Case, Line, document, item_of, lines, table_of
from tests.security.relations import Relation, key_of, relations, row_of
from tests.security.samples import SAMPLES
from tests.security.worlds import CloudWorld
from tests.unit.mirror import execute

pytestmark = pytest.mark.asyncio(loop_scope="package")

MANY = 101  # more than one call reads
LARGEST_BATCH = 25
NOWHERE: dict[str, Any] = {"items": [], "nextToken": None}
REFUSED = {"no", "out", "REQUEST_NOT_FOUND"}
# AppSync tells a row that is not there from one that is another's, where it is asked for by its id.
TOLD_APART = {
    line.operation for line in lines() if line.variant == "absent" and line.expected["stranger"] == "null"
}

FOREIGN = [
    line
    for line in lines()
    if line.expected["stranger"] in REFUSED and line.variant in {"", "hidden", "held", "paid", "userId"}
    # What is created without a look at any other row is of nobody yet.
    if not (line.is_subscription or (line.creates and line.expected["stranger"] == "no"))
]
PAGES = [line for line in FOREIGN if line.expected["stranger"] == "out" and line.variant == ""]


async def observed(world: CloudWorld, case: Case) -> tuple[Any, list[tuple[str, ...]]]:
    """Return what a case is answered, and what was asked of AWS for it."""
    world.calls.asked.clear()
    answer = await world.ask(case)
    return answer, list(world.calls.asked)


@pytest.mark.parametrize("line", FOREIGN, ids=str)
async def test_a_foreign_row_is_like_an_absent_one(cloud_world: CloudWorld, line: Line) -> None:
    case = Case.of(line, "stranger")
    absent, asked_for_absent = await observed(cloud_world, case)
    await cloud_world.prepare(case)
    foreign, asked_for_foreign = await observed(cloud_world, case)
    assert asked_for_foreign == asked_for_absent
    if line.operation in TOLD_APART:
        assert (absent, foreign[1][0]["errorType"]) == ((None, []), "Unauthorized")
    else:
        assert foreign == absent
    said, asked = json.dumps(foreign), json.dumps(case.variables())
    texts = {value["S"] for value in case.any_row().values() if len(value.get("S", "")) >= len("a-word")}
    assert [text for text in texts if text in said and text not in asked] == []


async def put_many(world: CloudWorld, of: str, row: Item) -> None:
    """Put rows like one, each with a key and a time of its own."""
    rows = [
        row | {key_of(of): {"S": str(uuid4())}, "createdAt": {"S": f"2026-01-01T00:00:00.{number:03}Z"}}
        for number in range(MANY)
    ]
    table = world.store.names.table(table_of(of))
    for start in range(0, MANY, LARGEST_BATCH):
        puts = [{"PutRequest": {"Item": item}} for item in rows[start : start + LARGEST_BATCH]]
        await world.calls.call("dynamodb", "batch_write_item", RequestItems={table: puts})


async def paged(world: CloudWorld, case: Case, limit: int, selection: str) -> Any:
    """Return a page of everything that a line asks for."""
    whole = f"items {{ {case.line.key} }} nextToken"
    query = document(world.schema._schema, case.line).replace(whole, selection)
    variables = {**case.variables(), "filter": None, "limit": limit}
    data, errors = await execute(world.schema, world.store, case.caller, query, **variables)
    assert errors == []
    return data[case.line.operation]


async def asked_for_a_page(world: CloudWorld, case: Case) -> list[tuple[str, ...]]:
    """Return what was asked of AWS for a page of one row."""
    world.calls.asked.clear()
    await paged(world, case, 1, "nextToken")
    return list(world.calls.asked)


@pytest.mark.parametrize("of", {line.of: None for line in PAGES if line.of != "UserBalance"})
async def test_many_foreign_rows_are_not_counted(cloud_world: CloudWorld, of: str) -> None:
    pages = [line for line in PAGES if line.of == of]
    whole = Case.of(pages[0], "stranger")
    cases = [replace(whole, line=line) for line in pages]
    asked_for_none = {str(case.line): await asked_for_a_page(cloud_world, case) for case in cases}
    await put_many(cloud_world, of, whole.any_row())
    for case in cases:
        for limit in (1, 100):
            assert await paged(cloud_world, case, limit, f"items {{ {case.line.key} }} nextToken") == NOWHERE
            assert await paged(cloud_world, case, limit, "nextToken") == {"nextToken": None}
        if is_of_members(case.line):
            assert await asked_for_a_page(cloud_world, case) == asked_for_none[str(case.line)]
    for relation in relations():
        if (relation.target, relation.expected["other"]) == (of, "none"):
            await assert_not_counted(cloud_world, relation, whole)


@pytest.mark.parametrize(("direction", "years"), [("ASC", [2025, 2027]), ("DESC", [2027, 2025])])
async def test_beyond_many_foreign_rows_the_own_ones_are_found(
    cloud_world: CloudWorld, direction: str, years: list[int]
) -> None:
    line = next(line for line in PAGES if line.operation == "serviceRequestsByServiceId")
    case = Case.of(line, "stranger")
    foreign = case.any_row() | {"serviceId": {"S": case.id}}
    await put_many(cloud_world, line.of, foreign)
    for year in years:
        dated = {"id": {"S": f"{case.id}-{year}"}, "createdAt": {"S": f"{year}-01-01T00:00:00.000Z"}}
        await cloud_world.store.put(line.table, foreign | dated | {"providerId": {"S": case.asker.sub}})
    variables = {"serviceId": case.id, "sortDirection": direction, "limit": 5}
    query = document(cloud_world.schema._schema, line)
    data, errors = await execute(cloud_world.schema, cloud_world.store, case.caller, query, **variables)
    own = [{"id": f"{case.id}-{year}"} for year in years]
    assert (data[line.operation], errors) == ({"items": own, "nextToken": None}, [])


def is_of_members(line: Line) -> bool:
    """Tell whether a line asks by a field that a rule admits members by: of another member no row is even read."""
    by = line.operation.partition("By")[2].lower()
    admitted = [owner.lower() for owner in line.owners if line.expected[owner] == "row"]
    return line.operation.startswith("list") or by in admitted


async def assert_not_counted(world: CloudWorld, relation: Relation, case: Case) -> None:
    """See that a stranger, who may see the row that leads to them, counts none of a case's rows."""
    parent = case.any_row()[relation.at]["S"]
    await world.store.put(table_of(relation.of), item_of(row_of(relation.of, case.asker.sub) | {"id": parent}))
    query = f"""query ($id: ID!, $limit: Int) {{ row: get{relation.of}(id: $id) {{
        page: {relation.name}(limit: $limit) {{ items {{ {case.line.key} }} nextToken }}
        token: {relation.name}(limit: $limit) {{ nextToken }} }} }}"""
    for limit in (1, 100):
        data, errors = await execute(world.schema, world.store, case.caller, query, id=parent, limit=limit)
        assert (data, errors) == ({"row": {"page": NOWHERE, "token": {"nextToken": None}}}, [])


WRITES = [
    line
    for line in FOREIGN
    if line.operation.startswith(("update", "delete")) and line.operation not in own_operations.OPERATIONS
]
CONDITIONS = [{"createdAt": {"attributeExists": is_there}} for is_there in (True, False)]


@pytest.mark.parametrize("line", WRITES, ids=str)
async def test_no_condition_and_no_mistake_tells_of_a_row(cloud_world: CloudWorld, line: Line) -> None:
    case = Case.of(line, "stranger")
    query = document(cloud_world.schema._schema, line)
    given = case.variables()["input"]
    inputs = [given]
    if line.operation.startswith("update"):
        inputs.append(given | dict.fromkeys(SAMPLES[line.of].change))
    asked = [{"input": one, "condition": condition} for one in inputs for condition in CONDITIONS]
    answers = []
    for _ in ("absent", "foreign"):
        for variables in asked:
            cloud_world.calls.asked.clear()
            answer = await execute(cloud_world.schema, cloud_world.store, case.caller, query, **variables)
            answers.append((answer, list(cloud_world.calls.asked)))
        await cloud_world.prepare(case)
    assert [answer for answer in answers if answer != answers[0]] == []


BY_HAND = [line for line in lines() if line.operation in own_operations.ADMINS]


@pytest.mark.parametrize("line", BY_HAND, ids=str)
async def test_what_admins_do_is_refused_to_everybody_else_unseen(cloud_world: CloudWorld, line: Line) -> None:
    kind = "Query" if line.operation.startswith("get") else "Mutation"
    refusal = f"Not Authorized to access {line.operation} on type {kind}"
    for column in line.expected.keys() - {"nobody", "key", "admin"}:
        case = Case.of(line, column)
        await cloud_world.prepare(case)
        (shown, errors), asked = await observed(cloud_world, case)
        assert (shown, [error["message"] for error in errors], asked) == (None, [refusal], [])


TAKEN = [line for line in lines() if line.variant == "taken" and line.expected["stranger"] == "cond"]


@pytest.mark.parametrize("line", TAKEN, ids=str)
async def test_a_taken_id_tells_nothing_but_that_it_is_taken(cloud_world: CloudWorld, line: Line) -> None:
    case = Case.of(line, "stranger")
    await cloud_world.prepare(case)
    query = document(cloud_world.schema._schema, line)
    answers = [
        await execute(
            cloud_world.schema, cloud_world.store, case.caller, query, input=case.input(), condition=condition
        )
        for condition in (None, *CONDITIONS)
    ]
    assert [answer for answer in answers if answer != answers[0]] == []
    assert answers[0][1][0]["errorInfo"] is None
