"""An erasure dies before and after each of its calls, and the next one ends where an undisturbed one ends."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from models.ledger.entries import ERASED
from models.storage.store import Item
from tests.chaos.faults import Fault, KilledError, at, no_faults
from tests.unit.private_world import ALICE, PrivateWorld
from workflows.console.privacy.erasing import begun_on, erased_on, unfinished

# Of the default form: each so-manyth death; `--long` has all of them.
_STRIDE = 9
# What differs between any two runs.
_OF_THE_MOMENT = ("createdAt", "updatedAt", "timestamp", "erasedAt", "hash", "previousHash", "lastHash")


def told(everything: Mapping[str, list[Item]]) -> dict[str, list[str]]:
    """Return what all rows say, but for what differs between any two worlds: ids, digests and times."""
    kept = {
        "User",
        "UserBalance",
        "Message",
        "Notification",
        "Rating",
        "Report",
        "Dispute",
        "Booking",
        "Transaction",
    }
    kept |= {"ServiceRequest", ".Idempotency", "Service", "ServiceSchedule", "ScheduleException"}
    plain = {
        name: [{key: value for key, value in row.items() if key not in _OF_THE_MOMENT} for row in rows]
        for name, rows in everything.items()
        if name in kept
    }
    plain["Notification"] = [
        {"message": row["message"]} for row in plain["Notification"] if row["message"]["S"].find(ERASED) >= 0
    ]
    plain["UserBalance"] = [_without(row, "lastTransactionId") for row in plain["UserBalance"]]
    return {name: sorted(json.dumps(row, sort_keys=True) for row in rows) for name, rows in plain.items()}


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


async def undisturbed() -> tuple[int, dict[str, list[str]]]:
    """Return how many calls an erasure makes, and what is stored after it."""
    world = await PrivateWorld().fill()
    await world.erase()
    made = len(world.calls.made), told(await world.everything())
    world.close()
    return made


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
async def test_an_erasure_that_dies_is_ended_by_the_next(fault: Fault, *, long: bool) -> None:
    calls, wanted = await undisturbed()
    assert calls > 80
    for number in range(0, calls, 1 if long else _STRIDE):
        world = await PrivateWorld().fill()
        world.calls.plan = at(number, fault)
        with suppress(KilledError):
            await world.erase()
        assert world.calls.fired[fault] == 1, number
        world.calls.plan = no_faults
        left = [member async for member, _ in unfinished(world.store)]
        is_begun = await begun_on(world.store, ALICE) is not None
        assert left == ([ALICE] if is_begun and await erased_on(world.store, ALICE) is None else [])
        await world.erase()
        await world.assert_erased()
        assert told(await world.everything()) == wanted
        world.close()


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.THROTTLED])
async def test_a_call_that_fails_ends_the_command_or_is_made_again(fault: Fault, *, long: bool) -> None:
    calls, wanted = await undisturbed()
    for number in range(1, calls, 1 if long else 5 * _STRIDE):
        world = await PrivateWorld().fill()
        world.calls.plan = at(number, fault)
        with suppress(Exception):
            await world.erase()
        assert world.calls.fired[fault] == 1, number
        world.calls.plan = no_faults
        await world.erase()
        await world.assert_erased()
        assert told(await world.everything()) == wanted
        world.close()
