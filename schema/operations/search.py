"""What a search for services returns."""

import strawberry

from schema.types.service import Service


@strawberry.type(description="A page of the services that were found; `total` is null unless it is known.")
class ServiceSearchResult:
    """A page of the services that were found; `total` is null unless it is known."""

    items: list[Service | None] | None
    next_token: str | None
    total: int | None
