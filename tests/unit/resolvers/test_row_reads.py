"""Rows that fields ask for at the same time are one read."""

import asyncio
from collections.abc import Sequence

import pytest

from models.storage.store import Item, Key, Read
from models.tables import Service
from resolvers.row_reads import RowReads


class Rows:
    """Answers each read with rows that have the keys as ids."""

    def __init__(self) -> None:
        self.batches: list[list[Key]] = []
        self.reads = RowReads(self.read)

    async def read(self, keys: Sequence[Read]) -> list[Item | None]:
        self.batches.append([key for _, key in keys])
        if any(key == "fail" for _, key in keys):
            raise LookupError("no")
        return [{"id": {"S": key}} for _, key in keys]

    async def load(self, key: str) -> str:
        row = await self.reads.load((Service, key))
        return "" if row is None else row["id"]["S"]


async def test_what_is_asked_for_together_is_one_read() -> None:
    rows = Rows()
    assert await asyncio.gather(*map(rows.load, "abca")) == ["a", "b", "c", "a"]
    assert await rows.load("a") == "a"
    assert rows.batches == [["a", "b", "c", "a"], ["a"]]


async def test_held_reads_are_one_read_in_the_end() -> None:
    rows = Rows()
    tasks = [asyncio.create_task(rows.load("a"))]
    with rows.reads.held():
        await asyncio.sleep(0)
        with rows.reads.held():
            tasks += [asyncio.create_task(rows.load("b"))]
            for _ in range(5):
                await asyncio.sleep(0)
        assert rows.batches == []
    assert await asyncio.gather(*tasks) == ["a", "b"]
    assert rows.batches == [["a", "b"]]


async def test_many_rows_are_handed_out_a_few_at_a_time() -> None:
    rows = Rows()
    tasks = [asyncio.create_task(rows.load(str(number))) for number in range(250)]
    done = []
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        done.append(sum(task.done() for task in tasks))
    assert sorted(set(done)) == [0, 100, 200, 250]
    assert len(rows.batches) == 1


async def test_an_error_reaches_each_that_asked() -> None:
    rows = Rows()
    found = await asyncio.gather(*map(rows.load, ["a", "fail"]), return_exceptions=True)
    assert [type(error) for error in found] == [LookupError, LookupError]


async def test_what_nobody_waits_for_is_not_read() -> None:
    rows = Rows()
    tasks = [asyncio.create_task(rows.load(key)) for key in "ab"]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert rows.batches == []
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
