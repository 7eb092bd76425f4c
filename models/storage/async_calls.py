"""Calls to AWS from the server's event loop, over aiobotocore."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from models.storage.calls import TIMES, with_shared_loader
from models.storage.direct import DirectCalls
from models.storage.json_calls import OPERATIONS
from models.storage.lines import LineLimits, Lines
from models.storage.outages import check_answer
from models.storage.parsing import ROW_SERVICES, RowParsers


class AsyncCalls:
    """Calls from an event loop, over aiobotocore. Enter it before the first call.

    Args:
        services: the clients to open, such as `"dynamodb"` and `"stepfunctions"`.
        connections: the most connections to each service.
        lines: how many may wait for one account.
    """

    def __init__(
        self, services: Iterable[str], *, connections: int = 100, lines: LineLimits | None = None
    ) -> None:
        self._services = tuple(services)
        self._config = {**TIMES, "max_pool_connections": connections}
        self._clients: dict[str, Any] = {}
        self._direct: dict[str, DirectCalls] = {}
        self._stack = AsyncExitStack()
        self._lines = Lines(lines or LineLimits())

    async def __aenter__(self) -> Self:
        session, rows = with_shared_loader(get_session()), with_shared_loader(get_session())
        rows.register_component("response_parser_factory", RowParsers())
        for service in self._services:
            of = rows if service in ROW_SERVICES else session
            client = of.create_client(service, config=AioConfig(**self._config))
            self._clients[service] = opened = await self._stack.enter_async_context(client)
            opened.meta.events.register("before-parse", check_answer)
            if service in OPERATIONS:
                self._direct[service] = DirectCalls(opened)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation and return its response."""
        if service in self._direct and operation in OPERATIONS[service]:
            return await self._direct[service].call(operation, params)
        return await getattr(self._clients[service], operation)(**params)

    async def pause(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        """Return whether nobody holds any of the keys or waits for one."""
        return self._lines.are_free(keys)

    @asynccontextmanager
    async def queue(self, keys: Iterable[str], *, by: str | None = None) -> AsyncIterator[None]:
        """Wait in line; whoever is cancelled meanwhile leaves it.

        Raises:
            ContentionError: too many wait already.
        """
        turn = asyncio.get_running_loop().create_future()
        # Work that was cancelled a moment ago still stands in line, and passes its turn on when it leaves.
        place = self._lines.enter(keys, by, lambda: None if turn.done() else turn.set_result(None))
        try:
            await turn
            yield
        finally:
            self._lines.leave(place)
