"""A skill that members can have."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class Skill(Table):
    """Amplify's Skill."""

    class Meta(Table.Meta):
        table_name = "Skill"

    id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    category = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    isActive = BooleanAttribute()
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    byName = index("byName", "name")
    byCategory = index("byCategory", "category")
