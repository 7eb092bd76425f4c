"""An exchange of a service: what its request says, for the app, and its rating."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import FloatAttribute, HoursAttribute, MomentAttribute, Table, index


class Transaction(Table):
    """Amplify's Transaction, and the id of its rating."""

    class Meta(Table.Meta):
        table_name = "Transaction"

    id = UnicodeAttribute(hash_key=True)
    providerId = UnicodeAttribute()
    consumerId = UnicodeAttribute()
    serviceId = UnicodeAttribute()
    bookingId = UnicodeAttribute(null=True)
    hoursSpent = HoursAttribute()
    status = UnicodeAttribute()
    description = UnicodeAttribute()
    rating = FloatAttribute(null=True)
    feedback = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    completedAt = MomentAttribute(null=True)
    updatedAt = MomentAttribute()

    # The only rating that it was ever given, even if that was hidden or removed later.
    ratingId = UnicodeAttribute(null=True)

    byProviderId = index("byProviderId", "providerId")
    byConsumerId = index("byConsumerId", "consumerId")
    byServiceId = index("byServiceId", "serviceId")
    byBookingId = index("byBookingId", "bookingId")
    byStatus = index("byStatus", "status")
