"""Members' hours come here from the former app, and go back, in transactions that both apps' rows share.

The former app's tables are in the same account, so that its row, which loses the hours, and ours, which gain them,
change together or not at all. A process that dies leaves no member between the two apps.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from models import tables
from models.clock import Clock, to_text
from models.custody import Custody
from models.hours import ZERO, Hours
from models.identifiers import derived
from models.ledger.balances import Balance
from models.migration.copying import CUSTODY
from models.migration.former import HELD_BY, TAKEN_OVER, FormerMember, Oddity, read_member
from models.migration.handover import HandOver, closing, opening
from models.storage.codec import decode_or_none
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.moves import Transactions
from models.transactions.retrying import retry
from models.transactions.writing import Writing


class Openings:
    """Takes members over, and gives them back. Every call may be repeated, and goes on where it was left.

    Args:
        store: our tables.
        former: the former app's tables.
        transactions: writes the transactions.
        clock: returns the current time.
    """

    def __init__(self, store: Store, former: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._former = former
        self._transactions = transactions
        self._clock = clock
        self._stack = store.names.stack

    async def open(self, member_id: str) -> Hours | Oddity:
        """Take a member over: their hours in the former app become a balance here, with an entry.

        Their row must have been copied.

        Returns:
            The hours that came; or why they stay where they are.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        return await self._repeat(self._open, member_id)

    async def close(self, member_id: str) -> Hours | Oddity:
        """Give a member back: all of their hours here become `User.bankHours` again.

        A member who has joined here gets a row in the former app.

        Returns:
            The hours that went; or why they stay here.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        return await self._repeat(self._close, member_id)

    async def shut(self, member_id: str) -> None:
        """Let a member begin nothing new here; what has begun goes on. `close` follows once it has ended."""
        custody = tables.User.custody
        actions = [custody.set(Custody.FORMER_APP.value)]
        with suppress(ConditionFailedError):  # they have just left
            await self._store.update(tables.User, member_id, actions, condition=tables.User.id.exists())

    async def readmit(self, member_id: str) -> bool:
        """Let a member whose hours are here begin something again, after a rollback that was given up.

        Returns:
            Whether they were shut out.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        return await retry(self._store.calls, partial(self._readmit, member_id))

    async def _readmit(self, member_id: str) -> bool:
        theirs = await self._former.get(tables.User, member_id, consistent=True)
        here, balance = await self._read(member_id)
        is_ours = theirs is None or theirs.get(HELD_BY, {}).get("S") == self._stack
        if here is None or CUSTODY not in here or balance is None or not is_ours:
            return False
        now = self._clock()
        writing = Writing(self._store.names, now)
        actions: list[Action] = [tables.User.updatedAt.set(now), tables.User.custody.remove()]
        writing.update(tables.User, member_id, actions, tables.User.custody.exists())
        await self._transactions.write(writing, derived(member_id, "readmitted", to_text(now)))
        return True

    async def _repeat(self, step: "_StepTaker", member_id: str) -> Hours | Oddity:
        """Take a step until it moves no hours any more: so many hours as a movement may have, each time."""
        moved = ZERO
        while True:
            outcome = await retry(self._store.calls, partial(step, member_id))
            if isinstance(outcome, Oddity):
                return outcome
            moved += outcome.hours
            if outcome.is_last:
                return moved

    async def _open(self, member_id: str) -> "_Step | Oddity":
        row = await self._former.get(tables.User, member_id, consistent=True)
        if row is None:
            return Oddity(table="User", id=member_id, why="there is no such member")
        member = read_member(row, self._stack)
        if isinstance(member, Oddity):
            return member
        if member.is_held:
            return _Step(ZERO)
        copied, balance = await self._read(member_id)
        if copied is None:
            return Oddity(table="User", id=member_id, why="the row was not copied, or the member has left here")
        now = self._clock()
        before = balance or Balance.empty(member_id, now)
        hand_over = opening(before, member.hours)
        writing = Writing(self._store.names, now)
        _write_hand_over(writing, before, hand_over)
        is_last = member.hours == hand_over.hours
        here: list[Action] = [tables.User.updatedAt.set(now)]
        taken: list[Action] = [
            tables.User.bankHours.set(member.hours - hand_over.hours),
            Path([TAKEN_OVER]).set(_number(member.taken_over + hand_over.hours)),
        ]
        if is_last:
            here.append(tables.User.custody.remove())
            taken.append(Path([HELD_BY]).set(self._stack))
        writing.update(tables.User, member_id, here, tables.User.id.exists())
        self._write_former(writing, member, taken)
        await self._transactions.write(writing, derived(hand_over.cause, to_text(now)))
        return _Step(hand_over.hours, is_last=is_last)

    async def _close(self, member_id: str) -> "_Step | Oddity":
        row = await self._former.get(tables.User, member_id, consistent=True)
        copied, balance = await self._read(member_id)
        member = None if row is None else read_member(row, self._stack)
        if isinstance(member, Oddity):
            return member
        if balance is None or (balance.total_balance == ZERO and _is_settled(member, copied)):
            return _Step(ZERO)
        if balance.escrowed_balance != ZERO:
            why = f"{balance.escrowed_balance} hours are held for requests that are open, or disputed"
            return Oddity(table="UserBalance", id=member_id, why=why)
        now, hand_over = self._clock(), closing(balance)
        writing = Writing(self._store.names, now)
        _write_hand_over(writing, balance, hand_over)
        if copied is not None:
            shut = [tables.User.custody.set(Custody.FORMER_APP.value), tables.User.updatedAt.set(now)]
            writing.update(tables.User, member_id, shut, tables.User.id.exists())
        if member is not None:
            self._write_former(writing, member, _given_back(member, hand_over))
        elif copied is not None:
            self._add_former(writing, copied, hand_over)
        else:
            return Oddity(table="UserBalance", id=member_id, why="the member has left both apps, not the hours")
        await self._transactions.write(writing, derived(hand_over.cause, to_text(now)))
        return _Step(-hand_over.hours, is_last=balance.total_balance == -hand_over.hours)

    async def _read(self, member_id: str) -> tuple[Item | None, Balance | None]:
        """Return a member's row and balance here."""
        reads: list[tuple[type[tables.Table], str]] = [(tables.User, member_id), (tables.UserBalance, member_id)]
        copied, balance = await self._store.batch_get(reads, consistent=True)
        return copied, decode_or_none(Balance, tables.UserBalance, balance)

    def _write_former(self, writing: Writing, member: FormerMember, actions: Sequence[Action]) -> None:
        """Change the former app's row, if it is as it was read."""
        theirs = Writing(self._former.names, writing.now)
        holder = Path([HELD_BY]) == self._stack if member.is_held else Path([HELD_BY]).does_not_exist()
        theirs.update(tables.User, member.id, actions, (tables.User.bankHours == member.hours) & holder)
        writing.items.extend(theirs.items)

    def _add_former(self, writing: Writing, copied: Item, hand_over: HandOver) -> None:
        """Put a row of the former app for a member who has joined here."""
        theirs = Writing(self._former.names, writing.now)
        known = {name: wire for name, wire in copied.items() if name != tables.User.custody.attr_name}
        hours = {"bankHours": _number(-hand_over.hours), TAKEN_OVER: _number(hand_over.hours)}
        theirs.put(tables.User, {**known, **hours})
        writing.items.extend(theirs.items)


@dataclass(frozen=True, slots=True)
class _Step:
    """What one transaction has moved, or would have; `is_last` if nothing is left."""

    hours: Hours
    is_last: bool = True


_StepTaker = Callable[[str], Awaitable[_Step | Oddity]]


def _write_hand_over(writing: Writing, before: Balance, hand_over: HandOver) -> None:
    """Write a hand-over's entry and the balance after it; or, if no hours are handed over, its next version."""
    if hand_over.movement is not None:
        writing.movement(hand_over.movement, lambda _: before)
    else:
        after = replace(before, version=before.version + 1, updated_at=writing.now)
        if before.version == 0:
            writing.create(tables.UserBalance, after)
        else:
            writing.change(tables.UserBalance, before.user_id, before, after)
    writing.event(hand_over.event, hand_over.cause)
    writing.notice(hand_over.notice, hand_over.cause, related_id=before.user_id)


def _is_settled(member: FormerMember | None, copied: Item | None) -> bool:
    """Return whether the former app needs no row, or no change of its row, for a member without hours here."""
    return copied is None if member is None else not member.is_held


def _given_back(member: FormerMember, hand_over: HandOver) -> list[Action]:
    """Return what gives hours back to the former app's row, which is its own from the first of them on."""
    return [
        tables.User.bankHours.set(member.hours - hand_over.hours),
        Path([TAKEN_OVER]).set(_number(member.taken_over + hand_over.hours)),
        Path([HELD_BY]).remove(),
    ]


def _number(hours: Hours) -> dict[str, Any]:
    return {"N": tables.User.bankHours.serialize(hours)}
