"""What of a provider's day is taken by bookings; a row per provider and day prevents that two overlap."""

from pynamodb.attributes import ListAttribute, MapAttribute, UnicodeAttribute

from models.tables.base import IntegerAttribute, Table


class TakenMap(MapAttribute[str, object]):
    """A booking's time, in minutes after midnight."""

    bookingId = UnicodeAttribute()
    start = IntegerAttribute()
    end = IntegerAttribute()


class BookingDay(Table):
    """A table of our own, not one of Amplify's types; an index would show another booking too late."""

    class Meta(Table.Meta):
        table_name = "BookingDay"
        stream_view_type = None

    id = UnicodeAttribute(hash_key=True)
    taken: ListAttribute[TakenMap] = ListAttribute(of=TakenMap)
    version = IntegerAttribute()
