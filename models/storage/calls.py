"""How calls reach AWS: from the server's event loop, or from the thread of a Lambda handler.

Code built on `Calls` (the store, the transactions, the executions) is written once, as coroutines. The server
awaits them over aiobotocore (see `async_calls`). A Lambda handler runs them over botocore, where no call ever
suspends, so that `drive` can run a coroutine to its end without an event loop. Neither aiobotocore nor boto3 is
imported here: they are half of the functions' package and of a cold start.
"""

import threading
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any, Protocol, TypeVar

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from models.errors import StoppedError
from models.spans import spanned
from models.storage.direct_blocking import BlockingDirectCalls
from models.storage.json_calls import OPERATIONS
from models.storage.lines import Lines
from models.storage.outages import check_answer
from models.storage.sent_calls import note_call

_T = TypeVar("_T")
_S = TypeVar("_S", bound=Session)

# In seconds. All attempts of one call together stay under a handler's 30 s; botocore's standard mode retries
# throttling.
TIMES: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 6,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}


def with_shared_loader(session: _S) -> _S:
    """Return a session that shares botocore's loader with the other sessions of this process.

    A loader keeps what it has read: the endpoints of all services, which takes 70 ms, and the operations of each
    service that is called.
    """
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return session


@cache
def _loader(path: str | None) -> Loader:
    return create_loader(path)


def new_client(service: str, **options: Any) -> Any:
    """Return a new client of an AWS service, for the account and region that the AWS variables name now.

    Args:
        service: the service, such as `"cognito-idp"`.
        options: those of botocore's `create_client`.
    """
    return with_shared_loader(botocore.session.get_session()).create_client(service, **options)


class Calls(Protocol):
    """A way to call AWS. Raises botocore's `ClientError` and `BotoCoreError` unchanged; see `PromptCalls`, too."""

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation by botocore's snake-case name and return its response."""

    async def pause(self, seconds: float) -> None:
        """Wait for this many seconds."""

    def is_free(self, keys: Iterable[str]) -> bool:
        """Return whether nobody holds any of the keys or waits for one, so that `queue` would not wait."""

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        """Wait for a turn at all of the keys and hold them: a process works on one account at a time.

        Callers take turns, and whoever owns a key, because it is their id, has every second one; see `Lines`.

        Args:
            keys: the ids of the accounts, or of whatever else is worked on.
            by: on whose behalf; None for work that is nobody's.

        Raises:
            ContentionError: too many wait already.
        """


class BlockingCalls:
    """Calls from a thread, over botocore: no coroutine of this class ever suspends."""

    def __init__(self, *, connections: int = 64) -> None:
        self._config = Config(**TIMES, max_pool_connections=connections)
        self._session = with_shared_loader(botocore.session.get_session())
        self._clients: dict[str, Any] = {}
        self._direct: dict[str, BlockingDirectCalls] = {}
        self._opening = threading.Lock()
        self._stopped = threading.Event()
        # The functions' work is bounded by their threads, and a workflow whose step is refused would fail.
        self._lines = Lines(limits=None)
        self._lining_up = threading.Lock()

    def _client(self, service: str) -> Any:
        if (client := self._clients.get(service)) is None:
            with self._opening:  # sessions are not thread-safe, clients are
                if (client := self._clients.get(service)) is None:
                    client = self._session.create_client(service, config=self._config)
                    client.meta.events.register("before-parse", check_answer)
                    if service in OPERATIONS:
                        self._direct[service] = BlockingDirectCalls(client)
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
        note_call()
        client = self._client(service)
        with spanned(f"{service}.{operation}"):
            if service in self._direct and operation in OPERATIONS[service]:
                return self._direct[service].call(operation, params)
            return getattr(client, operation)(**params)

    async def pause(self, seconds: float) -> None:
        """Let the thread sleep, until `stop` is called at the latest."""
        self._stopped.wait(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        """Return whether nobody holds any of the keys or waits for one."""
        with self._lining_up:
            return self._lines.are_free(keys)

    @asynccontextmanager
    async def queue(self, keys: Iterable[str], *, by: str | None = None) -> AsyncIterator[None]:
        """Let the thread wait in line."""
        turn = threading.Event()
        with self._lining_up:
            place = self._lines.enter(keys, by, turn.set)
        try:
            turn.wait()
            yield
        finally:
            with self._lining_up:
                self._lines.leave(place)


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
