"""Subscribers have turns: whoever has many waits for the others, and the loop never waits long."""

import asyncio
import time
from collections import Counter
from functools import partial

from resolvers.rotation import Rotation


def busy(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


async def test_each_caller_has_a_turn_before_one_has_a_second() -> None:
    rotation, order = Rotation(), []

    async def deal(who: str) -> None:
        await rotation.turn(who)
        order.append(who)

    await asyncio.gather(*(deal("mallory") for _ in range(50)), deal("alice"), deal("bob"))
    assert Counter(order) == {"mallory": 50, "alice": 1, "bob": 1}
    assert set(order[:3]) == {"mallory", "alice", "bob"}


async def test_turns_of_one_caller_are_in_order() -> None:
    rotation, order = Rotation(), []

    async def deal(number: int) -> None:
        await rotation.turn("a")
        order.append(number)

    await asyncio.gather(*(deal(number) for number in range(100)))
    assert order == list(range(100))


async def test_expensive_turns_leave_the_loop_to_others_in_between() -> None:
    rotation = Rotation()
    loop = asyncio.get_running_loop()
    longest, last, done = 0.0, loop.time(), asyncio.Event()

    async def deal(number: int) -> None:
        await rotation.turn(f"caller {number % 10}")
        busy(0.006)

    async def watch() -> None:
        nonlocal longest, last
        while not done.is_set():
            await asyncio.sleep(0)
            longest, last = max(longest, loop.time() - last), loop.time()

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(deal(number) for number in range(60)))
    done.set()
    await watching
    assert longest < 0.1  # all at once, it would be 0.36


async def test_cheap_turns_are_given_several_at_a_time() -> None:
    rotation, rounds, done = Rotation(), 0, asyncio.Event()

    async def count() -> None:
        nonlocal rounds
        while not done.is_set():
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await asyncio.gather(*(rotation.turn("a") for _ in range(1_000)))
    done.set()
    await counting
    assert rounds < 200


async def test_whoever_has_left_takes_no_turn() -> None:
    rotation = Rotation()
    waiting = [asyncio.create_task(rotation.turn("a")) for _ in range(10)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    async with asyncio.timeout(1):
        await rotation.turn("b")
        await rotation.turn("a")
    assert not rotation._waiting


async def test_calls_have_turns_too() -> None:
    rotation, order, done = Rotation(), list[tuple[str, int]](), asyncio.Event()
    for number in range(50):
        rotation.call("mallory", partial(order.append, ("mallory", number)))
    rotation.call("mallory", done.set)
    rotation.call("alice", partial(order.append, ("alice", 0)))
    await done.wait()
    assert ("alice", 0) in order[:2]
    assert [number for who, number in order if who == "mallory"] == list(range(50))


async def test_expensive_calls_leave_the_loop_to_others_in_between() -> None:
    rotation, rounds, done = Rotation(), 0, asyncio.Event()
    for number in range(30):
        rotation.call(str(number), partial(busy, 0.006))
    rotation.call("last", done.set)
    while not done.is_set():
        await asyncio.sleep(0)
        rounds += 1
    assert rounds >= 30


async def test_a_call_that_fails_takes_nobodys_turn() -> None:
    rotation, failure, failed, done = Rotation(), ValueError("odd"), list[object](), asyncio.Event()

    def fail() -> None:
        raise failure

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failed.append(context["exception"]))
    rotation.call("a", fail)
    rotation.call("a", done.set)
    async with asyncio.timeout(1):
        await done.wait()
        await rotation.turn("b")
    assert failed == [failure]


async def test_turns_go_on_after_whoever_gave_them_was_cancelled() -> None:
    rotation = Rotation()
    waiting = asyncio.create_task(rotation.turn("a"))
    await asyncio.sleep(0)
    assert rotation._giving is not None
    rotation._giving.cancel()
    await asyncio.wait([rotation._giving])
    async with asyncio.timeout(1):
        await rotation.turn("b")
        await waiting
