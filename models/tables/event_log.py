"""Business events; the table's stream carries each row to the event bus."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class EventLog(Table):
    """Amplify's EventLog; `eventData` is JSON text, as the scalar AWSJSON requires."""

    class Meta(Table.Meta):
        table_name = "EventLog"

    id = UnicodeAttribute(hash_key=True)
    eventType = UnicodeAttribute()
    entityType = UnicodeAttribute()
    entityId = UnicodeAttribute()
    actorUserId = UnicodeAttribute(null=True)
    eventData = UnicodeAttribute(null=True)
    businessContext = UnicodeAttribute(null=True)
    stepFunctionExecutionArn = UnicodeAttribute(null=True)
    # Names what set it going; see `models.correlation`.
    correlationId = UnicodeAttribute(null=True)
    timestamp = MomentAttribute()
    source = UnicodeAttribute()
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    byEventType = index("byEventType", "eventType")
    byEntityId = index("byEntityId", "entityId")
    byActorUserId = index("byActorUserId", "actorUserId")
    byTimestamp = index("byTimestamp", "timestamp")
