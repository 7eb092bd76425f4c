"""A caller's own rows are found among many foreign ones, which are skipped."""

import pytest

from tests.unit.mirror import EVE, MemoryStore, add_request, ask


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


@pytest.mark.parametrize(("direction", "found"), [("ASC", ["t0500", "t1500"]), ("DESC", ["t1500", "t0500"])])
async def test_foreign_rows_between_ones_own_are_skipped(
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
    assert len([read for _, read in store.reads if read[1] == "byServiceId"]) == 3

    nested = """query ($direction: ModelSortDirection, $after: String) { getService(id: "s") {
        page: requests(sortDirection: $direction, limit: 1, nextToken: $after) { items { id } nextToken } } }"""
    pages, token = list[list[str]](), None
    while not pages or token:
        page = (await ask(store, EVE, nested, direction=direction, after=token))["getService"]["page"]
        pages.append([item["id"] for item in page["items"]])
        token = page["nextToken"]
    assert pages == [[], found[:1], found[1:]]
