"""Who may rate what, and what a member's ratings add up to: pure rules."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Code, Refusal
from models.requests.statuses import TransactionStatus

LOWEST = 1
HIGHEST = 5
# Decimal places of a rating and of an average.
PLACES = 2
_UNITS = 10**PLACES


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A requester's rating of a service; one that is hidden does not count."""

    id: str
    transaction_id: str
    rater_id: str
    rated_user_id: str
    rating: float
    created_at: datetime
    updated_at: datetime
    feedback: str | None = None
    is_hidden: bool | None = None

    @property
    def hundredths(self) -> int:
        """Return the rating in hundredths, which ratings are added up in; 0 if it is hidden."""
        return 0 if self.is_hidden else round(self.rating * _UNITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An exchange of a service (Amplify's Transaction), with the one rating that it may have once it is paid."""

    id: str
    provider_id: str
    consumer_id: str
    status: TransactionStatus
    rating_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reputation:
    """The sum of a member's ratings since they joined, in hundredths so that it is never rounded."""

    created_at: datetime
    rating_hundredths: int = 0
    rating_count: int = 0

    @property
    def average(self) -> float:
        """Return the average rating, rounded to two decimal places; 0 if there is no rating."""
        return round(self.rating_hundredths / self.rating_count / _UNITS, PLACES) if self.rating_count else 0.0

    def with_rating(self, before: Rating | None, after: Rating | None) -> "Reputation":
        """Return the reputation after one version of a rating has replaced another; None stands for no rating."""
        old, new = map(self._worth, (before, after))
        return replace(
            self,
            rating_hundredths=self.rating_hundredths - old + new,
            # A rating that counts is never 0.
            rating_count=self.rating_count - bool(old) + bool(new),
        )

    def _worth(self, rating: Rating | None) -> int:
        """Return what a rating adds to the sum: nothing if it was given before the member joined (again)."""
        return 0 if rating is None or rating.created_at < self.created_at else rating.hundredths


def rating_refusal(rating: Rating, exchange: Exchange | None) -> Refusal | None:
    """Return the refusal of a rating; None if the requester gives it, for the first time, for a paid service."""
    return next(_refusals(rating, exchange), None)


def _refusals(rating: Rating, exchange: Exchange | None) -> Iterator[Refusal]:
    if exchange is None or rating.rater_id not in {exchange.consumer_id, exchange.provider_id}:
        yield Refusal(Code.REQUEST_NOT_FOUND, "transactionId must name a transaction of yours.")
        return
    if rating.rater_id != exchange.consumer_id:
        yield Refusal(Code.UNAUTHORIZED_REQUESTER, "Only the member who asked for the service rates it.")
    if rating.rated_user_id != exchange.provider_id:
        message = "ratedUserId must be the provider of this transaction."
        yield Refusal(Code.UNAUTHORIZED_PROVIDER, message, {"providerId": exchange.provider_id})
    if exchange.status is not TransactionStatus.COMPLETED:
        message = f"The transaction is {exchange.status}; it can be rated once it is paid."
        yield Refusal(Code.INVALID_STATUS_FOR_COMPLETION, message, {"status": exchange.status})
    if exchange.rating_id is not None:
        yield Refusal(Code.ALREADY_RATED, "This transaction has been rated; a rating is given once.")
