"""Rows with a key of two fields, found and sorted by several fields and by numbers."""

from typing import Any

import pytest

from schema.build import MirrorSchema
from tests.unit.mirror import ALICE, BOB, MemoryStore, app_over, execute
from tests.unit.projects import CATALOGUE, EXPENSES, PROJECTS

MINE = ALICE.sub


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for number, status in enumerate(("PLANNED", "ACTIVE", "ACTIVE")):
        date = f"2026-0{number + 1}-01"
        store.add(
            PROJECTS,
            userId=MINE,
            projectId=f"p{number}",
            name=f"House {number}",
            startDate=date,
            status=status,
            projectKey=f"{MINE}#p{number}",
            createdAt=date,
            updatedAt=date,
            **{"status#startDate": f"{status}#{date}"},
        )
    for number in range(12):
        store.add(
            EXPENSES,
            userId=MINE if number < 11 else BOB.sub,
            expenseId=f"e{number}",
            projectId="p1",
            amount=number,
            date=f"2026-01-{number + 1:02}",
            projectKey=f"{MINE}#p1",
            createdAt="2026-01-01",
            updatedAt="2026-01-01",
        )
    return store


@pytest.fixture
def schema(store: MemoryStore) -> MirrorSchema:
    return app_over(store, CATALOGUE)


ACTIVE_LATE = '{status: ACTIVE, startDate: "2026-02-02"}'
IN_ORDER = "give status, too, because the fields are compared in their order"


async def ask(schema: MirrorSchema, store: MemoryStore, query: str, caller: Any = ALICE, **variables: Any) -> Any:
    data, errors = await execute(schema, store, caller, query, **variables)
    assert errors == []
    return data


async def error_of(schema: MirrorSchema, store: MemoryStore, query: str, caller: Any = ALICE) -> dict[str, Any]:
    _, (error,) = await execute(schema, store, caller, query)
    return error


async def test_a_row_is_got_by_both_fields_of_its_key(schema: MirrorSchema, store: MemoryStore) -> None:
    query = f'{{ getProject(userId: "{MINE}", projectId: "p1") {{ name }} }}'
    assert await ask(schema, store, query) == {"getProject": {"name": "House 1"}}
    assert store.reads == [("get", ("Project", (MINE, "p1")))]
    assert (await error_of(schema, store, query, BOB))["errorType"] == "Unauthorized"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("", ["p0", "p1", "p2"]),
        (", sortDirection: DESC", ["p2", "p1", "p0"]),
        (', projectId: {gt: "p0"}', ["p1", "p2"]),
        (', projectId: {between: ["p0", "p1"]}', ["p0", "p1"]),
        (', projectId: {beginsWith: "p2"}', ["p2"]),
        (", projectId: {}", ["p0", "p1", "p2"]),
        (', filter: {name: {eq: "House 2"}}', ["p2"]),
    ],
)
async def test_a_list_compares_the_sort_field_of_one_hash_key(
    schema: MirrorSchema, store: MemoryStore, arguments: str, found: list[str]
) -> None:
    query = f'{{ listProjects(userId: "{MINE}"{arguments}) {{ items {{ projectId }} }} }}'
    items = (await ask(schema, store, query))["listProjects"]["items"]
    assert [item["projectId"] for item in items] == found
    assert store.reads == [("query", ("Project", None, MINE))]


async def test_a_list_without_a_key_is_the_callers_own_and_nobody_lists_anothers(
    schema: MirrorSchema, store: MemoryStore
) -> None:
    expenses = "{ listExpenses { items { expenseId } } }"
    assert await ask(schema, store, expenses, BOB) == {"listExpenses": {"items": [{"expenseId": "e11"}]}}
    assert store.reads == [("query", ("Expense", None, BOB.sub))]
    foreign = f'{{ listProjects(userId: "{MINE}") {{ items {{ name }} }} }}'
    assert (await error_of(schema, store, foreign, BOB))["errorType"] == "Unauthorized"
    error = await error_of(schema, store, '{ listProjects(projectId: {eq: "p"}) { items { name } } }')
    assert error["message"] == "projectId is only compared where userId is given, too"


async def test_a_filter_that_pins_the_whole_key_or_its_hash_field_needs_no_scan(
    schema: MirrorSchema, store: MemoryStore
) -> None:
    query = "query ($f: ModelProjectFilterInput) { listProjects(filter: $f) { items { projectId } } }"
    both = {"userId": {"eq": MINE}, "projectId": {"eq": "p1"}}
    data = await ask(schema, store, query, f=both)
    assert data == {"listProjects": {"items": [{"projectId": "p1"}]}}
    assert len((await ask(schema, store, query, f={"userId": {"eq": MINE}}))["listProjects"]["items"]) == 3
    assert [kind for kind, _ in store.reads] == ["get", "query"]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("", ["p1", "p2", "p0"]),
        ("{beginsWith: {status: ACTIVE}}", ["p1", "p2"]),
        ('{eq: {status: ACTIVE, startDate: "2026-03-01"}}', ["p2"]),
        (f"{{between: [{ACTIVE_LATE}, {{status: PLANNED}}]}}", ["p2"]),
        ('{beginsWith: {status: PLANNED, startDate: "2026"}}', ["p0"]),
    ],
)  # fmt: skip
async def test_several_sort_fields_are_compared_together(
    schema: MirrorSchema, store: MemoryStore, condition: str, found: list[str]
) -> None:
    argument = f", statusStartDate: {condition}" if condition else ""
    query = f'{{ projectsByStatusAndDate(userId: "{MINE}"{argument}) {{ items {{ projectId }} }} }}'
    items = (await ask(schema, store, query))["projectsByStatusAndDate"]["items"]
    assert [item["projectId"] for item in items] == found


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('{eq: {startDate: "x"}}', f"statusStartDate.eq: {IN_ORDER}"),
        ("{beginsWith: {}}", f"statusStartDate.beginsWith: {IN_ORDER}"),
        (
            "{ge: {status: ACTIVE}, le: {status: ACTIVE}}",
            "statusStartDate: a key is compared by one operator, not by le and ge",
        ),
        ("{between: [{status: ACTIVE}]}", "statusStartDate.between takes two values, the smaller one first"),
    ],
)  # fmt: skip
async def test_what_a_key_cannot_be_compared_with_is_refused(
    schema: MirrorSchema, store: MemoryStore, condition: str, message: str
) -> None:
    query = f'{{ projectsByStatusAndDate(userId: "{MINE}", statusStartDate: {condition}) {{ nextToken }} }}'
    assert (await error_of(schema, store, query))["message"] == message


@pytest.mark.parametrize(
    ("condition", "found"),
    [("{ge: 9}", [9, 10]), ("{between: [2, 3.5]}", [2, 3]), ("{lt: 2}", [0, 1]), ("{eq: 10.0}", [10])],
)
async def test_numbers_are_sorted_and_compared_as_numbers(
    schema: MirrorSchema, store: MemoryStore, condition: str, found: list[float]
) -> None:
    query = f'{{ expensesByAmount(userId: "{MINE}", amount: {condition}) {{ items {{ amount }} }} }}'
    items = (await ask(schema, store, query))["expensesByAmount"]["items"]
    assert [item["amount"] for item in items] == found


async def test_pages_go_on_after_a_composite_key(schema: MirrorSchema, store: MemoryStore) -> None:
    query = """query ($next: String, $user: ID!) {
        expensesByAmount(userId: $user, sortDirection: DESC, limit: 4, nextToken: $next) {
            items { amount } nextToken } }"""
    found, token = list[float](), None
    while not found or token:
        page = (await ask(schema, store, query, next=token, user=MINE))["expensesByAmount"]
        found += [item["amount"] for item in page["items"]]
        token = page["nextToken"]
    assert found == list(range(10, -1, -1))


async def test_relations_lead_by_several_fields_and_compare_sort_fields(
    schema: MirrorSchema, store: MemoryStore
) -> None:
    query = f"""{{ getProject(userId: "{MINE}", projectId: "p1") {{
        expenses(date: {{ge: "2026-01-09"}}, limit: 2) {{ items {{ expenseId project {{ name }} }} }} }} }}"""
    items = (await ask(schema, store, query))["getProject"]["expenses"]["items"]
    assert items == [{"expenseId": f"e{number}", "project": {"name": "House 1"}} for number in (8, 9)]
    assert store.reads[-1] == ("batch_get", {("Project", (MINE, "p1"))})


async def test_a_foreign_row_in_an_index_is_left_out(schema: MirrorSchema, store: MemoryStore) -> None:
    query = f'{{ expensesByProject(projectKey: "{MINE}#p1") {{ items {{ expenseId }} nextToken }} }}'
    page = (await ask(schema, store, query, BOB))["expensesByProject"]
    assert page == {"items": [{"expenseId": "e11"}], "nextToken": None}


async def test_what_sorts_is_stored_together_when_a_row_is_written(
    schema: MirrorSchema, store: MemoryStore
) -> None:
    made = """mutation { createProject(input: {projectId: "new", name: "Shed", startDate: "2026-05-05",
        status: PLANNED, projectKey: "k"}) { userId status } }"""
    data = await ask(schema, store, made)
    assert data == {"createProject": {"userId": MINE, "status": "PLANNED"}}
    row = store.rows[PROJECTS, (MINE, "new")]
    assert row["status#startDate"] == {"S": "PLANNED#2026-05-05"}

    changed = "mutation ($i: UpdateProjectInput!) { updateProject(input: $i) { status startDate } }"
    key = {"userId": MINE, "projectId": "new"}
    await ask(schema, store, changed, i={**key, "status": "ACTIVE"})
    assert store.rows[PROJECTS, (MINE, "new")]["status#startDate"] == {"S": "ACTIVE#2026-05-05"}
    await ask(schema, store, changed, i={**key, "status": None})
    assert "status#startDate" not in store.rows[PROJECTS, (MINE, "new")]
    await ask(schema, store, changed, i={**key, "name": "Barn"})

    removed = f'mutation {{ deleteProject(input: {{userId: "{MINE}", projectId: "new"}}) {{ name }} }}'
    assert await ask(schema, store, removed) == {"deleteProject": {"name": "Barn"}}
    assert (PROJECTS, (MINE, "new")) not in store.rows
