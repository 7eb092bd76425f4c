"""How calls reach AWS: from the server's event loop, or from the thread of a Lambda handler.

Code built on `Calls` (the store, the transactions, the executions) is written once, as coroutines. The server
awaits them over aiobotocore. A Lambda handler runs them over botocore, where no call ever suspends, so that
`drive` can run a coroutine to its end without an event loop.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any, Protocol, Self, TypeVar
from weakref import WeakValueDictionary

import boto3
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.config import Config

from models.errors import StoppedError
from models.storage.parsing import ROW_SERVICES, RowParsers

_T = TypeVar("_T")

# In seconds. All attempts of one call together stay under a handler's 30 s; botocore's standard mode retries
# throttling.
_TIMES: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 6,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}


class Calls(Protocol):
    """A way to call AWS. Raises botocore's `ClientError` and `BotoCoreError` unchanged."""

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation by botocore's snake-case name and return its response."""

    async def pause(self, seconds: float) -> None:
        """Wait for this many seconds."""

    def queue(self, keys: Iterable[str]) -> AbstractAsyncContextManager[None]:
        """Wait for the turn of each key and hold it: a process works on one account at a time."""


class AsyncCalls:
    """Calls from an event loop, over aiobotocore. Enter it before the first call.

    Args:
        services: the clients to open, such as `"dynamodb"` and `"stepfunctions"`.
        connections: the most connections to each service.
    """

    def __init__(self, services: Iterable[str], *, connections: int = 100) -> None:
        self._services = tuple(services)
        self._config = {**_TIMES, "max_pool_connections": connections}
        self._clients: dict[str, Any] = {}
        self._stack = AsyncExitStack()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __aenter__(self) -> Self:
        session, rows = get_session(), get_session()
        rows.register_component("response_parser_factory", RowParsers())
        for service in self._services:
            of = rows if service in ROW_SERVICES else session
            client = of.create_client(service, config=AioConfig(**self._config))
            self._clients[service] = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation and return its response."""
        return await getattr(self._clients[service], operation)(**params)

    async def pause(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)

    @asynccontextmanager
    async def queue(self, keys: Iterable[str]) -> AsyncIterator[None]:
        """Hold an asyncio lock for each key, acquired in order so that no two callers deadlock."""
        locks = [self._locks.setdefault(key, asyncio.Lock()) for key in sorted(set(keys))]
        async with AsyncExitStack() as held:
            for lock in locks:
                await held.enter_async_context(lock)
            yield


class BlockingCalls:
    """Calls from a thread, over botocore: no coroutine of this class ever suspends."""

    def __init__(self, *, connections: int = 64) -> None:
        self._config = Config(**_TIMES, max_pool_connections=connections)
        self._session = boto3.Session()
        self._clients: dict[str, Any] = {}
        self._opening = threading.Lock()
        self._stopped = threading.Event()
        self._locks: WeakValueDictionary[str, _QueueLock] = WeakValueDictionary()

    def _client(self, service: str) -> Any:
        if (client := self._clients.get(service)) is None:
            with self._opening:  # boto3 sessions are not thread-safe, clients are
                if (client := self._clients.get(service)) is None:
                    client = self._session.client(service, config=self._config)  # type: ignore[call-overload]
                    self._clients[service] = client
        return client

    def stop(self) -> None:
        """Make every further call fail, so that whatever still uses these calls ends."""
        self._stopped.set()

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation and return its response; the thread waits.

        Raises:
            StoppedError: `stop` was called.
        """
        if self._stopped.is_set():
            raise StoppedError("this process is stopping")
        return getattr(self._client(service), operation)(**params)

    async def pause(self, seconds: float) -> None:
        """Let the thread sleep, until `stop` is called at the latest."""
        self._stopped.wait(seconds)

    @asynccontextmanager
    async def queue(self, keys: Iterable[str]) -> AsyncIterator[None]:
        """Hold a lock for each key, acquired in order so that no two threads deadlock."""
        with self._opening:
            locks = [self._locks.setdefault(key, _QueueLock()) for key in sorted(set(keys))]
        with ExitStack() as held:
            for queued in locks:
                held.enter_context(queued.lock)
            yield


class _QueueLock:
    """A lock that a WeakValueDictionary can hold; a plain `threading.Lock` cannot be weakly referenced."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def drive(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine built on `BlockingCalls` to its end in this thread and return its result.

    Raises:
        RuntimeError: it suspended, so it awaited something that needs an event loop.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a coroutine driven without an event loop must not suspend")
