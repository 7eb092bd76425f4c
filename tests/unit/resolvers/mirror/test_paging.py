"""Pages lead through everything once, by tokens that fit one question of one caller."""

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
