"""Calls to AWS that fail as a fault plan says: before the call, after it, instead of it, or twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

from models.errors import HourBankError
from models.storage.calls import Calls

# Longer than a client's timeout, shorter than any window of the tests.
DELAY_SECONDS = 7.0
# What the current calls are made for: an action, or a Lambda function of the workflow. Whoever acts sets it.
current_purpose: ContextVar[str] = ContextVar("purpose", default="")

NOWHERE = "http://127.0.0.1"
_READING = ("get_", "batch_get_", "transact_get_", "query", "scan", "describe_")


class Fault(StrEnum):
    """What can go wrong with one call."""

    UNSENT = "never sent"
    LOST = "answer lost"
    LATE = "given up, then done"
    THROTTLED = "throttled"
    CONFLICT = "conflict"
    DELAYED = "delayed"
    REPEATED = "repeated"
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    # Not transient; never chosen at random, only by a test that asks for it.
    INVALID = "invalid"


RANDOM_FAULTS = tuple(fault for fault in Fault if fault is not Fault.INVALID)


class KilledError(BaseException):
    """The process that made the call was killed: none of its own code runs any more but Python's clean-up."""


# Everything that a caller may get from a faulty call.
CALL_ERRORS = (ClientError, BotoCoreError, HourBankError, KilledError)


@dataclass(frozen=True, slots=True)
class Call:
    """One call to AWS: its number, what it is made for, and the operation."""

    number: int
    purpose: str
    service: str
    operation: str

    @property
    def writes(self) -> bool:
        """Return whether it may change anything."""
        return not self.operation.startswith(_READING)

    def can(self, fault: Fault) -> bool:
        """Return whether a fault makes sense for this call."""
        if fault is Fault.CONFLICT:
            return self.service == "dynamodb" and (self.writes or self.operation == "transact_get_items")
        return self.writes or fault not in {Fault.LATE, Fault.REPEATED}


Plan = Callable[[Call], Fault | None]


def no_faults(_call: Call) -> Fault | None:
    """Plan no fault."""
    return None


def at(number: int, fault: Fault) -> Plan:
    """Plan one fault, at the call with this number."""
    return lambda call: fault if call.number == number else None


def each_write(*faults: Fault) -> Plan:
    """Plan each fault once, at one transaction after the other; later ones succeed."""
    left = list(faults)
    return lambda call: left.pop(0) if left and call.operation == "transact_write_items" else None


def cancelled(reason: str) -> ClientError:
    """Return the error of a transaction that DynamoDB cancelled for a reason."""
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": reason},
        "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
    }
    return ClientError(response, "TransactWriteItems")


def refused(call: Call, code: str, reason: str) -> ClientError:
    """Return the error of a refused call, in a transaction's own form if it is one."""
    if call.operation == "transact_write_items":
        return cancelled(reason)
    return ClientError({"Error": {"Code": code, "Message": code}}, call.operation)


@dataclass
class FaultyCalls:
    """Calls that fail as a plan says; `made` lists all calls, `fired` counts the faults.

    Args:
        calls: the real calls.
        plan: asked about every call.
        on_fault: called at each fault, and when a late call has its effect after all.
    """

    calls: Calls
    plan: Plan = no_faults
    on_fault: Callable[[], object] = lambda: None
    made: list[Call] = field(default_factory=list)
    fired: Counter[Fault] = field(default_factory=Counter)
    late: list[asyncio.Future[None]] = field(default_factory=list)

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Make a call, with the fault that is planned for it, if any."""
        call = Call(len(self.made), current_purpose.get(), service, operation)
        self.made.append(call)
        fault = self.plan(call)
        if fault is None or not call.can(fault):
            return await self.calls.call(service, operation, **params)
        self.fired[fault] += 1
        self.on_fault()
        _before(call, fault)
        if fault is Fault.DELAYED:
            await self.pause(DELAY_SECONDS)
            self.on_fault()
        once = self.calls.call(service, operation, **params)
        if fault is Fault.LATE:
            self.late.append(asyncio.ensure_future(self._later(once)))
            raise ReadTimeoutError(endpoint_url=NOWHERE)
        answer = await once
        if fault is Fault.REPEATED:
            with suppress(ClientError):  # the caller gets the first one's answer
                await self.calls.call(service, operation, **params)
        _after(call, fault)
        return answer

    async def _later(self, once: Awaitable[Any]) -> None:
        await self.pause(DELAY_SECONDS)
        self.on_fault()
        with suppress(ClientError):  # nobody waits for the answer any more
            await once

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await self.calls.pause(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        """Return whether nobody holds any of the keys or waits for one."""
        return self.calls.is_free(keys)

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        """Queue for each key."""
        return self.calls.queue(keys, by=by)


def _before(call: Call, fault: Fault) -> None:
    match fault:
        case Fault.UNSENT:
            raise ConnectionClosedError(endpoint_url=NOWHERE)
        case Fault.KILLED_BEFORE:
            raise KilledError(call)
        case Fault.THROTTLED:
            raise refused(call, "ThrottlingException", "ThrottlingError")
        case Fault.CONFLICT:
            raise refused(call, "TransactionConflictException", "TransactionConflict")
        case Fault.INVALID:
            raise refused(call, "ValidationException", "ValidationError")


def _after(call: Call, fault: Fault) -> None:
    match fault:
        case Fault.LOST:
            raise ConnectionClosedError(endpoint_url=NOWHERE)
        case Fault.KILLED_AFTER:
            raise KilledError(call)
