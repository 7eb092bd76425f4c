"""What the app does with exchanges (Amplify's Transaction): it asks for one, changes its status, and rates it."""

from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from models import tables
from models.clock import Clock
from models.errors import Code, Refusal, not_found_refusal
from models.exchanges import updating
from models.identifiers import derived
from models.requests.reputation import Exchange
from models.requests.statuses import TransactionStatus
from models.storage.codec import decode, item_of
from models.storage.store import Item, Store
from models.transactions.moves import Moved, Transactions
from models.transactions.ratings import Ratings
from resolvers.actions.requests import NewRequest, ServiceRequests
from resolvers.polling import poll

# The most acts that one wish can call for, and one more look: to accept, to mark the start, to mark the end.
_MOST_ROUNDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a member wants of an exchange: another status, or to rate it."""

    by: str
    status: TransactionStatus | None = None
    rating: float | None = None
    feedback: str | None = None


class Exchanges:
    """What the app does with exchanges. Every action may be repeated, and goes on where it was left.

    Args:
        store: the tables.
        transactions: writes what the rules decide.
        requests: what members do to requests.
        ratings: what members do to ratings.
        clock: the current time.
    """

    def __init__(
        self,
        store: Store,
        transactions: Transactions,
        requests: ServiceRequests,
        ratings: Ratings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._transactions = transactions
        self._requests = requests
        self._ratings = ratings
        self._clock = clock

    async def create(self, new: NewRequest) -> Item | Refusal | None:
        """Write a request, start its execution, and return its exchange.

        Returns:
            The exchange, a refusal, or None if that id belongs or belonged to another request.
        """
        created = await self._requests.create(new)
        if created is None or isinstance(created, Refusal):
            return created
        return await self._read(created.exchange_key)

    async def update(self, item: Item, wish: Wish) -> Item | Refusal:
        """Do what a party wants of an exchange: first the status, then the rating.

        Args:
            item: the exchange's row.
            wish: what the party wants.

        Returns:
            The row as it is then, or a refusal. If it says that the request is about to move on, what was done is
            stored, and the same call goes on from there.
        """
        if (refused := self._rating_refusal(item, wish)) is not None:
            return refused
        if (refused := await self._change_status(item, wish)) is not None:
            return refused
        if wish.rating is not None and (refused := await self._rate(item["id"]["S"], wish)) is not None:
            return refused
        return await self._read(item["id"]["S"]) or not_found_refusal()

    async def _read(self, exchange_id: str) -> Item | None:
        return await self._store.get(tables.Transaction, exchange_id, consistent=True)

    async def _change_status(self, item: Item, wish: Wish) -> Refusal | None:
        """Move the request as a status calls for; return the refusal, None if all of it was done or will be."""
        found = TransactionStatus(item["status"]["S"])
        is_repeated = wish.status is found and found in {TransactionStatus.COMPLETED, TransactionStatus.CANCELLED}
        if wish.status is None or is_repeated:
            return None
        rule = partial(updating.update_status, by=wish.by, wanted=wish.status)
        is_written = partial(updating.is_written, by=wish.by, wanted=wish.status)

        handed_over: set[int] = set()

        async def attempt() -> Moved | Refusal:
            moved = await self._transactions.move(item["id"]["S"], rule, by=wish.by)
            if isinstance(moved, Moved) and moved.request.version not in handed_over:
                handed_over.add(moved.request.version)
                await self._requests.hand_over(moved)
            return moved

        def is_pending(outcome: Moved | Refusal) -> bool:
            if isinstance(outcome, Refusal):
                return outcome.is_transient
            return outcome.request is outcome.before and is_written(outcome.request, self._clock())

        for _ in range(_MOST_ROUNDS):
            outcome = await poll(attempt, is_pending=is_pending)
            if isinstance(outcome, Refusal):
                return outcome
            if outcome.request is outcome.before:
                break
        return None

    @staticmethod
    def _rating_refusal(item: Item, wish: Wish) -> Refusal | None:
        """Return the refusal of a rating that its exchange can never have; None if it is to be tried."""
        if wish.rating is None and wish.feedback is not None and wish.feedback != _feedback(item):
            return Refusal(Code.BAD_REQUEST, "feedback: give it together with a rating.", {"field": "feedback"})
        if wish.rating is None or _is_rated_so(item, wish) or wish.by == item["consumerId"]["S"]:
            return None
        message = "rating: only the member who asked for the service rates it."
        return Refusal(Code.UNAUTHORIZED_REQUESTER, message, {"field": "rating"})

    async def _rate(self, exchange_id: str, wish: Wish) -> Refusal | None:
        """Give the exchange's one rating; return the refusal, None if it has this rating now."""
        item = await self._read(exchange_id)
        if item is None:
            return not_found_refusal()
        if _is_rated_so(item, wish):
            return None
        # The same call gives the same rating. Members choose ratings' ids: this one may be another exchange's.
        for rating_id in (derived(exchange_id, "rating"), str(uuid4())):
            stored = await self._ratings.give(self._new_rating(rating_id, item, wish))
            if isinstance(stored, Refusal):
                return await self._unless_rated_so(exchange_id, wish, stored)
            if stored["transactionId"]["S"] == exchange_id:
                same = _is_rating(stored, wish) and stored["raterId"]["S"] == wish.by
                return None if same else already_rated_refusal()
        return already_rated_refusal()

    async def _unless_rated_so(self, exchange_id: str, wish: Wish, refusal: Refusal) -> Refusal | None:
        """Return a refusal, unless another call has given the same rating meanwhile."""
        item = await self._read(exchange_id)
        return None if item is not None and _is_rated_so(item, wish) else refusal

    def _new_rating(self, rating_id: str, item: Item, wish: Wish) -> Item:
        exchange, now = decode(Exchange, tables.Transaction, item), self._clock()
        rating = item_of(
            tables.Rating,
            id=rating_id,
            transactionId=exchange.id,
            raterId=wish.by,
            ratedUserId=exchange.provider_id,
            rating=wish.rating,
            feedback=wish.feedback or None,
            createdAt=now,
            updatedAt=now,
        )
        return {**rating, "__typename": {"S": tables.Rating.Meta.table_name}}


def already_rated_refusal() -> Refusal:
    """Return the refusal of another rating than the one that an exchange has."""
    return Refusal(Code.ALREADY_RATED, "This transaction has been rated; a rating is given once.")


def _feedback(item: Item) -> str:
    return str(item.get("feedback", {}).get("S", ""))


def _is_rating(item: Item, wish: Wish) -> bool:
    """Return whether a row has the rating and feedback that a member wants it to have."""
    return float(item["rating"]["N"]) == wish.rating and _feedback(item) == (wish.feedback or "")


def _is_rated_so(item: Item, wish: Wish) -> bool:
    return "rating" in item and _is_rating(item, wish)
