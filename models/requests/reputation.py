"""Who may rate what, and what a member's ratings add up to: pure rules."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Code, Refusal
from models.requests.statuses import TransactionStatus

LOWEST = 1
HIGHEST = 5
# Of a rating and of their average.
PLACES = 2
_WHOLE = 10**PLACES


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a requester thinks of a service; one that is hidden does not count."""

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
        """Return the rating in the unit that ratings are added up in, 0 if it is hidden."""
        return 0 if self.is_hidden else round(self.rating * _WHOLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A service that was paid, and the one rating that it was ever given."""

    id: str
    provider_id: str
    consumer_id: str
    status: TransactionStatus
    rating_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reputation:
    """A member's ratings since they joined, added up in hundredths so that no sum is ever rounded."""

    created_at: datetime
    rating_hundredths: int = 0
    rating_count: int = 0

    @property
    def average(self) -> float:
        """Return the average rating, to two places, 0 without any."""
        return round(self.rating_hundredths / self.rating_count / _WHOLE, PLACES) if self.rating_count else 0.0

    def with_rating(self, before: Rating | None, after: Rating | None) -> "Reputation":
        """Return the sum when one version of a rating takes the place of another; None is no rating."""
        was, is_ = map(self._worth, (before, after))
        return replace(
            self,
            rating_hundredths=self.rating_hundredths - was + is_,
            # A rating that counts is never 0.
            rating_count=self.rating_count - bool(was) + bool(is_),
        )

    def _worth(self, rating: Rating | None) -> int:
        """Return what a rating adds to the sum; one from before a member left and joined again adds nothing."""
        return 0 if rating is None or rating.created_at < self.created_at else rating.hundredths


def rating_refusal(rating: Rating, exchange: Exchange | None) -> Refusal | None:
    """Say why a rating may not be given, None if it may: by the requester, once, for what was paid."""
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
