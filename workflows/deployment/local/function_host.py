"""An HTTP server that runs the Lambda functions for the local cloud, and keeps Lambda's contract.

Each of its threads takes a call, runs the function and answers, so that nothing hands calls over, and a breakpoint
in a handler stops nothing but that handler. Its URL holds a secret, without which nobody can call it.
"""

import importlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import structlog

from models.errors import StoppedError
from models.storage.names import Names
from workflows.deployment.local.event_posts import PostRefusedError, read_post, send_answer
from workflows.deployment.local.metric_posts import MetricPosts
from workflows.deployment.local.ministack_app import LOOPBACK, free_socket
from workflows.handlers import FUNCTIONS, Function

log = structlog.get_logger("workflows.functions")

THREADS = 64
# As on AWS, 6 MB.
_LARGEST_EVENT = 6_000_000
# Connections that wait for a thread; MiniStack has at most 256 calls at a time.
_BACKLOG = 1024
_CLOSE_LIMIT = 3.0
_PAUSE_SECONDS = 0.1
Answer = tuple[int, bytes]


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
            caller.settimeout(_CLOSE_LIMIT)
            return caller.connect_ex((LOOPBACK, self.port)) == 0

    def save(self, file: Path) -> None:
        """Save the address for the next run, so that executions which go on meanwhile find the functions again."""
        file.touch(mode=0o600)
        file.write_text(json.dumps({"port": self.port, "secret": self.secret}))


class FunctionHost:
    """Serves functions from threads of its own, for as long as its context is entered.

    Args:
        names: the deployment's names.
        file: where its address is saved.
        functions: the functions by name.
        threads: how many handlers may run at once.
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
        self._threads = [
            threading.Thread(target=self._run, name=f"function-{number}", daemon=True) for number in range(threads)
        ]
        self._stop = threading.Event()
        self._loaded: dict[str, Callable[[Any, LambdaContext], Any]] = {}
        self._metrics = MetricPosts()
        self.address = Address.load(file)

    def __enter__(self) -> Self:
        self._listener = free_socket(self.address.port)
        self._listener.listen(_BACKLOG)
        self.address = Address(self._listener.getsockname()[1], self.address.secret)
        self.address.save(self._file)
        self._path = f"/{self.address.secret}"
        for thread in self._threads:
            thread.start()
        self._metrics.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._metrics.__exit__(kind, error, trace)
        self._stop.set()
        for _ in self._threads:  # a connection wakes whoever waits for one
            with suppress(OSError):
                socket.create_connection((LOOPBACK, self.address.port or 0), timeout=_CLOSE_LIMIT).close()
        until = time.monotonic() + _CLOSE_LIMIT
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))
        self._listener.close()

    def _run(self) -> None:
        """Answer one call after another until the host stops."""
        while (connection := self._next_call()) is not None:
            with connection, suppress(OSError):  # if the caller has left
                self._serve(connection)

    def _next_call(self) -> socket.socket | None:
        """Wait for a call, and return its connection; None once the host stops."""
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:  # such as too many open files
                time.sleep(_PAUSE_SECONDS)
                continue
            if not self._stop.is_set():
                return connection
            connection.close()
        return None

    def _serve(self, connection: socket.socket) -> None:
        try:
            post = read_post(connection, self._path, _LARGEST_EVENT)
        except PostRefusedError as refusal:
            send_answer(connection, refusal.status, b"")
        else:
            send_answer(connection, *self._answer(post.headers, post.body))

    def _answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the status and body of what a function returns or raises; its caller stops waiting in time."""
        name = headers.get("x-amzn-lambda-function-name", "")
        if (function := self._functions.get(name)) is None:
            return _failure(404, "ResourceNotFoundException", f"there is no function {name}")
        request_id = headers.get("x-amzn-lambda-request-id", "")
        context = LambdaContext(name, request_id, time.monotonic() + function.timeout)
        try:
            return 200, orjson.dumps(self._function(function.handler)(orjson.loads(body), context))
        except StoppedError as error:
            return _failure(503, type(error).__name__, str(error))
        except Exception as error:
            log.exception("a function failed", function=name)
            return _failure(500, type(error).__name__, str(error))

    def _function(self, handler: str) -> Callable[[Any, LambdaContext], Any]:
        if (function := self._loaded.get(handler)) is None:
            function = self._loaded[handler] = _load(handler)
        return function


def _load(handler: str) -> Callable[[Any, LambdaContext], Any]:
    module, _, name = handler.rpartition(".")
    loaded: Callable[[Any, LambdaContext], Any] = getattr(importlib.import_module(module), name)
    return loaded


def _failure(status: int, kind: str, message: str) -> Answer:
    return status, orjson.dumps({"errorType": kind, "errorMessage": message})
