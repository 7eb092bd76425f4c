"""What all tables share: attribute types, Amplify's indexes, and the base class of a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import new_class
from typing import Any, ClassVar

from pynamodb.attributes import Attribute, TTLAttribute, UnicodeAttribute
from pynamodb.constants import NUMBER, STREAM_NEW_AND_OLD_IMAGE, STRING
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, Index, KeysOnlyProjection
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


@dataclass(frozen=True, slots=True)
class KeyAttribute:
    """An attribute that rows are found or sorted by.

    Args:
        name: its name in DynamoDB.
        type: `S` for a text, `N` for a number.
    """

    name: str
    type: str = STRING


def index(
    name: str,
    hash_key: str | KeyAttribute,
    range_key: str | KeyAttribute | None = "createdAt",
    *,
    keys_only: bool = False,
) -> Any:
    """Declare a global secondary index.

    Amplify's `@index(name: "byX")` becomes an index on the field and `createdAt`, so that its rows sort by time.

    Args:
        name: its name.
        hash_key: the attribute that finds rows; a name alone is a text's.
        range_key: the attribute that sorts them; None if nothing does.
        keys_only: whether it holds keys only, which is cheaper to write; clients' queries need all attributes.
    """
    projection = KeysOnlyProjection() if keys_only else AllProjection()
    members = {
        "Meta": type("Meta", (), {"index_name": name, "projection": projection}),
        **_keys(hash_key, range_key),
    }
    return type("DeclaredIndex", (GlobalSecondaryIndex,), members)()


def table(
    name: str,
    hash_key: KeyAttribute,
    range_key: KeyAttribute | None = None,
    *,
    indexes: Iterable[Index[Any]] = (),
    ttl: str | None = None,
    has_stream: bool = True,
) -> type[Table]:
    """Declare a table of which only the keys are known, such as that of an imported type.

    Args:
        name: its name.
        hash_key: the attribute that finds rows.
        range_key: the attribute that sorts the rows of one hash key; None if a hash key has one row.
        indexes: its indexes, of `index`.
        ttl: the attribute with the second since 1970 in which a row expires; None if rows stay.
        has_stream: whether its changes are heard of.
    """
    meta = {"table_name": name} if has_stream else {"table_name": name, "stream_view_type": None}
    members: dict[str, Any] = {
        "Meta": type("Meta", (Table.Meta,), meta),
        "__module__": __name__,
        **_keys(hash_key, range_key),
        **{f"index_{number}": one for number, one in enumerate(indexes)},
    }
    if ttl is not None:
        members["expires"] = TTLAttribute(attr_name=ttl)
    declared: type[Table] = new_class(name, (Table,), exec_body=lambda namespace: namespace.update(members))
    return declared


def _keys(hash_key: str | KeyAttribute, range_key: str | KeyAttribute | None) -> dict[str, Attribute[Any]]:
    """Return key attributes by names that PynamoDB uses for nothing else, whatever DynamoDB calls them."""
    keys: dict[str, Attribute[Any]] = {"hash_key": _attribute(hash_key, is_hash=True)}
    if range_key is not None:
        keys["range_key"] = _attribute(range_key, is_hash=False)
    return keys


def _attribute(key: str | KeyAttribute, *, is_hash: bool) -> Attribute[Any]:
    key = KeyAttribute(key) if isinstance(key, str) else key
    kind = FloatAttribute if key.type == NUMBER else UnicodeAttribute
    return kind(attr_name=key.name, hash_key=is_hash, range_key=not is_hash)
