"""A circuit breaker for each service of AWS, and calls that fail soon while a client waits for them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import structlog

from models.errors import UnavailableError
from models.limits import LimitSet, limit
from models.storage.calls import Calls
from models.storage.outages import is_silence, is_throttling, was_tried_again
from models.storage.sent_calls import note_call, note_write

_log = structlog.get_logger(__name__)

# Calls to one service. More would only wait for each other within AWS, where it counts as AWS's silence.
AT_ONCE = 50
# The parts of a deadline, each of which begins when the event loop has come to the end of the one before.
_PARTS = 10
_READING = ("get_", "batch_get_", "query", "scan", "describe_")


@dataclass(frozen=True, kw_only=True)
class AwsLimits(LimitSet):
    """How long clients wait for AWS."""

    call_seconds: float = limit(
        1.5, "seconds for one call to AWS with its retries, while a client waits", code="ServiceUnavailable"
    )
    pause_seconds: float = limit(
        0.5, "seconds until a service of AWS that did not answer is tried again", code="ServiceUnavailable"
    )


class Breaker:
    """Refuses calls to a service that does not answer, and lets one through now and then to see if it does again.

    It opens when a call has failed for good, retries included, and the service has answered no other call since
    that one began: a service that answers most calls stays open to them. Any answer closes it.

    Args:
        service: the service's name, for the log.
        pause: seconds between a failure and the next try.
        patience: the most seconds that a call takes; a try that has not ended by then is lost.
        now: returns the time in seconds.
    """

    def __init__(
        self, service: str, *, pause: float, patience: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._service = service
        self._pause = pause
        self._patience = patience
        self._now = now
        self._answered_at = float("-inf")
        self._failed_at: float | None = None  # when it opened; None while it is closed
        self._next_try = float("-inf")
        self._answered = self._unanswered = self._refused = 0

    @property
    def is_open(self) -> bool:
        """Return whether calls are refused at once, because the service does not answer."""
        return self._failed_at is not None

    @property
    def calls(self) -> Mapping[str, int]:
        """Return how many calls there have been, by what became of them."""
        return {"answered": self._answered, "unanswered": self._unanswered, "refused": self._refused}

    def begin(self) -> float:
        """Let a call begin, and return the time, which `failed` is to be told.

        Raises:
            UnavailableError: the service does not answer, and another call is the next to try it.
        """
        now = self._now()
        if self._failed_at is not None:
            if now < self._next_try:
                self._refused += 1
                raise UnavailableError
            self._next_try = now + self._patience + self._pause
        return now

    def answered(self) -> None:
        """Note that the service has answered a call, whatever it said."""
        now = self._answered_at = self._now()
        self._answered += 1
        if self._failed_at is not None:
            _log.warning("AWS answers again", service=self._service, seconds=round(now - self._failed_at, 1))
            self._failed_at = None

    def failed(self, began: float, error: BaseException) -> None:
        """Note that a call has failed because the service did not answer.

        Args:
            began: what `begin` returned.
            error: why, for the log.
        """
        self._unanswered += 1
        if self._answered_at >= began:
            return
        now = self._now()
        if self._failed_at is None:
            _log.warning("AWS does not answer", service=self._service, error=repr(error))
            self._failed_at = now
        self._next_try = now + self._pause


# Whether the client of this request has waited for AWS in vain.
_waited_in_vain: ContextVar[bool] = ContextVar("waited_in_vain", default=False)


def fail_from_now_on() -> None:
    """Let every further call for this request fail at once: its client has waited long enough."""
    _waited_in_vain.set(True)


def wait_again() -> None:
    """Let the calls of a new request be made; its task may have begun in that of the request before."""
    _waited_in_vain.set(False)


class PromptCalls:
    """Calls that clients wait for: each ends in time, and at once while its service does not answer.

    Args:
        calls: the way to AWS.
        limits: how long a client waits.
        at_once: the most calls to a service at a time, fewer than `calls` has connections. To wait for them is not
            AWS's silence, and does not count.
    """

    def __init__(self, calls: Calls, limits: AwsLimits | None = None, *, at_once: int = AT_ONCE) -> None:
        self._calls = calls
        self._limits = limits or AwsLimits()
        self._breakers: dict[str, Breaker] = {}
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(at_once))

    @property
    def breakers(self) -> Mapping[str, Breaker]:
        """Return the breakers of the services that were called, by their names."""
        return self._breakers

    def _breaker(self, service: str) -> Breaker:
        if (breaker := self._breakers.get(service)) is None:
            limits = self._limits
            breaker = Breaker(service, pause=limits.pause_seconds, patience=limits.call_seconds)
            self._breakers[service] = breaker
        return breaker

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation and return its response.

        Raises:
            UnavailableError: the service does not answer, or has no capacity left.
        """
        if _waited_in_vain.get():
            raise UnavailableError
        breaker = self._breaker(service)
        is_write = not operation.startswith(_READING)
        async with self._slots[service]:
            began = breaker.begin()
            note_call()
            try:
                async with _Deadline(self._limits.call_seconds):
                    answer = await self._calls.call(service, operation, **params)
            except Exception as error:
                if is_silent := is_silence(error):
                    breaker.failed(began, error)
                else:
                    breaker.answered()
                # Of several attempts, one that was not answered may have been carried out.
                may_be_done = is_write and (is_silent or was_tried_again(error))
                if may_be_done:
                    note_write()
                if is_silent or is_throttling(error):
                    raise UnavailableError(is_outcome_unknown=may_be_done) from error
                raise
            breaker.answered()
            if is_write:
                note_write()
            return answer

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await self._calls.pause(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        """Return whether nobody holds any of the keys or waits for one."""
        return self._calls.is_free(keys)

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        """Wait for the turn of each key and hold it."""
        return self._calls.queue(keys, by=by)


class _Deadline:
    """Raises TimeoutError after so many seconds in which the event loop was free to hear an answer.

    While the loop is busy, answers wait unread, and AWS is not to blame; so each part of the time is extended by
    what the loop comes late to its end.
    """

    def __init__(self, seconds: float) -> None:
        self._part_seconds = seconds / _PARTS
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._begin_part(_PARTS)

    def _begin_part(self, left: int) -> None:
        if left:
            self._part = self._loop.call_later(self._part_seconds, self._begin_part, left - 1)
        else:
            self._timeout.reschedule(self._loop.time())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._part.cancel()
        await self._timeout.__aexit__(kind, error, trace)
