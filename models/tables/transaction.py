"""A service exchange that was paid."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import FloatAttribute, HoursAttribute, MomentAttribute, Table, index


class Transaction(Table):
    """Amplify's Transaction, and which rating it was given."""

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

    # The one rating that it was ever given, be it hidden or removed since.
    ratingId = UnicodeAttribute(null=True)

    byProviderId = index("byProviderId", "providerId")
    byConsumerId = index("byConsumerId", "consumerId")
    byServiceId = index("byServiceId", "serviceId")
    byBookingId = index("byBookingId", "bookingId")
    byStatus = index("byStatus", "status")
