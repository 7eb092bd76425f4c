"""Several iterators are one: nothing is lost, and all end together."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from resolvers.functions.merging import merged


async def counted(*numbers: int, ended: list[int]) -> AsyncIterator[int]:
    try:
        for number in numbers:
            await asyncio.sleep(0)
            yield number
    finally:
        ended.append(numbers[0])


@pytest.mark.parametrize("sources", [1, 2, 3])
async def test_all_come_in_their_order(sources: int) -> None:
    ended: list[int] = []
    several = [counted(10 * source, 10 * source + 1, ended=ended) for source in range(sources)]
    found = [number async for number in merged(several)]
    assert sorted(found) == [10 * source + more for source in range(sources) for more in (0, 1)]
    assert all(found.index(10 * source) < found.index(10 * source + 1) for source in range(sources))
    assert sorted(ended) == [10 * source for source in range(sources)]


async def test_an_error_of_one_ends_all() -> None:
    ended: list[int] = []

    async def failing() -> AsyncIterator[int]:
        for number in (1, 0):
            await asyncio.sleep(0)
            yield 1 // number

    with pytest.raises(ZeroDivisionError):
        async for _ in merged([counted(1, 2, 3, 4, ended=ended), failing()]):
            pass
