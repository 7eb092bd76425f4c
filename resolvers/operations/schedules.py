"""What is checked of a service's hours before they are written: whose service it is, and their times."""

from collections.abc import Mapping

from models import tables
from models.bookings.schedules import ExceptionType
from models.bookings.times import span_of
from models.errors import Refusal
from models.storage.store import Item, Store
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import is_owner
from resolvers.mirror.type_rules import RowCheck
from schema.errors import InvalidInputError, UnauthorizedError


def checks(store: Store) -> Mapping[str, RowCheck]:
    """Return, for the two types that say when a service is open, the check of a row before it is written."""

    async def check_schedule(caller: Caller, row: Item) -> None:
        _check_times(row)
        await _check_owner(store, caller, row)

    async def check_exception(caller: Caller, row: Item) -> None:
        if row["exceptionType"]["S"] == ExceptionType.CUSTOM_HOURS or {"startTime", "endTime"} & row.keys():
            _check_times(row)
        await _check_owner(store, caller, row)

    return {"ServiceSchedule": check_schedule, "ScheduleException": check_exception}


def _check_times(row: Item) -> None:
    """Check that hours have both times, in order.

    Raises:
        InvalidInputError: one is missing, or the first is not before the second.
    """
    for name in ("startTime", "endTime"):
        if name not in row:
            raise InvalidInputError(f"{name}: hours need both startTime and endTime", field=name)
    span = span_of(row["startTime"]["S"], row["endTime"]["S"])
    if isinstance(span, Refusal):
        raise InvalidInputError(span.message, field=span.facts["field"])


async def _check_owner(store: Store, caller: Caller, row: Item) -> None:
    """Check that hours are of the caller's own service.

    Raises:
        UnauthorizedError: the service is another member's, or does not exist.
    """
    service = await store.get(tables.Service, row["serviceId"]["S"], consistent=True)
    if service is None or not is_owner(caller, service["userId"]["S"]):
        message = "serviceId: only the provider of a service sets its hours; give a service of your own."
        raise UnauthorizedError(message, info={"field": "serviceId"})
