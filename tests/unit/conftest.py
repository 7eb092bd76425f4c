"""Fixtures of several unit tests."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, cast

import pytest

from models.correlation import correlated
from schema.build import MirrorSchema, build_schema
from schema.types import CATALOGUE
from tests.unit.realtime import MemoryServer, listening

if TYPE_CHECKING:
    from schema.amplify.resolver import MirrorResolver


@pytest.fixture(autouse=True)
def _uncorrelated() -> Iterator[None]:
    """Begin each test without a correlation id, and forget the one that it may set."""
    with correlated(None):
        yield


@pytest.fixture(scope="session")
def realtime_schema() -> MirrorSchema:
    """Build the schema once; each server sets the resolver that answers it."""
    return build_schema(CATALOGUE, cast("MirrorResolver", None))


@pytest.fixture(params=[True, False], ids=["together", "each alone"])
async def memory_server(
    request: pytest.FixtureRequest, realtime_schema: MirrorSchema
) -> AsyncIterator[MemoryServer]:
    """Run a server over a stream in memory, for clients on real-time sockets: with events answered either way."""
    async with listening(realtime_schema, fast_path=request.param) as memory_server:
        yield memory_server
