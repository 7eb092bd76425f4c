"""How a consumer asks for hours of a service, as the app does: a pure rule that makes it a request for work."""

from dataclasses import replace
from datetime import datetime
from math import gcd

from models import hours
from models.bookings.booking import CANCELLED
from models.errors import Code, Refusal
from models.hours import Hours
from models.requests import answers
from models.requests.decision import Change, Snapshot

_HUNDRED = 100


def ask_for_hours(snapshot: Snapshot, now: datetime) -> Change | Refusal:
    """— → INITIATED: the request's `asked` hours at the service's rate, as so many hours of work.

    Args:
        snapshot: the new request, with its service, and its booking if it names one.
        now: the time of the change.
    """
    request, service = snapshot.request, snapshot.service
    if service is None:
        return _field_refusal("serviceId", "there is no such service.", code=Code.SERVICE_NOT_AVAILABLE)
    if service.user_id != request.provider_id:
        return _field_refusal("providerId", "another member offers this service; give the service's userId.")
    if request.booking_id is not None and (refused := _booking_refusal(snapshot)) is not None:
        return refused
    if request.asked is None or not hours.is_amount(request.asked):
        return invalid_hours_refusal(request.asked)
    work = _work(request.asked, service.hourly_rate)
    if work is None or not hours.is_amount(work):
        return invalid_hours_refusal(request.asked, rate=service.hourly_rate or None)
    return answers.create(replace(snapshot, request=replace(request, estimated_hours=work)), now)


def _booking_refusal(snapshot: Snapshot) -> Refusal | None:
    """Return the refusal of a booking of another service, between other members, or that was cancelled."""
    request, booking = snapshot.request, snapshot.booking
    between = (request.service_id, request.provider_id, request.requester_id)
    if booking is None or (booking.service_id, booking.provider_id, booking.consumer_id) != between:
        return _field_refusal("bookingId", "there is no booking of this service between these two members.")
    if booking.status not in CANCELLED:
        return None
    message = f"bookingId: this booking is {booking.status}; name another, or none."
    return Refusal(Code.INVALID_BOOKING_STATUS, message, {"field": "bookingId", "status": booking.status})


def _step(rate: Hours) -> int:
    """Return the smallest whole amount at a rate, in hundredths: all others are its multiples."""
    per_hour = hours.hundredths(rate)
    return per_hour // gcd(per_hour, _HUNDRED)


def _work(asked: Hours, rate: Hours) -> Hours | None:
    """Return the hours of work that cost exactly so many hours; None if no multiple of 0.01 does."""
    # Only a row that came from elsewhere can have no rate.
    if not rate or hours.hundredths(asked) % _step(rate):
        return None
    return hours.exact(asked / rate)


def invalid_hours_refusal(asked: Hours | float | None, *, rate: Hours | None = None) -> Refusal:
    """Return the refusal for hours that cannot be asked for, with those that can.

    Args:
        asked: the hours.
        rate: the service's rate, if they do not fit it.
    """
    step = hours.HUNDREDTH if rate is None else _step(rate) * hours.HUNDREDTH
    at = "" if rate is None else f" at {rate} an hour"
    # Neither the price nor the work may be over the largest amount.
    most = hours.LARGEST_AMOUNT if rate is None else min(hours.LARGEST_AMOUNT, hours.LARGEST_AMOUNT * rate)
    largest = most - most % step
    return Refusal(
        Code.INVALID_AMOUNT,
        f"hoursSpent: {asked} hours{at} cannot be asked for. Give a multiple of {step} from {step} to {largest}.",
        {"field": "hoursSpent", "step": float(step), "largest": float(largest)},
    )


def _field_refusal(field: str, why: str, *, code: Code = Code.BAD_REQUEST) -> Refusal:
    return Refusal(code, f"{field}: {why}", {"field": field})
