"""What bookings depend on, read from tables on an engine within this process."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models.bookings.times import WHOLE_DAY, Span
from models.tables import ServiceSchedule
from models.transactions import calendars
from models.transactions.calendars import Calendars
from tests.unit.builders import NOW, SERVICE_ID, Bank
from tests.unit.models.transactions.booking_desk import DAY, close, open_hours
from tests.unit.stored import Stored, stored


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    async with stored(Bank()) as opened:
        yield opened


async def test_a_schedule_has_the_exceptions_of_the_days_asked_for(tables: Stored) -> None:
    await open_hours(tables, "09:00", "12:00")
    await close(tables, "10:00", "11:00", day=f"{DAY}+02:00")
    for beside in (DAY - timedelta(days=1), DAY + timedelta(days=1)):
        await close(tables, "00:00", "24:00", day=beside.isoformat())
    found = await Calendars(tables.store).schedule(SERVICE_ID, DAY, DAY)
    assert len(found.exceptions) == 1
    assert found.on(DAY).open == [Span(540, 600), Span(660, 720)]


async def test_a_service_without_rows_is_open(tables: Stored) -> None:
    found = await Calendars(tables.store).schedule("another", DAY, DAY)
    assert found.on(DAY).open == [WHOLE_DAY]


async def test_of_too_many_rows_the_oldest_are_read_or_the_newest(
    tables: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, start in enumerate(("09:00", "15:00", "20:00")):
        await open_hours(tables, start, "24:00")
        await tables.change(ServiceSchedule, start, createdAt=NOW + timedelta(days=number))
    monkeypatch.setattr(calendars, "PAGE", 1)
    monkeypatch.setattr(calendars, "MOST_PAGES", 1)
    table, read = ServiceSchedule, Calendars(tables.store).rows
    (oldest,) = await read(table, table.byServiceId, SERVICE_ID)
    (newest,) = await read(table, table.byServiceId, SERVICE_ID, forward=False)
    assert (oldest["startTime"], newest["startTime"]) == ({"S": "09:00"}, {"S": "20:00"})


@pytest.mark.parametrize(("page", "most"), [(2, 1), (1, 2)])
async def test_no_more_rows_are_read_than_are_wanted(
    tables: Stored, monkeypatch: pytest.MonkeyPatch, page: int, most: int
) -> None:
    for number, start in enumerate(("09:00", "15:00", "20:00")):
        await open_hours(tables, start, "24:00")
        await tables.change(ServiceSchedule, start, createdAt=NOW + timedelta(days=number))
        await close(tables, start, "24:00")
    monkeypatch.setattr(calendars, "PAGE", page)
    monkeypatch.setattr(calendars, "MOST_HOURS", most)
    found = await Calendars(tables.store).schedule(SERVICE_ID, DAY, DAY)
    assert [row.start_time for row in found.weekly] == ["09:00", "15:00"][:most]
    assert len(found.exceptions) == most
    assert tables.strict.made == ["query"] * 2 * most
