"""An HTTP server that runs the Lambda functions for the local cloud, and keeps Lambda's contract.

It has an event loop and threads of its own, so that the server's loop stays free and a breakpoint in a handler
stops nothing but that handler. Its URL holds a secret, without which nobody can call it.
"""

import asyncio
import importlib
import inspect
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import structlog
import uvloop

from models.errors import StoppedError
from models.storage.names import Names
from workflows.deployment.local.event_posts import Answer, EventPosts
from workflows.deployment.local.metric_posts import MetricPosts
from workflows.deployment.local.ministack_app import LOOPBACK, free_socket
from workflows.handlers import FUNCTIONS, Function

log = structlog.get_logger("workflows.functions")

THREADS = 64
# As on AWS: 6 MB for an event, and a limit on how many calls may wait.
_LARGEST_EVENT = 6_000_000
_MOST_CALLS = 4_000
_CLOSE_LIMIT = 3.0
_START_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda passes to a handler beside the event; `deadline` is by the monotonic clock."""

    function_name: str
    aws_request_id: str
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left to the handler."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass(frozen=True, slots=True)
class Address:
    """Where the functions are served: a port, None before the first run, and the secret in the path."""

    port: int | None
    secret: str

    @property
    def url(self) -> str:
        """Return the URL that the local cloud posts events to."""
        return f"http://{LOOPBACK}:{self.port}/{self.secret}"

    @classmethod
    def load(cls, file: Path) -> "Address":
        """Return the address of the last run, or a new one without a port."""
        try:
            return cls(**json.loads(file.read_text()))
        except (OSError, ValueError, TypeError):
            return cls(None, secrets.token_urlsafe(24))

    def with_port(self) -> "Address":
        """Return this address; if it has no port, with one that is free now."""
        if self.port is not None:
            return self
        with free_socket(None) as listener:
            return Address(listener.getsockname()[1], self.secret)

    def is_served(self) -> bool:
        """Return whether a process serves at this address."""
        if self.port is None:
            return False
        with socket.socket() as caller:
            caller.settimeout(_START_LIMIT)
            return caller.connect_ex((LOOPBACK, self.port)) == 0

    def save(self, file: Path) -> None:
        """Save the address for the next run, so that executions which go on meanwhile find the functions again."""
        file.touch(mode=0o600)
        file.write_text(json.dumps({"port": self.port, "secret": self.secret}))


class FunctionHost:
    """Serves functions from a thread of its own, for as long as its context is entered.

    Args:
        names: the deployment's names.
        file: where its address is saved.
        functions: the functions by name.
        threads: how many synchronous handlers may run at once.
    """

    def __init__(
        self,
        names: Names,
        file: Path,
        *,
        functions: Mapping[str, Function] = FUNCTIONS,
        threads: int = THREADS,
    ) -> None:
        self._functions = {names.function(name): function for name, function in functions.items()}
        self._file = file
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._calls = 0
        self._loaded: dict[str, Callable[[Any, LambdaContext], Any]] = {}
        self._metrics = MetricPosts()
        self.address = Address.load(file)

    def __enter__(self) -> Self:
        listener = free_socket(self.address.port)
        self.address = Address(listener.getsockname()[1], self.address.secret)
        self.address.save(self._file)
        self._thread = threading.Thread(target=self._run, args=(listener,), name="function-host", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_LIMIT):
            raise TimeoutError("the function host did not start")
        self._metrics.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._metrics.__exit__(kind, error, trace)
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(2 * _CLOSE_LIMIT)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, listener: socket.socket) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        connections: set[EventPosts] = set()
        path = f"/{self.address.secret}"
        server = await self._loop.create_server(
            lambda: EventPosts(path, self._handle, _LARGEST_EVENT, connections), sock=listener, backlog=1024
        )
        self._ready.set()
        await self._stop.wait()
        server.close()
        if answering := [one.answering for one in connections if one.answering is not None]:
            await asyncio.wait(answering, timeout=_CLOSE_LIMIT)
        for one in list(connections):
            one.close()
        await asyncio.sleep(0)  # in which they are closed

    async def _handle(self, headers: Mapping[str, str], body: bytes) -> Answer:
        name = headers.get("x-amzn-lambda-function-name", "")
        if (function := self._functions.get(name)) is None:
            return _failure(404, "ResourceNotFoundException", f"there is no function {name}")
        if self._calls >= _MOST_CALLS:
            return _failure(429, "TooManyRequestsException", "too many calls wait")
        request_id = headers.get("x-amzn-lambda-request-id", "")
        context = LambdaContext(name, request_id, time.monotonic() + function.timeout)
        self._calls += 1
        try:
            event = orjson.loads(body)
            async with asyncio.timeout(function.timeout):
                return 200, orjson.dumps(await self._call(function.handler, event, context))
        except TimeoutError:
            return _failure(504, "Sandbox.Timedout", f"{name} timed out after {function.timeout} seconds")
        except StoppedError as error:
            return _failure(503, type(error).__name__, str(error))
        except Exception as error:
            log.exception("a function failed", function=name)
            return _failure(500, type(error).__name__, str(error))
        finally:
            self._calls -= 1

    async def _call(self, handler: str, event: Any, context: LambdaContext) -> Any:
        if (function := self._loaded.get(handler)) is None:
            function = self._loaded[handler] = await self._loop.run_in_executor(self._pool, _load, handler)
        if inspect.iscoroutinefunction(function):
            return await function(event, context)
        return await self._loop.run_in_executor(self._pool, function, event, context)


def _load(handler: str) -> Callable[[Any, LambdaContext], Any]:
    module, _, name = handler.rpartition(".")
    loaded: Callable[[Any, LambdaContext], Any] = getattr(importlib.import_module(module), name)
    return loaded


def _failure(status: int, kind: str, message: str) -> Answer:
    return status, orjson.dumps({"errorType": kind, "errorMessage": message})
