"""What a member has given and received, as others may see it."""

import strawberry

from schema.scalars import AWSDateTime


@strawberry.input
class SignOutEverywhereInput:
    """Whose tokens are to be refused from now on; an admin may name any member."""

    user_id: strawberry.ID


@strawberry.type
class UserStats:
    """A member's figures; one that is not known is null."""

    total_hours_provided: float | None
    total_hours_consumed: float | None
    average_rating: float | None
    total_ratings: int | None
    active_services: int | None
    completed_transactions: int | None
    joined_date: AWSDateTime | None
