"""A kind of service."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class Category(Table):
    """Amplify's Category."""

    class Meta(Table.Meta):
        table_name = "Category"

    id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    icon = UnicodeAttribute(null=True)
    color = UnicodeAttribute(null=True)
    isActive = BooleanAttribute()
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    byName = index("byName", "name")
