"""Reads the rows that fields ask for at the same time as one batch."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from models.storage.store import Item, Read

# Rows that are handed out at once: whoever waits for one goes on at the next turn of the event loop, all of them
# before anybody else.
_HANDED_OUT = 100

_Waiting = list[tuple[Read, "asyncio.Future[Item | None]"]]


class RowReads:
    """Batches reads; nothing is cached, because rows would go stale on a long-lived socket.

    Strawberry's DataLoader does the same, but it sends a batch off as soon as the event loop turns, and hands out
    all of its rows at once, so that 1,000 rows with a relation would keep the event loop for 100 ms.

    Args:
        read: reads rows by their keys, in the given order.
    """

    def __init__(self, read: Callable[[Sequence[Read]], Awaitable[list[Item | None]]]) -> None:
        self._read = read
        self._waiting: _Waiting = []
        self._holds = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, key: Read) -> "asyncio.Future[Item | None]":
        """Return a future of the row with a key, which is None if there is no such row."""
        future: asyncio.Future[Item | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if len(self._waiting) == 1 and not self._holds:
            self._send_soon()
        return future

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold reads back, so that those of fields that begin one after the other still make one batch."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if self._waiting and not self._holds:
                self._send_soon()

    def _send_soon(self) -> None:
        # What other fields ask for in this turn of the event loop and the next one joins the batch: where a row
        # has two relations, each is asked for in a task of its own, which begins a turn later.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._send)

    def _send(self) -> None:
        if self._holds or not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        task = asyncio.create_task(self._answer(batch))
        self._tasks.add(task)  # the event loop itself keeps no task alive
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, batch: _Waiting) -> None:
        wanted = [(key, future) for key, future in batch if not future.cancelled()]
        if not wanted:
            return
        try:
            rows = await self._read([key for key, _ in wanted])
        except Exception as error:  # noqa: BLE001 — each field that asked reports it
            for _, future in wanted:
                if not future.done():
                    future.set_exception(error)
            return
        for start in range(0, len(wanted), _HANDED_OUT):
            for (_, future), row in zip(
                wanted[start : start + _HANDED_OUT], rows[start : start + _HANDED_OUT], strict=True
            ):
                if not future.done():  # its field may have been cancelled
                    future.set_result(row)
            await asyncio.sleep(0)
