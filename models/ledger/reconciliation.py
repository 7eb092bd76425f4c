"""Reconciliation: compares each member's replayed log with their balance and their open escrows. Pure rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from models.hours import ZERO, Hours
from models.ledger.balances import Balance
from models.ledger.chain import balance_after, breach, in_order
from models.ledger.entries import Entry
from models.limits import fixed_limit

# As many discrepancies as a report's row has room for; the command line shows all of them.
MOST_IN_REPORT = fixed_limit(
    200,
    "discrepancies in a report; the command line shows all",
    topic="accounts",
    code="none: the others are counted",
)


class Fault(StrEnum):
    """The ways in which a member's books can be wrong."""

    BROKEN_CHAIN = "BROKEN_CHAIN"
    MISSING_ENTRY = "MISSING_ENTRY"
    MISSING_BALANCE = "MISSING_BALANCE"
    WRONG_BALANCE = "WRONG_BALANCE"
    WRONG_ESCROWS = "WRONG_ESCROWS"
    UNCHECKED = "UNCHECKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """Something wrong in a member's books, and the entry where it shows."""

    user_id: str
    fault: Fault
    message: str
    entry_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A member's books as they were read from the tables.

    Args:
        balance: the balance, read before the entries; None if there is none.
        entries: the log, in any order; it may include entries written after the balance was read.
        held: the sum of the member's open escrows; None if the balance changed while they were read.
        unreadable: rows that no longer decode.
        is_whole: whether the whole log was read.
    """

    user_id: str
    balance: Balance | None
    entries: Sequence[Entry]
    held: Hours | None
    unreadable: Sequence[Discrepancy] = ()
    is_whole: bool = True

    @property
    def issued(self) -> Hours:
        """Return the hours that the log issued to the member, minus those taken back."""
        return sum((entry.issued for entry in self.entries), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """An entry, the running balance after it, and why it breaks the chain, if it does."""

    entry: Entry
    balance: Balance
    breach: str | None


def statement(account: Account, now: datetime) -> Iterator[StatementLine]:
    """Yield a member's entries up to the version of their balance, each with the running balance.

    An entry that breaks the chain is the last one yielded, because the ones after it cannot be checked.
    """
    running = Balance.empty(account.user_id, now)
    for entry in in_order(account.entries):
        if account.balance is not None and entry.balance_version > account.balance.version:
            return
        why = breach(running, entry)
        running = balance_after(running, entry)
        yield StatementLine(entry=entry, balance=running, breach=why)
        if why is not None:
            return


def discrepancies(account: Account, now: datetime) -> Iterator[Discrepancy]:
    """Yield what is wrong with a member's books: at most one log or balance fault, plus an escrow mismatch."""
    if not account.is_whole:
        yield _discrepancy(
            account, Fault.UNCHECKED, f"the log is longer than the {len(account.entries)} entries read"
        )
        return
    if account.unreadable:
        yield from account.unreadable
        return
    if (wrong := _log_discrepancy(account, now)) is not None:
        yield wrong
    balance = account.balance
    if balance is not None and account.held is not None and balance.escrowed_balance != account.held:
        message = f"the balance says {balance.escrowed_balance} hours are held, the open escrows {account.held}"
        yield _discrepancy(account, Fault.WRONG_ESCROWS, message, entry_id=_last_entry_id(balance))


def _log_discrepancy(account: Account, now: datetime) -> Discrepancy | None:
    """Return the first fault of the log; or if it is sound, how the balance differs from its end."""
    running = Balance.empty(account.user_id, now)
    for line in statement(account, now):
        if line.breach is not None:
            return _discrepancy(account, Fault.BROKEN_CHAIN, line.breach, entry_id=line.entry.id)
        running = line.balance
    return _balance_discrepancy(account, running)


def _balance_discrepancy(account: Account, replayed: Balance) -> Discrepancy | None:
    """Return how the stored balance differs from the one that the whole log leads to."""
    balance, last = account.balance, _last_entry_id(replayed)
    if balance is None:
        if replayed.version == 0:
            return None
        message = f"there is no balance; the log leads to {replayed.total_balance} hours"
        return _discrepancy(account, Fault.MISSING_BALANCE, message, entry_id=last)
    if balance.last_hash != replayed.last_hash:
        why = f"the balance rests on it, and the log ends at {last or 'its beginning'}"
        return _discrepancy(account, Fault.MISSING_ENTRY, why, entry_id=_last_entry_id(balance))
    stored, expected = _figures(balance), _figures(replayed)
    if wrong := [name for name in stored if stored[name] != expected[name]]:
        message = "; ".join(f"{name} is {stored[name]}, not {expected[name]}" for name in wrong)
        return _discrepancy(account, Fault.WRONG_BALANCE, f"after it, {message}", entry_id=last)
    return None


def _figures(balance: Balance) -> dict[str, Hours]:
    return {
        "totalBalance": balance.total_balance,
        "availableBalance": balance.available_balance,
        "escrowedBalance": balance.escrowed_balance,
    }


def _last_entry_id(balance: Balance) -> str | None:
    """Return the id of the entry that produced a balance; None if there is none."""
    if balance.last_transaction_id is None:
        return None
    return f"{balance.last_transaction_id}#{balance.user_id}"


def _discrepancy(account: Account, fault: Fault, message: str, *, entry_id: str | None = None) -> Discrepancy:
    return Discrepancy(user_id=account.user_id, fault=fault, message=message, entry_id=entry_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOutcome:
    """The result of checking some members: how many, what was wrong, and their hours, held ones, and issued ones.

    `found` may hold only the first of the `count` discrepancies.
    """

    checked: int = 0
    count: int = 0
    found: tuple[Discrepancy, ...] = ()
    total_hours: Hours = ZERO
    held_hours: Hours = ZERO
    issued_hours: Hours = ZERO

    def __add__(self, other: "AuditOutcome") -> "AuditOutcome":
        return AuditOutcome(
            checked=self.checked + other.checked,
            count=self.count + other.count,
            found=self.found + other.found,
            total_hours=self.total_hours + other.total_hours,
            held_hours=self.held_hours + other.held_hours,
            issued_hours=self.issued_hours + other.issued_hours,
        )


class AuditReportStatus(StrEnum):
    """The states of a reconciliation."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """A reconciliation and what it has found so far.

    Args:
        page: how many pages of members have been handed out.
        members: the members of the last page, who are being checked.
        cursor: where the next page starts; None before the first page and after the last.
        discrepancies: the first of the `discrepancy_count` that were found.
        total_hours: the hours of the members, each at the time of their check; equals `issued_hours` if no hours
            moved during the reconciliation.
        held_hours: those of them that their balances say are held in escrow.
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
    held_hours: Hours = ZERO
    issued_hours: Hours = ZERO
    version: int = 1

    def with_page(
        self, outcome: AuditOutcome, members: Sequence[str], cursor: str | None, now: datetime
    ) -> "AuditReport":
        """Return this report with the outcome of a page of members added and the next page handed out."""
        return replace(
            self,
            page=self.page + 1,
            members=tuple(members),
            cursor=cursor,
            members_checked=self.members_checked + outcome.checked,
            discrepancy_count=self.discrepancy_count + outcome.count,
            discrepancies=(*self.discrepancies, *outcome.found)[:MOST_IN_REPORT],
            total_hours=self.total_hours + outcome.total_hours,
            held_hours=self.held_hours + outcome.held_hours,
            issued_hours=self.issued_hours + outcome.issued_hours,
            version=self.version + 1,
            updated_at=now,
        )

    def completed(self, now: datetime) -> "AuditReport":
        """Return this report as COMPLETED."""
        return replace(
            self,
            status=AuditReportStatus.COMPLETED,
            finished_at=now,
            updated_at=now,
            version=self.version + 1,
        )
