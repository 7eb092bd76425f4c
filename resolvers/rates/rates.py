"""Counts what callers ask for, and refuses what is over a limit."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import takewhile
from weakref import WeakValueDictionary

from models.errors import Code
from resolvers.addresses import client_network
from resolvers.identity.callers import Caller, Standing
from resolvers.operation_counts import OperationCounts
from resolvers.rates.counters import Counters
from resolvers.rates.due_windows import DueWindows, Window
from resolvers.rates.limits import DAY, NAMES, SECONDS, Kind, RateLimits
from schema.errors import AppSyncError


class RateLimitedError(AppSyncError):
    """A caller is over a limit, and nothing was done; the message says which, and when to come back.

    Args:
        message: for people.
        retry_after: whole seconds until the caller may try again.
        info: facts, for programs.
    """

    def __init__(self, message: str, *, retry_after: int, info: Mapping[str, object]) -> None:
        super().__init__(message, error_type=Code.RATE_LIMITED, info={**info, "retryAfter": retry_after})
        self.retry_after = retry_after


def key_of_caller(caller: Caller | None, host: str | None) -> str:
    """Return the key by which somebody is counted: a member's `sub`, or for others their address.

    All guests of an app share one API key, so that counting by key would let one of them use up everybody's share.
    """
    if caller is None or caller.standing is Standing.GUEST:
        return key_of_address(host)
    return caller.sub


def key_of_address(host: str | None) -> str:
    """Return the key by which a client's address is counted."""
    return client_network(host) if host else "unknown"


class Rates:
    """The rates of all callers of one server.

    Args:
        limits: how much each caller may ask for.
        now: returns the time in seconds.

    Attributes:
        operations: how many operations were answered, of all callers together.
    """

    def __init__(self, limits: RateLimits | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.limits = limits or RateLimits()
        self._now = now
        self.due = DueWindows(self.limits.shared_parts) if self.limits.shared_parts else None
        self._rates = {
            kind: Rate(
                kind,
                NAMES[kind],
                self.limits.share(kind),
                SECONDS[kind],
                callers=self.limits.callers,
                now=now,
                due=self.due,
            )
            for kind in Kind
        }
        self.operations = OperationCounts()
        self.open_sockets = Held("open sockets", self.limits.open_sockets)
        self.open_operations = Held("operations on all sockets", self.limits.open_subscriptions)
        self._starting: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def charge(self, who: str, costs: Mapping[Kind, int]) -> None:
        """Count what somebody asks for.

        Raises:
            RateLimitedError: it is over a limit; nothing was counted.
        """
        for kind, cost in costs.items():
            if not self._rates[kind].take(who, cost):
                self._give_back(who, costs, kind)
                raise self._rates[kind].error(who)

    def charge_one(self, who: str, kind: Kind, cost: int) -> None:
        """Count what somebody asks for of one kind.

        Raises:
            RateLimitedError: it is over the limit; nothing was counted.
        """
        if not self._rates[kind].take(who, cost):
            raise self._rates[kind].error(who)

    def _give_back(self, who: str, costs: Mapping[Kind, int], refused: Kind) -> None:
        """Take back what was counted of the kinds before the refused one."""
        for kind in takewhile(lambda one: one is not refused, costs):
            self._rates[kind].give_back(who, costs[kind])

    def of_window(self, seconds: int) -> dict[Kind, "Rate"]:
        """Return the rates that are counted in windows of a length."""
        return {kind: rate for kind, rate in self._rates.items() if SECONDS[kind] == seconds}

    def try_charge(self, who: str, kind: Kind, cost: int) -> bool:
        """Count what somebody asks for and return True, or return False if it is over the limit."""
        return self._rates[kind].take(who, cost)

    @asynccontextmanager
    async def starting(self, who: str) -> AsyncIterator[None]:
        """Wait until one of the caller's places for starting a workflow is free, and hold it.

        A place stays taken for a while after the start, because the workflow's first steps are the most work. How
        many can wait for one is bounded by the rate of starts.
        """
        places = self._starting.get(who)
        if places is None:
            places = self._starting[who] = asyncio.Semaphore(self.limits.starts_at_once)
        await places.acquire()
        loop = asyncio.get_running_loop()
        free_at = loop.time() + self.limits.start_interval
        try:
            yield
        finally:
            loop.call_at(free_at, places.release)


class Rate:
    """One limit, and how far each caller has used it in the present minute or day.

    Args:
        name: the limit's name, for programs.
        what: what is counted, for people.
        allowed: how much of it one caller may ask for.
        seconds: in how long: `MINUTE` or `DAY`.
        callers: how many callers are remembered.
        now: returns the time in seconds.
        due: if the servers share a counter, is told whose counts are to be added to it.
    """

    def __init__(
        self,
        name: str,
        what: str,
        allowed: int,
        seconds: int,
        *,
        callers: int = 10_000,
        now: Callable[[], float] = time.time,
        due: DueWindows | None = None,
    ) -> None:
        self._name = name
        self._what = what
        self._allowed = allowed
        self._seconds = seconds
        self._now = now
        self._due = due
        self._part = math.ceil(allowed / due.parts) if due else 0
        self._counters = Counters(callers, now, by_the_clock=due is not None)

    def charge(self, who: str, cost: int) -> None:
        """Count a cost.

        Raises:
            RateLimitedError: it is over the limit; nothing was counted.
        """
        if not self.take(who, cost):
            raise self.error(who)

    def take(self, who: str, cost: int) -> bool:
        """Count a cost and return True, or return False if it is over the limit.

        A cost that is larger than the limit counts as all of it, so that it is possible at all.
        """
        if self._counters.incr(who, self._seconds, min(cost, self._allowed)) <= self._allowed:
            if self._due is not None and self.unshared(who) >= self._part:
                self._due.add(Window(who, self._seconds))
            return True
        self.give_back(who, cost)
        return False

    def give_back(self, who: str, cost: int) -> None:
        """Take a cost from the count that was added to it."""
        self._counters.incr(who, self._seconds, -min(cost, self._allowed))

    def unshared(self, who: str) -> int:
        """Return what the shared counter does not have of a caller's count; less than 0 if it has too much."""
        return self._counters.unshared(who)

    def note_shared(self, who: str, amount: int) -> None:
        """Note that the shared counter is given an amount; a negative one takes that back."""
        self._counters.note_shared(who, amount)

    def take_over(self, who: str, total: int) -> None:
        """Count a caller as the shared counter does, and what it does not have yet."""
        self._counters.take_over(who, self._seconds, total)

    def error(self, who: str) -> RateLimitedError:
        """Return the error of a caller who is over the limit."""
        seconds = max(1, math.ceil(self._counters.get_expiry(who) - self._now()))
        period = "a day" if self._seconds == DAY else "a minute"
        return RateLimitedError(
            f"Too many {self._what}: {self._allowed} {period} are allowed; try again in {seconds} s",
            retry_after=seconds,
            info={"limit": self._name, "allowed": self._allowed, "seconds": self._seconds},
        )


class Held:
    """How many of something each caller holds at the moment, such as open sockets.

    Args:
        what: the things' name, for the error.
        most: how many one caller may hold.
    """

    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = most
        self._held: Counter[str] = Counter()

    def hold(self, who: str, amount: int = 1) -> AbstractContextManager[None]:
        """Return a context; some are held for as long as it is entered.

        Entering it raises RateLimitedError if it would be too many.
        """
        return _Holding(self, who, amount)

    def take(self, who: str, amount: int = 1) -> None:
        """Hold some until they are given back.

        Raises:
            RateLimitedError: it would be too many.
        """
        if self._held[who] + amount > self._most:
            raise RateLimitedError(
                f"Too many {self._what}: {self._most} at a time are allowed; end some, then try again",
                retry_after=1,
                info={"limit": self._what, "allowed": self._most},
            )
        self._held[who] += amount

    def total(self) -> int:
        """Return how many all callers hold."""
        return self._held.total()

    def give_back(self, who: str, amount: int = 1) -> None:
        """Give back what was taken."""
        self._held[who] -= amount
        if self._held[who] <= 0:
            del self._held[who]


@dataclass(frozen=True, slots=True)
class _Holding(AbstractContextManager[None]):
    """A context that holds some; a generator would take three times as much memory."""

    held: Held
    who: str
    amount: int

    def __enter__(self) -> None:
        self.held.take(self.who, self.amount)

    def __exit__(self, *_: object) -> None:
        self.held.give_back(self.who, self.amount)
