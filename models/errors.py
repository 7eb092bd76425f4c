"""Refusals are business outcomes: values with a code. Exceptions are for everything else.

HourBankError
├── ContentionError    rows kept changing under us for 20 s; nothing was done, retry later
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
    NEGOTIATION_ROUNDS_EXCEEDED = "NEGOTIATION_ROUNDS_EXCEEDED"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    ALREADY_RATED = "ALREADY_RATED"
    DUPLICATE_USERNAME = "DUPLICATE_USERNAME"
    DUPLICATE_EMAIL = "DUPLICATE_EMAIL"
    INVALID_AMOUNT = "INVALID_AMOUNT"
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
    """Rows kept changing for as long as we retried; nothing was done, and the caller may retry."""


class StoppedError(HourBankError):
    """A call was not made because its process is stopping; another process will do what was not written."""


class ExpectedError(HourBankError):
    """Something that a person can fix; the message says how, in one line."""


class BrokenLedgerError(HourBankError):
    """An invariant of the ledger does not hold; raised before anything is written."""
