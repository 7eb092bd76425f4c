"""Who of those who are signed in is a member: has joined, is active, and has not signed out everywhere since."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from models import clock, tables
from models.limits import fixed_limit
from models.storage.store import Item, Store
from resolvers.identity.callers import Caller, Standing

# Seconds for which a removed or inactive member may go on; a member costs each server one read in that time.
KEPT_FOR = fixed_limit(
    5.0, "seconds until every server knows that a member was removed", topic="requests and sockets", code="none"
)
_KEPT = 10_000  # members that are remembered


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a member, until a time of the clock."""

    until: float
    tokens_valid_from: float


class Membership:
    """Looks members up by their `sub`; those who are found are remembered for a few seconds, others never.

    Args:
        store: the tables.
        now: returns the time in seconds.
    """

    def __init__(self, store: Store, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def of(self, caller: Caller) -> Caller:
        """Return a caller with the standing that they have now.

        An inactive one has no groups either; a token from before the member signed out everywhere has expired.
        """
        if (known := self.recall(caller)) is not None:
            return known
        # Consistent, because whoever has just joined may ask another server next.
        return self.judge(caller, await self._store.get(tables.User, caller.sub, consistent=True))

    def recall(self, caller: Caller) -> Caller | None:
        """Return a caller with the standing that is remembered, None if they must be looked up."""
        if caller.standing is Standing.GUEST:
            return caller
        known = self._known.get(caller.sub)
        if known is None or known.until <= self._now():
            return None
        return _member(caller, known.tokens_valid_from)

    def judge(self, caller: Caller, row: Item | None) -> Caller:
        """Return a caller with the standing that they have by their row, a consistent read; remember a member."""
        if row is None:
            return replace(caller, standing=Standing.NEWCOMER)
        if not is_active(row):
            return replace(caller, standing=Standing.NEWCOMER, groups=frozenset())
        valid_from = _tokens_valid_from(row)
        self._remember(caller.sub, valid_from)
        return _member(caller, valid_from)

    def _remember(self, sub: str, tokens_valid_from: float) -> None:
        self._known[sub] = _Known(self._now() + KEPT_FOR, tokens_valid_from)
        self._known.move_to_end(sub)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)


def _member(caller: Caller, tokens_valid_from: float) -> Caller:
    """Return a caller as the member who they are, unless they have signed out everywhere since their token."""
    if caller.issued < tokens_valid_from:
        return replace(caller, standing=Standing.NEWCOMER, groups=frozenset(), expires=0)
    return caller if caller.standing is Standing.MEMBER else replace(caller, standing=Standing.MEMBER)


def _tokens_valid_from(row: Item) -> float:
    """Return the moment before which no token counts, in epoch seconds; 0 if there is none."""
    text = row.get("tokensValidFrom", {}).get("S")
    return 0.0 if text is None else clock.from_text(text).timestamp()


def is_active(row: Item) -> bool:
    """Return whether a member's row says that they are active; a row that does not say is."""
    return bool(row.get("isActive", {}).get("BOOL", True))
