"""Bookings on an engine within this process: the booking and its provider's day, together or not at all."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models import clock
from models.bookings.booking import day_key
from models.bookings.days import MOST_BOOKINGS, Day
from models.bookings.times import to_text
from models.errors import Code, Refusal
from models.storage.codec import decode, item_of
from models.storage.store import ConditionFailedError, Item
from models.tables import Booking, BookingDay, Service, User
from tests.chaos.books import rows
from tests.chaos.faults import Fault, at, each_write
from tests.unit.builders import ALICE, BOB, EVE, NOW, SERVICE_ID, Bank
from tests.unit.models.transactions.booking_desk import DAY, amend, book, close, desk, offer, open_hours, wanted
from tests.unit.stored import Stored, overtake, stored, written_anew

KEY = day_key(BOB, DAY)


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    async with stored(Bank()) as opened:
        await offer(opened)
        yield opened


async def taken(tables: Stored) -> set[str]:
    """Return the bookings that take time of the day."""
    found = await tables.undisturbed.get(BookingDay, KEY, consistent=True)
    return set() if found is None else {one.booking_id for one in decode(Day, BookingDay, found).taken}


async def version(tables: Stored) -> int:
    (found,) = await rows(tables.undisturbed, BookingDay)
    return decode(Day, BookingDay, found).version


def refused(outcome: Any, code: Code, **facts: Any) -> str:
    assert isinstance(outcome, Refusal), outcome
    assert outcome.code is code
    assert facts.items() <= outcome.facts.items()
    return outcome.message


async def test_a_booking_and_its_time_are_stored_together(tables: Stored) -> None:
    made = await book(tables, wanted())
    assert isinstance(made, dict)
    assert written_anew(made) == wanted() | written_anew(item_of(Booking, duration=1.0, totalCost=1))
    assert await rows(tables.undisturbed, Booking) == [written_anew(made)]
    assert (await taken(tables), await version(tables)) == ({"b"}, 1)
    assert (tables.strict.queued, tables.strict.queued_by) == ([[KEY]], [ALICE])


async def test_two_bookings_stand_side_by_side_and_never_overlap(tables: Stored) -> None:
    for key, start, end in (("b", "10:00", "11:00"), ("c", "11:00", "12:00"), ("d", "09:00", "10:00")):
        assert isinstance(await book(tables, wanted(key, start, end)), dict)
    refused(await book(tables, wanted("e", "10:30", "11:30")), Code.SLOT_TAKEN)
    assert (await taken(tables), await version(tables)) == ({"b", "c", "d"}, 3)
    assert len(await rows(tables.undisturbed, Booking)) == 3


async def test_who_is_refused_does_not_queue(tables: Stored) -> None:
    assert isinstance(await book(tables, wanted()), dict)
    tables.strict.queued.clear()
    refused(await book(tables, wanted("e", "10:30", "11:30")), Code.SLOT_TAKEN)
    refused(await book(tables, wanted("f", serviceId="another")), Code.SERVICE_NOT_AVAILABLE)
    assert isinstance(await book(tables, wanted()), dict)
    assert tables.strict.queued == []


async def test_who_is_refused_once_their_turn_has_come_is_refused(tables: Stored) -> None:
    class Meanwhile(_Open):
        """A queue in which another booking came first."""

        async def __aenter__(self) -> None:
            tables.strict.queue = lambda _, **__: _Open()  # type: ignore[method-assign]  # for this test only
            assert isinstance(await book(tables, wanted("other", "10:30", "11:30")), dict)

    tables.strict.queue = lambda _, **__: Meanwhile()  # type: ignore[method-assign]  # for this test only
    refused(await book(tables, wanted()), Code.SLOT_TAKEN)
    assert await taken(tables) == {"other"}


async def test_who_was_overtaken_is_refused(tables: Stored) -> None:
    overtake(tables, lambda: book(tables, wanted("other", "10:30", "11:30")))
    # The other one waits in the same queue here, as on another host it would not.
    tables.strict.queue = lambda _, **__: _Open()  # type: ignore[method-assign]  # for this test only
    refused(await book(tables, wanted()), Code.SLOT_TAKEN)
    assert await taken(tables) == {"other"}


class _Open:
    """A queue that nobody waits in."""

    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, *_: object) -> None:
        return


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_a_booking_is_made_once_however_often_it_is_tried(tables: Stored, fault: Fault) -> None:
    tables.calls.plan = each_write(fault)
    assert isinstance(await book(tables, wanted()), dict)
    tables.calls.plan = each_write(fault)
    again = await book(tables, wanted(notes="Else."))
    assert isinstance(again, dict)
    assert "notes" not in again
    assert (await taken(tables), await version(tables)) == ({"b"}, 1)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"endTime": "10:00"}, Code.BAD_REQUEST, "startTime"),
        ({"status": "CONFIRMED"}, Code.INVALID_BOOKING_STATUS, "status"),
        ({"serviceId": "another"}, Code.SERVICE_NOT_AVAILABLE, None),
        ({"consumerId": BOB}, Code.SELF_REQUEST, None),
        ({"endTime": "12:00"}, Code.BAD_REQUEST, "duration"),
        ({"bookingDate": (NOW - timedelta(days=2)).date().isoformat()}, Code.BAD_REQUEST, "bookingDate"),
        ({"bookingDate": "9999-12-31"}, Code.BAD_REQUEST, "bookingDate"),
    ],
)
async def test_what_no_rule_allows_is_not_stored(
    tables: Stored, changes: dict[str, Any], code: Code, field: str | None
) -> None:
    refused(await book(tables, wanted(**changes)), code, **({"field": field} if field else {}))
    assert await rows(tables.undisturbed, Booking) == await rows(tables.undisturbed, BookingDay) == []


async def test_a_service_sets_limits(tables: Stored) -> None:
    await tables.change(Service, SERVICE_ID, minBookingHours=2)
    refused(await book(tables, wanted()), Code.BAD_REQUEST, field="duration")
    await tables.change(Service, SERVICE_ID, isActive=False)
    refused(await book(tables, wanted()), Code.SERVICE_NOT_AVAILABLE)


async def test_a_service_is_booked_when_it_is_open(tables: Stored) -> None:
    await open_hours(tables, "10:30", "12:00")
    refused(await book(tables, wanted()), Code.BAD_REQUEST, field="startTime")
    await open_hours(tables, "09:00", "10:30")
    await close(tables, "11:30", "12:00")
    assert isinstance(await book(tables, wanted()), dict)
    refused(await book(tables, wanted("c", "11:00", "12:00")), Code.BAD_REQUEST, field="startTime")


@pytest.mark.parametrize("changes", [{"isActive": False}, {"userId": EVE}])
async def test_a_service_that_closes_meanwhile_is_not_booked(tables: Stored, changes: dict[str, Any]) -> None:
    overtake(tables, lambda: tables.change(Service, SERVICE_ID, **changes))
    refused(await book(tables, wanted()), Code.SERVICE_NOT_AVAILABLE)
    assert await rows(tables.undisturbed, BookingDay) == []


@pytest.mark.parametrize("left", [{"isActive": False}, None])
async def test_a_provider_who_is_not_active_is_not_booked(tables: Stored, left: dict[str, Any] | None) -> None:
    async def leave() -> None:
        if left is None:
            await tables.undisturbed.delete(User, BOB)
        else:
            await tables.change(User, BOB, **left)

    overtake(tables, leave)
    message = refused(await book(tables, wanted()), Code.USER_NOT_ACTIVE, field="providerId")
    assert message == "providerId: this member is not active now; choose another provider."
    tables.strict.queued.clear()
    refused(await book(tables, wanted("c")), Code.USER_NOT_ACTIVE, field="providerId")
    assert (tables.strict.queued, await rows(tables.undisturbed, BookingDay)) == ([], [])


async def test_a_price_that_changes_meanwhile_is_what_the_booking_costs(tables: Stored) -> None:
    overtake(tables, lambda: tables.change(Service, SERVICE_ID, hourlyRate=2, hourlyDuration=1.0))
    made = await book(tables, wanted())
    assert isinstance(made, dict)
    assert float(made["totalCost"]["N"]) == 2


@pytest.mark.parametrize("status", ["CONFIRMED", "COMPLETED"])
async def test_bookings_that_are_older_than_the_row_of_the_day_take_their_time(
    tables: Stored, status: str
) -> None:
    cost = item_of(Booking, duration=1.0, totalCost=1)
    for key, found in (("old", status), ("gone", "CANCELLED_BY_CONSUMER")):
        await tables.put(Booking, wanted(key, status=found, bookingDate=f"{DAY}Z") | cost)
    refused(await book(tables, wanted()), Code.SLOT_TAKEN)
    assert isinstance(await book(tables, wanted("c", "11:00", "12:00")), dict)
    assert await taken(tables) == {"old", "c"}


async def test_an_older_booking_that_is_called_off_meanwhile_takes_no_time(tables: Stored) -> None:
    await tables.put(Booking, wanted("old") | item_of(Booking, duration=1.0, totalCost=1))
    overtake(tables, lambda: amend(tables, BOB, "old", status="CANCELLED_BY_PROVIDER"))
    assert isinstance(await book(tables, wanted("c", "11:00", "12:00")), dict)
    assert await taken(tables) == {"c"}


async def test_a_day_begins_with_as_many_bookings_as_it_takes(tables: Stored) -> None:
    for number in range(MOST_BOOKINGS - 1):
        times = to_text(10 * number), to_text(10 * number + 10)
        await tables.put(Booking, wanted(str(number), *times) | item_of(Booking, duration=1.0, totalCost=1))
    assert isinstance(await book(tables, wanted("last", "22:00", "23:00")), dict)
    assert len(await taken(tables)) == MOST_BOOKINGS
    assert "choose another day" in refused(await book(tables, wanted("more", "23:00", "24:00")), Code.SLOT_TAKEN)


@pytest.fixture
async def booked(tables: Stored) -> Stored:
    await book(tables, wanted())
    return tables


async def test_a_booking_is_confirmed_begun_and_completed(booked: Stored) -> None:
    confirmed = await amend(booked, BOB, status="CONFIRMED", confirmedAt=NOW, providerNotes="See you.")
    assert isinstance(confirmed, dict)
    assert confirmed["confirmedAt"] != item_of(Booking, confirmedAt=NOW)["confirmedAt"]
    for status in ("IN_PROGRESS", "COMPLETED"):
        assert isinstance(await amend(booked, BOB, status=status), dict)
    (found,) = await rows(booked.undisturbed, Booking)
    assert found["status"] == {"S": "COMPLETED"}
    assert found["providerNotes"] == {"S": "See you."}
    assert await taken(booked) == {"b"}


@pytest.mark.parametrize("by", [ALICE, BOB])
async def test_what_is_called_off_frees_its_time(booked: Stored, by: str) -> None:
    side = {ALICE: "CONSUMER", BOB: "PROVIDER"}[by]
    made = await amend(booked, by, status=f"CANCELLED_BY_{side}", cancellationReason="Rain.")
    assert isinstance(made, dict)
    assert made["cancelledAt"]["S"] > "2"
    assert (await taken(booked), await version(booked)) == (set(), 2)
    assert isinstance(await book(booked, wanted("c")), dict)


async def test_a_status_that_is_repeated_changes_no_moment(booked: Stored) -> None:
    first = await amend(booked, BOB, status="CONFIRMED")
    again = await amend(booked, BOB, status="CONFIRMED", confirmedAt=NOW)
    assert isinstance(first, dict)
    assert isinstance(again, dict)
    assert again["confirmedAt"] == first["confirmedAt"]


async def test_notes_are_taken_away_and_what_was_agreed_is_repeated(booked: Stored) -> None:
    await amend(booked, ALICE, notes="Ring twice.")
    made = await amend(booked, ALICE, notes=None, startTime="10:00", totalCost=1, duration=1.0)
    assert isinstance(made, dict)
    (found,) = await rows(booked.undisturbed, Booking)
    assert ("notes" in made, "notes" in found) == (False, False)


async def test_a_row_without_a_cost_gets_none(booked: Stored) -> None:
    await booked.change(Booking, "b", totalCost=None)
    refused(await amend(booked, ALICE, totalCost=1), Code.BAD_REQUEST, field="totalCost")


async def test_two_who_write_at_once_both_write(booked: Stored) -> None:
    overtake(booked, lambda: amend(booked, BOB, providerNotes="Bring gloves."))
    assert isinstance(await amend(booked, ALICE, notes="Ring twice."), dict)
    (found,) = await rows(booked.undisturbed, Booking)
    assert (found["notes"], found["providerNotes"]) == ({"S": "Ring twice."}, {"S": "Bring gloves."})


async def test_of_two_moves_in_one_moment_the_later_is_refused(booked: Stored) -> None:
    overtake(booked, lambda: amend(booked, ALICE, status="CANCELLED_BY_CONSUMER", updatedAt=NOW))
    found = await amend(booked, BOB, status="CONFIRMED", updatedAt=NOW)
    refused(found, Code.INVALID_BOOKING_STATUS, status="CANCELLED_BY_CONSUMER")


async def test_a_booking_that_is_deleted_meanwhile_is_not_moved(booked: Stored) -> None:
    overtake(booked, lambda: desk(booked).amend("b", None, anything, actor=ALICE))
    with pytest.raises(ConditionFailedError):
        await amend(booked, BOB, status="CONFIRMED")


async def test_a_condition_that_is_met_no_more_when_it_is_written_is_not_met(booked: Stored) -> None:
    overtake(booked, lambda: amend(booked, BOB, providerNotes="Bring gloves."))
    with pytest.raises(ConditionFailedError):
        await desk(booked).amend("b", {"notes": {"S": "x"}}, lambda row: "providerNotes" not in row, actor=ALICE)


async def test_a_move_whose_answer_is_lost_has_met_its_condition(booked: Stored) -> None:
    booked.calls.plan = each_write(Fault.LOST)
    changes = {"status": {"S": "CONFIRMED"}, "updatedAt": {"S": clock.to_text(booked.tick())}}
    made = await desk(booked).amend("b", changes, lambda row: row["status"]["S"] == "PENDING", actor=BOB)
    assert isinstance(made, dict)
    assert made["status"] == {"S": "CONFIRMED"}


@pytest.mark.parametrize(
    ("by", "changes", "code"),
    [
        (ALICE, {"status": "CONFIRMED"}, Code.INVALID_BOOKING_STATUS),
        (BOB, {"status": "COMPLETED"}, Code.INVALID_BOOKING_STATUS),
        (ALICE, {"startTime": "09:00"}, Code.BAD_REQUEST),
        (ALICE, {"startTime": None}, Code.BAD_REQUEST),
        (ALICE, {"totalCost": 2}, Code.BAD_REQUEST),
        (EVE, {"notes": "x"}, Code.UNAUTHORIZED),
    ],
)
async def test_nothing_else_changes(booked: Stored, by: str, changes: dict[str, Any], code: Code) -> None:
    before = await rows(booked.undisturbed, Booking)
    refused(await amend(booked, by, **changes), code)
    assert await rows(booked.undisturbed, Booking) == before


async def test_a_service_that_is_gone_sets_no_limits(booked: Stored) -> None:
    await amend(booked, BOB, status="CONFIRMED")
    await booked.change(Service, SERVICE_ID, cancellationHours=1_000)
    refused(await amend(booked, ALICE, status="CANCELLED_BY_CONSUMER"), Code.INVALID_BOOKING_STATUS)
    await booked.undisturbed.delete(Service, SERVICE_ID)
    assert isinstance(await amend(booked, ALICE, status="CANCELLED_BY_CONSUMER"), dict)


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.THROTTLED])
async def test_a_read_that_fails_in_passing_is_made_again(tables: Stored, fault: Fault) -> None:
    await book(tables, wanted("z", "20:00", "21:00"))
    reads = len(tables.calls.made) - 1  # the last call was the write
    for number in range(reads):
        tables.calls.plan = at(len(tables.calls.made) + number, fault)
        assert isinstance(
            await book(tables, wanted(f"b{number}", to_text(60 * number), to_text(60 * number + 60))), dict
        )


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_a_move_and_a_removal_are_made_once(booked: Stored, fault: Fault) -> None:
    booked.calls.plan = each_write(fault)
    made = await amend(booked, BOB, status="CANCELLED_BY_PROVIDER")
    assert isinstance(made, dict)
    assert made["status"] == {"S": "CANCELLED_BY_PROVIDER"}
    assert await version(booked) == 2
    booked.calls.plan = each_write(fault)
    removed = await desk(booked).amend("b", None, anything, actor=BOB)
    assert isinstance(removed, dict)
    assert removed["id"] == {"S": "b"}
    assert await rows(booked.undisturbed, Booking) == []


def anything(_: Item) -> bool:
    return True


@pytest.mark.parametrize("status", ["PENDING", "CONFIRMED", "COMPLETED", "NO_SHOW_CONSUMER"])
@pytest.mark.parametrize("by", [ALICE, BOB])
async def test_a_deleted_booking_takes_no_time(booked: Stored, status: str, by: str) -> None:
    await booked.change(Booking, "b", status=status)
    assert isinstance(await desk(booked).amend("b", None, anything, actor=by), dict)
    assert (await taken(booked), await rows(booked.undisturbed, Booking)) == (set(), [])


@pytest.mark.parametrize(
    ("status", "by", "code"),
    [
        ("IN_PROGRESS", BOB, Code.INVALID_BOOKING_STATUS),
        ("CONFIRMED", ALICE, Code.INVALID_BOOKING_STATUS),
        ("COMPLETED", EVE, Code.UNAUTHORIZED),
    ],
)
async def test_what_may_not_be_called_off_is_not_deleted(booked: Stored, status: str, by: str, code: Code) -> None:
    await booked.change(Booking, "b", status=status)
    await booked.change(Service, SERVICE_ID, cancellationHours=1_000)
    refused(await desk(booked).amend("b", None, anything, actor=by), code)
    assert (await taken(booked), len(await rows(booked.undisturbed, Booking))) == ({"b"}, 1)


async def test_what_nobody_kept_a_day_for_is_called_off_all_the_same(booked: Stored) -> None:
    await booked.undisturbed.delete(BookingDay, KEY)
    assert isinstance(await amend(booked, BOB, status="CANCELLED_BY_PROVIDER"), dict)
    assert await rows(booked.undisturbed, BookingDay) == []


async def test_a_day_that_begins_to_be_kept_meanwhile_is_freed(booked: Stored) -> None:
    await booked.undisturbed.delete(BookingDay, KEY)
    overtake(booked, lambda: book(booked, wanted("c", "12:00", "13:00")))
    assert isinstance(await amend(booked, BOB, status="CANCELLED_BY_PROVIDER"), dict)
    assert await taken(booked) == {"c"}


@pytest.mark.parametrize("changes", [{"notes": {"S": "x"}}, None])
async def test_the_clients_condition_is_kept(booked: Stored, changes: Any) -> None:
    for key, met in (("b", nothing), ("nobody", anything)):
        with pytest.raises(ConditionFailedError):
            await desk(booked).amend(key, changes, met, actor=ALICE)


def nothing(_: Item) -> bool:
    return False
