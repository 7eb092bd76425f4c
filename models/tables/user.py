"""A member. `id` is the Cognito `sub`."""

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute

from models.tables.base import FloatAttribute, HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class User(Table):
    """Amplify's User, and whether the member is active (absent means true)."""

    class Meta(Table.Meta):
        table_name = "User"

    id = UnicodeAttribute(hash_key=True)
    email = UnicodeAttribute()
    username = UnicodeAttribute()
    cognitoId = UnicodeAttribute(null=True)
    firstName = UnicodeAttribute()
    lastName = UnicodeAttribute()
    # The stored value only satisfies the type; readers see the total of the balance.
    bankHours = HoursAttribute()
    skills: ListAttribute[UnicodeAttribute] = ListAttribute(of=UnicodeAttribute)
    bio = UnicodeAttribute(null=True)
    profilePicture = UnicodeAttribute(null=True)
    rating = FloatAttribute()
    totalTransactions = IntegerAttribute()
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    isActive = BooleanAttribute(null=True)
    # FORMER_APP if the app that HourBank replaces keeps the member's hours; absent if they are here.
    custody = UnicodeAttribute(null=True)
    # Tokens that were issued before this moment are refused; absent if the member never signed out everywhere.
    tokensValidFrom = MomentAttribute(null=True)
    # The sum (in hundredths) and the number of the ratings that `rating` averages; absent before the first one.
    ratingHundredths = IntegerAttribute(null=True)
    ratingCount = IntegerAttribute(null=True)
    # The hours of all paid requests, as their provider and as their requester; absent before the first one.
    hoursProvided = HoursAttribute(null=True)
    hoursConsumed = HoursAttribute(null=True)

    byEmail = index("byEmail", "email")
    byUsername = index("byUsername", "username")
    byCognitoId = index("byCognitoId", "cognitoId")
