"""A rating of a service."""

from strawberry import ID

from models import tables
from models.limits import fixed_limit
from models.requests.reputation import HIGHEST, LOWEST, PLACES
from schema.amplify.bounds import Between, Text
from schema.amplify.declaration import Protection, belongs_to
from schema.amplify.mirror import decided_by_others, mirrored
from schema.amplify.rules import READING, Operation, groups, owner, private, public
from schema.scalars import AWSDateTime

FEEDBACK_CHARACTERS = fixed_limit(2_000, "characters of a rating's feedback", topic="rows", code="BadRequest")

_GIVEN = Protection(initial=..., use="createRating, for another transaction")


@decided_by_others("raterId", "ratedUserId")
@mirrored(
    table=tables.Rating,
    rules=[
        owner("raterId", {Operation.CREATE, Operation.READ}),
        private(READING, unless="isHidden"),
        public(unless="isHidden"),
        groups("admin"),
    ],
    protected={
        "transactionId": _GIVEN,
        "ratedUserId": _GIVEN,
        "rating": Protection(initial=..., use="deleteRating, or isHidden in an admin's updateRating"),
        "isHidden": Protection(initial=False, use="an admin's updateRating", groups=frozenset({"admin"})),
    },
    bounds={"rating": Between(LOWEST, HIGHEST, places=PLACES), "feedback": Text(FEEDBACK_CHARACTERS)},
)
class Rating:
    """A requester's rating of a service that was paid; an admin may hide it."""

    id: ID
    transactionId: ID
    raterId: ID
    ratedUserId: ID
    rating: float
    feedback: str | None
    categories: list[str] | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime
    isHidden: bool | None

    transaction = belongs_to("Transaction", "transactionId")
    rater = belongs_to("User", "raterId")
    ratedUser = belongs_to("User", "ratedUserId")
