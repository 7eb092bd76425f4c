"""The counter that several servers share: a row of DynamoDB for each caller and minute or day.

Each server counts in its memory, as it does alone, and answers at once. Whenever a caller has used a part of a
limit, a tenth say, the server adds to the row, in the background, what the row does not have yet, and takes over
the row's totals, with what the other servers have added. So callers who ask for little, nearly all of them, cost
nothing, and all servers together allow a part more for each server, and what arrives during a write, at most.

These are rates, not money: if a write's answer is lost, its amounts may be counted twice until the minute or day
is over, and what a server has not added when it ends is never counted. While DynamoDB does not answer, each server
counts alone. What callers hold (open sockets, operations on them, places for starting) is each server's own.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute
from pynamodb.expressions.update import Action

from models import tables
from models.errors import UnavailableError
from models.identifiers import derived
from models.limits import fixed_limit
from models.storage.store import Item, Store
from resolvers.rates.counters import end_of_window
from resolvers.rates.due_windows import DueWindows, Window
from resolvers.rates.limits import MINUTE, Kind
from resolvers.rates.rates import Rates

_log = structlog.get_logger(__name__)

# A fraction of the calls that are made for clients.
AT_ONCE = fixed_limit(
    8, "writes to the servers' shared counter at a time", topic="requests and sockets", code="none: others wait"
)
# After a write that failed; the breaker lets DynamoDB be tried twice a second.
PAUSE_SECONDS = 1.0
# Clocks differ, and a late answer must not make a new row.
KEPT_SECONDS = 10 * MINUTE

COUNTS: Mapping[Kind, Attribute[int]] = {
    Kind.REQUESTS: tables.RateCounter.requests,
    Kind.UNITS: tables.RateCounter.units,
    Kind.INTROSPECTIONS: tables.RateCounter.introspections,
    Kind.MUTATIONS: tables.RateCounter.mutations,
    Kind.STARTS: tables.RateCounter.starts,
    Kind.CREATIONS: tables.RateCounter.creations,
    Kind.STORED_BYTES: tables.RateCounter.storedBytes,
    Kind.ANSWER_BYTES: tables.RateCounter.answerBytes,
    Kind.SOCKETS: tables.RateCounter.sockets,
    Kind.SUBSCRIPTIONS: tables.RateCounter.subscriptions,
    Kind.REFUSALS: tables.RateCounter.refusals,
}


def row_id(window: Window, ends: float) -> str:
    """Return the id of a window's row; the caller's key comes last, so that no key is taken for another's."""
    return derived("rate", window.seconds, int(ends), window.who)


class SharedCounter:
    """Adds this server's counts to those of all servers.

    Args:
        rates: this server's.
        due: the windows whose counts are to be added.
        store: the tables.
        now: returns the time in seconds; the servers' clocks agree to a second or two.
    """

    def __init__(
        self, rates: Rates, due: DueWindows, store: Store, *, now: Callable[[], float] = time.time
    ) -> None:
        self._rates = rates
        self._due = due
        self._store = store
        self._now = now
        self._failures = 0
        self._silent_until = float("-inf")

    async def run(self) -> None:
        """Add whatever becomes due, until the task is cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            async with self._due.next() as window:
                is_answered = await self._add(window)
            if not is_answered:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _add(self, window: Window) -> bool:
        """Add a window's counts to its row and take the row's totals over; return whether DynamoDB answered."""
        ends = end_of_window(self._now(), window.seconds)
        rates = self._rates.of_window(window.seconds)
        added = {kind: amount for kind, rate in rates.items() if (amount := rate.unshared(window.who))}
        if not added:
            return True
        for kind, amount in added.items():
            rates[kind].note_shared(window.who, amount)
        row = await self._update(row_id(window, ends), _additions(added, ends))
        if self._now() < ends:  # else the counts are of a window that is over
            for kind, rate in rates.items():
                if row is not None:
                    rate.take_over(window.who, _total(row, kind))
                else:
                    rate.note_shared(window.who, -added.get(kind, 0))
        return row is not None

    async def _update(self, id: str, additions: list[Action]) -> Item | None:
        """Change a row and return it; None if DynamoDB does not answer, or refuses."""
        try:
            return await self._store.update(tables.RateCounter, id, additions)
        except (UnavailableError, ClientError, BotoCoreError) as error:
            self._log_failure(error)
            return None

    def _log_failure(self, error: Exception) -> None:
        """Write a line a minute, however many writes fail."""
        self._failures += 1
        if self._now() >= self._silent_until:
            _log.warning(
                "rates are counted by this server alone: the shared counter does not answer",
                failures=self._failures,
                error=repr(error),
            )
            self._failures = 0
            self._silent_until = self._now() + MINUTE


def _additions(amounts: Mapping[Kind, int], ends: float) -> list[Action]:
    expires_at = datetime.fromtimestamp(ends + KEPT_SECONDS, UTC)
    return [
        *(COUNTS[kind].add(amount) for kind, amount in amounts.items()),
        tables.RateCounter.expiresAt.set(expires_at),
    ]


def _total(row: Item, kind: Kind) -> int:
    return int(row.get(COUNTS[kind].attr_name, {"N": "0"})["N"])
