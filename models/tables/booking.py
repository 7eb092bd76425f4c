"""An appointment for a service."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import FloatAttribute, HoursAttribute, MomentAttribute, Table, index


class Booking(Table):
    """Amplify's Booking."""

    class Meta(Table.Meta):
        table_name = "Booking"

    id = UnicodeAttribute(hash_key=True)
    serviceId = UnicodeAttribute()
    providerId = UnicodeAttribute()
    consumerId = UnicodeAttribute()
    bookingDate = UnicodeAttribute()
    startTime = UnicodeAttribute()
    endTime = UnicodeAttribute()
    duration = FloatAttribute()
    totalCost = HoursAttribute()
    status = UnicodeAttribute()
    notes = UnicodeAttribute(null=True)
    providerNotes = UnicodeAttribute(null=True)
    cancellationReason = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    confirmedAt = MomentAttribute(null=True)
    cancelledAt = MomentAttribute(null=True)
    completedAt = MomentAttribute(null=True)
    updatedAt = MomentAttribute()
    # The Transaction of the exchange that the appointment led to.
    bookingTransactionId = UnicodeAttribute(null=True)

    byServiceId = index("byServiceId", "serviceId")
    byProviderId = index("byProviderId", "providerId")
    byConsumerId = index("byConsumerId", "consumerId")
    byBookingDate = index("byBookingDate", "bookingDate")
    byStatus = index("byStatus", "status")
