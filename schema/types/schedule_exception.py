"""A day on which a service is on offer at other times than in the week, or not at all."""

from enum import StrEnum

import strawberry
from strawberry import ID

from models.tables import schedule_exception
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, owner, private, public
from schema.scalars import AWSDate, AWSDateTime


@strawberry.enum
class ScheduleExceptionType(StrEnum):
    """How the day differs from the week's schedule."""

    UNAVAILABLE = "UNAVAILABLE"
    CUSTOM_HOURS = "CUSTOM_HOURS"
    HOLIDAY = "HOLIDAY"


@mirrored(table=schedule_exception.ScheduleException, rules=[owner("userId"), private(READING), public()])
class ScheduleException:
    """A day on which a service is on offer at other times than in the week, or not at all."""

    id: ID
    serviceId: ID
    userId: ID
    exceptionDate: AWSDate
    exceptionType: ScheduleExceptionType
    startTime: str | None
    endTime: str | None
    reason: str | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    service = belongs_to("Service", "serviceId")
    user = belongs_to("User", "userId")
