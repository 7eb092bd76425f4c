"""Members' hours come here and go back, on an engine within this process: each hour is in one app at any time."""

from collections.abc import AsyncIterator

import pytest

from models.clock import to_text
from models.errors import ContentionError
from models.hours import ZERO
from models.ledger import movements
from models.ledger.balances import Balance
from models.ledger.movements import TransactionType
from models.migration.former import Oddity
from models.migration.handover import handed_over
from models.storage.codec import encode
from models.tables import EventLog, Notification, User, UserBalance
from models.transactions.members import Joined, Members
from models.transactions.writing import Writing
from tests.chaos.books import rows
from tests.chaos.faults import Fault, KilledError, each_write
from tests.unit.builders import ALICE, BOB, NOW, hours, make_balance
from tests.unit.former_app import former_member
from tests.unit.models.migration.migrating import Migrating, migrating, text
from tests.unit.models.transactions.member_office import WHOLE
from tests.unit.stored import overtake


@pytest.fixture
async def apps() -> AsyncIterator[Migrating]:
    async with migrating() as opened:
        await opened.put(User, former_member(ALICE, "7.50"), former_member(BOB, "0"))
        await opened.copied()
        yield opened


async def earn(apps: Migrating, member_id: str, amount: str) -> None:
    """Let a member have more hours here."""
    movement = movements.issue(
        cause=f"earned {apps.tick()}",
        user_id=member_id,
        amount=hours(amount),
        type=TransactionType.REFUND,
        description="Earned",
    )
    before = await apps.balance(member_id)
    writing = Writing(apps.here.names, apps.now)
    assert writing.movement(movement, lambda _: before) is None
    await apps.transactions.write(writing, movement.id)


async def test_hours_become_a_balance_with_an_entry_and_no_bonus(apps: Migrating) -> None:
    assert await apps.openings.open(ALICE) == hours("7.5")
    (entry,) = await apps.entries(ALICE)
    assert (entry.transaction_type, entry.amount, entry.issued) == ("ADMIN_ADJUSTMENT", hours("7.5"), hours("7.5"))
    assert (entry.related_entity_id, entry.balance_version) == (handed_over(ALICE), 1)
    assert (await apps.balance(ALICE)).available_balance == hours("7.5")
    assert await apps.hours() == (ZERO, hours("7.5"))
    row = await apps.member(ALICE)
    assert (text(row, "bankHours"), text(row, "heldBy"), text(row, "hoursTakenOver")) == ("0", "unit", "7.5")
    here = await apps.here.get(User, ALICE)
    assert here is not None
    assert (text(here, "custody"), text(here, "updatedAt")) == (None, to_text(apps.now))
    # Who joins again gets the row that there is, and no bonus.
    joined = await Members(apps.here, apps.transactions, apps.tick).join({**WHOLE, "id": {"S": ALICE}})
    assert isinstance(joined, Joined)
    assert joined.existed
    assert await apps.hours() == (ZERO, hours("7.5"))


async def test_it_is_logged_and_the_member_is_told(apps: Migrating) -> None:
    await apps.openings.open(ALICE)
    (event,) = await rows(apps.here, EventLog)
    (notice,) = await rows(apps.here, Notification)
    assert (text(event, "eventType"), text(event, "entityId")) == ("Opening Balance Taken Over", ALICE)
    assert (text(notice, "userId"), text(notice, "relatedId")) == (ALICE, ALICE)


async def test_who_had_no_hours_has_an_empty_balance(apps: Migrating) -> None:
    assert await apps.openings.open(BOB) == ZERO
    assert (await apps.balance(BOB)).version == 1
    assert await apps.entries(BOB) == []
    assert text(await apps.member(BOB), "heldBy") == "unit"


async def test_nobody_is_looked_at_again_once_all_of_their_hours_have_moved(apps: Migrating) -> None:
    for move in (apps.openings.open, apps.openings.close):
        before = len(apps.calls.made)
        await move(ALICE)
        made = [call.operation for call in apps.calls.made[before:]]
        assert made == ["get_item", "batch_get_item", "transact_write_items"]


async def test_whom_another_deployment_takes_over_meanwhile_is_left_to_it(apps: Migrating) -> None:
    overtake(apps, lambda: apps.put(User, former_member(BOB, "0", heldBy="another")))
    oddity = await apps.openings.open(BOB)
    assert isinstance(oddity, Oddity)
    assert oddity.why == "another deployment, another, keeps this member's hours"
    assert await rows(apps.here, UserBalance) == []


async def test_it_is_done_once_however_often_it_is_repeated(apps: Migrating) -> None:
    await apps.openings.open(ALICE)
    before = [await rows(apps.here, table) for table in (UserBalance, User)]
    assert await apps.openings.open(ALICE) == ZERO
    assert [await rows(apps.here, table) for table in (UserBalance, User)] == before
    assert len(await apps.entries(ALICE)) == 1


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.THROTTLED])
async def test_it_is_done_once_whatever_fails(apps: Migrating, fault: Fault) -> None:
    apps.calls.plan = each_write(fault, fault)
    await apps.openings.open(ALICE)
    assert await apps.hours() == (ZERO, hours("7.5"))
    apps.calls.plan = each_write(fault, fault)
    await apps.openings.close(ALICE)
    assert await apps.hours() == (hours("7.5"), ZERO)
    assert len(await apps.entries(ALICE)) == 2


async def test_what_the_former_app_writes_afterwards_moves_nowhere(apps: Migrating) -> None:
    """Its client may have read 7.50 hours before they were taken over, and now writes what is left of them."""
    await apps.openings.open(ALICE)
    row = await apps.member(ALICE)
    await apps.put(User, row | {"bankHours": {"N": "5.5"}})
    for move in (apps.openings.open, apps.openings.close):
        oddity = await move(ALICE)
        assert isinstance(oddity, Oddity)
        assert oddity.why.startswith("bankHours is 5.50, which the former app has written since")
    assert await apps.hours() == (hours("5.5"), hours("7.5"))


async def test_many_hours_are_there_or_here_until_the_last_of_them(apps: Migrating) -> None:
    await apps.put(User, former_member(ALICE, "25000"))
    written = [None, Fault.KILLED_AFTER]
    apps.calls.plan = lambda call: written.pop(0) if call.writes and written else None
    with pytest.raises(KilledError):
        await apps.openings.open(ALICE)
    assert await apps.hours() == (hours("5000"), hours("20000"))
    here = await apps.here.get(User, ALICE)
    assert here is not None
    assert (text(here, "custody"), text(await apps.member(ALICE), "heldBy")) == ("FORMER_APP", None)
    assert await apps.openings.open(ALICE) == hours("5000")
    written += [None, Fault.KILLED_AFTER]
    with pytest.raises(KilledError):
        await apps.openings.close(ALICE)
    assert await apps.hours() == (hours("20000"), hours("5000"))
    assert await apps.openings.open(ALICE) == hours("20000")
    assert await apps.openings.close(ALICE) == hours("25000")
    assert await apps.hours() == (hours("25000"), ZERO)


async def test_more_hours_than_a_movement_may_have_come_one_movement_after_the_other(apps: Migrating) -> None:
    await apps.put(User, former_member(ALICE, "25000.01"))
    assert await apps.openings.open(ALICE) == hours("25000.01")
    assert [entry.amount for entry in await apps.entries(ALICE)] == [*[hours("10000")] * 2, hours("5000.01")]
    assert await apps.openings.close(ALICE) == hours("25000.01")
    assert await apps.hours() == (hours("25000.01"), ZERO)
    assert text(await apps.member(ALICE), "heldBy") is None


async def test_odd_hours_stay_where_they_are(apps: Migrating) -> None:
    await apps.put(User, former_member(ALICE, "-1"))
    assert await apps.openings.open(ALICE) == Oddity(
        table="User", id=ALICE, why="bankHours is -1.00: nobody here can owe hours"
    )
    assert isinstance(await apps.openings.close(ALICE), Oddity)
    assert await rows(apps.here, UserBalance) == []


async def test_who_is_not_there_or_not_copied_stays_away(apps: Migrating) -> None:
    await apps.put(User, former_member("eve"))
    assert await apps.openings.open("nobody") == Oddity(table="User", id="nobody", why="there is no such member")
    uncopied = Oddity(table="User", id="eve", why="the row was not copied, or the member has left here")
    assert await apps.openings.open("eve") == uncopied


async def test_who_has_joined_here_before_has_both(apps: Migrating) -> None:
    await apps.here.put(UserBalance, encode(UserBalance, make_balance(ALICE, "0", version=1)))
    await earn(apps, ALICE, "10")
    await apps.openings.open(ALICE)
    assert (await apps.balance(ALICE)).available_balance == hours("17.5")


async def test_all_hours_go_back_with_what_was_earned(apps: Migrating) -> None:
    await apps.openings.open(ALICE)
    await earn(apps, ALICE, "2.25")
    assert await apps.openings.close(ALICE) == hours("9.75")
    assert await apps.hours() == (hours("9.75"), ZERO)
    row, here = await apps.member(ALICE), await apps.here.get(User, ALICE)
    assert here is not None
    # It has had 2.25 hours more back than were taken over.
    assert (text(row, "heldBy"), text(here, "custody")) == (None, "FORMER_APP")
    assert text(here, "updatedAt") == to_text(apps.now)
    assert await apps.taken_over(ALICE) == hours("-2.25")
    assert await apps.openings.close(ALICE) == ZERO
    # And all over again.
    assert await apps.openings.open(ALICE) == hours("9.75")
    assert await apps.openings.close(ALICE) == hours("9.75")
    assert await apps.hours() == (hours("9.75"), ZERO)
    issued = sum(one.issued for one in await apps.entries(ALICE) if one.related_entity_id == handed_over(ALICE))
    assert issued == await apps.taken_over(ALICE)


async def test_who_has_no_hours_goes_back_too_and_comes_again(apps: Migrating) -> None:
    for _ in range(2):
        assert await apps.openings.open(BOB) == ZERO
        assert text(await apps.member(BOB), "heldBy") == "unit"
        assert await apps.openings.close(BOB) == ZERO
        assert text(await apps.member(BOB), "heldBy") is None
    balance = await apps.balance(BOB)
    assert (balance.version, balance.updated_at) == (4, apps.now)


async def test_held_hours_are_waited_for(apps: Migrating) -> None:
    await apps.here.put(UserBalance, encode(UserBalance, make_balance(ALICE, "1", "2")))
    assert await apps.openings.close(ALICE) == Oddity(
        table="UserBalance", id=ALICE, why="2.00 hours are held for requests that are open, or disputed"
    )


async def test_who_was_never_here_has_nothing_to_give_back(apps: Migrating) -> None:
    before = await apps.member(ALICE)
    assert await apps.openings.close(ALICE) == ZERO
    await apps.here.put(UserBalance, encode(UserBalance, make_balance(ALICE, "0")))
    assert await apps.openings.close(ALICE) == ZERO
    assert await apps.member(ALICE) == before


async def test_who_has_joined_here_gets_a_row_there(apps: Migrating) -> None:
    newcomer = {**former_member("eve", "0"), "isActive": {"BOOL": True}}
    await apps.here.put(User, newcomer)
    await apps.here.put(UserBalance, encode(UserBalance, Balance.empty("eve", NOW)) | {"version": {"N": "1"}})
    await earn(apps, "eve", "10")
    await apps.openings.shut("eve")
    assert await apps.openings.close("eve") == hours("10")
    row = await apps.member("eve")
    assert (text(row, "bankHours"), text(row, "email"), text(row, "custody")) == ("10", "eve@example.org", None)
    assert await apps.taken_over("eve") == hours("-10")
    assert await apps.openings.close("eve") == ZERO


async def test_who_has_left_here_has_their_hours_back_there(apps: Migrating) -> None:
    await apps.openings.open(ALICE)
    await apps.here.delete(User, ALICE)
    assert await apps.openings.close(ALICE) == hours("7.5")
    assert await apps.hours() == (hours("7.5"), ZERO)


async def test_who_has_left_both_apps_leaves_their_hours_here(apps: Migrating) -> None:
    await apps.here.put(UserBalance, encode(UserBalance, make_balance("gone", "3")))
    why = "the member has left both apps, not the hours"
    assert await apps.openings.close("gone") == Oddity(table="UserBalance", id="gone", why=why)
    await apps.here.put(UserBalance, encode(UserBalance, make_balance("gone", "0")))
    assert await apps.openings.close("gone") == ZERO


async def test_who_is_shut_out_begins_nothing_new(apps: Migrating) -> None:
    await apps.openings.open(ALICE)
    await apps.openings.shut(ALICE)
    here = await apps.here.get(User, ALICE)
    assert here is not None
    assert text(here, "custody") == "FORMER_APP"
    await apps.openings.shut("nobody")
    assert await apps.here.get(User, "nobody") is None


async def test_a_row_that_keeps_changing_is_left(apps: Migrating) -> None:
    upstream = apps.engine.call

    async def call(service: str, operation: str, **params: object) -> object:
        if operation == "transact_write_items":
            row = await apps.member(ALICE)
            changed = {"N": str(hours(row["bankHours"]["N"]) + 1)}
            await upstream("dynamodb", "put_item", TableName=apps.former.names.table(User),
                           Item=row | {"bankHours": changed})  # fmt: skip
        return await upstream(service, operation, **params)

    apps.engine.call = call  # type: ignore[method-assign]  # for this test only
    with pytest.raises(ContentionError):
        await apps.openings.open(ALICE)
    assert await rows(apps.here, UserBalance) == []


async def test_who_has_a_balance_here_and_hours_there_is_not_readmitted(apps: Migrating) -> None:
    await apps.here.put(UserBalance, encode(UserBalance, make_balance(ALICE, "1")))
    assert not await apps.openings.readmit(ALICE)


async def test_who_has_no_balance_here_is_not_readmitted_though_the_former_app_has_lost_them(
    apps: Migrating,
) -> None:
    await apps.there.delete(User, ALICE)
    assert not await apps.openings.readmit(ALICE)


async def test_who_was_shut_out_by_a_rollback_that_was_given_up_is_readmitted(apps: Migrating) -> None:
    assert not await apps.openings.readmit(ALICE), "the former app keeps their hours"
    await apps.openings.open(ALICE)
    assert not await apps.openings.readmit(ALICE), "nobody has shut them out"
    await apps.openings.shut(ALICE)
    assert await apps.openings.readmit(ALICE)
    here = await apps.here.get(User, ALICE)
    assert here is not None
    assert (text(here, "custody"), text(here, "updatedAt")) == (None, to_text(apps.now))
    assert not await apps.openings.readmit("nobody")
