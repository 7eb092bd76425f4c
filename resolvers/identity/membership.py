"""Who of those who are signed in is a member: has joined, and is active."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from models import tables
from models.storage.store import Item, Store
from resolvers.identity.callers import Caller, Standing

# Seconds for which a removed or inactive member may go on; a member costs each server one read in that time.
KEPT_FOR = 5.0
_KEPT = 10_000  # members that are remembered


class Membership:
    """Looks members up by their `sub`; those who are found are remembered for a few seconds, others never.

    Args:
        store: the tables.
        now: returns the time in seconds.
    """

    def __init__(self, store: Store, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._known_until: OrderedDict[str, float] = OrderedDict()

    async def of(self, caller: Caller) -> Caller:
        """Return a caller with the standing that they have now; an inactive one has no groups either."""
        if caller.standing is Standing.GUEST:
            return caller
        if self._known_until.get(caller.sub, 0) > self._now():
            return replace(caller, standing=Standing.MEMBER)
        # Consistent, because whoever has just joined may ask another server next.
        row = await self._store.get(tables.User, caller.sub, consistent=True)
        if row is None:
            return replace(caller, standing=Standing.NEWCOMER)
        if not is_active(row):
            return replace(caller, standing=Standing.NEWCOMER, groups=frozenset())
        self._remember(caller.sub)
        return replace(caller, standing=Standing.MEMBER)

    def _remember(self, sub: str) -> None:
        self._known_until[sub] = self._now() + KEPT_FOR
        self._known_until.move_to_end(sub)
        if len(self._known_until) > _KEPT:
            self._known_until.popitem(last=False)


def is_active(row: Item) -> bool:
    """Return whether a member's row says that they are active; a row that does not say is."""
    return bool(row.get("isActive", {}).get("BOOL", True))
