"""An account is locked and unlocked in one transaction each, on an engine within this process."""

import pytest

from models.errors import Code, Refusal
from models.ledger.balances import Balance
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ADA, ALICE, BOB
from tests.unit.models.transactions.test_accounts import GIVEN, NOBODY, all_of, elsewhere, office, tables
from tests.unit.stored import Stored, overtake, written

__all__ = ["tables"]


async def test_a_lock_and_its_end_are_one_version_each_with_who_and_when(tables: Stored) -> None:
    bank = tables.bank
    for action, event in (("lock", "Account Locked"), ("unlock", "Account Unlocked")):
        bank.pass_time(1)
        (before, (events, notices)), stands = await all_of(tables), bank.balances[ALICE]
        if action == "lock":
            after = await office(tables).lock(ALICE, by=ADA, reason="A complaint")
            bank.balances[ALICE] = stands.locked(ADA, bank.now)
        else:
            after = await office(tables).unlock(ALICE, by=BOB)
            bank.balances[ALICE] = stands.unlocked(bank.now)
        assert after == bank.balances[ALICE]
        assert (await tables.read()) == {**before, "UserBalance": written(bank)["UserBalance"]}
        (row,) = [row for row in (await tables.announcements())[0] if row not in events]
        assert (row["eventType"]["S"], row["entityId"]["S"]) == (event, ALICE)
        (notice,) = [row for row in (await tables.announcements())[1] if row not in notices]
        assert (notice["userId"]["S"], notice["relatedId"]["S"]) == (ALICE, ALICE)


async def test_a_lock_that_is_repeated_is_left_alone(tables: Stored) -> None:
    first = await office(tables, tables.tick).lock(ALICE, by=ADA, reason="A complaint")
    before = await all_of(tables)
    assert await office(tables, tables.tick).lock(ALICE, by=ADA, reason="A complaint") == first
    refused = await office(tables, tables.tick).lock(ALICE, by=BOB, reason="Another")
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ACCOUNT_LOCKED
    assert await all_of(tables) == before
    unlocked = await office(tables, tables.tick).unlock(BOB, by=ADA)
    assert isinstance(unlocked, Balance)
    assert unlocked == tables.bank.balances[BOB]
    assert await all_of(tables) == before


async def test_an_account_that_is_not_there_is_not_locked(tables: Stored) -> None:
    for refused in (
        await office(tables).lock(NOBODY, by=ADA, reason="x"),
        await office(tables).unlock(NOBODY, by=ADA),
    ):
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts) == (Code.USER_NOT_ACTIVE, {"field": "userId"})


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.THROTTLED])
async def test_an_account_is_locked_once_however_often_it_is_tried(tables: Stored, fault: Fault) -> None:
    tables.calls.plan = each_write(fault, fault)
    locked = await office(tables, tables.tick).lock(ALICE, by=ADA, reason="x")
    assert isinstance(locked, Balance)
    assert (locked.version, locked.locked_by) == (2, ADA)
    events, notices = await tables.announcements()
    assert (len(events), len(notices)) == (1, 1)


async def test_hours_that_move_meanwhile_stay_moved_under_a_lock(tables: Stored) -> None:
    overtake(tables, lambda: elsewhere(tables).transfer(GIVEN))
    locked = await office(tables, tables.tick).lock(ALICE, by=ADA, reason="x")
    assert isinstance(locked, Balance)
    assert (locked.version, locked.available_balance) == (
        3,
        tables.bank.balances[ALICE].available_balance - GIVEN.amount,
    )
