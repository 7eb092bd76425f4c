"""The security log: who was refused what, which limit was met, what administrators did.

One structured line for each event, without tokens and without what members wrote. A flood of refusals must not
flood the log: lines beyond the limits are counted, and the count follows as a line of its own. Each line has the
request's id and the client's address, too, which `resolvers.middleware.request_ids` correlates it with.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from enum import StrEnum

import structlog

from models.correlation import correlated_facts
from models.errors import Code
from models.limits import LimitSet, limit
from models.log_lines import caller_hash

_log = structlog.get_logger("security")
# The name of the client's address in lines of the log.
ADDRESS = "address"
# Names of limits that are counted apart; more would be a mistake, which must not fill the memory.
_MOST_NAMES = 100
_OTHER = "other"

Fact = str | int | float | bool | None | tuple[str, ...]


class SecurityEvent(StrEnum):
    """What happened; each is the text of its lines."""

    SIGN_IN_REFUSED = "sign-in refused"
    HOST_REFUSED = "host refused"
    RULE_REFUSED = "refused by a rule"
    DOCUMENT_REFUSED = "document refused"
    LIMIT_MET = "limit met"
    CONNECTION_REFUSED = "connection refused"
    ADMIN_ACT = "act of an administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityLogLimits(LimitSet):
    """How many lines the security log gets; acts of administrators are always written."""

    each: int = limit(
        10, "lines of one kind from one caller or address, in that time", code="a line with their number"
    )
    all: int = limit(200, "lines of one kind, in that time", code="a line with their number")
    seconds: float = limit(10.0, "seconds after which lines are counted anew", code="none")
    characters: int = limit(200, "characters of one fact in a line", code="the rest is cut off")


@dataclass(frozen=True, slots=True)
class SecurityCounts:
    """How many events there have been, written or not, since the process has begun.

    Args:
        events: by what happened.
        limits: limits that were met: rates by their names, others by the code that clients get.
    """

    events: Counter[str]
    limits: Counter[str]

    def note(self, event: SecurityEvent, facts: Mapping[str, Fact]) -> None:
        """Count an event, and the limit that it is about, if it is one."""
        self.events[event.value] += 1
        if event is SecurityEvent.LIMIT_MET:
            code = facts.get("code")
            # Of other limits the line has a sentence with figures in it.
            name = str((code == Code.RATE_LIMITED and facts.get("limit")) or code)
            self.limits[name if name in self.limits or len(self.limits) < _MOST_NAMES else _OTHER] += 1


_counts = SecurityCounts(Counter(), Counter())


def security_counts() -> SecurityCounts:
    """Return how many events there have been in this process."""
    return _counts


class SecurityLog:
    """Writes lines, and counts those that are too many.

    Args:
        limits: how many lines there may be.
        clock: the time in seconds, from any origin.
    """

    def __init__(self, limits: SecurityLogLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._ends = float("-inf")
        self._lines: dict[tuple[str, str], int] = {}
        self._of_kind: dict[str, int] = {}
        self._omitted: dict[str, int] = {}

    def write(self, event: SecurityEvent, source: str | None = None, **facts: Fact) -> None:
        """Write an event's line, or count it; see `security_event`."""
        _counts.note(event, facts)
        if event is not SecurityEvent.ADMIN_ACT and not self.admits(event, source):
            return
        _log.info(event.value, **{name: self._short(value) for name, value in facts.items() if value is not None})

    def admits(self, event: str, source: str | None) -> bool:
        """Return whether a line of this kind may be written now; one that may not is counted."""
        if self._clock() >= self._ends:
            Context().run(self.summarize)  # the numbers are not about the request that comes next
            self._ends = self._clock() + self._limits.seconds
        if self._of_kind.get(event, 0) < self._limits.all:
            key = (event, source or str(correlated_facts().get(ADDRESS)))
            written = self._lines.get(key, 0)
            if written < self._limits.each:
                self._lines[key] = written + 1
                self._of_kind[event] = self._of_kind.get(event, 0) + 1
                return True
        self._omit(event)
        return False

    def _omit(self, event: str) -> None:
        if not self._omitted:
            self._summarize_later()
        self._omitted[event] = self._omitted.get(event, 0) + 1

    def _summarize_later(self) -> None:
        """Write the numbers at the end of the window, even if no further event comes."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_later(max(0.0, self._ends - self._clock()), self.summarize, context=Context())

    def summarize(self) -> None:
        """Write how many lines of each kind were left out, and begin to count anew."""
        for event, count in self._omitted.items():
            _log.warning(f"{event}: further lines left out", count=count)
        self._omitted.clear()
        self._lines.clear()
        self._of_kind.clear()

    def _short(self, value: Fact) -> Fact:
        most = self._limits.characters
        return f"{value[:most]}…" if isinstance(value, str) and len(value) > most else value


_security_log = SecurityLog(SecurityLogLimits())


def security_event(event: SecurityEvent, source: str | None = None, **facts: Fact) -> None:
    """Write a line to the security log, or count it if there were too many of its kind.

    Args:
        event: what happened.
        source: whose lines are counted together: a caller's `sub` or an address; by default the client's address.
        facts: what a program may need: `reason`, `code`, `operation`, `sub`, `limit`, … Never a token, nor a text
            that a member wrote. None is left out. Request id and address need not be given; `caller`, the hash by
            which other lines know a `sub`, is added.

    Example:
        >>> security_event(SecurityEvent.LIMIT_MET, caller.sub, sub=caller.sub, limit="rate.mutations")
    """
    sub = facts.get("sub")
    if isinstance(sub, str):
        facts["caller"] = caller_hash(sub)
    _security_log.write(event, source, **facts)


def admits_line(event: str, source: str | None = None) -> bool:
    """Return whether a line of another log may be written, which is limited as those of the security log are.

    Args:
        event: the line's text.
        source: whose lines are counted together; by default those of the client's address.
    """
    return _security_log.admits(event, source)


def limit_security_log(limits: SecurityLogLimits) -> None:
    """Set how many lines there may be."""
    global _security_log  # noqa: PLW0603 — one log for a process, as there is one stderr
    _security_log = SecurityLog(limits)
