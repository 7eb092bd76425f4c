"""The schema that documents are read for."""

import pytest

from schema.build import MirrorSchema
from tests.unit.mirror import MemoryStore, schema_over


@pytest.fixture(scope="module")
def schema() -> MirrorSchema:
    return schema_over(MemoryStore())
