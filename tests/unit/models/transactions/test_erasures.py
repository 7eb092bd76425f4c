"""Erasing a member, on an engine within this process: closed first, gone last, and never with hours."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from models.clock import to_text
from models.errors import Code, Refusal
from models.ledger.balances import Balance
from models.storage.codec import decode, encode, item_of
from models.storage.store import ConditionFailedError, Item
from models.tables import EventLog, User, UserBalance
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ALICE, BOB, EVE, NOW, Bank, hours
from tests.unit.models.transactions.member_office import WHOLE, anybody, office, texts_of
from tests.unit.places import bank_at
from tests.unit.stored import Stored, overtake, stored, written_anew


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    async with stored(Bank()) as opened:
        yield opened


def penniless(**changes: Any) -> Item:
    """Return Alice's balance without hours."""
    empty = encode(UserBalance, replace(Balance.empty(ALICE, NOW), version=1))
    return {**empty, **item_of(UserBalance, **changes)}


async def test_an_erasure_begins_with_closing_the_account_for_good(tables: Stored) -> None:
    await tables.put(User, WHOLE)
    await tables.put(UserBalance, penniless())
    begun = await office(tables).begin_erasure(ALICE)
    assert not isinstance(begun, Refusal)
    assert begun == tables.bank.now
    (row,) = await rows(tables.undisturbed, User)
    assert row == {**written_anew(WHOLE), "isActive": {"BOOL": False}, "updatedAt": {"S": to_text(begun)}}
    assert await rows(tables.undisturbed, UserBalance) == [written_anew(penniless(erasedAt=begun))]
    (event,) = await rows(tables.undisturbed, EventLog)
    assert texts_of(event, "eventType", "source", "entityType", "entityId", "eventData") == {
        "eventType": "Member Erasure Begun",
        "source": "hourbank.balances",
        "entityType": "USER",
        "entityId": ALICE,
        "eventData": '{"userId": "alice"}',
    }
    assert await office(tables).begin_erasure(ALICE) == begun
    assert len(await rows(tables.undisturbed, EventLog)) == 1
    assert (tables.strict.queued, tables.strict.queued_by) == ([[ALICE]] * 2, [ALICE] * 2)


async def test_who_never_had_an_hour_is_closed_by_an_empty_balance(tables: Stored) -> None:
    await tables.put(User, WHOLE)
    begun = await office(tables).begin_erasure(ALICE)
    assert not isinstance(begun, Refusal)
    (balance,) = await rows(tables.undisturbed, UserBalance)
    assert balance["erasedAt"] == {"S": to_text(begun)}
    assert decode(Balance, UserBalance, balance) == Balance.empty(ALICE, begun)


async def test_nobody_is_erased_who_is_not_there(tables: Stored) -> None:
    with pytest.raises(ConditionFailedError) as absent:
        await office(tables).begin_erasure(EVE)
    assert absent.value.item is None


async def test_nobody_is_erased_with_their_hours(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    refusal = Refusal(
        Code.BAD_REQUEST,
        "This member has 10.00 hours, which would be lost with them: take them back first.",
        {"totalBalance": 10.0},
    )
    assert await office(tables).begin_erasure(ALICE) == refusal
    await tables.change(UserBalance, ALICE, erasedAt=NOW)
    assert await office(tables).leave(ALICE, anybody, actor=ALICE) == refusal
    assert await office(tables).end_erasure(ALICE) == refusal
    assert await office(tables).exists(ALICE)


async def test_nobody_is_erased_whose_hours_the_former_app_keeps(tables: Stored) -> None:
    await tables.put(User, {**WHOLE, "custody": {"S": "FORMER_APP"}})
    refused = await office(tables).begin_erasure(ALICE)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.HOURS_NOT_HERE_YET


async def test_nobody_is_erased_who_holds_hours_or_is_to_be_paid() -> None:
    async with stored(bank_at("AWAITING")) as tables:
        await tables.change(UserBalance, BOB, totalBalance=hours("0"), availableBalance=hours("0"))
        for member in (ALICE, BOB):
            refused = await office(tables).begin_erasure(member)
            assert isinstance(refused, Refusal)
            assert refused.code is Code.INVALID_ESCROW_STATUS


async def test_hours_that_come_in_at_the_last_moment_are_not_lost(tables: Stored) -> None:
    await tables.put(User, WHOLE)
    await tables.put(UserBalance, penniless())
    overtake(tables, lambda: tables.change(UserBalance, ALICE, totalBalance=hours("1"), version=2))
    refused = await office(tables).begin_erasure(ALICE)
    assert isinstance(refused, Refusal)
    assert refused.facts == {"totalBalance": 1.0}
    assert await rows(tables.undisturbed, EventLog) == []


async def closed(tables: Stored) -> None:
    """Let Alice's account be closed."""
    await tables.put(User, WHOLE)
    await tables.put(UserBalance, penniless())
    await office(tables).begin_erasure(ALICE)


@pytest.mark.parametrize("fault", [None, Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_an_erasure_ends_with_leaving_and_says_so_once(tables: Stored, fault: Fault | None) -> None:
    await closed(tables)
    if fault is not None:
        tables.calls.plan = each_write(fault, fault)
    assert await office(tables).end_erasure(ALICE) is None
    assert await rows(tables.undisturbed, User) == []
    before = await rows(tables.undisturbed, EventLog)
    assert [row["eventType"]["S"] for row in before].count("Member Erased") == 1
    assert await office(tables).end_erasure(ALICE) is None
    assert await rows(tables.undisturbed, EventLog) == before


async def test_whoever_signed_out_is_erased_at_once_because_nobody_joins_with_their_id_again(
    tables: Stored,
) -> None:
    await tables.put(User, {**WHOLE, "tokensValidFrom": {"S": to_text(tables.bank.now)}})
    await tables.put(UserBalance, penniless())
    assert isinstance(await office(tables).leave(ALICE, anybody, actor=ALICE), Refusal)
    await office(tables).begin_erasure(ALICE)
    assert await office(tables).end_erasure(ALICE) is None
    assert await office(tables).join(WHOLE) == Refusal(
        Code.USER_NOT_ACTIVE, "The member with this account was erased; sign up anew to join again."
    )
    assert await rows(tables.undisturbed, User) == []
