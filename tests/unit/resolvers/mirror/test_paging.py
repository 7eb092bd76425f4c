"""Pages lead through everything once, by tokens that fit one question of one caller."""

from typing import Any

import pytest

from tests.unit.mirror import ALICE, BOB, LIST_REQUESTS, MemoryStore, ask, error_of


async def test_pages_lead_through_everything_once(store: MemoryStore) -> None:
    found: list[str] = []
    token: str | None = None
    for _ in range(3):
        data = await ask(store, ALICE, LIST_REQUESTS, limit=2, nextToken=token)
        page = data["listServiceRequests"]
        found += [item["id"] for item in page["items"]]
        token = page["nextToken"]
    assert found == ["r0", "r1", "r2", "r3", "r4"]
    assert token is None


async def test_a_token_is_good_for_its_caller_and_question_only(store: MemoryStore) -> None:
    page = await ask(store, ALICE, LIST_REQUESTS, limit=1)
    token = page["listServiceRequests"]["nextToken"]
    other_question = {"filter": {"status": {"eq": "PAID"}}}
    for caller, changes in ((BOB, {}), (ALICE, other_question), (ALICE, {"nextToken": "x" + token})):
        error = await error_of(store, caller, LIST_REQUESTS, **{"nextToken": token} | changes)
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "nextToken"})


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_limit_has_its_limits(store: MemoryStore, limit: int) -> None:
    error = await error_of(store, ALICE, LIST_REQUESTS, limit=limit)
    assert error["message"] == f"limit must be 1 to 1000, not {limit}"


SORTED = """query (
    $limit: Int, $nextToken: String, $sort: ModelSortDirection, $filter: ModelServiceRequestFilterInput) {
    serviceRequestsByRequesterId(
      requesterId: "sub-alice", sortDirection: $sort, limit: $limit, nextToken: $nextToken, filter: $filter
    ) { items { id } nextToken } }"""
SAY_NOTHING: list[dict[str, Any]] = [
    {},
    {"filter": None},
    {"filter": {}},
    {"filter": {"and": [], "or": None, "not": {}}},
    {"filter": {"status": None, "message": {}, "createdAt": {"gt": None}}},
    {"filter": {"and": [{"or": [{}]}, None]}},
    {"limit": None},
    {"limit": 100},
    {"sort": None},
    {"sort": "ASC"},
]


@pytest.mark.parametrize("first", SAY_NOTHING)
async def test_a_token_does_not_mind_what_says_nothing(store: MemoryStore, first: dict[str, Any]) -> None:
    page = await ask(store, ALICE, SORTED, **first | {"limit": 1})
    token = page["serviceRequestsByRequesterId"]["nextToken"]
    for then in SAY_NOTHING:
        page = await ask(store, ALICE, SORTED, **then, nextToken=token)
        assert page["serviceRequestsByRequesterId"]["items"] == [{"id": "r1"}, {"id": "r2"}]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"createdAt": {"gt": "2025-12-31T23:00Z"}}, {"createdAt": {"gt": "2026-01-01T00:00:00.000+01:00"}}),
        (
            {"message": {"ne": "x", "size": None}, "status": {"ne": "PAID"}},
            {"status": {"ne": "PAID"}, "message": {"ne": "x"}},
        ),
    ],
)
async def test_nor_how_the_same_is_said(store: MemoryStore, first: dict[str, Any], then: dict[str, Any]) -> None:
    page = await ask(store, ALICE, SORTED, limit=1, filter=first)
    token = page["serviceRequestsByRequesterId"]["nextToken"]
    assert await ask(store, ALICE, SORTED, nextToken=token, filter=then)


@pytest.mark.parametrize("then", [{"sort": "DESC"}, {"filter": {"message": {"eq": None}}}])
async def test_what_says_something_is_another_question(store: MemoryStore, then: dict[str, Any]) -> None:
    page = await ask(store, ALICE, SORTED, limit=1)
    token = page["serviceRequestsByRequesterId"]["nextToken"]
    error = await error_of(store, ALICE, SORTED, **then, nextToken=token)
    assert error["errorInfo"] == {"field": "nextToken"}
