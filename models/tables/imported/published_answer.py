"""A row per answer of a mutation that subscriptions of an imported app wait for: its stream tells every server."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from models.tables.base import Table


class PublishedAnswer(Table):
    """A table of the house, whose name no GraphQL type can have; rows are of no use once they were told of."""

    class Meta(Table.Meta):
        table_name = ".PublishedAnswer"
        point_in_time_recovery = False

    id = UnicodeAttribute(hash_key=True)
    mutation = UnicodeAttribute()
    answer = UnicodeAttribute()
    expiresAt = TTLAttribute()
