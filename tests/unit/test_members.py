"""Joining, on an engine within this process: the row, the balance and the bonus, once."""

from collections.abc import AsyncIterator

import pytest

from models import chain
from models.errors import ContentionError
from models.ledger import Balance, Entry, TransactionType
from models.members import Joined, Members
from models.rows import decode, item_of
from models.store import Item
from models.tables import EventLog, Notification, TransactionLog, User, UserBalance
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ALICE, NOW, Bank, figures, hours
from tests.unit.stored import Stored, stored, written_anew

WHOLE: Item = item_of(
    User, id=ALICE, username="alice", totalTransactions=0, rating=0.0, createdAt=NOW, updatedAt=NOW
)


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    async with stored(Bank()) as opened:
        yield opened


def office(tables: Stored) -> Members:
    return Members(tables.store, tables.transactions, tables.tick)


async def test_a_member_joins_with_ten_hours_on_record(tables: Stored) -> None:
    assert await office(tables).join(WHOLE) == Joined(WHOLE, existed=False)
    assert await rows(tables.hands, User) == [written_anew(WHOLE)]
    (entry,) = [decode(Entry, TransactionLog, item) for item in await rows(tables.hands, TransactionLog)]
    assert (entry.transaction_type, entry.description) == (TransactionType.WELCOME_BONUS, "Welcome to HourBank")
    assert (entry.amount, entry.issued, entry.related_entity_id) == (hours("10"), hours("10"), ALICE)
    (balance,) = [decode(Balance, UserBalance, item) for item in await rows(tables.hands, UserBalance)]
    assert balance.available_balance == balance.total_balance == hours("10")
    assert figures(chain.replay([entry], user_id=ALICE, now=NOW)) == figures(balance)


async def test_who_joins_is_told_and_so_is_the_bus(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    (event,) = await rows(tables.hands, EventLog)
    told = {name: event[name]["S"] for name in ("eventType", "source", "entityType", "entityId", "actorUserId")}
    assert told == {
        "eventType": "Welcome Bonus Issued",
        "source": "hourbank.balances",
        "entityType": "TRANSACTION",
        "entityId": ALICE,
        "actorUserId": ALICE,
    }
    assert event["eventData"]["S"] == '{"amount": 10.0, "userId": "alice"}'
    (notice,) = await rows(tables.hands, Notification)
    assert (notice["userId"], notice["relatedId"], notice["type"]) == (
        {"S": ALICE},
        {"S": ALICE},
        {"S": "SYSTEM_UPDATE"},
    )
    assert notice["message"]["S"].startswith("10.00 hours are yours")


async def test_who_is_there_already_is_handed_back_as_they_stand(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    again = await office(tables).join({**WHOLE, "username": {"S": "other"}})
    assert again == Joined(written_anew(WHOLE), existed=True)
    assert len(await rows(tables.hands, TransactionLog)) == 1


async def test_who_comes_back_has_the_hours_they_left(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    await tables.hands.delete(User, ALICE)
    assert await office(tables).join(WHOLE) == Joined(WHOLE, existed=False)
    for table in (TransactionLog, UserBalance, EventLog, Notification):
        assert len(await rows(tables.hands, table)) == 1


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_a_bonus_is_given_once_however_often_it_is_tried(tables: Stored, fault: Fault) -> None:
    tables.calls.plan = each_write(fault)
    joined = await office(tables).join(WHOLE)
    assert joined.existed == (fault is Fault.LOST)
    assert len(await rows(tables.hands, TransactionLog)) == 1


async def test_what_is_there_of_a_bonus_is_never_written_over(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    for table in (User, UserBalance):
        await tables.hands.delete(table, ALICE)
    with pytest.raises(ContentionError):
        await office(tables).join(WHOLE)
    assert await rows(tables.hands, UserBalance) == []


async def test_who_joins_waits_for_what_else_moves_their_hours(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    assert tables.strict.queued == [[ALICE]]
