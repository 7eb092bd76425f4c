"""An HTTP server that runs the Lambda functions for the local cloud, and keeps Lambda's contract.

Each of its threads takes a call, runs the function and answers, so that no call is handed from one thread to
another, and a breakpoint in a handler stops nothing but that handler. Its URL holds a secret, without which nobody
can call it.
"""

import importlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
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
# Connections that wait for a thread; when there are so many, further callers cannot connect, and time out.
_BACKLOG = 4_096
_CLOSE_LIMIT = 3.0
_PAUSE_SECONDS = 0.1  # after a connection that could not be accepted
_PORTS = range(1, 65_536)
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
            found = cls(**json.loads(file.read_text()))
            if found.port in _PORTS:
                return found
        except (OSError, ValueError, TypeError):
            pass
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
        self._most_threads = threads
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._loaded: dict[str, Callable[[Any, LambdaContext], Any]] = {}
        self.address = Address.load(file)

    def __enter__(self) -> Self:
        with ExitStack() as begun:
            begun.enter_context(MetricPosts())
            self._listener = begun.enter_context(free_socket(self.address.port))
            self._listener.listen(_BACKLOG)
            self.address = Address(self._listener.getsockname()[1], self.address.secret)
            self.address.save(self._file)
            self._path = f"/{self.address.secret}"
            begun.callback(self._end)
            for number in range(self._most_threads):
                thread = threading.Thread(target=self._run, name=f"function-{number}", daemon=True)
                thread.start()
                self._threads.append(thread)
            self._begun = begun.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._begun.close()

    def _end(self) -> None:
        """End the threads: those that wait for a call at once, the others once they have answered.

        Whoever takes longer than `_CLOSE_LIMIT` is no longer waited for.
        """
        self._stop.set()
        until = time.monotonic() + _CLOSE_LIMIT
        with suppress(OSError):  # if no connection is taken any more, the calls that wait wake the threads
            for _ in self._threads:  # each connection wakes one thread
                left = max(0.01, until - time.monotonic())
                socket.create_connection((LOOPBACK, self.address.port or 0), timeout=left).close()
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))

    def _run(self) -> None:
        """Answer one call after another until the host stops."""
        while (connection := self._next_call()) is not None:
            with connection:
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
        """Answer a call; whatever is wrong with it, its thread goes on to the next."""
        try:
            send_answer(connection, *self._answer_to(connection))
        except OSError:
            pass  # the caller has left, or does not send or read in time
        except BaseException as error:  # noqa: BLE001 — such as a message that the log cannot write
            log.warning("a call was not answered", error=ascii(error))

    def _answer_to(self, connection: socket.socket) -> Answer:
        try:
            post = read_post(connection, self._path, _LARGEST_EVENT)
        except PostRefusedError as refusal:
            return refusal.status, b""
        return self._answer(post.headers, post.body)

    def _answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the status and the body for what a function returns or raises.

        A function that takes too long is not stopped: MiniStack ends the call, as Lambda does.
        """
        name = headers.get("x-amzn-lambda-function-name", "")
        if (function := self._functions.get(name)) is None:
            return _failure(404, "ResourceNotFoundException", f"there is no function {name}")
        if (left := _seconds_left(headers, function)) <= 0:
            return _failure(504, "Sandbox.Timedout", f"{name} was called too late")
        request_id = headers.get("x-amzn-lambda-request-id", "")
        context = LambdaContext(name, request_id, time.monotonic() + left)
        try:
            return 200, orjson.dumps(self._function(function.handler)(orjson.loads(body), context))
        except StoppedError as error:
            return _failure(503, type(error).__name__, str(error))
        except BaseException as error:
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


def _seconds_left(headers: Mapping[str, str], function: Function) -> float:
    """Return for how many seconds a caller still waits: the timeout, less the wait for a thread."""
    deadline = headers.get("x-amzn-lambda-deadline-ms", "")
    return int(deadline) / 1000 - time.time() if deadline.isdecimal() else function.timeout


def _failure(status: int, kind: str, message: str) -> Answer:
    # Python's own `json` also takes a message that is no valid Unicode.
    return status, json.dumps({"errorType": kind, "errorMessage": message}).encode()
