"""The stream that tests of the feed read."""

import pytest

from tests.unit.fake_stream import FakeStream


@pytest.fixture
def stream() -> FakeStream:
    """Return a stream of one empty shard."""
    return FakeStream()
