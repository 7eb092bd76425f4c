"""Rows that tests of mutations change, and how they change them."""

from typing import Any

from models import tables
from resolvers.identity.callers import Caller
from tests.unit.mirror import MemoryStore, execute, schema_over

SERVICE: dict[str, Any] = {
    "id": "s",
    "title": "Garden help",
    "description": "Weeding",
    "category": "garden",
    "hourlyRate": 1.5,
    "isActive": True,
    "tags": ["outdoors"],
}
CREATE = "mutation ($input: CreateServiceInput!) { createService(input: $input) { id userId createdAt tags } }"
UPDATE = (
    "mutation ($input: UpdateServiceRequestInput!) { updateServiceRequest(input: $input) { id message status } }"
)


def rows_to_write() -> MemoryStore:
    """Return an accepted request of Alice's, and her account."""
    store = MemoryStore()
    store.add(
        tables.ServiceRequest,
        id="r",
        serviceId="s",
        requesterId="sub-alice",
        providerId="sub-bob",
        status="ACCEPTED",
        estimatedHours="2",
        negotiationRound=0,
        message="please",
        createdAt="2026",
        updatedAt="2026",
    )
    row = store.rows[tables.ServiceRequest, "r"]
    row["estimatedHours"] = {"N": "2"}
    store.add(tables.User, id="sub-alice", username="alice", email="a@example.com", bankHours=0, updatedAt="2026")
    store.add(tables.UserBalance, userId="sub-alice", totalBalance=10, escrowedBalance=2)
    return store


async def change(
    store: MemoryStore, caller: Caller | None, query: str, **variables: Any
) -> tuple[Any, list[dict[str, Any]]]:
    data, errors = await execute(schema_over(store), store, caller, query, **variables)
    return next(iter(data.values())) if data else None, errors


async def refused(store: MemoryStore, caller: Caller | None, query: str, **given: Any) -> dict[str, Any]:
    before = {key: dict(item) for key, item in store.rows.items()}
    data, (error,) = await change(store, caller, query, input=given)
    assert data is None
    assert store.rows == before
    return error
