"""Calls to AWS are counted for whoever asks, through all of their tasks."""

import asyncio

from models.storage.sent_calls import CallCount, count_calls, note_call


async def test_calls_of_all_tasks_are_counted_and_those_of_others_are_not() -> None:
    async def call() -> None:
        note_call()

    async def work(times: int) -> int:
        count = CallCount()
        count_calls(count)
        await asyncio.gather(*(call() for _ in range(times)))
        return count.calls

    assert list(await asyncio.gather(work(2), work(3))) == [2, 3]


async def test_what_nobody_counts_is_no_error() -> None:
    note_call()
