"""Whose rows a subscriber may ask for, and by which names."""

from typing import Any

import pytest

from models import tables
from models.changes import ChangeKind
from resolvers.context import RequestContext
from resolvers.identity.callers import Caller
from schema.errors import report
from tests.security.backends import MemoryBackend
from tests.security.cases import STAMP, item_of
from tests.security.samples import SAMPLES

ALICE = Caller("sub-alice", "alice")
QUERY = """subscription ($requesterId: String, $providerId: String) {
    onUpdateServiceRequest(requesterId: $requesterId, providerId: $providerId) { requesterId } }"""


@pytest.mark.parametrize("stored", ["sub-alice", "alice", "sub-alice::alice"])
@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        ({"requesterId": "sub-alice"}, "event"),
        ({"requesterId": "alice"}, "event"),
        ({"requesterId": "sub-alice::alice"}, "event"),
        ({"requesterId": None}, "event"),
        ({"requesterId": "alice", "providerId": "sub-bob"}, "event"),
        ({"requesterId": "alice", "providerId": "sub-carol"}, "quiet"),
        ({"requesterId": "sub-bob", "providerId": "alice"}, "quiet"),
        ({"providerId": "sub-bob"}, "no"),
        ({"requesterId": "sub-bob", "providerId": "sub-carol"}, "no"),
        ({"requesterId": ""}, "no"),
    ],
)
async def test_a_member_may_be_named_in_any_way(
    backend: MemoryBackend, stored: str, asked: dict[str, Any], outcome: str
) -> None:
    row = {**SAMPLES["ServiceRequest"].given, "id": "r", "requesterId": stored, "providerId": "sub-bob"}
    await backend.store.put(tables.ServiceRequest, item_of(row | {"createdAt": STAMP, "updatedAt": STAMP}))
    backend.announce(ChangeKind.UPDATE, backend.store.rows[tables.ServiceRequest, "r"])
    context = RequestContext(backend.store, ALICE, {})
    results: Any = await backend.schema.stream(QUERY, variable_values=asked, context_value=context)
    results = [result async for result in results]
    errors = [report(error).error_type for result in results for error in result.errors or ()]
    assert errors == (["Unauthorized"] if outcome == "no" else [])
    assert ("event" if results and not errors else "no" if errors else "quiet") == outcome
