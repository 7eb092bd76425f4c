"""Ratings as transactions: a rating, its exchange and the rated member's average change together."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from models import tables
from models.clock import Clock, to_text
from models.errors import Refusal
from models.events import Event, EventEntityType, EventSource, Notice, NotificationType
from models.identifiers import derived
from models.requests import reputation
from models.requests.reputation import Exchange, Rating, Reputation
from models.storage.codec import decode, decode_or_none, difference
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.moves import Transactions
from models.transactions.retrying import retry
from models.transactions.writing import Writing

Changes = Mapping[str, dict[str, Any] | None]  # None removes the attribute


class Ratings:
    """Lets requesters rate and admins moderate.

    Args:
        store: the tables.
        transactions: writes the transactions.
        clock: returns the current time.
    """

    def __init__(self, store: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._transactions = transactions
        self._clock = clock

    async def give(self, item: Item) -> Item | Refusal:
        """Store a requester's rating of a paid service, once; return its row, or a refusal.

        Args:
            item: the rating's whole row; if a row with its id is stored already, that row is returned unchanged.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        rating = decode(Rating, tables.Rating, item)

        async def attempt() -> Item | Refusal:
            stored, exchange, member = await self._read(rating)
            if stored is not None:
                return stored
            if (refusal := reputation.rating_refusal(rating, exchange)) is not None:
                return refusal
            writing = self._writing()
            writing.put(tables.Rating, item)
            self._update_exchange_and_average(writing, exchange, member, None, rating)
            self._log(writing, "Rating Submitted", rating, actor=rating.rater_id)
            received = Notice(
                user_id=rating.rated_user_id,
                type=NotificationType.RATING_RECEIVED,
                title="You were rated",
                message=f"A member gave you {rating.rating:g} of {reputation.HIGHEST} stars.",
            )
            writing.notice(received, derived(rating.transaction_id, "rating", rating.id), related_id=rating.id)
            await self._transactions.write(writing, derived(rating.id, "give", to_text(writing.now)))
            return item

        return await retry(self._store.calls, attempt)

    async def amend(
        self, key: str, changes: Changes | None, is_met: Callable[[Item], bool], *, actor: str
    ) -> Item:
        """Change or delete a rating and update what it counts for; return the new row, or the deleted one.

        Args:
            key: the rating's id.
            changes: the attributes that change; None deletes the row.
            is_met: returns whether the stored row meets the caller's condition.
            actor: who makes the change.

        Raises:
            ConditionFailedError: there is no such rating, or the row does not meet the condition.
            ContentionError: rows kept changing for 20 s.
        """
        sent: list[Item] = []

        async def attempt() -> Item:
            before = await self._store.get(tables.Rating, key, consistent=True)
            if before is None and sent and changes is None:
                return sent[-1]  # an earlier attempt deleted it, and the answer was lost
            if before is None or not is_met(before):
                raise ConditionFailedError(before)
            sent.append(before)
            return await self._amend(before, changes, actor)

        return await retry(self._store.calls, attempt)

    async def _amend(self, stored: Item, changes: Changes | None, actor: str) -> Item:
        before = decode(Rating, tables.Rating, stored)
        item = None if changes is None else {n: w for n, w in {**stored, **changes}.items() if w is not None}
        after = decode_or_none(Rating, tables.Rating, item)
        _, exchange, member = await self._read(before)
        writing = self._writing()
        unchanged = _unchanged_condition(before)
        if changes is None:
            writing.remove(tables.Rating, before.id, unchanged)
        else:
            writing.update(tables.Rating, before.id, _actions(changes), unchanged)
        self._update_exchange_and_average(writing, exchange, member, before, after)
        self._log(writing, "Rating Moderated" if after else "Rating Removed", before, actor=actor)
        await self._transactions.write(writing, derived(before.id, "amend", to_text(writing.now)))
        return item or stored

    async def _read(self, rating: Rating) -> tuple[Item | None, Exchange | None, Item | None]:
        reads: list[tuple[type[tables.Table], str]] = [
            (tables.Rating, rating.id),
            (tables.Transaction, rating.transaction_id),
            (tables.User, rating.rated_user_id),
        ]
        stored, exchange, member = await self._store.batch_get(reads, consistent=True)
        return stored, decode_or_none(Exchange, tables.Transaction, exchange), member

    def _writing(self) -> Writing:
        return Writing(self._store.names, self._clock())

    @staticmethod
    def _update_exchange_and_average(
        writing: Writing,
        exchange: Exchange | None,
        member: Item | None,
        before: Rating | None,
        after: Rating | None,
    ) -> None:
        """Make the exchange show the rating and the member's average count it, if those rows exist."""
        if exchange is not None:
            condition: Condition = tables.Transaction.id.exists()
            if before is None:
                # It is rated once, and not while it is disputed.
                condition &= tables.Transaction.ratingId.does_not_exist()
                condition &= tables.Transaction.status == exchange.status.value
            writing.update(tables.Transaction, exchange.id, _exchange_actions(after, writing.now), condition)
        if member is not None:
            reputation_before = decode(Reputation, tables.User, member)
            updated = reputation_before.with_rating(before, after)
            average = [tables.User.rating.set(updated.average), tables.User.updatedAt.set(writing.now)]
            actions = difference(tables.User, reputation_before, updated) + average
            writing.update(
                tables.User, member["id"]["S"], actions, _unchanged_reputation_condition(reputation_before)
            )

    @staticmethod
    def _log(writing: Writing, type_: str, rating: Rating, *, actor: str) -> None:
        event = Event(
            type=type_,
            source=EventSource.SERVICE_REQUESTS,
            entity_type=EventEntityType.TRANSACTION,
            entity_id=rating.transaction_id,
            actor=actor,
            data={"ratingId": rating.id, "ratedUserId": rating.rated_user_id, "rating": rating.rating},
        )
        writing.event(event, derived(rating.id, to_text(writing.now)))


def _actions(changes: Changes) -> list[Action]:
    return [Path([name]).remove() if wire is None else Path([name]).set(wire) for name, wire in changes.items()]


def _unchanged_condition(rating: Rating) -> Condition:
    """Return the condition that a rating is as it was read.

    It covers whether the rating counts because two hosts may write with the same timestamp.
    """
    hidden = tables.Rating.isHidden
    condition: Condition = hidden == bool(rating.is_hidden)
    if not rating.is_hidden:
        condition |= hidden.does_not_exist()
    condition &= tables.Rating.updatedAt == rating.updated_at
    return condition


def _exchange_actions(rating: Rating | None, now: datetime) -> list[Action]:
    """Return the actions that make an exchange show a rating; no rating if it is None or hidden."""
    dated = tables.Transaction.updatedAt.set(now)
    if rating is None or rating.is_hidden:
        return [dated, tables.Transaction.rating.remove(), tables.Transaction.feedback.remove()]
    feedback = tables.Transaction.feedback
    return [
        dated,
        tables.Transaction.ratingId.set(rating.id),
        tables.Transaction.rating.set(rating.rating),
        feedback.set(rating.feedback) if rating.feedback else feedback.remove(),
    ]


def _unchanged_reputation_condition(counted: Reputation) -> Condition:
    """Return the condition that a member has not joined again since they were read and has the same ratings."""
    condition: Condition = tables.User.createdAt == counted.created_at
    for attribute, figure in (
        (tables.User.ratingCount, counted.rating_count),
        (tables.User.ratingHundredths, counted.rating_hundredths),
    ):
        is_same = attribute == figure
        condition &= is_same if figure else is_same | attribute.does_not_exist()
    return condition
