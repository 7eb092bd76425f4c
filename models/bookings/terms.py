"""The terms of a new booking: whose service, how long, at what price, how early."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from models.bookings.booking import Booking, BookingStatus, Offer, Provider
from models.bookings.times import LEEWAY_MINUTES, Span, invalid, minutes_until, span_of
from models.errors import Code, Refusal
from models.hours import HUNDREDTH, Hours
from models.limits import fixed_limit

# The most days ahead that anything can be booked, whatever the service says.
FURTHEST_DAYS = fixed_limit(3_650, "days ahead that anything can be booked", topic="bookings", code="BadRequest")
HOUR_MINUTES = 60
# Clients reckon in floats; a difference below half a hundredth is theirs.
_TOLERANCE = 0.005 + 1e-9


@dataclass(frozen=True, slots=True)
class Terms:
    """What a booking's times and its service's price come to."""

    span: Span
    duration: float
    total_cost: Hours


def length(span: Span) -> Hours:
    """Return how many hours a span is long, rounded half-even to 0.01."""
    return (Decimal(span.minutes) / HOUR_MINUTES).quantize(HUNDREDTH, rounding=ROUND_HALF_EVEN)


def offered(wanted: Booking, offer: Offer | None) -> Offer | Refusal:
    """Return the service of a booking; or the refusal of one that its provider does not offer, or of one's own."""
    if wanted.consumer_id == wanted.provider_id:
        return Refusal(Code.SELF_REQUEST, "You cannot book your own service.")
    if offer is None or not offer.is_active or offer.user_id.partition("::")[0] != wanted.provider_id:
        return Refusal(
            Code.SERVICE_NOT_AVAILABLE, "This provider does not offer this service now; choose another."
        )
    return offer


def provider_refusal(provider: Provider | None) -> Refusal | None:
    """Return the refusal to book somebody who has left or is inactive; None if they can be booked."""
    if provider is not None and provider.is_active is not False:
        return None
    message = "providerId: this member is not active now; choose another provider."
    return Refusal(Code.USER_NOT_ACTIVE, message, {"field": "providerId"})


def agreed(wanted: Booking, duration: float, total_cost: float, offer: Offer) -> Terms | Refusal:
    """Return the terms of a new booking; or the refusal of a field that does not follow from the others.

    Args:
        wanted: the new booking.
        duration: how many hours the client says it takes.
        total_cost: how many hours the client says it costs; the app takes `hourlyDuration` for the price.
        offer: the service.
    """
    if wanted.status is not BookingStatus.PENDING:
        return Refusal(
            Code.INVALID_BOOKING_STATUS,
            f"status: a booking begins as PENDING, not as {wanted.status}; its provider confirms it.",
            {"field": "status", "status": wanted.status.value, "possible": [BookingStatus.PENDING.value]},
        )
    span = span_of(wanted.start_time, wanted.end_time)
    if isinstance(span, Refusal):
        return span
    hours = length(span)
    if abs(duration - span.minutes / HOUR_MINUTES) > _TOLERANCE:
        return invalid("duration", f"{wanted.start_time} to {wanted.end_time} is {hours} hours, not {duration:g}")
    cost = (span.minutes * offer.hourly_rate / HOUR_MINUTES).quantize(HUNDREDTH, rounding=ROUND_HALF_EVEN)
    as_shown = span.minutes / HOUR_MINUTES * (1.0 if offer.hourly_duration is None else offer.hourly_duration)
    if min(abs(total_cost - float(cost)), abs(total_cost - as_shown)) > _TOLERANCE:
        return invalid(
            "totalCost", f"{hours} hours at {offer.hourly_rate} hours each cost {cost}, not {total_cost:g}"
        )
    return Terms(span, float(hours), cost)


def length_problem(span: Span, offer: Offer) -> str | None:
    """Return why a booking is too short or too long for a service; None if it is not."""
    hours = Decimal(span.minutes) / HOUR_MINUTES
    if offer.min_booking_hours is not None and hours < offer.min_booking_hours:
        return f"this service is booked for {offer.min_booking_hours} hours at least (minBookingHours)"
    if offer.max_booking_hours is not None and hours > offer.max_booking_hours:
        return f"this service is booked for {offer.max_booking_hours} hours at most (maxBookingHours)"
    return None


def day_problem(day: date, start: int, offer: Offer, now: datetime) -> str | None:
    """Return why a time is too late or too early to be booked now; None if it is not.

    Args:
        day: the day, taken as UTC.
        start: when it begins, in minutes after midnight.
        offer: the service.
        now: the current time; the member's own clock may be up to 14 hours behind or ahead.
    """
    ahead = minutes_until(day, start, now)
    if ahead < -LEEWAY_MINUTES:
        return "this time is past"
    chosen = offer.advance_booking_days
    most = FURTHEST_DAYS if chosen is None else min(chosen, FURTHEST_DAYS)
    if minutes_until(day, 0, now) - LEEWAY_MINUTES > most * 24 * HOUR_MINUTES:
        return f"this service is booked {most} days ahead at most (advanceBookingDays)"
    return None
