"""Long operations share the event loop's time."""

import asyncio
import time

import pytest

from schema.documents import turns as module
from schema.documents.turns import Turns


async def test_a_turn_is_over_when_its_time_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 0.002)
    turns = Turns()
    assert not turns.are_over()
    end = time.perf_counter() + 0.003
    while time.perf_counter() < end:
        pass
    assert turns.are_over()
    await turns.next()
    assert not turns.are_over()


async def test_everybody_has_a_turn_even_if_others_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", -1.0)
    turns, had = Turns(), []

    async def work(number: int) -> None:
        while turns.are_over():
            await turns.next()
        had.append(number)

    tasks = [asyncio.create_task(work(number)) for number in range(60)]
    await asyncio.sleep(0)
    for task in tasks[10:40]:
        task.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(had) == [*range(10), *range(40, 60)]


def test_a_new_event_loop_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", -1.0)
    turns = Turns()

    async def abandon() -> None:
        turns.are_over()
        waiting = asyncio.create_task(turns.next())
        await asyncio.sleep(0)
        waiting.cancel()

    async def use() -> None:
        assert not turns.are_over()
        await turns.next()
        assert not turns.are_over()

    asyncio.run(abandon())
    asyncio.run(use())
