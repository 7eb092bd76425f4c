"""Who may move a booking on, and what of it stays as it was agreed."""

from collections.abc import Collection, Mapping
from datetime import datetime

from models.bookings.booking import CANCELLED, ENDED, FREEING, Booking, BookingStatus, Offer, Side
from models.bookings.terms import HOUR_MINUTES
from models.bookings.times import minutes_until
from models.errors import Code, Refusal

_PROVIDER, _CONSUMER = Side.PROVIDER, Side.CONSUMER
_CALLED_OFF = {
    BookingStatus.CANCELLED_BY_PROVIDER: _PROVIDER,
    BookingStatus.CANCELLED_BY_CONSUMER: _CONSUMER,
}
# What each status may become, and which side may say so.
_MOVES: Mapping[BookingStatus, Mapping[BookingStatus, Side]] = {
    BookingStatus.PENDING: {BookingStatus.CONFIRMED: _PROVIDER, **_CALLED_OFF},
    BookingStatus.CONFIRMED: {
        BookingStatus.IN_PROGRESS: _PROVIDER,
        BookingStatus.NO_SHOW_CONSUMER: _PROVIDER,
        BookingStatus.NO_SHOW_PROVIDER: _CONSUMER,
        **_CALLED_OFF,
    },
    BookingStatus.IN_PROGRESS: {BookingStatus.COMPLETED: _PROVIDER},
}
# How a consumer gives a confirmed appointment up.
_GIVEN_UP = frozenset({BookingStatus.CANCELLED_BY_CONSUMER, BookingStatus.NO_SHOW_PROVIDER})
# The moment that the server writes down when a booking gets a status.
MOMENTS: Mapping[BookingStatus, str] = {
    BookingStatus.CONFIRMED: "confirmedAt",
    BookingStatus.COMPLETED: "completedAt",
    **dict.fromkeys(CANCELLED, "cancelledAt"),
}
# What an update may only repeat.
AGREED = ("bookingDate", "startTime", "endTime", "duration", "totalCost")


def move_refusal(
    booking: Booking, status: BookingStatus, side: Side, offer: Offer | None, now: datetime
) -> Refusal | None:
    """Return the refusal of a move to another status; None if the side may make it.

    Args:
        booking: the booking as it is.
        status: what it shall become; its own status is no move.
        side: who moves it.
        offer: its service, None if that is gone.
        now: the current time.
    """
    if status is booking.status:
        return None
    moves = _MOVES.get(booking.status, {})
    if moves.get(status) is not side:
        possible = [move for move, by in moves.items() if by is side]
        return status_refusal(booking, f"its {side} can make it {_listed(possible)}", possible)
    hours = offer.cancellation_hours if offer is not None else None
    if (
        hours is None
        or status not in _GIVEN_UP
        or booking.status is not BookingStatus.CONFIRMED
        or not booking.span
    ):
        return None
    minutes = minutes_until(booking.day, booking.span.start, now)
    # Once it has begun, the consumer can say that the provider did not come; before, that would only be another
    # way to cancel.
    possible = [BookingStatus.NO_SHOW_PROVIDER] if minutes <= 0 else []
    if minutes >= hours * HOUR_MINUTES or status in possible:
        return None
    until = f"the consumer can cancel until {hours} hours before it begins (cancellationHours)"
    return status_refusal(booking, f"{until}; ask the provider to cancel it", possible)


def removal_refusal(booking: Booking, side: Side, offer: Offer | None, now: datetime) -> Refusal | None:
    """Return the refusal to delete a booking; one that has yet to be kept is called off by it, if its side may."""
    if booking.status in ENDED:
        return None
    (called_off,) = (status for status, by in _CALLED_OFF.items() if by is side)
    return move_refusal(booking, called_off, side, offer, now)


def status_refusal(booking: Booking, way_out: str, possible: Collection[BookingStatus]) -> Refusal:
    """Return a refusal that names the status found, and what is possible."""
    facts = {"status": booking.status.value, "possible": [status.value for status in possible]}
    return Refusal(Code.INVALID_BOOKING_STATUS, f"The booking is {booking.status}; {way_out}.", facts)


def terms_refusal(changed: Collection[str]) -> Refusal | None:
    """Return the refusal of a change of a field that both sides have agreed on."""
    for name in AGREED:
        if name in changed:
            message = f"{name}: a booking's terms stay as they were agreed; cancel it and book anew."
            return Refusal(Code.BAD_REQUEST, message, {"field": name})
    return None


def frees(before: BookingStatus, after: BookingStatus) -> bool:
    """Return whether a move gives the booking's time back."""
    return after in FREEING and before not in FREEING


def _listed(statuses: Collection[BookingStatus]) -> str:
    return " or ".join(statuses) or "nothing else"
