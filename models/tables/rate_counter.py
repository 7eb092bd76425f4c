"""A row per caller and minute or day: what all servers together have counted of what the caller asked for."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from models.tables.base import IntegerAttribute, Table


class RateCounter(Table):
    """A table of the house, whose name no GraphQL type can have; written only if the servers share a counter.

    A row is of use for its minute or day, then it expires; without it the servers only count anew. Attributes are
    the kinds of `resolvers.rates.limits.Kind`.
    """

    class Meta(Table.Meta):
        table_name = ".RateCounter"
        stream_view_type = None
        point_in_time_recovery = False

    id = UnicodeAttribute(hash_key=True)
    requests = IntegerAttribute(null=True)
    units = IntegerAttribute(null=True)
    introspections = IntegerAttribute(null=True)
    mutations = IntegerAttribute(null=True)
    starts = IntegerAttribute(null=True)
    creations = IntegerAttribute(null=True)
    storedBytes = IntegerAttribute(null=True)
    answerBytes = IntegerAttribute(null=True)
    sockets = IntegerAttribute(null=True)
    subscriptions = IntegerAttribute(null=True)
    refusals = IntegerAttribute(null=True)
    expiresAt = TTLAttribute()
