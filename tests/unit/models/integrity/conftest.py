"""A shop with an order, for the tests of rows that follow it."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.models.constraints.shop import ORDERED
from tests.unit.models.integrity.shop_tables import Shops


@pytest.fixture
async def shops() -> AsyncIterator[Shops]:
    opened = Shops()
    await opened.create("Shop", id="s", isOpen=True)
    await opened.create("Order", **ORDERED)
    yield opened
    opened.engine.close()
