"""The demo members' past and coming dealings: services that were paid and rated, and appointments.

They are written by the same rules and transactions as any other, so that the books hold; but no workflow runs.
"""

from datetime import timedelta
from functools import partial

import structlog

from models import tables
from models.bookings.booking import BookingStatus
from models.errors import Refusal
from models.identifiers import derived
from models.requests import answers, payment, steps
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Response, Step
from models.storage.codec import item_of
from models.storage.store import ConditionFailedError, key_of
from models.tables.service_schedule import ServiceSchedule
from models.transactions.bookings import Bookings
from models.transactions.moves import Moved, RequestRule
from models.transactions.ratings import Ratings
from resolvers.hosting.demo_data import DEMO_BOOKINGS, DEMO_EXCHANGES, DemoBooking, DemoExchange, sub_of
from workflows.executions.services import Services

_log = structlog.get_logger(__name__)
# No workflow starts for a request that is not of the first generation.
_WITHOUT_WORKFLOW = 1
# The task token of a wait in which no execution waits. Completing it fails as for an old token, which is no error.
_NO_TOKEN = "demo"  # noqa: S105 — a task token is no password
_WEEKDAYS = range(1, 7)  # Monday to Saturday


async def load_dealings(services: Services) -> None:
    """Write what the demo members have done with each other, once."""
    for exchange in DEMO_EXCHANGES:
        await _pay_and_rate(services, exchange)
    for booking in DEMO_BOOKINGS:
        await _open_weekdays(services, booking)
        await _book(services, booking)


async def _pay_and_rate(services: Services, exchange: DemoExchange) -> None:
    """Let a service be asked for, done, paid and rated, unless it was already."""
    if await services.transactions.read(exchange.id) is not None:
        return
    now = services.clock()
    request = Request(
        id=exchange.id,
        service_id=exchange.service.id,
        requester_id=sub_of(exchange.requester),
        provider_id=sub_of(exchange.service.provider),
        status=RequestStatus.INITIATED,
        estimated_hours=exchange.hours,
        message=exchange.message,
        generation=_WITHOUT_WORKFLOW,
        created_at=now,
        updated_at=now,
    )
    outcome = await services.transactions.create(request, answers.create)
    for rule in _steps(request, services):
        if not isinstance(outcome, Moved):
            _log.warning("a demo exchange could not be written", exchange=exchange.id, outcome=outcome)
            return
        outcome = await services.transactions.move(request.id, rule)
    rating = item_of(
        tables.Rating,
        id=derived(exchange.id, "rating"),
        transactionId=exchange.id,
        raterId=request.requester_id,
        ratedUserId=request.provider_id,
        rating=exchange.rating,
        feedback=exchange.feedback,
        createdAt=now,
        updatedAt=now,
    )
    named = {**rating, "__typename": {"S": tables.Rating.Meta.table_name}}
    await Ratings(services.store, services.transactions, services.clock).give(named)


def _steps(request: Request, services: Services) -> list[RequestRule]:
    """Return the rules that lead a new request to its end, as the workflow and the two would apply them."""

    def wait(step: Step) -> RequestRule:
        return partial(steps.begin_wait, step=step, token=_NO_TOKEN, windows=services.windows)

    def say(wait: Step, by: str, response: Response) -> RequestRule:
        return partial(answers.answer, wait=wait, by=by, response=response)

    provider, requester = request.provider_id, request.requester_id
    waits = (
        (Step.WAIT_FOR_PROVIDER_RESPONSE, provider, Response.ACCEPTED),
        (Step.WAIT_FOR_SERVICE_START, provider, Response.MARKED),
        (Step.CONFIRM_SERVICE_START, requester, Response.CONFIRMED),
        (Step.WAIT_FOR_COMPLETION, provider, Response.MARKED),
        (Step.CONFIRM_SERVICE_COMPLETION, requester, Response.CONFIRMED),
    )
    answered = [rule for step, by, response in waits for rule in (wait(step), say(step, by, response))]
    begun: list[RequestRule] = [steps.begin_validation, steps.hold_hours]
    return [*begun, *answered, steps.complete, payment.pay, payment.enable_rating]


async def _open_weekdays(services: Services, booking: DemoBooking) -> None:
    """Offer a booking's service from nine to five, Monday to Saturday."""
    now, service = services.clock(), booking.service
    for day in _WEEKDAYS:
        item = item_of(
            ServiceSchedule,
            id=derived("demo schedule", service.id, str(day)),
            serviceId=service.id,
            userId=sub_of(service.provider),
            dayOfWeek=day,
            startTime="09:00",
            endTime="17:00",
            isActive=True,
            createdAt=now,
            updatedAt=now,
        )
        named = {**item, "__typename": {"S": ServiceSchedule.Meta.table_name}}
        try:
            await services.store.put(ServiceSchedule, named, condition=key_of(ServiceSchedule).does_not_exist())
        except ConditionFailedError:
            return  # they were written with the first one


async def _book(services: Services, booking: DemoBooking) -> None:
    """Make an appointment for the first Monday that is at least two days off, unless it was made already."""
    now = services.clock()
    soonest = (now + timedelta(days=2)).date()
    day = soonest + timedelta(days=-soonest.weekday() % 7)
    item = item_of(
        tables.Booking,
        id=booking.id,
        serviceId=booking.service.id,
        providerId=sub_of(booking.service.provider),
        consumerId=sub_of(booking.consumer),
        bookingDate=day.isoformat(),
        startTime=booking.starts,
        endTime=booking.ends,
        status=BookingStatus.PENDING,
        notes=booking.notes,
        createdAt=now,
        updatedAt=now,
    )
    named = {**item, "__typename": {"S": tables.Booking.Meta.table_name}}
    bookings = Bookings(services.store, services.transactions, services.clock)
    hours = float(booking.hours)
    outcome = await bookings.create(named, duration=hours, total_cost=float(booking.service.price(booking.hours)))
    if isinstance(outcome, Refusal):
        _log.warning("a demo booking could not be made", booking=booking.id, refusal=outcome.message)
