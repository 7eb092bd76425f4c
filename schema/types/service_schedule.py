"""When a service is on offer in the week."""

from strawberry import ID

from models.tables import service_schedule
from schema.amplify.bounds import Between, TimeOfDay
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, owner, private, public
from schema.scalars import AWSDateTime


@mirrored(
    table=service_schedule.ServiceSchedule,
    rules=[owner("userId"), private(READING), public()],
    bounds={"dayOfWeek": Between(0, 6), "startTime": TimeOfDay(), "endTime": TimeOfDay()},
    ordered=[("startTime", "endTime")],
)
class ServiceSchedule:
    """When a service is on offer in the week; day 0 is Sunday."""

    id: ID
    serviceId: ID
    userId: ID
    dayOfWeek: int
    startTime: str
    endTime: str
    isActive: bool
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    service = belongs_to("Service", "serviceId")
    user = belongs_to("User", "userId")
