"""What all tables share: attribute types, Amplify's indexes, and the base class of a table."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from pynamodb.attributes import Attribute, UnicodeAttribute
from pynamodb.constants import NUMBER, STREAM_NEW_AND_OLD_IMAGE, STRING
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from models import clock, hours


class HoursAttribute(Attribute[Decimal]):
    """Hours as a DynamoDB number; PynamoDB's own NumberAttribute would decode to float."""

    attr_type = NUMBER

    def serialize(self, value: Decimal) -> str:
        """Return decimal text as DynamoDB returns it: without trailing zeros, which `deserialize` restores."""
        return f"{hours.exact(value).normalize() + 0:f}"

    def deserialize(self, value: str) -> Decimal:
        """Return a stored decimal as hours with two places."""
        return hours.exact(value)


class IntegerAttribute(Attribute[int]):
    """A whole number; rejects the floats, NaN and booleans that PynamoDB's NumberAttribute accepts."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """Return a whole number as text; raises TypeError for anything else."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{value!r} is not a whole number")
        return str(value)

    def deserialize(self, value: str) -> int:
        """Return a stored whole number."""
        return int(value)


class FloatAttribute(Attribute[float]):
    """A number that is not hours (a rating, a duration), stored as its shortest decimal text."""

    attr_type = NUMBER

    def serialize(self, value: float) -> str:
        """Return the shortest text that reads back as the same float."""
        return repr(float(value))

    def deserialize(self, value: str) -> float:
        """Return a stored float."""
        return float(value)


class MomentAttribute(Attribute[datetime]):
    """A moment in UTC as ISO text of fixed width, because it serves as a sort key."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Return `YYYY-MM-DDTHH:mm:ss.sssZ`."""
        return clock.to_text(value)

    def deserialize(self, value: str) -> datetime:
        """Return the moment of an ISO-8601 text."""
        return clock.from_text(value)


class Table(Model):
    """A DynamoDB table. `Meta.table_name` is the bare name; a deployment prefixes it."""

    class Meta:
        """Point-in-time recovery and a stream, unless the table says otherwise."""

        table_name: ClassVar[str]
        stream_view_type: ClassVar[str | None] = STREAM_NEW_AND_OLD_IMAGE
        point_in_time_recovery: ClassVar[bool] = True


def index(name: str, hash_key: str, range_key: str = "createdAt") -> Any:
    """Declare a global secondary index on two text attributes that projects all attributes.

    Amplify's `@index(name: "byX")` becomes an index on the field and `createdAt`, so that its rows sort by time.
    """
    members = {
        "Meta": type("Meta", (), {"index_name": name, "projection": AllProjection()}),
        hash_key: UnicodeAttribute(hash_key=True, attr_name=hash_key),
        range_key: UnicodeAttribute(range_key=True, attr_name=range_key),
    }
    return type(name[0].upper() + name[1:] + "Index", (GlobalSecondaryIndex,), members)()
