"""What several unit tests start from."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

import pytest

from schema.build import MirrorSchema, build_schema
from tests.unit.realtime import StreamServer, serving

if TYPE_CHECKING:
    from schema.amplify.resolver import MirrorResolver


@pytest.fixture(scope="session")
def realtime_schema() -> MirrorSchema:
    """Build the schema once; each server sets its resolver."""
    return build_schema(cast("MirrorResolver", None))


@pytest.fixture
async def server(realtime_schema: MirrorSchema) -> AsyncIterator[StreamServer]:
    """Run a server over a stream in memory, for clients on real-time sockets."""
    async with serving(realtime_schema) as server:
        yield server
