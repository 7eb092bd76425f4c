"""A member's rating of a paid service."""

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute

from models.tables.base import FloatAttribute, MomentAttribute, Table, index


class Rating(Table):
    """Amplify's Rating, and whether an admin has hidden it (absent means false)."""

    class Meta(Table.Meta):
        table_name = "Rating"

    id = UnicodeAttribute(hash_key=True)
    transactionId = UnicodeAttribute()
    raterId = UnicodeAttribute()
    ratedUserId = UnicodeAttribute()
    rating = FloatAttribute()
    feedback = UnicodeAttribute(null=True)
    categories: ListAttribute[UnicodeAttribute] = ListAttribute(of=UnicodeAttribute, null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    isHidden = BooleanAttribute(null=True)

    byTransactionId = index("byTransactionId", "transactionId")
    byRaterId = index("byRaterId", "raterId")
    byRatedUserId = index("byRatedUserId", "ratedUserId")
