"""Joining and leaving, on an engine within this process: the row, the balance and the bonus, once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models.clock import from_text, to_text
from models.errors import Code, ContentionError, Refusal
from models.ledger.balances import Balance, EscrowStatus
from models.ledger.entries import Entry
from models.ledger.movements import TransactionType
from models.requests import steps
from models.requests.statuses import RequestStatus, StatusReason
from models.storage.codec import decode, encode
from models.storage.store import ConditionFailedError
from models.tables import Escrow, EventLog, Notification, TransactionLog, User, UserBalance
from models.transactions.members import Joined, Members
from models.transactions.moves import Moved
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit import books
from tests.unit.builders import ALICE, BOB, EVE, NOW, REQUEST_ID, Bank, figures, hours, make_escrow
from tests.unit.models.transactions.member_office import WHOLE, anybody, office, texts_of
from tests.unit.places import bank_at
from tests.unit.stored import Stored, overtake, stored, written, written_anew


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    async with stored(Bank()) as opened:
        yield opened


async def test_a_member_joins_with_ten_hours_on_record(tables: Stored) -> None:
    assert await office(tables).join(WHOLE) == Joined(WHOLE, existed=False)
    assert await rows(tables.undisturbed, User) == [written_anew(WHOLE)]
    (entry,) = [decode(Entry, TransactionLog, item) for item in await rows(tables.undisturbed, TransactionLog)]
    assert (entry.transaction_type, entry.description) == (TransactionType.WELCOME_BONUS, "Welcome to HourBank")
    assert (entry.amount, entry.issued, entry.related_entity_id) == (hours("10"), hours("10"), ALICE)
    (balance,) = [decode(Balance, UserBalance, item) for item in await rows(tables.undisturbed, UserBalance)]
    assert balance.available_balance == balance.total_balance == hours("10")
    assert figures(books.replay([entry], user_id=ALICE, now=NOW)) == figures(balance)


async def test_who_joins_is_told_and_so_is_the_bus(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    (event,) = await rows(tables.undisturbed, EventLog)
    assert texts_of(event, "eventType", "source", "entityType", "entityId", "actorUserId") == {
        "eventType": "Welcome Bonus Issued",
        "source": "hourbank.balances",
        "entityType": "TRANSACTION",
        "entityId": ALICE,
        "actorUserId": ALICE,
    }
    assert event["eventData"]["S"] == '{"amount": 10.0, "userId": "alice"}'
    (notice,) = await rows(tables.undisturbed, Notification)
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
    assert len(await rows(tables.undisturbed, TransactionLog)) == 1


async def test_who_has_joined_exists(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    assert [await office(tables).exists(key) for key in (ALICE, BOB)] == [True, False]


async def test_who_comes_back_has_the_hours_they_left(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    await tables.undisturbed.delete(User, ALICE)
    assert await office(tables).join(WHOLE) == Joined(WHOLE, existed=False)
    for table in (TransactionLog, UserBalance, EventLog, Notification):
        assert len(await rows(tables.undisturbed, table)) == 1


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_a_bonus_is_given_once_however_often_it_is_tried(tables: Stored, fault: Fault) -> None:
    tables.calls.plan = each_write(fault)
    joined = await office(tables).join(WHOLE)
    assert isinstance(joined, Joined)
    assert joined.existed == (fault is Fault.LOST)
    assert len(await rows(tables.undisturbed, TransactionLog)) == 1


async def test_what_is_there_of_a_bonus_is_never_written_over(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    for table in (User, UserBalance):
        await tables.undisturbed.delete(table, ALICE)
    with pytest.raises(ContentionError):
        await office(tables).join(WHOLE)
    assert await rows(tables.undisturbed, UserBalance) == []


async def test_work_on_a_member_goes_one_by_one_and_is_whose_asks_for_it(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    await office(tables).amend(ALICE, {"bio": {"S": "Hello"}}, anybody, actor=EVE)
    await office(tables).leave(ALICE, anybody, actor=BOB)
    assert tables.strict.queued == [[ALICE]] * 3
    assert tables.strict.queued_by == [ALICE, EVE, BOB]


async def put_escrows(tables: Stored, *statuses: EscrowStatus) -> None:
    """Put escrows of hours for Bob, the oldest first."""
    for number, status in enumerate(statuses):
        made = make_escrow(id=str(number), status=status, created_at=NOW + timedelta(seconds=number))
        await tables.put(Escrow, encode(Escrow, made))


async def test_who_leaves_leaves_their_hours_and_their_log(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    kept = [await rows(tables.undisturbed, table) for table in (UserBalance, TransactionLog, EventLog)]
    assert await office(tables).leave(ALICE, anybody, actor=ALICE) == written_anew(WHOLE)
    assert await rows(tables.undisturbed, User) == []
    assert [await rows(tables.undisturbed, table) for table in (UserBalance, TransactionLog, EventLog)] == kept
    assert tables.strict.queued == [[ALICE], [ALICE]]


async def test_who_never_had_an_hour_may_leave(tables: Stored) -> None:
    await tables.put(User, WHOLE)
    assert await office(tables).leave(ALICE, anybody, actor=ALICE) == written_anew(WHOLE)
    assert await rows(tables.undisturbed, User) == await rows(tables.undisturbed, UserBalance) == []


async def test_nobody_leaves_whose_hours_the_former_app_keeps(tables: Stored) -> None:
    """Who joined again would have a welcome bonus, and then their own hours, too."""
    await tables.put(User, {**WHOLE, "custody": {"S": "FORMER_APP"}})
    refused = await office(tables).leave(ALICE, anybody, actor=ALICE)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts["field"]) == (Code.HOURS_NOT_HERE_YET, "id")
    assert await office(tables).exists(ALICE)


async def test_nobody_leaves_who_holds_hours_or_is_to_be_paid() -> None:
    async with stored(bank_at("AWAITING")) as tables:
        before = await tables.read()
        assert await office(tables).leave(ALICE, anybody, actor=ALICE) == Refusal(
            Code.INVALID_ESCROW_STATUS,
            "2.00 hours of this member are held; their requests must end first.",
            {"escrowed": 2.0},
        )
        assert await office(tables).leave(BOB, anybody, actor=BOB) == Refusal(
            Code.INVALID_ESCROW_STATUS,
            "Hours are held for this member; the requests for their services must end first.",
        )
        assert await tables.read() == before


async def test_who_is_not_there_or_not_as_was_said_does_not_leave(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    with pytest.raises(ConditionFailedError) as absent:
        await office(tables).leave(EVE, anybody, actor=EVE)
    assert absent.value.item is None
    with pytest.raises(ConditionFailedError) as unmet:
        await office(tables).leave(ALICE, lambda row: row["username"]["S"] != "alice", actor=ALICE)
    assert unmet.value.item == written_anew(WHOLE)
    assert await rows(tables.undisturbed, User) == [written_anew(WHOLE)]


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_who_leaves_is_gone_however_often_it_is_tried(tables: Stored, fault: Fault) -> None:
    await office(tables).join(WHOLE)
    tables.calls.plan = each_write(fault)
    assert await office(tables).leave(ALICE, anybody, actor=ALICE) == written_anew(WHOLE)
    assert await rows(tables.undisturbed, User) == []


async def test_hours_that_are_held_meanwhile_keep_their_member_here() -> None:
    async with stored(bank_at("VALIDATING")) as tables:
        overtake(tables, lambda: tables.transactions.move(REQUEST_ID, steps.hold_hours))
        refused = await Members(tables.undisturbed, tables.transactions, tables.tick).leave(
            ALICE, anybody, actor=ALICE
        )
        assert isinstance(refused, Refusal)
        assert refused.facts == {"escrowed": 2.0}
        assert await tables.undisturbed.get(User, ALICE, consistent=True) is not None


@pytest.mark.parametrize("member", [ALICE, BOB])
async def test_no_hours_are_held_by_or_for_who_leaves_meanwhile(member: str) -> None:
    async with stored(bank_at("VALIDATING")) as tables:
        undisturbed = Members(tables.undisturbed, tables.transactions, tables.tick)
        overtake(tables, lambda: undisturbed.leave(member, anybody, actor=member))
        moved = await tables.transactions.move(REQUEST_ID, steps.hold_hours)
        assert isinstance(moved, Moved)
        assert (moved.request.status, moved.request.status_reason) == (
            RequestStatus.REJECTED,
            StatusReason.USER_NOT_ACTIVE,
        )
        assert await rows(tables.undisturbed, Escrow) == []


async def test_who_is_another_by_then_is_looked_at_again(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    later = NOW + timedelta(seconds=9)
    overtake(tables, lambda: tables.change(User, ALICE, username="other", updatedAt=later))
    with pytest.raises(ConditionFailedError) as unmet:
        await office(tables).leave(ALICE, lambda row: row["username"]["S"] == "alice", actor=ALICE)
    assert unmet.value.item is not None
    assert unmet.value.item["updatedAt"]["S"] == to_text(later)


@pytest.mark.parametrize(
    "change",
    [
        {"bio": "other", "updatedAt": NOW + timedelta(seconds=9)},
        # Two hosts may write at the same time.
        {"username": "other"},
        {"email": "other@example.org"},
    ],
)
async def test_whatever_changes_meanwhile_is_looked_at_again(tables: Stored, change: dict[str, Any]) -> None:
    named = {**WHOLE, "email": {"S": "alice@example.org"}}
    await office(tables).join(named)
    overtake(tables, lambda: tables.change(User, ALICE, **change))
    with pytest.raises(ConditionFailedError) as unmet:
        await office(tables).leave(ALICE, lambda row: row == written_anew(named), actor=ALICE)
    assert unmet.value.item is not None
    assert await rows(tables.undisturbed, User) == [unmet.value.item]


@pytest.mark.parametrize(
    ("statuses", "pages", "looked", "may"),
    [
        ([EscrowStatus.RELEASED] * 2, 3, 3, True),
        ([EscrowStatus.ESCROWED, EscrowStatus.CANCELLED], 3, 2, False),
        ([EscrowStatus.CANCELLED, EscrowStatus.ESCROWED], 3, 1, False),
        # Nobody knows what the third page holds.
        ([EscrowStatus.RELEASED] * 3, 2, 2, False),
    ],
    ids=["none held", "an old one", "a new one", "too many"],
)
async def test_the_newest_hours_for_a_member_are_looked_at_first(
    monkeypatch: pytest.MonkeyPatch, statuses: list[EscrowStatus], pages: int, looked: int, *, may: bool
) -> None:
    monkeypatch.setattr("models.transactions.members.PAGE", 1)
    monkeypatch.setattr("models.transactions.members.MOST_PAGES", pages)
    async with stored(Bank.opened()) as tables:
        await put_escrows(tables, *statuses)
        left = await office(tables).leave(BOB, anybody, actor=BOB)
        assert left == written(tables.bank)["User"][BOB] if may else isinstance(left, Refusal)
        assert [call.operation for call in tables.calls.made].count("query") == looked


async def test_tokens_that_were_signed_out_do_not_count_again_because_their_member_leaves(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    signed_out = await office(tables).sign_out(ALICE)
    until = from_text(signed_out["tokensValidFrom"]["S"]) + timedelta(hours=24)
    refused = await office(tables).leave(ALICE, anybody, actor=ALICE)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.BAD_REQUEST, {"deletableFrom": to_text(until)})
    assert to_text(until) in refused.message
    later = Members(tables.undisturbed, tables.transactions, lambda: until)
    assert await later.leave(ALICE, anybody, actor=ALICE) == signed_out


async def test_who_signs_out_everywhere_has_no_token_of_before(tables: Stored) -> None:
    await office(tables).join(WHOLE)
    signed_out = await office(tables).sign_out(ALICE)
    valid_from = from_text(signed_out["tokensValidFrom"]["S"])
    assert timedelta(0) < valid_from - tables.bank.now <= timedelta(seconds=1)
    assert valid_from.microsecond == 0
    assert from_text(signed_out["updatedAt"]["S"]) == tables.bank.now
    with pytest.raises(ConditionFailedError):
        await office(tables).sign_out(BOB)
