"""A run dies before and after each of its calls, while the single table is written to, and so does a way back.

In memory: every transaction of the real code, on an engine within this process.
"""

from collections import Counter
from contextlib import suppress
from json import dumps
from random import Random

import pytest

from models.constraints.planning import guard_id
from models.constraints.ruled import referred, started
from models.errors import Refusal
from models.integrity.composing import count_in
from models.integrity.ruled_rows import RuledRows
from models.integrity.ruled_tables import GUARDS, TALLY, UNIQUE, tally_key
from models.single_table.entities import MOVED_FROM
from tests.chaos.books import rows
from tests.chaos.faults import CALL_ERRORS, RANDOM_FAULTS, Fault, KilledError, at, no_faults
from tests.unit.single_world import APP, Moving, contractor, expense, project, unseen, work, years
from workflows.console.single_table.switches import go_back, switch
from workflows.console.single_table.tables import SingleTableError

ROWS = years(7, users=2, each=2)
# Rows of each user of which nobody can make anything.
_ODD = 3
# Of the default form: each so-manyth death; `--long` has all of them.
_STRIDE = 11


def write_meanwhile(moving: Moving) -> None:
    """Change, add and delete rows of the single table."""
    moving.put(expense("user0", "e0", "1", "1", amount=99), expense("user0", "new", "fresh", "1", amount=3))
    moving.put(project("user0", "fresh"), contractor("user1", "0", name="Renamed"))
    moving.delete(work("user1", "0", "0", "0"))
    moving.delete(expense("user1", "e1", "0", "0"))


async def assert_right(moving: Moving) -> None:
    """Assert that nothing is lost or doubled, and that every rule is true."""
    found = await moving.check()
    assert found.is_right, found.faults
    assert len(found.left) == 2 * _ODD
    moved = sum(count.rows for count in found.here.values())
    assert moved == len(moving.there()) - 2 * _ODD
    assert found.there == found.here
    stored = {name: await moving.rows(name) for name in APP.shapes}
    counts: Counter[tuple[str, object, str]] = Counter()
    guards: dict[str, str] = {}
    for kind in APP.tables.types.values():
        for row in stored[kind.name]:
            guards |= {
                key: dumps(kind.key_of(row))
                for unique in kind.constraints.unique
                if (key := guard_id(kind, unique, row)) is not None
            }
        for incoming in kind.incoming:
            keys = (referred(incoming.reference.fields, row) for row in stored[incoming.child])
            counts.update((kind.name, key, incoming.counter) for key in keys if key is not None)
    assert guards == {row["id"]["S"]: row["holder"]["S"] for row in await moving.house(UNIQUE)}
    house = {(row["id"]["S"], row["kind"]["S"]): row for row in await rows(moving.app, GUARDS)}
    tallies = {key: row for key, row in house.items() if key[1] == TALLY}
    for kind in APP.tables.types.values():
        for row in stored[kind.name]:
            tally = tallies.pop(tally_key((kind.name, kind.key_of(row))), {})
            for incoming in kind.incoming:
                assert count_in(tally, incoming.counter) == counts[kind.name, kind.key_of(row), incoming.counter]
    assert tallies == {}


async def calls_of_a_run() -> int:
    moving = Moving()
    moving.put(*ROWS)
    await moving.run()
    moving.close()
    return len(moving.calls.made)


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
async def test_a_run_that_dies_is_ended_by_the_next(fault: Fault, *, long: bool) -> None:
    calls = await calls_of_a_run()
    assert calls > 100
    for number in range(0, calls, 1 if long else _STRIDE):
        moving = Moving()
        moving.put(*ROWS)
        moving.calls.plan = at(number, fault)
        with suppress(KilledError, BaseExceptionGroup):
            await moving.run()
        assert moving.calls.fired[fault] == 1, number
        moving.calls.plan = no_faults
        write_meanwhile(moving)
        await moving.run()
        await assert_right(moving)
        moving.close()


async def switched() -> Moving:
    """Return an app that has taken over, and has written since."""
    moving = Moving()
    moving.put(*ROWS)
    await moving.run()
    await switch(await moving.sides(), unseen(), leave=True, nobody_writes=False)
    clients = RuledRows(moving.app, APP.tables, moving.now)
    for number, row in enumerate(await moving.rows("Expense")):
        if number % 2:
            await clients.update("Expense", row, {"description": {"S": "by the app"}}, None)
        else:
            await clients.delete("Expense", row, None)
    (one, *_) = await moving.rows("Contractor")
    made = {name: value for name, value in one.items() if name != MOVED_FROM} | {"contractorId": {"S": "new"}}
    made = started(APP.tables.types["Contractor"], made)
    assert not isinstance(await clients.create("Contractor", made, None), Refusal)
    return moving


async def test_a_way_back_that_dies_is_ended_by_the_next(*, long: bool) -> None:
    whole = await switched()
    before = len(whole.calls.made)
    assert (await go_back(await whole.sides(), unseen(), delete=True)).is_done
    calls = range(before, len(whole.calls.made), 1 if long else _STRIDE)
    wanted = sorted(map(dumps, whole.there()))
    assert len(wanted) == len(ROWS) + 1 - 4
    whole.close()
    assert len(calls) > 1
    for number in calls:
        for fault in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER):
            moving = await switched()
            moving.calls.plan = at(number, fault)
            with suppress(KilledError):
                await go_back(await moving.sides(), unseen(), delete=True)
            moving.calls.plan = no_faults
            assert moving.calls.fired[fault] == 1
            with suppress(SingleTableError):  # it may have died after its last write
                assert (await go_back(await moving.sides(), unseen(), delete=True)).is_done
            assert sorted(map(dumps, moving.there())) == wanted
            moving.close()


async def test_a_single_table_that_is_written_to_all_the_time_comes_whole(*, long: bool) -> None:
    """Between its calls, rows are changed, added and deleted; calls fail at random, and runs die."""
    for seed in range(60 if long else 6):
        random = Random(seed)  # noqa: S311 — a test's faults
        moving = Moving()
        moving.put(*ROWS)
        left = [random.choice(RANDOM_FAULTS) for _ in range(6)]
        moving.calls.plan = lambda _: (
            left.pop() if left and random.random() < 0.05 else None  # noqa: B023
        )
        moving.calls.on_fault = lambda: _write_anything(moving, random)  # noqa: B023
        for _ in range(len(left) + 1):
            with suppress(*CALL_ERRORS, BaseExceptionGroup):
                await moving.run()
        assert moving.calls.fired
        moving.calls.plan = no_faults
        write_meanwhile(moving)
        await moving.run()
        found = await moving.check()
        assert found.is_right, (seed, found.faults)
        moving.close()


def _write_anything(moving: Moving, random: Random) -> None:
    row = random.choice(ROWS)
    if random.random() < 0.3:
        moving.delete(row)
    else:
        moving.put(row | {"description": {"S": str(random.random())}})
