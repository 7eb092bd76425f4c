"""Lines in which callers take turns, nobody waits for ever, and nothing is held by who has left."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from random import Random

import pytest

from models.errors import ContentionError
from models.storage.async_calls import AsyncCalls
from models.storage.lines import LineLimits, Lines, Place

ALICE, BOB, CAROL, EVE = "alice", "bob", "carol", "eve"


class Work:
    """Pieces of work in lines, and the order in which they got their turns."""

    def __init__(self, limits: LineLimits | None = None) -> None:
        self.lines = Lines(limits)
        self.order: list[str] = []
        self.places: dict[str, Place] = {}

    def enter(self, name: str, keys: Iterable[str], by: str | None) -> None:
        self.places[name] = self.lines.enter(keys, by, lambda: self.order.append(name))

    def leave(self, name: str) -> None:
        self.lines.leave(self.places.pop(name))

    def finish(self) -> list[str]:
        """Do everything that is to be done, and return the order of all turns."""
        done = 0
        while done < len(self.order):
            name = self.order[done]
            done += 1
            if name in self.places:
                self.leave(name)
        assert not self.places
        assert len(self.lines) == 0
        assert not self.lines._gates
        assert not self.lines._pressing
        return self.order


def press(work: Work, *names: str) -> None:
    """Let places have been overtaken as often as they may be."""
    for name in names:
        work.places[name].overtaken = 4
        work.lines._pressing.add(work.places[name])


def test_who_comes_to_a_free_line_has_the_turn_at_once() -> None:
    work = Work()
    work.enter("a", (ALICE, BOB, BOB), ALICE)
    assert work.order == ["a"]
    assert len(work.lines) == 2
    assert work.finish() == ["a"]


def test_one_at_a_time_has_a_key_in_the_order_in_which_they_came() -> None:
    work = Work()
    for name in "abc":
        work.enter(name, (BOB,), None)
    assert work.order == ["a"]
    assert work.finish() == ["a", "b", "c"]


def test_different_keys_do_not_wait_for_each_other() -> None:
    work = Work()
    work.enter("a", (ALICE,), ALICE)
    work.enter("b", (BOB,), BOB)
    assert work.order == ["a", "b"]


def test_who_wants_other_keys_does_not_wait_for_who_is_pressing() -> None:
    work = Work()
    work.enter("a", (ALICE,), None)
    work.enter("both", (ALICE, BOB), None)
    press(work, "both")
    work.enter("c", (CAROL,), None)
    assert work.finish() == ["a", "c", "both"]


def test_a_callers_further_work_waits_even_if_it_needs_less() -> None:
    work = Work()
    work.enter("e", (EVE,), EVE)
    work.enter("e1", (BOB, EVE), EVE)
    work.enter("e2", (BOB,), EVE)
    assert work.order == ["e"]
    assert work.finish() == ["e", "e1", "e2"]


def test_callers_take_turns_however_much_one_sends() -> None:
    work = Work()
    for number in range(4):
        work.enter(f"e{number}", (BOB, EVE), EVE)
    work.enter("c", (BOB, CAROL), CAROL)
    work.enter("a", (BOB, ALICE), ALICE)
    assert work.finish() == ["e0", "c", "a", "e1", "e2", "e3"]


def test_a_caller_stands_in_the_lines_of_two_others_at_a_time() -> None:
    work = Work()
    work.enter("b", (BOB,), BOB)
    work.enter("e1", (BOB, EVE), EVE)
    work.enter("e2", (BOB, EVE), EVE)
    work.enter("e3", (CAROL, EVE), EVE)
    assert work.order == ["b", "e3"]
    assert work.finish() == ["b", "e3", "e1", "e2"]


def test_the_owner_and_the_others_take_turns() -> None:
    work = Work()
    for caller in (EVE, ALICE, CAROL):
        work.enter(caller, (BOB, caller), caller)
    for number in range(3):
        work.enter(f"b{number}", (BOB,), BOB)
    assert work.finish() == [EVE, ALICE, "b0", CAROL, "b1", "b2"]


def test_nobody_has_an_account_while_waiting_for_another() -> None:
    work = Work()
    work.enter("e", (EVE,), EVE)
    work.enter("e to b", (BOB, EVE), EVE)
    work.enter("b", (BOB,), BOB)
    assert work.order == ["e", "b"]
    assert work.finish() == ["e", "b", "e to b"]


def test_who_waits_for_two_is_not_overtaken_for_ever() -> None:
    """Two others keep each of the two accounts busy, never both at once free."""
    work = Work()
    work.enter("x0", (ALICE,), None)
    work.enter("y0", (BOB,), None)
    work.enter("both", (ALICE, BOB), None)
    for number in range(1, 12):
        work.enter(f"x{number}", (ALICE,), None)
        work.enter(f"y{number}", (BOB,), None)
    for number in range(12):
        if "both" in work.order:
            break
        work.leave(f"x{number}")
        if "both" in work.order:
            break
        work.leave(f"y{number}")
    # Either account lets it be overtaken twice; then one is kept free until the other is.
    assert work.order.index("both") <= 7
    work.finish()


def test_it_is_pressing_once_it_was_overtaken_four_times() -> None:
    work = Work()
    work.enter("a", (ALICE,), None)
    work.enter("both", (ALICE, BOB), None)
    for name in ("b1", "b2", "b3", "b4"):
        work.enter(name, (BOB,), None)
        assert work.order[-1] == name
        work.leave(name)
    work.enter("b5", (BOB,), None)
    assert work.order[-1] == "b4"
    work.leave("a")
    assert work.finish() == ["a", "b1", "b2", "b3", "b4", "both", "b5"]


def test_whose_turn_was_earlier_has_overtaken_nobody() -> None:
    work = Work()
    for number in range(5):
        work.enter(f"a{number}", (ALICE,), None)
    work.enter("both", (ALICE, BOB), None)
    for number in range(4):
        work.leave(f"a{number}")
    work.enter("b", (BOB,), None)
    assert work.order[-1] == "b"
    assert work.finish()[-1] == "both"


def test_a_key_that_is_waited_for_is_not_free() -> None:
    work = Work()
    work.enter("a", (ALICE,), None)
    work.enter("both", (ALICE, BOB), None)
    assert len(work.lines) == 2
    assert not work.lines.are_free([BOB])
    assert not work.lines.are_free([CAROL, ALICE])
    assert work.lines.are_free([CAROL])


def test_what_waits_for_a_pressing_ones_key_gives_way_even_if_it_is_older() -> None:
    work = Work()
    work.enter("a", (ALICE,), None)
    work.enter("b", (BOB,), None)
    work.enter("c", (CAROL,), None)
    work.enter("old", (BOB, CAROL), None)
    work.enter("young", (ALICE, BOB), None)
    press(work, "young")
    work.leave("b")
    work.leave("c")
    assert work.order == ["a", "b", "c"]
    work.leave("a")
    assert work.finish() == ["a", "b", "c", "young", "old"]


def test_who_needs_no_account_of_their_own_has_no_owners_place() -> None:
    work = Work()
    work.enter("e", (EVE,), EVE)
    work.enter("c to e", (EVE, CAROL), CAROL)
    work.enter("b", (BOB,), BOB)
    work.enter("a to b", (BOB, ALICE), ALICE)
    work.enter("for b", (BOB,), EVE)
    work.leave("b")
    assert work.order == ["e", "b", "a to b"]
    work.finish()


def test_of_two_who_were_overtaken_the_older_is_first_and_neither_blocks_the_other() -> None:
    work = Work()
    work.enter("a", (ALICE,), None)
    work.enter("c", (CAROL,), None)
    work.enter("old", (ALICE, BOB), None)
    work.enter("young", (BOB, CAROL), None)
    press(work, "old", "young")
    work.enter("b", (BOB,), None)
    assert work.order == ["a", "c"]  # Bob is kept free for the older one
    work.leave("c")
    assert work.order == ["a", "c"]  # and Carol for the younger
    work.leave("a")
    assert work.order == ["a", "c", "old"]
    assert work.finish() == ["a", "c", "old", "young", "b"]


def test_who_leaves_a_place_that_was_kept_free_lets_others_go_on() -> None:
    work = Work()
    work.enter("a", (ALICE,), None)
    work.enter("both", (ALICE, BOB), None)
    press(work, "both")
    work.enter("b", (BOB,), None)
    assert work.order == ["a"]
    work.leave("both")
    assert work.order == ["a", "b"]
    assert work.finish() == ["a", "b"]


def test_work_of_who_left_is_dropped() -> None:
    work = Work()
    work.enter("b", (BOB,), BOB)
    for number in range(3):
        work.enter(f"e{number}", (BOB, EVE), EVE)
    work.leave("e1")  # stood behind the first
    work.leave("e0")  # stood in line
    assert work.finish() == ["b", "e2"]


def test_the_next_of_a_caller_may_need_an_account_that_the_one_before_did_not() -> None:
    work = Work()
    work.enter("e0", (BOB,), EVE)
    work.enter("e1", (BOB, EVE), EVE)
    assert work.finish() == ["e0", "e1"]


def test_a_line_is_bounded_for_others_and_for_its_owner_alike() -> None:
    work = Work(LineLimits(waiting=2, waiting_each=10))
    work.enter("now", (BOB,), BOB)
    for caller in (ALICE, CAROL):
        work.enter(caller, (BOB, caller), caller)
    with pytest.raises(ContentionError, match="Too many wait"):
        work.enter("e", (BOB, EVE), EVE)
    work.enter("b1", (BOB,), BOB)
    work.enter("b2", (BOB,), BOB)
    with pytest.raises(ContentionError):
        work.enter("b3", (BOB,), BOB)
    assert work.finish() == ["now", ALICE, "b1", CAROL, "b2"]


def test_a_caller_is_bounded_beyond_their_first() -> None:
    work = Work(LineLimits(waiting=1, waiting_each=2))
    work.enter("b", (BOB,), BOB)
    for number in range(3):
        work.enter(f"e{number}", (BOB, EVE), EVE)
    with pytest.raises(ContentionError, match="your changes"):
        work.enter("e3", (BOB, EVE), EVE)
    assert work.finish() == ["b", "e0", "e1", "e2"]


def test_limits_are_what_they_were_meant_to_be() -> None:
    assert (LineLimits().waiting, LineLimits().waiting_each) == (100, 10)


@pytest.mark.parametrize("seed", range(30))
async def test_whoever_comes_and_goes_each_key_is_had_once_and_nobody_waits_for_ever(seed: int) -> None:
    calls = AsyncCalls((), lines=LineLimits(waiting=6, waiting_each=3))
    random = Random(seed)  # noqa: S311 — no secret
    members = [f"member {number}" for number in range(random.randint(2, 6))]
    inside: set[str] = set()
    ends: Counter[str] = Counter()

    async def work() -> None:
        caller = random.choice([*members, None])
        keys = random.sample(members, random.randint(1, min(3, len(members))))
        await asyncio.sleep(random.random() / 100)
        try:
            async with calls.queue(keys, by=caller):
                assert inside.isdisjoint(keys)
                inside.update(keys)
                try:
                    await asyncio.sleep(random.random() / 1000)
                finally:
                    inside.difference_update(keys)
                ends["done"] += 1
        except ContentionError:
            ends["refused"] += 1

    tasks = [asyncio.create_task(work()) for _ in range(120)]
    for task in tasks:
        if random.random() < 0.2:
            asyncio.get_running_loop().call_later(random.random() / 50, task.cancel)
    async with asyncio.timeout(20):
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
    assert ends["done"]
    assert not inside
    assert len(calls._lines) == 0
    assert not calls._lines._gates
    assert not calls._lines._pressing
