"""A booking and its service, as the tests of the rules begin with them."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from models.bookings.booking import Booking, BookingStatus, Offer

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANA, BEN = "ana", "ben"
OFFER = Offer("s", BEN, is_active=True, hourly_rate=Decimal("1.25"), hourly_duration=2.0)
BOOKING = Booking("b", "s", BEN, ANA, "2026-03-04", "10:00", "11:00", BookingStatus.PENDING)


def booking(**changes: Any) -> Booking:
    return replace(BOOKING, **changes)


def offer(**changes: Any) -> Offer:
    return replace(OFFER, **changes)
