"""A way to AWS on which things go wrong as planned: before a call, after it, instead of it, or twice."""

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

# Longer than a client waits, shorter than any window of the tests.
DELAY_SECONDS = 7.0
# What a call is made for: a mutation, or a function of the workflow. Whoever acts sets it.
path: ContextVar[str] = ContextVar("path", default="")

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
    # Final; no weather brings it, only a test that asks for it.
    INVALID = "invalid"


WEATHER = tuple(fault for fault in Fault if fault is not Fault.INVALID)


class KilledError(BaseException):
    """The process that made the call is gone: no code of its own runs any more, but what Python cleans up."""


# What whoever made a call for a client or for the workflow may see of it.
TROUBLE = (ClientError, BotoCoreError, HourBankError, KilledError)


@dataclass(frozen=True, slots=True)
class Call:
    """One call to AWS: the how manieth, what for, and what is called."""

    number: int
    path: str
    service: str
    operation: str

    @property
    def writes(self) -> bool:
        """Tell whether it may change anything."""
        return not self.operation.startswith(_READING)

    def can(self, fault: Fault) -> bool:
        """Tell whether a fault makes sense at this call."""
        if fault is Fault.CONFLICT:
            return self.service == "dynamodb" and (self.writes or self.operation == "transact_get_items")
        return self.writes or fault not in {Fault.LATE, Fault.REPEATED}


Plan = Callable[[Call], Fault | None]


def calm(_call: Call) -> Fault | None:
    """Let every call go through."""
    return None


def at(number: int, fault: Fault) -> Plan:
    """Let one call fail, by its number."""
    return lambda call: fault if call.number == number else None


def each_write(*faults: Fault) -> Plan:
    """Let each fault be used up by one transaction, then let all go through."""
    left = list(faults)
    return lambda call: left.pop(0) if left and call.operation == "transact_write_items" else None


def cancelled(reason: str) -> ClientError:
    """Return what DynamoDB says of a transaction that it has cancelled for a reason."""
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": reason},
        "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
    }
    return ClientError(response, "TransactWriteItems")


def refused(call: Call, code: str, reason: str) -> ClientError:
    """Return a refusal of any call, in a transaction's own form if it is one."""
    if call.operation == "transact_write_items":
        return cancelled(reason)
    return ClientError({"Error": {"Code": code, "Message": code}}, call.operation)


@dataclass
class Faulty:
    """Calls that fail as a plan says; `made` and `fired` tell which there were and what went wrong.

    Args:
        calls: the way to AWS as it is.
        plan: is asked about every call.
        struck: is told whenever something goes wrong, and when what is late comes after all.
    """

    calls: Calls
    plan: Plan = calm
    struck: Callable[[], object] = lambda: None
    made: list[Call] = field(default_factory=list)
    fired: Counter[Fault] = field(default_factory=Counter)
    late: list[asyncio.Future[None]] = field(default_factory=list)

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Make a call, unless the plan is against it."""
        call = Call(len(self.made), path.get(), service, operation)
        self.made.append(call)
        fault = self.plan(call)
        if fault is None or not call.can(fault):
            return await self.calls.call(service, operation, **params)
        self.fired[fault] += 1
        self.struck()
        _before(call, fault)
        if fault is Fault.DELAYED:
            await self.pause(DELAY_SECONDS)
            self.struck()
        once = self.calls.call(service, operation, **params)
        if fault is Fault.LATE:
            self.late.append(asyncio.ensure_future(self._later(once)))
            raise ReadTimeoutError(endpoint_url=NOWHERE)
        answer = await once
        if fault is Fault.REPEATED:
            with suppress(ClientError):  # the first one's answer is what arrives
                await self.calls.call(service, operation, **params)
        _after(call, fault)
        return answer

    async def _later(self, once: Awaitable[Any]) -> None:
        await self.pause(DELAY_SECONDS)
        self.struck()
        with suppress(ClientError):  # nobody waits for it any more
            await once

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await self.calls.pause(seconds)

    def queue(self, keys: Iterable[str]) -> AbstractAsyncContextManager[None]:
        """Hold a place in line for each key."""
        return self.calls.queue(keys)


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
