"""Calls that neither wait nor queue, for tests of what is built on `Calls`."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager


class Unqueued:
    """The part of `Calls` beside `call`: it notes the pauses and the queues that were asked for."""

    def __init__(self) -> None:
        self.paused: list[float] = []
        self.queued: list[tuple[Iterable[str], str | None]] = []

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        return not keys

    @asynccontextmanager
    async def queue(self, keys: Iterable[str], *, by: str | None = None) -> AsyncIterator[None]:
        self.queued.append((keys, by))
        yield
