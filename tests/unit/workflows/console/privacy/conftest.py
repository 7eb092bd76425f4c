"""A member with traces everywhere, for one test."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.private_world import PrivateWorld


@pytest.fixture
async def world() -> AsyncIterator[PrivateWorld]:
    """Yield the tables, with the member's rows."""
    made = await PrivateWorld().fill()
    yield made
    made.close()
