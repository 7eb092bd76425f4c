"""Refusals are business outcomes: values with a code. Exceptions are for everything else.

HourBankError
├── ContentionError    too many want the same rows; nothing was done, retry later
├── UnavailableError   AWS does not answer; retry later
├── StoppedError       this process is stopping; another one will do the work
├── ExpectedError      something that a person can fix; subclasses stand beside their causes
└── BrokenLedgerError  an invariant does not hold; a person must look into it
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Why something was refused; clients see it as `errorType`."""

    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    SERVICE_NOT_AVAILABLE = "SERVICE_NOT_AVAILABLE"
    USER_NOT_ACTIVE = "USER_NOT_ACTIVE"
    DUPLICATE_REQUEST = "DUPLICATE_REQUEST"
    SELF_REQUEST = "SELF_REQUEST"
    REQUEST_NOT_FOUND = "REQUEST_NOT_FOUND"
    ESCROW_NOT_FOUND = "ESCROW_NOT_FOUND"
    DISPUTE_NOT_FOUND = "DISPUTE_NOT_FOUND"
    INVALID_ESCROW_STATUS = "INVALID_ESCROW_STATUS"
    INVALID_REQUEST_STATUS = "INVALID_REQUEST_STATUS"
    INVALID_STATUS_FOR_COMPLETION = "INVALID_STATUS_FOR_COMPLETION"
    INVALID_DISPUTE_STATUS = "INVALID_DISPUTE_STATUS"
    INVALID_BOOKING_STATUS = "INVALID_BOOKING_STATUS"
    SLOT_TAKEN = "SLOT_TAKEN"
    UNAUTHORIZED_PROVIDER = "UNAUTHORIZED_PROVIDER"
    UNAUTHORIZED_REQUESTER = "UNAUTHORIZED_REQUESTER"
    UNAUTHORIZED_ADMIN = "UNAUTHORIZED_ADMIN"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    NEGOTIATION_ROUNDS_EXCEEDED = "NEGOTIATION_ROUNDS_EXCEEDED"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    HOURS_NOT_HERE_YET = "HOURS_NOT_HERE_YET"
    ALREADY_RATED = "ALREADY_RATED"
    DUPLICATE_USERNAME = "DUPLICATE_USERNAME"
    DUPLICATE_EMAIL = "DUPLICATE_EMAIL"
    INVALID_AMOUNT = "INVALID_AMOUNT"
    # Of the rules beside an imported app's schema.
    DUPLICATE_VALUE = "DUPLICATE_VALUE"
    REFERENCE_NOT_FOUND = "REFERENCE_NOT_FOUND"
    STILL_REFERENCED = "STILL_REFERENCED"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    RATE_LIMITED = "RATE_LIMITED"
    CONTENTION = "CONTENTION"
    SUPERSEDED = "SUPERSEDED"
    # AppSync's own words: the input makes no sense to any rule; this caller may not do what others may.
    BAD_REQUEST = "BadRequest"
    UNAUTHORIZED = "Unauthorized"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule refused; nothing was written.

    Args:
        code: the reason, for programs.
        message: the reason and what to do next, for people.
        facts: what the rule found (status, hours available and needed); clients see them as `errorInfo`.
        is_transient: the workflow is about to move the request on, so that a retry in a moment may succeed.
    """

    code: Code
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_transient: bool = False


def not_found_refusal() -> Refusal:
    """Return the refusal for a request that does not exist or is hidden from the caller, who cannot tell which."""
    return Refusal(Code.REQUEST_NOT_FOUND, "There is no such request of yours.")


class HourBankError(Exception):
    """The base class of HourBank's own errors."""


class ContentionError(HourBankError):
    """Rows kept changing for as long as we retried, or too many wait for them; nothing was done, retry later."""


class UnavailableError(HourBankError):
    """AWS does not answer, or has no capacity left; the caller may retry in a few seconds.

    Args:
        is_outcome_unknown: a write was sent and its answer is lost. It is neither done nor undone until somebody
            reads it back, which every repetition with the same ids does.
    """

    def __init__(self, *, is_outcome_unknown: bool = False) -> None:
        self.is_outcome_unknown = is_outcome_unknown
        super().__init__(
            "The database did not answer in time, so it is unknown whether this was done. Send it again with the "
            "same id or Idempotency-Key: it is done once at most."
            if is_outcome_unknown
            else "The database does not answer at the moment; send this again in a few seconds."
        )


class StoppedError(HourBankError):
    """A call was not made because its process is stopping; another process will do what was not written."""


class ExpectedError(HourBankError):
    """Something that a person can fix; the message says how, in one line."""


class BrokenLedgerError(HourBankError):
    """An invariant of the ledger does not hold; raised before anything is written."""
