"""What a search for services returns."""

from collections.abc import Sequence
from dataclasses import dataclass

from strawberry.types.field import StrawberryField

from models.storage.store import Item
from schema.amplify.fields import annotation, define


@dataclass(frozen=True, slots=True)
class ServiceSearchResult:
    """A page of the services that were found; `total` is null unless it is known."""

    items: Sequence[Item]
    next_token: str | None
    total: int | None


# The services are named, not imported, as they are in the pages of the derived operations.
define(
    ServiceSearchResult,
    [
        StrawberryField(python_name=name, type_annotation=annotation(type_))
        for name, type_ in (("items", "[Service]"), ("next_token", "String"), ("total", "Int"))
    ],
    description=ServiceSearchResult.__doc__,
)
