"""Queries of the mirrored types: whom they answer, what they read for it, where they lead."""

from typing import Any

import pytest

from models import tables
from resolvers.identity.callers import Caller
from tests.unit.mirror import ADMIN, ALICE, BOB, EVE, MemoryStore, execute, schema_over

LIST = """query ($limit: Int, $nextToken: String, $filter: ModelServiceRequestFilterInput) {
    listServiceRequests(limit: $limit, nextToken: $nextToken, filter: $filter) { items { id } nextToken } }"""


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for name in ("alice", "bob"):
        dates = {"createdAt": "2026", "updatedAt": "2026"}
        store.add(tables.User, id=f"sub-{name}", username=name, skills=["baking"], **dates)
        store.add(tables.UserBalance, userId=f"sub-{name}", totalBalance=9.75, availableBalance=8, **dates)
    store.add(tables.Service, id="s", userId="sub-bob", title="Garden help", createdAt="2026")
    for number in range(5):
        parties = ("sub-alice", "sub-bob") if number < 3 else ("sub-bob", "sub-alice")
        add_request(store, f"r{number}", *parties)
    return store


def add_request(store: MemoryStore, key: str, requester: str, provider: str) -> None:
    store.add(
        tables.ServiceRequest,
        id=key,
        serviceId="s",
        requesterId=requester,
        providerId=provider,
        status="INITIATED",
        estimatedHours=2,
        createdAt=f"2026-01-01T00:00:00.{key}Z",
    )


async def ask(store: MemoryStore, caller: Caller | None, query: str, **variables: Any) -> Any:
    data, errors = await execute(schema_over(store), store, caller, query, **variables)
    assert errors == []
    return data


async def refused(store: MemoryStore, caller: Caller | None, query: str, **variables: Any) -> dict[str, Any]:
    _, (error,) = await execute(schema_over(store), store, caller, query, **variables)
    return error


async def test_a_party_gets_a_request_and_a_stranger_does_not(store: MemoryStore) -> None:
    query = '{ getServiceRequest(id: "r0") { id estimatedHours status agreedRate } }'
    row = {"id": "r0", "estimatedHours": 2.0, "status": "INITIATED", "agreedRate": None}
    for caller in (ALICE, BOB, ADMIN):
        assert await ask(store, caller, query) == {"getServiceRequest": row}
    for stranger in (EVE, None):
        error = await refused(store, stranger, query)
        assert error["errorType"] == "Unauthorized"
        assert error["message"] == "Not Authorized to access getServiceRequest on type Query"


async def test_an_absent_row_is_null(store: MemoryStore) -> None:
    assert await ask(store, EVE, '{ getServiceRequest(id: "none") { id } }') == {"getServiceRequest": None}


async def test_a_foreign_balance_is_refused_before_it_is_read(store: MemoryStore) -> None:
    for key in ("sub-bob", "none"):
        error = await refused(store, ALICE, f'{{ getUserBalance(userId: "{key}") {{ userId }} }}')
        assert error["errorType"] == "Unauthorized"
    error = await refused(store, ALICE, '{ listUserBalances(userId: "sub-bob") { items { userId } } }')
    assert error["errorType"] == "Unauthorized"
    assert store.asked == []


async def test_a_list_is_read_by_the_owner_indexes(store: MemoryStore) -> None:
    add_request(store, "own", "sub-alice", "sub-alice")
    data = await ask(store, ALICE, LIST)
    found = [item["id"] for item in data["listServiceRequests"]["items"]]
    assert sorted(found) == ["own", "r0", "r1", "r2", "r3", "r4"]
    assert [kind for kind, _ in store.asked] == ["query", "query"]


async def test_only_who_may_read_all_has_the_table_read(store: MemoryStore) -> None:
    data = await ask(store, ADMIN, LIST)
    assert len(data["listServiceRequests"]["items"]) == 5
    assert store.asked == [("scan", "ServiceRequest")]


async def test_pages_lead_through_everything_once(store: MemoryStore) -> None:
    found: list[str] = []
    token: str | None = None
    for _ in range(3):
        data = await ask(store, ALICE, LIST, limit=2, nextToken=token)
        page = data["listServiceRequests"]
        found += [item["id"] for item in page["items"]]
        token = page["nextToken"]
    assert found == ["r0", "r1", "r2", "r3", "r4"]
    assert token is None


async def test_a_token_is_good_for_its_caller_and_question_only(store: MemoryStore) -> None:
    page = await ask(store, ALICE, LIST, limit=1)
    token = page["listServiceRequests"]["nextToken"]
    other_question = {"filter": {"status": {"eq": "PAID"}}}
    for caller, changes in ((BOB, {}), (ALICE, other_question), (ALICE, {"nextToken": "x" + token})):
        error = await refused(store, caller, LIST, **{"nextToken": token} | changes)
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "nextToken"})


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_limit_has_its_limits(store: MemoryStore, limit: int) -> None:
    error = await refused(store, ALICE, LIST, limit=limit)
    assert error["message"] == f"limit must be 1 to 1000, not {limit}"


async def test_foreign_rows_are_left_out_of_an_index(store: MemoryStore) -> None:
    query = "{ serviceRequestsByStatus(status: INITIATED, sortDirection: DESC) { items { id } } }"
    data = await ask(store, ALICE, query)
    assert [item["id"] for item in data["serviceRequestsByStatus"]["items"]] == ["r4", "r3", "r2", "r1", "r0"]
    data = await ask(store, EVE, query)
    assert data["serviceRequestsByStatus"]["items"] == []


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize(
    "query",
    [
        "{{ page: serviceRequestsByStatus(status: INITIATED, limit: {}) {{ {} }} }}",
        '{{ page: serviceRequestsByServiceId(serviceId: "s", limit: {}) {{ {} }} }}',
        '{{ page: serviceRequestsByRequesterId(requesterId: "sub-alice", limit: {}) {{ {} }} }}',
        '{{ page: transactionLogsByUserId(userId: "sub-alice", limit: {}) {{ {} }} }}',
        '{{ page: notificationsByUserId(userId: "sub-alice", limit: {}) {{ {} }} }}',
        '{{ up: getUser(id: "sub-alice") {{ page: requestsMade(limit: {}) {{ {} }} }} }}',
        '{{ up: getUser(id: "sub-alice") {{ page: transactionLogs(limit: {}) {{ {} }} }} }}',
    ],
)
async def test_a_stranger_cannot_count_foreign_rows(store: MemoryStore, query: str, limit: int) -> None:
    for number in range(3):
        owned = {"id": f"n{number}", "userId": "sub-alice", "createdAt": f"2026{number}"}
        store.add(tables.TransactionLog, **owned)
        store.add(tables.Notification, **owned)
    for selected in ("nextToken", "items { id } nextToken"):
        data = await ask(store, EVE, query.format(limit, selected))
        assert data.get("up", data)["page"] == {"nextToken": None} | ({"items": []} if "items" in selected else {})


async def test_ones_own_rows_are_found_among_foreign_ones(store: MemoryStore) -> None:
    for number in range(300):
        parties = ("sub-alice", "sub-eve") if number in (150, 250) else ("sub-alice", "sub-bob")
        add_request(store, f"t{number:03}", *parties)
    query = """query ($after: String) {
        serviceRequestsByServiceId(serviceId: "s", limit: 1, nextToken: $after) { items { id } nextToken } }"""
    page = (await ask(store, EVE, query))["serviceRequestsByServiceId"]
    assert page["items"] == [{"id": "t150"}]
    page = (await ask(store, EVE, query, after=page["nextToken"]))["serviceRequestsByServiceId"]
    assert page == {"items": [{"id": "t250"}], "nextToken": None}


async def test_however_many_foreign_rows_there_are_a_stranger_is_told_of_none(store: MemoryStore) -> None:
    for number in range(2_000):
        add_request(store, f"t{number:04}", "sub-alice", "sub-bob")
    query = "{ page: serviceRequestsByStatus(status: INITIATED, limit: 1) { items { id } nextToken } }"
    assert await ask(store, EVE, query) == {"page": {"items": [], "nextToken": None}}
    own = [("ServiceRequest", "byRequesterId", "sub-eve"), ("ServiceRequest", "byProviderId", "sub-eve")]
    assert [asked for _, asked in store.asked] == [("ServiceRequest", "byStatus", "INITIATED"), *own]
    store.asked.clear()
    query = '{ getUser(id: "sub-alice") { page: requestsMade(limit: 1) { items { id } nextToken } } }'
    assert (await ask(store, EVE, query))["getUser"] == {"page": {"items": [], "nextToken": None}}
    assert [asked for _, asked in store.asked[1:]] == own[1:]


@pytest.mark.parametrize(("direction", "found"), [("ASC", ["t0500", "t1500"]), ("DESC", ["t1500", "t0500"])])
async def test_among_many_foreign_rows_the_own_ones_are_gone_to(
    store: MemoryStore, direction: str, found: list[str]
) -> None:
    for number in range(2_000):
        parties = ("sub-alice", "sub-eve") if number in {500, 1_500} else ("sub-alice", "sub-bob")
        add_request(store, f"t{number:04}", *parties)
    query = """query ($direction: ModelSortDirection) {
        page: serviceRequestsByServiceId(serviceId: "s", sortDirection: $direction, limit: 5) {
            items { id } nextToken } }"""
    whole = (await ask(store, EVE, query, direction=direction))["page"]
    assert whole == {"items": [{"id": key} for key in found], "nextToken": None}
    assert len([asked for _, asked in store.asked if asked[1] == "byServiceId"]) == 3

    nested = """query ($direction: ModelSortDirection, $after: String) { getService(id: "s") {
        page: requests(sortDirection: $direction, limit: 1, nextToken: $after) { items { id } nextToken } } }"""
    pages, token = list[list[str]](), None
    while not pages or token:
        page = (await ask(store, EVE, nested, direction=direction, after=token))["getService"]["page"]
        pages.append([item["id"] for item in page["items"]])
        token = page["nextToken"]
    assert pages == [[], found[:1], found[1:]]


async def test_reading_on_ends_after_ten_calls(store: MemoryStore) -> None:
    for number in range(2_000):
        parties = ("sub-alice", "sub-eve") if number % 100 == 0 else ("sub-alice", "sub-bob")
        add_request(store, f"t{number:04}", *parties)
    query = """{ serviceRequestsByStatus(status: INITIATED, limit: 1, filter: { id: { eq: "t1900" } }) {
        items { id } nextToken } }"""
    page = (await ask(store, EVE, query))["serviceRequestsByStatus"]
    assert page["items"] == []
    assert page["nextToken"] is not None
    assert len([asked for _, asked in store.asked if asked[1] == "byStatus"]) == 10


async def test_a_party_of_every_row_is_not_filtered(store: MemoryStore) -> None:
    query = '{ serviceRequestsByRequesterId(requesterId: "sub-alice", limit: 3) { items { id } nextToken } }'
    page = (await ask(store, ALICE, query))["serviceRequestsByRequesterId"]
    assert [item["id"] for item in page["items"]] == ["r0", "r1", "r2"]
    assert page["nextToken"] is None


async def test_a_filter_on_an_indexs_own_key_is_run_here(store: MemoryStore) -> None:
    filter_ = {"createdAt": {"ge": "2026-01-01T00:00:00.r2Z"}}
    data = await ask(store, ALICE, LIST, filter=filter_)
    assert [item["id"] for item in data["listServiceRequests"]["items"]] == ["r2", "r3", "r4"]


async def test_relations_are_one_batch_read(store: MemoryStore) -> None:
    data = await ask(
        store, ALICE, "{ listServiceRequests { items { requester { username } service { title } } } }"
    )
    first = data["listServiceRequests"]["items"][0]
    assert first == {"requester": {"username": "alice"}, "service": {"title": "Garden help"}}
    batches = [asked for kind, asked in store.asked if kind == "batch_get"]
    assert batches == [{("User", "sub-alice"), ("User", "sub-bob"), ("Service", "s")}]


async def test_a_foreign_relation_is_null_without_an_error(store: MemoryStore) -> None:
    query = """{ getUser(id: "sub-bob") {
        bankHours balance { totalBalance } requestsMade { items { id } } services { items { user { id } } } } }"""
    data = await ask(store, EVE, query)
    assert data["getUser"] == {
        "bankHours": 9.75,
        "balance": None,
        "requestsMade": {"items": []},
        "services": {"items": [{"user": {"id": "sub-bob"}}]},
    }


async def test_a_connection_without_items_is_counted(store: MemoryStore) -> None:
    counted: list[bool] = []
    query = store.query

    async def counting(*args: Any, **given: Any) -> Any:
        counted.append(given["count_only"])
        return await query(*args, **given)

    store.query = counting  # type: ignore[method-assign]  # to see what is asked for
    shape = '{{ getUser(id: "sub-alice") {{ requestsMade {{ {} }} }} }}'
    await ask(store, ALICE, shape.format("nextToken"))
    await ask(store, ALICE, shape.format("... on ModelServiceRequestConnection { ...F }") + FRAGMENT)
    assert counted == [True, False]


FRAGMENT = " fragment F on ModelServiceRequestConnection { nextToken items { id } }"


async def test_a_scalars_error_names_the_argument(store: MemoryStore) -> None:
    error = await refused(store, ALICE, '{ eventLogsByTimestamp(timestamp: "today") { items { id } } }')
    assert error["errorType"] == "ValidationError"
    assert error["message"].endswith("(at timestamp)")
    assert "2026-03-01T09:30:00.000Z" in error["message"]


async def test_what_nobody_foresaw_is_masked(store: MemoryStore) -> None:
    store.rows[tables.Service, "s"]["title"] = {"N": "1"}
    error = await refused(store, ALICE, '{ getService(id: "s") { title } }')
    assert error["errorType"] == "InternalFailure"
    assert error["errorInfo"]["correlationId"] in error["message"]
