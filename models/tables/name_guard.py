"""A row per user name and e-mail address of a member; it prevents a second member with the same one."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table


class NameGuard(Table):
    """A table of our own, not one of Amplify's types; an index would show the first member too late."""

    class Meta(Table.Meta):
        table_name = "NameGuard"
        stream_view_type = None

    # Derived from the kind of name and its folded text, so that any length fits and no address is stored twice.
    id = UnicodeAttribute(hash_key=True)
    userId = UnicodeAttribute()
    createdAt = MomentAttribute()
