"""A day on which a service is on offer at other times than in the week, or not at all."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class ScheduleException(Table):
    """Amplify's ScheduleException."""

    class Meta(Table.Meta):
        table_name = "ScheduleException"

    id = UnicodeAttribute(hash_key=True)
    serviceId = UnicodeAttribute()
    userId = UnicodeAttribute()
    exceptionDate = UnicodeAttribute()
    exceptionType = UnicodeAttribute()
    startTime = UnicodeAttribute(null=True)
    endTime = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    byServiceId = index("byServiceId", "serviceId")
    byUserId = index("byUserId", "userId")
    byExceptionDate = index("byExceptionDate", "exceptionDate")
