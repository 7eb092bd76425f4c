"""What every table shares: attribute types, Amplify's indexes, and how a table is declared."""

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
        """Write two exact places; DynamoDB drops trailing zeros, `deserialize` brings them back."""
        return str(hours.exact(value))

    def deserialize(self, value: str) -> Decimal:
        """Read any stored decimal as hours with two places."""
        return hours.exact(value)


class IntegerAttribute(Attribute[int]):
    """A whole number; refuses the floats, NaN and booleans that NumberAttribute's JSON lets in."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """Write a whole number."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{value!r} is not a whole number")
        return str(value)

    def deserialize(self, value: str) -> int:
        """Read a whole number."""
        return int(value)


class FloatAttribute(Attribute[float]):
    """A number that is no hours (a rating, a duration), kept by its shortest decimal text."""

    attr_type = NUMBER

    def serialize(self, value: float) -> str:
        """Write the shortest text that reads back as the same float."""
        return repr(float(value))

    def deserialize(self, value: str) -> float:
        """Read a float."""
        return float(value)


class MomentAttribute(Attribute[datetime]):
    """A moment in UTC as fixed-width ISO text, since it serves as a sort key."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Write `YYYY-MM-DDTHH:mm:ss.sssZ`."""
        return clock.to_text(value)

    def deserialize(self, value: str) -> datetime:
        """Read an ISO-8601 moment."""
        return clock.from_text(value)


class Table(Model):
    """A DynamoDB table. `Meta.table_name` is the bare name; a deployment puts its prefix before it."""

    class Meta:
        """PITR and a stream on every table, unless the table says otherwise."""

        table_name: ClassVar[str]
        stream_view_type: ClassVar[str | None] = STREAM_NEW_AND_OLD_IMAGE
        point_in_time_recovery: ClassVar[bool] = True


def index(name: str, hash_key: str, range_key: str = "createdAt") -> Any:
    """Declare a global secondary index on two text attributes, all attributes projected.

    Amplify's `@index(name: "byX")` becomes the field and `createdAt`, so that every index sorts by time.
    """
    members = {
        "Meta": type("Meta", (), {"index_name": name, "projection": AllProjection()}),
        hash_key: UnicodeAttribute(hash_key=True, attr_name=hash_key),
        range_key: UnicodeAttribute(range_key=True, attr_name=range_key),
    }
    return type(name[0].upper() + name[1:] + "Index", (GlobalSecondaryIndex,), members)()
