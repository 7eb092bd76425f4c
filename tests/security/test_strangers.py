"""What a stranger can learn of rows that are not theirs, on a real cloud: nothing, not even from the cost."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from models.storage.store import Item
from tests.security import own_operations
from tests.security.backends import CloudBackend
from tests.security.cases import Case, Line, document, item_of, lines, table_of
from tests.security.own_operations import OF_DAYS
from tests.security.relations import Relation, key_of, relations, row_of
from tests.security.samples import SAMPLES
from tests.unit.mirror import execute

pytestmark = pytest.mark.asyncio(loop_scope="package")

MANY = 101  # more than one call reads
LARGEST_BATCH = 25
NOWHERE: dict[str, Any] = {"items": [], "nextToken": None}
REFUSED = {"no", "out", "REQUEST_NOT_FOUND"}
# AppSync distinguishes a missing row from another member's, where it is asked for by its id.
TOLD_APART = {
    line.operation for line in lines() if line.variant == "absent" and line.expected["stranger"] == "null"
}

FOREIGN = [
    line
    for line in lines()
    if line.expected["stranger"] in REFUSED and line.variant in {"", "hidden", "held", "paid", "userId"}
    # What is created without reading any other row belongs to nobody yet.
    if not (line.is_subscription or (line.creates and line.expected["stranger"] == "no"))
]
PAGES = [
    line
    for line in FOREIGN
    if line.expected["stranger"] == "out" and line.variant == "" and line.operation not in OF_DAYS
]


async def observed(backend: CloudBackend, case: Case) -> tuple[Any, list[tuple[str, ...]]]:
    """Return the answer to a case, and the calls to AWS that were made for it."""
    backend.calls.made.clear()
    answer = await backend.ask(case)
    return answer, list(backend.calls.made)


@pytest.mark.parametrize("line", FOREIGN, ids=str)
async def test_a_foreign_row_is_like_an_absent_one(cloud_backend: CloudBackend, line: Line) -> None:
    case = Case.of(line, "stranger")
    absent, asked_for_absent = await observed(cloud_backend, case)
    await cloud_backend.prepare(case)
    foreign, asked_for_foreign = await observed(cloud_backend, case)
    assert asked_for_foreign == asked_for_absent
    if line.operation in TOLD_APART:
        assert (absent, foreign[1][0]["errorType"]) == ((None, []), "Unauthorized")
    else:
        assert foreign == absent
    said, sent = json.dumps(foreign), json.dumps(case.variables())
    texts = {value["S"] for value in case.any_row().values() if len(value.get("S", "")) >= len("a-word")}
    assert [text for text in texts if text in said and text not in sent] == []


async def put_many(backend: CloudBackend, of: str, row: Item) -> None:
    """Store many copies of a row, each with its own key and time."""
    rows = [
        row | {key_of(of): {"S": str(uuid4())}, "createdAt": {"S": f"2026-01-01T00:00:00.{number:03}Z"}}
        for number in range(MANY)
    ]
    table = backend.store.names.table(table_of(of))
    for start in range(0, MANY, LARGEST_BATCH):
        puts = [{"PutRequest": {"Item": item}} for item in rows[start : start + LARGEST_BATCH]]
        await backend.calls.call("dynamodb", "batch_write_item", RequestItems={table: puts})


async def paged(backend: CloudBackend, case: Case, limit: int, selection: str) -> Any:
    """Return a page of everything that a line asks for."""
    whole = f"items {{ {case.line.key} }} nextToken"
    query = document(backend.schema._schema, case.line).replace(whole, selection)
    variables = {**case.variables(), "filter": None, "limit": limit}
    data, errors = await execute(backend.schema, backend.store, case.caller, query, **variables)
    assert errors == []
    return data[case.line.operation]


async def asked_for_a_page(backend: CloudBackend, case: Case) -> list[tuple[str, ...]]:
    """Return the calls to AWS for a page of one row."""
    backend.calls.made.clear()
    await paged(backend, case, 1, "nextToken")
    return list(backend.calls.made)


@pytest.mark.parametrize("of", {line.of: None for line in PAGES if line.of != "UserBalance"})
async def test_many_foreign_rows_are_not_counted(cloud_backend: CloudBackend, of: str) -> None:
    pages = [line for line in PAGES if line.of == of]
    whole = Case.of(pages[0], "stranger")
    cases = [replace(whole, line=line) for line in pages]
    asked_for_none = {str(case.line): await asked_for_a_page(cloud_backend, case) for case in cases}
    await put_many(cloud_backend, of, whole.any_row())
    for case in cases:
        for limit in (1, 100):
            assert await paged(cloud_backend, case, limit, f"items {{ {case.line.key} }} nextToken") == NOWHERE
            assert await paged(cloud_backend, case, limit, "nextToken") == {"nextToken": None}
        if is_of_members(case.line):
            assert await asked_for_a_page(cloud_backend, case) == asked_for_none[str(case.line)]
    for relation in relations():
        if (relation.target, relation.expected["other"]) == (of, "none"):
            await assert_not_counted(cloud_backend, relation, whole)


@pytest.mark.parametrize(("direction", "years"), [("ASC", [2025, 2027]), ("DESC", [2027, 2025])])
async def test_beyond_many_foreign_rows_the_own_ones_are_found(
    cloud_backend: CloudBackend, direction: str, years: list[int]
) -> None:
    line = next(line for line in PAGES if line.operation == "serviceRequestsByServiceId")
    case = Case.of(line, "stranger")
    foreign = case.any_row() | {"serviceId": {"S": case.id}}
    await put_many(cloud_backend, line.of, foreign)
    for year in years:
        dated = {"id": {"S": f"{case.id}-{year}"}, "createdAt": {"S": f"{year}-01-01T00:00:00.000Z"}}
        await cloud_backend.store.put(line.table, foreign | dated | {"providerId": {"S": case.asker.sub}})
    variables = {"serviceId": case.id, "sortDirection": direction, "limit": 5}
    query = document(cloud_backend.schema._schema, line)
    data, errors = await execute(cloud_backend.schema, cloud_backend.store, case.caller, query, **variables)
    own = [{"id": f"{case.id}-{year}"} for year in years]
    assert (data[line.operation], errors) == ({"items": own, "nextToken": None}, [])


def is_of_members(line: Line) -> bool:
    """Return whether a line queries by a field that names a member: another member's rows are not even read."""
    by = line.operation.partition("By")[2].lower()
    admitted = [owner.lower() for owner in line.owners if line.expected[owner] == "row"]
    return line.operation.startswith("list") or by in admitted


async def assert_not_counted(backend: CloudBackend, relation: Relation, case: Case) -> None:
    """Assert that a stranger who may see the parent row counts none of a case's related rows."""
    parent = case.any_row()[relation.at]["S"]
    await backend.store.put(table_of(relation.of), item_of(row_of(relation.of, case.asker.sub) | {"id": parent}))
    query = f"""query ($id: ID!, $limit: Int) {{ row: get{relation.of}(id: $id) {{
        page: {relation.name}(limit: $limit) {{ items {{ {case.line.key} }} nextToken }}
        token: {relation.name}(limit: $limit) {{ nextToken }} }} }}"""
    for limit in (1, 100):
        data, errors = await execute(backend.schema, backend.store, case.caller, query, id=parent, limit=limit)
        assert (data, errors) == ({"row": {"page": NOWHERE, "token": {"nextToken": None}}}, [])


WRITES = [
    line
    for line in FOREIGN
    if line.operation.startswith(("update", "delete")) and line.operation not in own_operations.OPERATIONS
]
CONDITIONS = [{"createdAt": {"attributeExists": is_there}} for is_there in (True, False)]


@pytest.mark.parametrize("line", WRITES, ids=str)
async def test_no_condition_and_no_mistake_tells_of_a_row(cloud_backend: CloudBackend, line: Line) -> None:
    case = Case.of(line, "stranger")
    query = document(cloud_backend.schema._schema, line)
    given = case.variables()["input"]
    inputs = [given]
    if line.operation.startswith("update"):
        inputs.append(given | dict.fromkeys(SAMPLES[line.of].change))
    variants = [{"input": one, "condition": condition} for one in inputs for condition in CONDITIONS]
    answers = []
    for _ in ("absent", "foreign"):
        for variables in variants:
            cloud_backend.calls.made.clear()
            answer = await execute(cloud_backend.schema, cloud_backend.store, case.caller, query, **variables)
            answers.append((answer, list(cloud_backend.calls.made)))
        await cloud_backend.prepare(case)
    assert [answer for answer in answers if answer != answers[0]] == []


BY_HAND = [line for line in lines() if line.operation in own_operations.ADMIN_OPERATIONS]


@pytest.mark.parametrize("line", BY_HAND, ids=str)
async def test_what_admins_do_is_refused_to_everybody_else_unseen(cloud_backend: CloudBackend, line: Line) -> None:
    kind = "Query" if line.operation.startswith("get") else "Mutation"
    refusal = f"Not Authorized to access {line.operation} on type {kind}"
    for column in line.expected.keys() - {"nobody", "key", "admin"}:
        case = Case.of(line, column)
        await cloud_backend.prepare(case)
        (shown, errors), calls_made = await observed(cloud_backend, case)
        assert (shown, [error["message"] for error in errors], calls_made) == (None, [refusal], [])


TAKEN = [line for line in lines() if line.variant == "taken" and line.expected["stranger"] == "cond"]


@pytest.mark.parametrize("line", TAKEN, ids=str)
async def test_a_taken_id_tells_nothing_but_that_it_is_taken(cloud_backend: CloudBackend, line: Line) -> None:
    case = Case.of(line, "stranger")
    await cloud_backend.prepare(case)
    query = document(cloud_backend.schema._schema, line)
    answers = [
        await execute(
            cloud_backend.schema, cloud_backend.store, case.caller, query, input=case.input(), condition=condition
        )
        for condition in (None, *CONDITIONS)
    ]
    assert [answer for answer in answers if answer != answers[0]] == []
    assert answers[0][1][0]["errorInfo"] is None
