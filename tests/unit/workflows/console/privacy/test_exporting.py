"""An export: a member's own rows and both sides of what they had part in, and nothing of anybody else."""

import json

import pytest

from models.storage.store import Store
from tests.unit.private_world import ALICE, BOB, BOBS, MARKS, NAMES, PrivateWorld
from workflows.console.privacy.exporting import export
from workflows.console.privacy.rows import UnknownMemberError


def nobody(_rows: int) -> None:
    """Show no progress."""


async def test_an_export_has_all_tables(world: PrivateWorld) -> None:
    found = await export(world.store, world.pool, MARKS[2].upper(), nobody)
    assert (found["member"], found["signInAccount"]) == (ALICE, {"sub": ALICE, "email": MARKS[1]})
    assert {name: len(rows) for name, rows in found["tables"].items()} == {
        "User": 1,
        "UserBalance": 1,
        "Message": 2,
        "Conversation": 1,
        "Rating": 2,
        "Report": 2,
        "Dispute": 1,
        "Booking": 1,
        "Transaction": 3,
        "ServiceRequest": 3,
        "Escrow": 1,
        "TransactionLog": 6,
        # Those of her bonus, of what she gave, and the two of `ROWS`.
        "EventLog": 5,
        "Notification": 5,
        "ServiceSchedule": 1,
        "ScheduleException": 1,
        "Service": 1,
    }
    assert found["tables"]["User"][0]["email"] == MARKS[1]
    assert json.loads(json.dumps(found)) == found


async def test_an_export_names_nobody_else_but_by_their_id(world: PrivateWorld) -> None:
    found = await export(world.store, None, BOB, nobody)
    assert found["signInAccount"] is None
    text = json.dumps({name: rows for name, rows in found["tables"].items() if name in ("User", "Report")})
    assert not [mark for mark in MARKS if mark in text.replace("Zuckmayer's words", "")]
    (about,) = [row for row in found["tables"]["Report"] if row["reportedUserId"] == BOB]
    assert about == {
        "id": "p1",
        "reportedUserId": BOB,
        "createdAt": about["createdAt"],
        "updatedAt": about["updatedAt"],
    }
    assert [row["content"] for row in found["tables"]["Message"] if row["senderId"] == BOB] == [BOBS]


async def test_who_was_erased_is_exported_by_their_id(world: PrivateWorld) -> None:
    await world.erase()
    found = await export(world.store, world.pool, ALICE, nobody)
    assert "User" not in found["tables"]
    assert len(found["tables"]["TransactionLog"]) == 6
    assert not [mark for mark in MARKS if mark in json.dumps(found)]


async def test_nobody_is_found_who_is_not_there(world: PrivateWorld) -> None:
    with pytest.raises(UnknownMemberError, match="There is no member eve; give"):
        await export(world.store, None, "eve", nobody)


async def test_nothing_is_scanned(world: PrivateWorld) -> None:
    await export(Store(world.calls, NAMES), None, MARKS[1], nobody)
    assert {call.operation for call in world.calls.made} == {"batch_get_item", "query"}
