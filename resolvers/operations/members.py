"""A member's figures, as a GraphQL field."""

import strawberry

from models import tables
from models.storage.store import Item, Store
from resolvers.context import signed_in
from resolvers.operations.fields import query_type
from schema.amplify.resolver import AnyInfo
from schema.operations.members import UserStats
from schema.scalars import AWSDateTime

# Whose services are more than this are not counted: it would take another read for every so many.
MOST_SERVICES = 100


class MemberQueries:
    """The query for a member's figures."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get_user_stats(self, info: AnyInfo, user_id: strawberry.ID) -> UserStats | None:
        """A member's hours given and received, ratings and services; null if there is no such member."""
        signed_in(info)
        member = await self._store.get(tables.User, user_id)
        return None if member is None else _stats(member, await self._active_services(user_id))

    async def _active_services(self, user_id: str) -> int | None:
        """Return how many services a member offers now; None if they have too many to count."""
        page = await self._store.query(
            tables.Service,
            tables.Service.byUserId,
            user_id,
            limit=MOST_SERVICES,
            filter=tables.Service.isActive == True,  # noqa: E712 — a condition
        )
        return None if page.last_key is not None else len(page.items)


def _stats(member: Item, active_services: int | None) -> UserStats:
    completed = int(member["totalTransactions"]["N"])
    # Who was paid or has paid before hours were counted has no count yet.
    uncounted = None if completed else "0"
    provided, consumed = (member.get(name, {}).get("N", uncounted) for name in ("hoursProvided", "hoursConsumed"))
    return UserStats(
        total_hours_provided=None if provided is None else float(provided),
        total_hours_consumed=None if consumed is None else float(consumed),
        average_rating=float(member["rating"]["N"]),
        total_ratings=int(member.get("ratingCount", {}).get("N", "0")),
        active_services=active_services,
        completed_transactions=completed,
        joined_date=AWSDateTime(member["createdAt"]["S"]),
    )


def queries(store: Store) -> type:
    """Return the query for a member's figures, as a Strawberry type."""
    resolvers = MemberQueries(store)
    return query_type("MemberQueries", {resolvers.get_user_stats: UserStats | None})
