"""Direct changes of accounts, as transactions: hours are transferred, accounts are locked and unlocked."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from models import tables
from models.clock import Clock, to_text
from models.custody import custody_refusal
from models.errors import Refusal
from models.identifiers import derived
from models.ledger import locks, transfers
from models.ledger.approvals import DEFAULT_APPROVAL, ApprovalLimits
from models.ledger.balances import Balance
from models.ledger.locks import LockChange
from models.ledger.transfers import Transfer
from models.requests.decision import Member
from models.storage.codec import decode_or_none
from models.storage.store import Item, Store
from models.transactions.approvals import Approvals
from models.transactions.composition import active_member_condition
from models.transactions.moves import Transactions
from models.transactions.retrying import retry
from models.transactions.writing import Writing, event_id

LockRule = Callable[[Balance, datetime], LockChange | Balance | Refusal]


class Accounts:
    """Transfers hours for members and admins, and locks and unlocks accounts for admins.

    Args:
        store: the tables.
        transactions: writes the transactions.
        clock: returns the current time.
        limits: when an admin needs a second one.
    """

    def __init__(
        self, store: Store, transactions: Transactions, clock: Clock, limits: ApprovalLimits = DEFAULT_APPROVAL
    ) -> None:
        self._store = store
        self._transactions = transactions
        self._clock = clock
        self._approvals = Approvals(store, transactions, limits)

    async def transfer(self, transfer: Transfer) -> Item | Refusal:
        """Make a transfer, once: balances, entries, event and notices are one transaction.

        Returns:
            The row of the giver's entry, or of the receiver's if hours are issued; the stored one if the transfer
            is repeated. Or a refusal: USER_NOT_ACTIVE, HOURS_NOT_HERE_YET, INSUFFICIENT_BALANCE, ACCOUNT_LOCKED,
            APPROVAL_REQUIRED if another admin has to ask for it, too, or IDEMPOTENCY_MISMATCH if the id is a
            different transfer's.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """

        async def attempt() -> Item | Refusal:
            calls, parties = self._store.calls, transfer.parties.values()
            # Whoever is refused does not queue: it would make others wait, the other member among them.
            if not calls.is_free(parties) and not isinstance(decided := await self._decide(transfer), _Posting):
                return decided
            async with calls.queue(parties, by=transfer.by):
                decided = await self._decide(transfer)
                if not isinstance(decided, _Posting):
                    return decided
                await self._transactions.write(decided.writing, decided.token)
                return decided.entry

        return await retry(self._store.calls, attempt)

    async def lock(self, user_id: str, *, by: str, reason: str) -> Balance | Refusal:
        """Lock an account, once; return its balance, or ACCOUNT_LOCKED if another admin has locked it.

        Raises:
            ContentionError: the balance kept changing for 20 s.
        """
        return await self._change_lock(user_id, partial(locks.lock, by=by, reason=reason), by=by)

    async def unlock(self, user_id: str, *, by: str) -> Balance | Refusal:
        """Unlock an account if it is locked; return its balance.

        Raises:
            ContentionError: the balance kept changing for 20 s.
        """
        return await self._change_lock(user_id, partial(locks.unlock, by=by), by=by)

    async def _change_lock(self, user_id: str, rule: LockRule, *, by: str) -> Balance | Refusal:
        async def attempt() -> Balance | Refusal:
            async with self._store.calls.queue((user_id,), by=by):
                item = await self._store.get(tables.UserBalance, user_id, consistent=True)
                before, now = decode_or_none(Balance, tables.UserBalance, item), self._clock()
                if before is None:
                    return transfers.no_member_refusal("userId")
                change = rule(before, now)
                if not isinstance(change, LockChange):
                    return change
                writing, cause = Writing(self._store.names, now), derived(user_id, "lock", change.balance.version)
                writing.change(tables.UserBalance, user_id, before, change.balance)
                writing.event(change.event, cause)
                writing.notice(change.notice, cause, related_id=user_id)
                await self._transactions.write(writing, derived(cause, to_text(now)))
                return change.balance

        return await retry(self._store.calls, attempt)

    async def _decide(self, transfer: Transfer) -> "Item | Refusal | _Posting":
        """Return what is to be written; or the entry if the transfer has been made, or why it cannot be made."""
        reads = _log_reads(transfer)
        for user_id in transfer.parties.values():
            reads += [(tables.User, user_id), (tables.UserBalance, user_id)]
        logged, entry, *accounts = await self._store.batch_get(reads, consistent=True)
        if logged is not None:
            return self._stored(transfer, logged, entry)
        posting = await self._posting(transfer, accounts)
        if not isinstance(posting, Refusal):
            return posting
        # The reason may be that another process has just made this very transfer.
        logged, entry = await self._store.batch_get(_log_reads(transfer), consistent=True)
        return posting if logged is None else self._stored(transfer, logged, entry)

    def _stored(self, transfer: Transfer, logged: Item, entry: Item | None) -> Item | Refusal:
        """Return the entry of a transfer that was made already; or a refusal, if its id is another transfer's."""
        actor = logged.get("actorUserId", {}).get("S")
        is_same = transfer.is_logged_as(json.loads(logged["eventData"]["S"]), actor)
        return entry if is_same and entry is not None else transfers.transfer_mismatch_refusal()

    async def _posting(self, transfer: Transfer, accounts: Sequence[Item | None]) -> "_Posting | Refusal":
        """Return what a transfer writes; or the refusal if it cannot be made.

        Args:
            transfer: the transfer.
            accounts: the member and the balance of each party, as they are stored.
        """
        now = self._clock()
        writing = Writing(self._store.names, now)
        balances: dict[str, Balance] = {}
        rows = zip(transfer.parties.items(), accounts[::2], accounts[1::2], strict=True)
        for (field, user_id), item, balance in rows:
            member = decode_or_none(Member, tables.User, item)
            if member is None or (transfer.is_between_members and member.is_active is False):
                return transfers.no_member_refusal(field)
            if (refusal := custody_refusal({field: member.custody})) is not None:
                return refusal
            writing.check(
                tables.User,
                user_id,
                active_member_condition() if transfer.is_between_members else tables.User.id.exists(),
            )
            balances[user_id] = decode_or_none(Balance, tables.UserBalance, balance) or Balance.empty(user_id, now)
        movement = transfer.movement
        if (refusal := writing.movement(movement, balances.__getitem__)) is not None:
            return refusal
        if not transfer.is_between_members:
            verdict = await self._approvals.approve(transfer, writing)
            if isinstance(verdict, Refusal):
                return verdict
            transfer = verdict
        writing.event(transfer.event, movement.id)
        for notice in transfer.notices:
            writing.notice(notice, movement.id, related_id=transfer.id)
        versions = [balance.version for balance in balances.values()]
        entry = writing.put_item(tables.TransactionLog, transfer.entry_id)
        return _Posting(writing, derived(movement.id, *versions, to_text(now)), entry)


@dataclass(frozen=True, slots=True)
class _Posting:
    """The transaction of a transfer, its idempotency token, and the row of its entry."""

    writing: Writing
    token: str
    entry: Item


def _log_reads(transfer: Transfer) -> list[tuple[type[tables.Table], str]]:
    """Return the keys of the event and the entry that show that a transfer has been made."""
    cause = transfer.movement.id
    return [
        (tables.EventLog, event_id(cause, transfer.event.type, transfer.id)),
        (tables.TransactionLog, transfer.entry_id),
    ]
