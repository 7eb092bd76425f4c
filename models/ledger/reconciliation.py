"""Whether the books are right: each member's log, replayed, against their balance and what is held. Pure rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from models.hours import ZERO, Hours
from models.ledger.balances import Balance
from models.ledger.chain import balance_after, breach, in_order
from models.ledger.entries import Entry

# A report keeps as many as its row has room for; the command line shows every one.
MOST_IN_REPORT = 200


class Fault(StrEnum):
    """How books can be wrong."""

    BROKEN_CHAIN = "BROKEN_CHAIN"
    MISSING_ENTRY = "MISSING_ENTRY"
    MISSING_BALANCE = "MISSING_BALANCE"
    WRONG_BALANCE = "WRONG_BALANCE"
    WRONG_ESCROWS = "WRONG_ESCROWS"
    UNCHECKED = "UNCHECKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """What is wrong with a member's books, and the entry where it shows."""

    user_id: str
    fault: Fault
    message: str
    entry_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A member's books as they were read.

    Args:
        balance: the balance, read before the entries; None if there is none.
        entries: the log, in any order, perhaps already with entries that the balance had not come to.
        held: the sum of the member's open escrows; None if it could not be told for this very balance.
        unreadable: rows that are none any more.
        is_whole: the whole log was read.
    """

    user_id: str
    balance: Balance | None
    entries: Sequence[Entry]
    held: Hours | None
    unreadable: Sequence[Discrepancy] = ()
    is_whole: bool = True

    @property
    def issued(self) -> Hours:
        """Return what the log says was issued to the member, less what was taken back."""
        return sum((entry.issued for entry in self.entries), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry with the balance that a replay has come to by it, and why it breaks the chain, if it does."""

    entry: Entry
    balance: Balance
    breach: str | None


def statement(account: Account, now: datetime) -> Iterator[Line]:
    """Yield a member's entries up to their balance's version, each with the running balance.

    An entry that breaks the chain is the last one that is yielded: what comes after it rests on nothing.
    """
    running = Balance.empty(account.user_id, now)
    for entry in in_order(account.entries):
        if account.balance is not None and entry.balance_version > account.balance.version:
            return
        why = breach(running, entry)
        running = balance_after(running, entry)
        yield Line(entry=entry, balance=running, breach=why)
        if why is not None:
            return


def discrepancies(account: Account, now: datetime) -> Iterator[Discrepancy]:
    """Yield what is wrong with a member's books: of log and balance the first, and what is held besides."""
    if not account.is_whole:
        yield _found(account, Fault.UNCHECKED, f"the log is longer than the {len(account.entries)} entries read")
        return
    if account.unreadable:
        yield from account.unreadable
        return
    if (wrong := _of_balance(account, now)) is not None:
        yield wrong
    balance = account.balance
    if balance is not None and account.held is not None and balance.escrowed_balance != account.held:
        message = f"the balance says {balance.escrowed_balance} hours are held, the open escrows {account.held}"
        yield _found(account, Fault.WRONG_ESCROWS, message, entry_id=_head(balance))


def _of_balance(account: Account, now: datetime) -> Discrepancy | None:
    running = Balance.empty(account.user_id, now)
    for line in statement(account, now):
        if line.breach is not None:
            return _found(account, Fault.BROKEN_CHAIN, line.breach, entry_id=line.entry.id)
        running = line.balance
    return _of_head(account, running)


def _of_head(account: Account, replayed: Balance) -> Discrepancy | None:
    """Compare what the whole log leads to with the balance."""
    balance, last = account.balance, _head(replayed)
    if balance is None:
        if replayed.version == 0:
            return None
        message = f"there is no balance; the log leads to {replayed.total_balance} hours"
        return _found(account, Fault.MISSING_BALANCE, message, entry_id=last)
    if balance.last_hash != replayed.last_hash:
        why = f"the balance rests on it, and the log ends at {last or 'its beginning'}"
        return _found(account, Fault.MISSING_ENTRY, why, entry_id=_head(balance))
    stored, expected = _figures(balance), _figures(replayed)
    if wrong := [name for name in stored if stored[name] != expected[name]]:
        message = "; ".join(f"{name} is {stored[name]}, not {expected[name]}" for name in wrong)
        return _found(account, Fault.WRONG_BALANCE, f"after it, {message}", entry_id=last)
    return None


def _figures(balance: Balance) -> dict[str, Hours]:
    return {
        "totalBalance": balance.total_balance,
        "availableBalance": balance.available_balance,
        "escrowedBalance": balance.escrowed_balance,
    }


def _head(balance: Balance) -> str | None:
    """Return the id of the entry that a balance rests on."""
    if balance.last_transaction_id is None:
        return None
    return f"{balance.last_transaction_id}#{balance.user_id}"


def _found(account: Account, fault: Fault, message: str, *, entry_id: str | None = None) -> Discrepancy:
    return Discrepancy(user_id=account.user_id, fault=fault, message=message, entry_id=entry_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOutcome:
    """What came of checking some members: how many, how much was wrong, and what they have and were issued.

    `found` may be only the first of the `count` discrepancies.
    """

    checked: int = 0
    count: int = 0
    found: tuple[Discrepancy, ...] = ()
    total_hours: Hours = ZERO
    issued_hours: Hours = ZERO

    def __add__(self, other: "AuditOutcome") -> "AuditOutcome":
        return AuditOutcome(
            checked=self.checked + other.checked,
            count=self.count + other.count,
            found=self.found + other.found,
            total_hours=self.total_hours + other.total_hours,
            issued_hours=self.issued_hours + other.issued_hours,
        )


class AuditReportStatus(StrEnum):
    """How far a reconciliation has come."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """A reconciliation and what it has found so far.

    Args:
        page: how many pages of members have been handed out.
        members: those of the last one, who are being checked.
        cursor: the member that the next page starts after; None before the first, and after the last.
        discrepancies: the first of them, `discrepancy_count` in all.
        total_hours: what the members have, each as they were checked; without movements meanwhile, `issued_hours`.
    """

    id: str
    status: AuditReportStatus
    created_at: datetime
    updated_at: datetime
    started_by: str | None = None
    finished_at: datetime | None = None
    execution_arn: str | None = None
    page: int = 0
    members: tuple[str, ...] = ()
    cursor: str | None = None
    members_checked: int = 0
    discrepancy_count: int = 0
    discrepancies: tuple[Discrepancy, ...] = ()
    total_hours: Hours = ZERO
    issued_hours: Hours = ZERO
    version: int = 1

    def with_page(
        self, outcome: AuditOutcome, members: Sequence[str], cursor: str | None, now: datetime
    ) -> "AuditReport":
        """Return this report with what a page of members came to, and the next page handed out."""
        return replace(
            self,
            page=self.page + 1,
            members=tuple(members),
            cursor=cursor,
            members_checked=self.members_checked + outcome.checked,
            discrepancy_count=self.discrepancy_count + outcome.count,
            discrepancies=(*self.discrepancies, *outcome.found)[:MOST_IN_REPORT],
            total_hours=self.total_hours + outcome.total_hours,
            issued_hours=self.issued_hours + outcome.issued_hours,
            version=self.version + 1,
            updated_at=now,
        )

    def completed(self, now: datetime) -> "AuditReport":
        """Return this report at its end."""
        return replace(
            self,
            status=AuditReportStatus.COMPLETED,
            finished_at=now,
            updated_at=now,
            version=self.version + 1,
        )
