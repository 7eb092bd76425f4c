"""An erasure: what goes, what stays, what it waits for, and that it can be repeated."""

import pytest

from models.errors import Refusal
from models.ledger.entries import ERASED
from tests.unit.private_world import ADA, ALICE, BOB, BOBS, MARKS, PrivateWorld, user
from workflows.console.privacy.erasing import HinderedError, begun_on, erased_on, hindering, unfinished


async def test_nothing_of_a_member_is_left_but_their_id(world: PrivateWorld) -> None:
    done = await world.erase()
    await world.assert_erased()
    assert (done.sealed, done.has_account) == (frozenset(), True)
    assert done.picture == "https://pictures.example.org/zuckmayer.png"
    assert done.written > 20


async def test_the_other_side_still_reads_what_happened(world: PrivateWorld) -> None:
    await world.erase()
    assert (await world.get("Message", "m1"))["content"] == {"S": ERASED}
    assert (await world.get("Message", "m2"))["content"] == {"S": BOBS}
    assert (await world.get("Rating", "r1"))["rating"] == {"N": "5"}
    asked = await world.get("ServiceRequest", "asked")
    assert asked["answers"]["L"][1]["M"]["message"] == {"S": BOBS}
    assert (asked["status"], asked["version"]) == ({"S": "PAID"}, {"N": "8"})
    assert [(await world.get("Transaction", key))["description"]["S"] for key in ("asked", "done", "told")] == [
        ERASED,
        ERASED,
        BOBS,
    ]
    notices = [(await world.get("Notification", key))["message"]["S"] for key in ("n2", "n3", "n4")]
    assert notices == [f"It ended: “{ERASED}”", f"2.00 hours were paid for {ERASED}.", f"“{BOBS}”"]
    everything = await world.everything()
    assert [row["id"]["S"] for row in everything[".Idempotency"]] == ["k2", "k3"]
    assert everything["Service"] == everything["ServiceSchedule"] == everything["ScheduleException"] == []
    theirs = {row["description"]["S"] for row in everything["TransactionLog"] if row["userId"]["S"] == BOB}
    assert theirs == {"Welcome to HourBank", ERASED, BOBS, "Hours given"}
    hers = {row["description"]["S"] for row in everything["TransactionLog"] if row["userId"]["S"] == ALICE}
    assert hers == {"Welcome to HourBank", ERASED, "Hours given", "Adjusted by an administrator"}


async def test_a_second_erasure_changes_nothing(world: PrivateWorld) -> None:
    await world.erase()
    before = await world.everything()
    assert (await world.erase()).written == 0
    assert await world.everything() == before


async def test_an_erasure_is_on_record_from_its_beginning(world: PrivateWorld) -> None:
    assert (await begun_on(world.store, ALICE), await erased_on(world.store, ALICE)) == (None, None)
    begun = await world.members(world.store).begin_erasure(ALICE)
    assert begun == await begun_on(world.store, ALICE)
    assert await erased_on(world.store, ALICE) is None
    assert [one async for one in unfinished(world.store)] == [(ALICE, begun)]
    await world.erase()
    assert await erased_on(world.store, ALICE) is not None
    assert [one async for one in unfinished(world.store)] == []


async def test_her_names_are_free_again_and_her_id_is_not(world: PrivateWorld) -> None:
    members = world.members(world.store)
    await world.erase()
    refused = await members.join(user(ALICE, MARKS[2]))
    assert isinstance(refused, Refusal)
    assert refused.code == "USER_NOT_ACTIVE"
    assert not isinstance(await members.join(user("0a11ce01", MARKS[2])), Refusal)


async def test_who_has_anything_open_is_not_erased(world: PrivateWorld) -> None:
    await world.transfer(BOB, BOB, ALICE, 2)
    for table, key, status in (("ServiceRequest", "asked", "DISPUTED"), ("Booking", "b1", "PENDING")):
        await world.put(
            table, {"id": key, "consumerId": ALICE, "requesterId": ALICE, "createdAt": "1", "status": status}
        )
    await world.put("Dispute", {"id": "d2", "adminId": ALICE, "createdAt": "1", "status": "UNDER_REVIEW"})
    before = await world.everything()
    lines = await hindering(world.store, ALICE)
    assert [line.partition(":")[0] for line in lines] == [
        "They have 2.00 hours",
        "They have open requests",
        "They have open disputes",
        "They have open bookings",
    ]
    with pytest.raises(HinderedError, match=r"This member has 2\.00 hours"):
        await world.erase()
    assert await world.everything() == before
    assert await hindering(world.store, ADA) == []


async def test_what_begins_while_the_account_is_closed_is_waited_for(world: PrivateWorld) -> None:
    await world.put(
        "ServiceRequest", {"id": "new", "requesterId": ALICE, "createdAt": "1", "status": "VALIDATING"}
    )
    with pytest.raises(HinderedError, match="open requests: new") as hindered:
        await world.erase()
    assert str(hindered.value).endswith("The account is closed; run this again when that is settled.")
    await world.put("ServiceRequest", {"id": "new", "requesterId": ALICE, "createdAt": "1", "status": "REJECTED"})
    await world.erase()
    await world.assert_erased()


async def test_hours_that_come_in_meanwhile_are_not_lost(world: PrivateWorld) -> None:
    await world.members(world.store).begin_erasure(ALICE)
    await world.transfer(ADA, None, ALICE, 5)
    with pytest.raises(HinderedError, match=r"They have 5\.00 hours"):
        await world.erase()
    await world.transfer(ADA, ALICE, None, 5)
    await world.erase()
    assert await erased_on(world.store, ALICE) is not None


async def test_a_row_that_an_administrator_has_deleted_meanwhile_ends_it_all_the_same(world: PrivateWorld) -> None:
    await world.members(world.store).begin_erasure(ALICE)
    await world.members(world.store).leave(ALICE, lambda _row: True, actor=ADA)
    done = await world.erase()
    assert done.picture is None
    assert await erased_on(world.store, ALICE) is not None


async def test_an_entry_from_before_keeps_its_text_and_is_named(world: PrivateWorld) -> None:
    (row, *_) = [
        row
        for row in (await world.everything())["TransactionLog"]
        if row["userId"]["S"] == BOB and "descriptionDigest" in row and row["description"]["S"] == BOBS
    ]
    old = {name: value for name, value in row.items() if not name.startswith("description")}
    await world.store.put(world.table("TransactionLog"), {**old, "description": {"S": BOBS}})
    done = await world.erase(ALICE)
    assert done.sealed == frozenset()
    (alices,) = [
        row
        for row in (await world.everything())["TransactionLog"]
        if row["userId"]["S"] == ALICE and row["transactionId"] == old["transactionId"]
    ]
    plain = {name: value for name, value in alices.items() if not name.startswith("description")}
    await world.store.put(world.table("TransactionLog"), {**plain, "description": {"S": BOBS}})
    assert (await world.erase(ALICE)).sealed == {alices["id"]["S"]}
