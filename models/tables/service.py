"""A service that a member offers: its price in hours and how long it usually takes."""

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute

from models.tables.base import FloatAttribute, HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class Service(Table):
    """Amplify's Service, and the response window that its provider chose."""

    class Meta(Table.Meta):
        table_name = "Service"

    id = UnicodeAttribute(hash_key=True)
    userId = UnicodeAttribute()
    title = UnicodeAttribute()
    description = UnicodeAttribute()
    category = UnicodeAttribute()
    hourlyRate = HoursAttribute()
    # How many hours the service usually takes; absent means 1.
    hourlyDuration = FloatAttribute(null=True)
    isActive = BooleanAttribute()
    tags: ListAttribute[UnicodeAttribute] = ListAttribute(of=UnicodeAttribute)
    requiresScheduling = BooleanAttribute(null=True)
    minBookingHours = HoursAttribute(null=True)
    maxBookingHours = HoursAttribute(null=True)
    advanceBookingDays = IntegerAttribute(null=True)
    cancellationHours = IntegerAttribute(null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    responseWindowHours = IntegerAttribute(null=True)

    byUserId = index("byUserId", "userId")
    byCategory = index("byCategory", "category")
    # Finds all services, by time: every row names its type, whether Amplify or this server wrote it.
    byTypename = index("byTypename", "__typename")
