"""The weekly hours at which a service is offered."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from models.tables.base import IntegerAttribute, MomentAttribute, Table, index


class ServiceSchedule(Table):
    """Amplify's ServiceSchedule."""

    class Meta(Table.Meta):
        table_name = "ServiceSchedule"

    id = UnicodeAttribute(hash_key=True)
    serviceId = UnicodeAttribute()
    userId = UnicodeAttribute()
    dayOfWeek = IntegerAttribute()
    startTime = UnicodeAttribute()
    endTime = UnicodeAttribute()
    isActive = BooleanAttribute()
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    byServiceId = index("byServiceId", "serviceId")
    byUserId = index("byUserId", "userId")
