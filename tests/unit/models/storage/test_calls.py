"""Two ways to AWS, one kind of coroutine."""

import asyncio
import threading

import pytest

from models.storage.calls import AsyncCalls, BlockingCalls, drive


async def test_the_event_loop_queues_the_work_on_one_account() -> None:
    calls, inside, most = AsyncCalls(()), 0, 0

    async def work(keys: tuple[str, ...]) -> None:
        nonlocal inside, most
        async with calls.queue(keys):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.timeout(5):
        await asyncio.gather(*(work(keys) for keys in [("alice", "bob"), ("bob", "alice")] * 10))
    assert most == 1


async def test_accounts_do_not_wait_for_each_other() -> None:
    calls = AsyncCalls(())
    async with asyncio.timeout(5), calls.queue(("alice",)), calls.queue(("bob", "bob")):
        pass


async def test_a_place_in_line_is_given_up_after_an_error() -> None:
    calls = AsyncCalls(())
    with pytest.raises(ZeroDivisionError):
        async with calls.queue(("alice",)):
            raise ZeroDivisionError
    async with asyncio.timeout(5), calls.queue(("alice",)):
        pass
    assert len(calls._locks) == 0


def test_threads_queue_the_work_on_one_account() -> None:
    calls, inside, most = BlockingCalls(), 0, 0

    async def work(keys: tuple[str, ...]) -> None:
        nonlocal inside, most
        async with calls.queue(keys):
            inside += 1
            most = max(most, inside)
            await calls.pause(0.001)
            inside -= 1

    orders = [("alice", "bob"), ("bob", "alice")] * 4
    threads = [threading.Thread(target=lambda keys=keys: drive(work(keys))) for keys in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    assert most == 1
    assert len(calls._locks) == 0


def test_driving_returns_the_result_and_passes_errors_on() -> None:
    async def two() -> int:
        return 2

    async def fail() -> int:
        raise ZeroDivisionError

    assert drive(two()) == 2
    with pytest.raises(ZeroDivisionError):
        drive(fail())


def test_what_needs_an_event_loop_cannot_be_driven() -> None:
    ended = []

    async def suspend() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="must not suspend"):
        drive(suspend())
    assert ended == [True]
