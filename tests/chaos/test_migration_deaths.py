"""A run and a rollback die before and after each of their writes: the next one ends what was begun.

In memory: every transaction of the real code, on an engine within this process.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from models.hours import ZERO
from tests.chaos.faults import Fault, KilledError, at, no_faults
from tests.unit.former_world import FormerWorld
from tests.unit.migrating_apps import apps_of, fill, unseen
from tests.unit.models.migration.migrating import Migrating, migrating
from workflows.console.migration.apps import Apps
from workflows.console.migration.checks import check
from workflows.console.migration.rollbacks import roll_back
from workflows.console.migration.runs import run
from workflows.console.migration.surveys import survey

WORLD = FormerWorld(seed=11, members=8)
# Of the default form: each so-manyth death; `--long` has all of them.
_STRIDE = 9


async def move_here(apps: Apps) -> None:
    found = await survey(apps, 100, lambda _: None)
    await run(apps, found, 100, unseen())


async def move_back(apps: Apps) -> None:
    outcome = await roll_back(apps, unseen(), refund=True, within=timedelta(seconds=5))
    assert outcome.is_done, outcome


async def move_nowhere(_: Apps) -> None:
    pass


Move = Callable[[Apps], Awaitable[None]]


async def deaths(before: Move, move: Move) -> list[tuple[int, Fault]]:
    """Return every write of a move, as the number of its call, with a death before it and one after it."""
    async with migrating() as both:
        apps, _ = apps_of(both)
        await fill(both, WORLD)
        await before(apps)
        first = len(both.calls.made)
        await move(apps)
        written = [call.number for call in both.calls.made[first:] if call.writes]
    return [(number, fault) for number in written for fault in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)]


async def die(both: Migrating, apps: Apps, move: Move, number: int, fault: Fault) -> None:
    """Let a move die at one of its calls."""
    both.calls.plan = at(number, fault)
    with suppress(KilledError, BaseExceptionGroup):
        await move(apps)
    both.calls.plan = no_faults
    assert both.calls.fired[fault] == 1


async def assert_right(both: Migrating, apps: Apps, *, is_here: bool) -> None:
    """Assert that every hour is where it should be, and that nothing is half done."""
    there, here = await both.hours()
    odd = there + here - WORLD.total
    assert (here, there - odd) == ((WORLD.total, ZERO) if is_here else (ZERO, WORLD.total))
    found = await check(apps)
    assert found.is_right, found.faults


@pytest.mark.parametrize("is_rollback", [False, True], ids=["run", "rollback"])
async def test_whatever_dies_is_ended_by_the_next(*, is_rollback: bool, long: bool) -> None:
    before, move = (move_here, move_back) if is_rollback else (move_nowhere, move_here)
    cases = await deaths(before, move)
    assert len(cases) > 30
    for number, fault in cases if long else cases[::_STRIDE]:
        async with migrating() as both:
            apps, executions = apps_of(both)
            await fill(both, WORLD)
            await before(apps)
            await die(both, apps, move, number, fault)
            there, here = await both.hours()
            await move(apps)
            assert sum(await both.hours()) == there + here
            await assert_right(both, apps, is_here=not is_rollback)
            if not is_rollback:
                assert executions.started >= {*WORLD.pending, *WORLD.begun}
