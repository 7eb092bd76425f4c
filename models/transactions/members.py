"""Members join, change their profile, leave, and are erased.

Joining writes the member's row, their balance and the welcome bonus in one transaction. Leaving deletes only the
member's row; their balance and its log stay. Each writes the guards of the member's names, too. An erasure begins
with closing the account for good, and ends with leaving.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial, reduce
from operator import and_
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from models import hours, tables
from models.clock import Clock
from models.custody import custody_refusal
from models.errors import Code, Refusal
from models.events import Event, EventEntityType, EventSource, Notice, NotificationType
from models.hours import Hours
from models.identifiers import derived
from models.ledger import movements
from models.ledger.balances import Balance, EscrowStatus
from models.ledger.movements import TransactionType
from models.requests.decision import Member
from models.storage.codec import decode
from models.storage.store import ConditionFailedError, Item, Store, read_pages
from models.transactions.leaving import (
    erased_at,
    held_hours_refusal,
    hours_left_refusal,
    nothing_held_condition,
    signed_out_refusal,
)
from models.transactions.moves import Transactions
from models.transactions.retrying import retry
from models.transactions.unique_names import UniqueNames
from models.transactions.writing import Writing, event_id

WELCOME_BONUS = Hours("10.00")
# A member who is the provider of more escrows than these pages hold cannot leave through the API.
PAGE = 1_000
MOST_PAGES = 20

ERASURE_BEGUN = "Member Erasure Begun"
ERASED = "Member Erased"

Changes = Mapping[str, dict[str, Any] | None]  # None removes the attribute


@dataclass(frozen=True, slots=True)
class Joined:
    """A member's row, and whether it existed already."""

    item: Item
    existed: bool


class Members:
    """Lets members join, change their profile, and leave.

    Args:
        store: the tables.
        transactions: writes the transactions.
        clock: returns the current time.
    """

    def __init__(self, store: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._transactions = transactions
        self._clock = clock
        self._names = UniqueNames(store)

    async def exists(self, user_id: str) -> bool:
        """Return whether somebody of that id has joined."""
        return await self._store.get(tables.User, user_id, consistent=True) is not None

    async def join(self, item: Item) -> Joined | Refusal:
        """Store a new member and issue the welcome bonus, which a member who joins again does not get twice.

        Args:
            item: the member's whole row; if a row with its id is stored already, that row is returned unchanged.

        Returns:
            The stored row; or the refusal DUPLICATE_USERNAME or DUPLICATE_EMAIL, or USER_NOT_ACTIVE if a member of
            that id was erased.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        user_id = item["id"]["S"]

        async def attempt() -> Joined | Refusal:
            stored, balance = await self._read(user_id)
            if stored is not None:
                return Joined(stored, existed=True)
            if erased_at(balance) is not None:
                return Refusal(
                    Code.USER_NOT_ACTIVE, "The member with this account was erased; sign up anew to join again."
                )
            names = await self._names.change(None, item)
            if isinstance(names, Refusal):
                return names
            now = self._clock()
            writing = Writing(self._store.names, now)
            writing.put(tables.User, item)
            names.write(writing)
            if balance is None:
                self._welcome(writing, Balance.empty(user_id, now))
            await self._transactions.write(writing, derived(user_id, "join", now.isoformat()))
            return Joined(item, existed=False)

        async with self._store.calls.queue((user_id,), by=user_id):
            return await retry(self._store.calls, attempt)

    async def amend(
        self, key: str, changes: Changes | None, is_met: Callable[[Item], bool], *, actor: str
    ) -> Item | Refusal:
        """Change a member's row, or let the member leave if `changes` is None; see `leave`.

        Args:
            key: the member's id.
            changes: the attributes that change.
            is_met: returns whether the stored row meets the caller's condition.
            actor: who makes the change.

        Returns:
            The new row; or the refusal DUPLICATE_USERNAME or DUPLICATE_EMAIL.

        Raises:
            ConditionFailedError: there is no such member, or the row does not meet the condition.
            ContentionError: rows kept changing for 20 s.
        """
        if changes is None:
            return await self.leave(key, is_met, actor=actor)
        wanted: Changes = {**changes, "cognitoId": {"S": key}}
        sent: list[Item] = []

        async def attempt() -> Item | Refusal:
            before = await self._store.get(tables.User, key, consistent=True)
            if before in sent:
                return before  # an earlier attempt wrote it, and the answer was lost
            if before is None or not is_met(before):
                raise ConditionFailedError(before)
            after = {name: wire for name, wire in {**before, **wanted}.items() if wire is not None}
            names = await self._names.change(before, after)
            if isinstance(names, Refusal):
                return names
            sent.append(after)
            now = self._clock()
            writing = Writing(self._store.names, now)
            writing.update(tables.User, key, _actions(wanted), _unchanged_condition(before))
            names.write(writing)
            await self._transactions.write(writing, derived(key, "amend", now.isoformat()))
            return after

        async with self._store.calls.queue((key,), by=actor):
            return await retry(self._store.calls, attempt)

    async def leave(self, user_id: str, is_met: Callable[[Item], bool], *, actor: str) -> Item | Refusal:
        """Delete a member, unless hours are held of theirs or for them.

        Args:
            user_id: the member.
            is_met: returns whether the stored row meets the caller's condition.
            actor: who deletes them.

        Returns:
            The row as it was; or the refusal INVALID_ESCROW_STATUS, HOURS_NOT_HERE_YET while the former app keeps
            their hours, or BAD_REQUEST if tokens that they have signed out would count again.

        Raises:
            ConditionFailedError: there is no such member, or the row does not meet the condition.
            ContentionError: rows kept changing for 20 s.
        """
        sent: list[Item] = []

        async def attempt() -> Item | Refusal:
            stored, balance = await self._read(user_id)
            if stored is None and sent:
                return sent[-1]  # an earlier attempt deleted it, and the answer was lost
            if stored is None or not is_met(stored):
                raise ConditionFailedError(stored)
            now = self._clock()
            # With the id of a member who is erased nobody joins, whatever tokens there are.
            is_erased = erased_at(balance) is not None
            if (
                refusal := custody_refusal({"id": decode(Member, tables.User, stored).custody})
                or held_hours_refusal(balance)
                or (hours_left_refusal(balance) if is_erased else signed_out_refusal(stored, now))
                or await self._expected_hours_refusal(user_id)
            ) is not None:
                return refusal
            names = await self._names.free(stored)
            sent.append(stored)
            writing = Writing(self._store.names, now)
            writing.remove(tables.User, user_id, _unchanged_condition(stored))
            names.write(writing)
            # A hold only checks the member's row, but it writes their balance.
            writing.check(tables.UserBalance, user_id, nothing_held_condition())
            await self._transactions.write(writing, derived(user_id, "leave", now.isoformat()))
            return stored

        async with self._store.calls.queue((user_id,), by=actor):
            return await retry(self._store.calls, attempt)

    async def begin_erasure(self, user_id: str) -> datetime | Refusal:
        """Close a member's account for good, once: they are inactive, and nobody joins with their id again.

        Returns:
            Since when it is closed; or the refusal INVALID_ESCROW_STATUS while hours are held of theirs or for
            them, HOURS_NOT_HERE_YET while the former app keeps their hours, or BAD_REQUEST while they have hours.

        Raises:
            ConditionFailedError: there is no such member.
            ContentionError: rows kept changing for 20 s.
        """

        async def attempt() -> datetime | Refusal:
            stored, balance = await self._read(user_id)
            if stored is None:
                raise ConditionFailedError(None)
            if (since := erased_at(balance)) is not None:
                return since
            if (
                refusal := custody_refusal({"id": decode(Member, tables.User, stored).custody})
                or held_hours_refusal(balance)
                or hours_left_refusal(balance)
                or await self._expected_hours_refusal(user_id)
            ) is not None:
                return refusal
            now = self._clock()
            writing = Writing(self._store.names, now)
            closed = [tables.User.isActive.set(False), tables.User.updatedAt.set(now)]
            writing.update(tables.User, user_id, closed, _unchanged_condition(stored))
            if balance is None:
                writing.create(tables.UserBalance, Balance.empty(user_id, now), erasedAt=now)
            else:
                no_hours = tables.UserBalance.totalBalance == hours.ZERO
                writing.update(tables.UserBalance, user_id, [tables.UserBalance.erasedAt.set(now)], no_hours)
            writing.event(_erasure_event(ERASURE_BEGUN, user_id), user_id)
            await self._transactions.write(writing, derived(user_id, "erase", now.isoformat()))
            return now

        async with self._store.calls.queue((user_id,), by=user_id):
            return await retry(self._store.calls, attempt)

    async def end_erasure(self, user_id: str) -> Refusal | None:
        """Let a member leave whose account is closed and whose rows say nothing any more, and say so; once.

        Returns:
            None; or the refusal, as of `begin_erasure`, if hours have come in meanwhile.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        try:
            left = await self.leave(user_id, lambda _row: True, actor=user_id)
        except ConditionFailedError:
            left = {}  # they have left before
        if isinstance(left, Refusal):
            return left

        async def attempt() -> None:
            event = event_id(user_id, ERASED, user_id)
            if await self._store.get(tables.EventLog, event, consistent=True) is None:
                writing = Writing(self._store.names, self._clock())
                writing.event(_erasure_event(ERASED, user_id), user_id)
                await self._transactions.write(writing, derived(event, writing.now.isoformat()))

        await retry(self._store.calls, attempt)
        return None

    async def sign_out(self, user_id: str) -> Item:
        """Have every token of a member refused that was issued until now; return their row.

        Tokens tell the second in which they were issued: those of this second are refused, too.

        Raises:
            ConditionFailedError: there is no such member.
        """
        now = self._clock()
        valid_from = now.replace(microsecond=0) + timedelta(seconds=1)
        actions = [tables.User.tokensValidFrom.set(valid_from), tables.User.updatedAt.set(now)]
        return await self._store.update(tables.User, user_id, actions, condition=tables.User.id.exists())

    async def _read(self, user_id: str) -> list[Item | None]:
        return await self._store.batch_get(
            [(tables.User, user_id), (tables.UserBalance, user_id)], consistent=True
        )

    async def _expected_hours_refusal(self, user_id: str) -> Refusal | None:
        """Return the refusal if hours are held for a provider, or if too many pages would have to be read."""
        is_held = tables.Escrow.status == EscrowStatus.ESCROWED.value
        read = partial(
            self._store.query,
            tables.Escrow,
            tables.Escrow.byToUserId,
            user_id,
            filter=is_held,
            forward=False,
        )
        async for page in read_pages(read, limit=PAGE, most_pages=MOST_PAGES):
            if page.items:
                break
            if page.last_key is None:
                return None
        return Refusal(
            Code.INVALID_ESCROW_STATUS,
            "Hours are held for this member; the requests for their services must end first.",
        )

    @staticmethod
    def _welcome(writing: Writing, balance: Balance) -> None:
        bonus = movements.issue(
            cause=balance.user_id,
            user_id=balance.user_id,
            amount=WELCOME_BONUS,
            type=TransactionType.WELCOME_BONUS,
            description="Welcome to HourBank",
        )
        writing.movement(bonus, lambda _: balance)
        joined = Event(
            type="Welcome Bonus Issued",
            source=EventSource.BALANCES,
            entity_type=EventEntityType.TRANSACTION,
            entity_id=balance.user_id,
            actor=balance.user_id,
            data={"userId": balance.user_id, "amount": float(WELCOME_BONUS)},
        )
        writing.event(joined, bonus.id)
        welcome = Notice(
            user_id=balance.user_id,
            type=NotificationType.SYSTEM_UPDATE,
            title="Welcome to HourBank",
            message=f"{WELCOME_BONUS} hours are yours to begin with.",
        )
        writing.notice(welcome, bonus.id, related_id=balance.user_id)


def _actions(changes: Changes) -> list[Action]:
    return [Path([name]).remove() if wire is None else Path([name]).set(wire) for name, wire in changes.items()]


def _unchanged_condition(stored: Item) -> Condition:
    """Return the condition that a member's row is as it was read.

    It covers the names because two hosts may write with the same timestamp.
    """
    fixed = [Path([name]) == stored[name] for name in ("updatedAt", "username", "email") if name in stored]
    return reduce(and_, fixed)


def _erasure_event(type: str, user_id: str) -> Event:
    """Return an event of an erasure, which tells other systems that they are to erase the member, too."""
    return Event(
        type=type,
        source=EventSource.BALANCES,
        entity_type=EventEntityType.USER,
        entity_id=user_id,
        data={"userId": user_id},
    )
