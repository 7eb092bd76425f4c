"""A day on which a service is on offer at other times than in the week, or not at all."""

from strawberry import ID

from models.bookings.schedules import ExceptionType
from models.tables import schedule_exception
from schema import enums  # registers ExceptionType under the name that clients know
from schema.amplify.bounds import TimeOfDay
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, owner, private, public
from schema.scalars import AWSDate, AWSDateTime

__all__ = ["enums"]


@mirrored(
    table=schedule_exception.ScheduleException,
    rules=[owner("userId"), private(READING), public()],
    bounds={"startTime": TimeOfDay(), "endTime": TimeOfDay()},
    ordered=[("startTime", "endTime")],
)
class ScheduleException:
    """A day on which a service is on offer at other times than in the week, or not at all."""

    id: ID
    serviceId: ID
    userId: ID
    exceptionDate: AWSDate
    exceptionType: ExceptionType
    startTime: str | None
    endTime: str | None
    reason: str | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    service = belongs_to("Service", "serviceId")
    user = belongs_to("User", "userId")
