"""Stored rows that lack what their type requires."""

import httpx
import pytest
from structlog.testing import capture_logs

from models import tables
from tests.unit.mirror import MemoryStore
from tests.unit.resolvers.transport.app_in_memory import SIGNED, app_in_memory


@pytest.mark.parametrize("field", ["tags", "title"])
async def test_the_field_that_is_missing_is_named(field: str) -> None:
    store = MemoryStore()
    store.add(tables.Service, id="s", userId="sub-alice", createdAt="2026", updatedAt="2026")
    transport = httpx.ASGITransport(app=app_in_memory(store=store))
    query = f'{{ getService(id: "s") {{ id {field} }} }}'
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        with capture_logs() as logs:
            answer = (await client.post("/graphql", json={"query": query}, headers=SIGNED)).json()
    (error,) = answer["errors"]
    assert answer["data"] == {"getService": None}
    assert error["path"] == ["getService", field]
    assert error["errorInfo"] == {"field": f"Service.{field}"}
    assert error["message"] == (
        f"Cannot return null for non-nullable field Service.{field}: the stored row has no value for it."
    )
    assert [line["field"] for line in logs if "field" in line] == [f"Service.{field}"]
