"""The days of a provider with very many rows: they keep the event loop for a moment only."""

from datetime import UTC, date, datetime, timedelta

from models.storage.codec import item_of
from models.tables import Booking, Service, ServiceSchedule
from resolvers.identity.callers import Caller
from resolvers.operations.bookings import _Provider
from schema.operations.bookings import MOST_DAYS
from tests.unit.processor_time import least_seconds

ANA = Caller("ana", "ana")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = date(2026, 3, 2)
DAYS = [FIRST + timedelta(days=number) for number in range(MOST_DAYS)]
SERVICES, ROWS = 100, 5_000
# Decoding every row anew for each day took ten times as long.
MOST_SECONDS = 1.0


def test_the_days_of_a_busy_provider_take_a_moment() -> None:
    services = [item_of(Service, id=f"service-{number}") for number in range(SERVICES)]
    hours = {"startTime": "09:00", "endTime": "17:00"}
    weekly = [
        item_of(ServiceSchedule, serviceId=f"service-{row % SERVICES}", dayOfWeek=row % 7, isActive=True, **hours)
        for row in range(ROWS)
    ]
    parties = {"providerId": "ben", "consumerId": "ana", "serviceId": "service-0", "status": "PENDING"}
    all_day = {"startTime": "00:00", "endTime": "24:00", **parties}
    dates = [day.isoformat() for day in DAYS]
    booked = [item_of(Booking, id=found, bookingDate=found, **all_day) for found in dates]

    def days() -> None:
        provider = _Provider.of(services, weekly, [], booked)
        shown = [provider.on(day, ANA, NOW) for day in DAYS]
        assert not any(day.is_available for day in shown)
        assert [len(day.bookings) for day in shown] == [1] * MOST_DAYS

    assert least_seconds(days) < MOST_SECONDS
