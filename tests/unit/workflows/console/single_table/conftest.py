"""Both sides, for one test."""

from collections.abc import Iterator

import pytest

from tests.unit.single_world import Moving


@pytest.fixture
def moving() -> Iterator[Moving]:
    """Yield both sides; the single table has no rows."""
    made = Moving()
    yield made
    made.close()
