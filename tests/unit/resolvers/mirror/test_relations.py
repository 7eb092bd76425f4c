"""Relations read their rows together, and show none that the caller may not read."""

from tests.unit.mirror import ALICE, EVE, MemoryStore, ask


async def test_relations_are_one_batch_read(store: MemoryStore) -> None:
    data = await ask(
        store, ALICE, "{ listServiceRequests { items { requester { username } service { title } } } }"
    )
    first = data["listServiceRequests"]["items"][0]
    assert first == {"requester": {"username": "alice"}, "service": {"title": "Garden help"}}
    batches = [read for kind, read in store.reads if kind == "batch_get"]
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
