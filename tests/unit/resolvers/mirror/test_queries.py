"""Queries of the mirrored types: which rows a caller gets, and what is read for it."""

from typing import Any

import pytest

from models import tables
from tests.unit.mirror import ADMIN, ALICE, BOB, EVE, LIST_REQUESTS, MemoryStore, add_request, ask, error_of


async def test_a_party_gets_a_request_and_a_stranger_does_not(store: MemoryStore) -> None:
    query = '{ getServiceRequest(id: "r0") { id estimatedHours status agreedRate } }'
    row = {"id": "r0", "estimatedHours": 2.0, "status": "INITIATED", "agreedRate": None}
    for caller in (ALICE, BOB, ADMIN):
        assert await ask(store, caller, query) == {"getServiceRequest": row}
    for stranger in (EVE, None):
        error = await error_of(store, stranger, query)
        assert error["errorType"] == "Unauthorized"
        assert error["message"] == "Not Authorized to access getServiceRequest on type Query"


async def test_an_absent_row_is_null(store: MemoryStore) -> None:
    assert await ask(store, EVE, '{ getServiceRequest(id: "none") { id } }') == {"getServiceRequest": None}


async def test_a_foreign_balance_is_refused_before_it_is_read(store: MemoryStore) -> None:
    for key in ("sub-bob", "none"):
        error = await error_of(store, ALICE, f'{{ getUserBalance(userId: "{key}") {{ userId }} }}')
        assert error["errorType"] == "Unauthorized"
    error = await error_of(store, ALICE, '{ listUserBalances(userId: "sub-bob") { items { userId } } }')
    assert error["errorType"] == "Unauthorized"
    assert store.reads == []


async def test_a_list_is_read_by_the_owner_indexes(store: MemoryStore) -> None:
    add_request(store, "own", "sub-alice", "sub-alice")
    data = await ask(store, ALICE, LIST_REQUESTS)
    found = [item["id"] for item in data["listServiceRequests"]["items"]]
    assert sorted(found) == ["own", "r0", "r1", "r2", "r3", "r4"]
    assert [kind for kind, _ in store.reads] == ["query", "query"]


async def test_the_table_is_scanned_only_for_who_may_read_all(store: MemoryStore) -> None:
    data = await ask(store, ADMIN, LIST_REQUESTS)
    assert len(data["listServiceRequests"]["items"]) == 5
    assert store.reads == [("scan", "ServiceRequest")]


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


async def test_a_stranger_learns_of_no_foreign_row_however_many_there_are(store: MemoryStore) -> None:
    for number in range(2_000):
        add_request(store, f"t{number:04}", "sub-alice", "sub-bob")
    query = "{ page: serviceRequestsByStatus(status: INITIATED, limit: 1) { items { id } nextToken } }"
    assert await ask(store, EVE, query) == {"page": {"items": [], "nextToken": None}}
    own = [("ServiceRequest", "byRequesterId", "sub-eve"), ("ServiceRequest", "byProviderId", "sub-eve")]
    assert [read for _, read in store.reads] == [("ServiceRequest", "byStatus", "INITIATED"), *own]
    store.reads.clear()
    query = '{ getUser(id: "sub-alice") { page: requestsMade(limit: 1) { items { id } nextToken } } }'
    assert (await ask(store, EVE, query))["getUser"] == {"page": {"items": [], "nextToken": None}}
    assert [read for _, read in store.reads[1:]] == own[1:]


async def test_a_filtered_page_ends_after_ten_calls(store: MemoryStore) -> None:
    for number in range(2_000):
        parties = ("sub-alice", "sub-eve") if number % 100 == 0 else ("sub-alice", "sub-bob")
        add_request(store, f"t{number:04}", *parties)
    query = """{ serviceRequestsByStatus(status: INITIATED, limit: 1, filter: { id: { eq: "t1900" } }) {
        items { id } nextToken } }"""
    page = (await ask(store, EVE, query))["serviceRequestsByStatus"]
    assert page["items"] == []
    assert page["nextToken"] is not None
    assert len([read for _, read in store.reads if read[1] == "byStatus"]) == 10


async def test_a_party_of_every_row_is_not_filtered(store: MemoryStore) -> None:
    query = '{ serviceRequestsByRequesterId(requesterId: "sub-alice", limit: 3) { items { id } nextToken } }'
    page = (await ask(store, ALICE, query))["serviceRequestsByRequesterId"]
    assert [item["id"] for item in page["items"]] == ["r0", "r1", "r2"]
    assert page["nextToken"] is None


async def test_a_filter_on_an_indexs_own_key_is_run_by_us(store: MemoryStore) -> None:
    filter_ = {"createdAt": {"ge": "2026-01-01T00:00:00.r2Z"}}
    data = await ask(store, ALICE, LIST_REQUESTS, filter=filter_)
    assert [item["id"] for item in data["listServiceRequests"]["items"]] == ["r2", "r3", "r4"]


async def test_a_connection_without_items_is_counted(store: MemoryStore) -> None:
    counted: list[bool] = []
    query = store.query

    async def counting(*args: Any, **options: Any) -> Any:
        counted.append(options["count_only"])
        return await query(*args, **options)

    store.query = counting  # type: ignore[method-assign]  # to record the option
    shape = '{{ getUser(id: "sub-alice") {{ requestsMade {{ {} }} }} }}'
    await ask(store, ALICE, shape.format("nextToken"))
    await ask(store, ALICE, shape.format("... on ModelServiceRequestConnection { ...F }") + FRAGMENT)
    assert counted == [True, False]


FRAGMENT = " fragment F on ModelServiceRequestConnection { nextToken items { id } }"


async def test_a_scalars_error_names_the_argument(store: MemoryStore) -> None:
    error = await error_of(store, ALICE, '{ eventLogsByTimestamp(timestamp: "today") { items { id } } }')
    assert error["errorType"] == "ValidationError"
    assert error["message"].endswith("(at timestamp)")
    assert "2026-03-01T09:30:00.000Z" in error["message"]


async def test_an_unexpected_error_is_masked(store: MemoryStore) -> None:
    store.rows[tables.Service, "s"]["title"] = {"N": "1"}
    error = await error_of(store, ALICE, '{ getService(id: "s") { title } }')
    assert error["errorType"] == "InternalFailure"
    assert error["errorInfo"]["correlationId"] in error["message"]
