"""Refusals: business outcomes with a code, as values; and the errors that are not outcomes.

HourBankError
├── ContentionError    a row changed under us for 20 s: repeat later, nothing was done
├── StoppedError       this process is stopping: another one will do it
├── ExpectedError      something that a person can put right; a subclass beside each cause
└── BrokenLedgerError  an invariant does not hold: stop, a person must look
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
    UNAUTHORIZED_PROVIDER = "UNAUTHORIZED_PROVIDER"
    UNAUTHORIZED_REQUESTER = "UNAUTHORIZED_REQUESTER"
    UNAUTHORIZED_ADMIN = "UNAUTHORIZED_ADMIN"
    NEGOTIATION_ROUNDS_EXCEEDED = "NEGOTIATION_ROUNDS_EXCEEDED"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    ALREADY_RATED = "ALREADY_RATED"
    INVALID_AMOUNT = "INVALID_AMOUNT"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    CONTENTION = "CONTENTION"
    SUPERSEDED = "SUPERSEDED"
    # AppSync's own words: no rule can make sense of the input; others may do this, this caller may not.
    BAD_REQUEST = "BadRequest"
    UNAUTHORIZED = "Unauthorized"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule said no. Nothing was written.

    Args:
        code: why, for programs.
        message: why and what to do next, for people.
        facts: what was found (status, hours available and needed), for clients as `errorInfo`.
        passing: the workflow is about to move the request on; asking again in a moment may go through.
    """

    code: Code
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_transient: bool = False


def not_found_refusal() -> Refusal:
    """Return the refusal for a request that is not there, or not for this caller: nobody can tell which."""
    return Refusal(Code.REQUEST_NOT_FOUND, "There is no such request of yours.")


class HourBankError(Exception):
    """An error of this system's own."""


class ContentionError(HourBankError):
    """A row kept changing for as long as we tried; nothing was done and the caller may repeat."""


class StoppedError(HourBankError):
    """A call was not made since its process is stopping; what was not written will be done by another."""


class ExpectedError(HourBankError):
    """Something that a person can put right; the message is one line that says how."""


class BrokenLedgerError(HourBankError):
    """An invariant of the ledger does not hold; raised before anything is written."""
