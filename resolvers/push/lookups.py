"""Looks up the members whom an event is for, all in a few batches."""

import asyncio

from models import tables
from models.storage.store import BATCH_KEYS, Item, Store

# Seconds for which a batch waits for others: subscribers have their turns one after another.
_TOGETHER = 0.002

_Row = asyncio.Future[Item | None]


class Lookups:
    """Reads the rows of members who must be looked up before they are told anything.

    Args:
        store: the tables.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: dict[str, _Row] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._reading: set[asyncio.Task[None]] = set()

    def of(self, sub: str) -> _Row:
        """Return a future of a member's row, None if there is none, read consistently after the call."""
        found = self._wanted.get(sub)
        if found is None:
            loop = asyncio.get_running_loop()
            if not self._wanted:
                self._timer = loop.call_later(_TOGETHER, self._begin)
            found = self._wanted[sub] = loop.create_future()
            if len(self._wanted) == BATCH_KEYS:
                self._begin()
        return found

    def _begin(self) -> None:
        wanted, self._wanted = self._wanted, {}
        if self._timer is not None:
            self._timer.cancel()
        task = asyncio.create_task(self._read(wanted))
        self._reading.add(task)  # the event loop itself keeps no task alive
        task.add_done_callback(self._reading.discard)

    async def _read(self, wanted: dict[str, _Row]) -> None:
        try:
            rows = await self._store.batch_get([(tables.User, sub) for sub in wanted], consistent=True)
        except Exception as error:  # noqa: BLE001 — each subscriber reports it
            for found in wanted.values():
                found.set_exception(error)
                found.exception()  # all who asked may have left
            return
        for found, row in zip(wanted.values(), rows, strict=True):
            found.set_result(row)
