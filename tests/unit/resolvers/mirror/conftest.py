"""The tables that tests of queries start from."""

import pytest

from models import tables
from tests.unit.mirror import MemoryStore, add_request


@pytest.fixture
def store() -> MemoryStore:
    """Return two members, a service, and five requests between them: three of Alice's, two of Bob's."""
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
