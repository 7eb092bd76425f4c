"""A member's figures, and the end of their sessions, as GraphQL fields."""

from typing import Any

import strawberry

from models import tables
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.members import Members
from resolvers.context import is_admin, signed_in
from resolvers.operations.fields import mutation_type, query_type
from schema.amplify.resolver import AnyInfo
from schema.errors import ConditionalCheckError, UnauthorizedError
from schema.operations.members import SignOutEverywhereInput, UserStats
from schema.scalars import AWSDateTime
from schema.types.user import User

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


class MemberMutations:
    """The mutation that ends a member's sessions."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def sign_out_everywhere(self, info: AnyInfo, input: SignOutEverywhereInput) -> Any:
        """A member, or an admin for them, has all tokens refused that were issued until now, within 5 seconds."""
        caller = signed_in(info)
        if input.user_id != caller.sub and not is_admin(caller):
            message = "userId: you sign yourself out only; give your own sub."
            raise UnauthorizedError(message, info={"field": "userId"})
        try:
            return await self._members.sign_out(input.user_id)
        except ConditionFailedError as error:
            raise ConditionalCheckError from error


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


def mutations(members: Members) -> type:
    """Return the mutation that ends a member's sessions, as a Strawberry type."""
    resolvers = MemberMutations(members)
    return mutation_type("MemberMutations", {resolvers.sign_out_everywhere: User | None})
