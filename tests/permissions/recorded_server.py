"""`server.py`, with a file of what it and its functions need of AWS: a line for each new need, with who has it.

RECORDED=needs.jsonl python -m tests.permissions.recorded_server serve
"""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import aiobotocore.client
import botocore.client
from botocore import xform_name

import server
from models.settings import Settings
from models.storage.direct import DirectCalls
from models.storage.direct_blocking import BlockingDirectCalls
from models.storage.json_calls import OPERATIONS
from models.storage.names import Names
from tests.permissions.needs import FILE, SERVER, Need, line_of, needs
from workflows.deployment.local import function_host
from workflows.handlers import FUNCTIONS

_BY_HANDLER = {function.handler: name for name, function in FUNCTIONS.items()}


class Recorder:
    """Notes needs in a file, each once for each who has it."""

    def __init__(self, file: Path, names: Names) -> None:
        self._file = file
        self._names = names
        self._known: set[tuple[str, Need]] = set()
        self._working = threading.local()
        # The deployment to the local cloud and its user pool are not the server's work.
        self.is_on = False

    def note(self, service: str, operation: str, params: Mapping[str, Any]) -> None:
        """Note what a call needs."""
        if not self.is_on:
            return
        who = getattr(self._working, "function", SERVER)
        for need in needs(self._names, service, operation, params):
            if (who, need) not in self._known:
                self._known.add((who, need))
                with self._file.open("a") as lines:
                    lines.write(line_of(who, need))

    def loading(self, load: Callable[[str], Any]) -> Callable[[str], Any]:
        """Return the loader of handlers, so that calls are known to be theirs."""

        def loaded(handler: str) -> Any:
            work = load(handler)

            def named(event: Any, context: Any) -> Any:
                self._working.function = _BY_HANDLER[handler]
                try:
                    return work(event, context)
                finally:
                    del self._working.function

            return named

        return loaded

    def calling(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return how clients of botocore or aiobotocore call."""

        def noted(client: Any, operation: str, params: Mapping[str, Any]) -> Any:
            self.note(client.meta.service_model.service_name, xform_name(operation), params)
            return call(client, operation, params)

        return noted

    def calling_directly(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return how rows and workflows are called past botocore."""

        def noted(calls: Any, operation: str, params: Mapping[str, Any]) -> Any:
            service = next(name for name, known in OPERATIONS.items() if operation in known)
            self.note(service, operation, params)
            return call(calls, operation, params)

        return noted

    def composing(self, composed: Callable[..., Any]) -> Callable[..., Any]:
        """Return how the server is composed, from which on it records."""

        def begun(*given: Any, **named: Any) -> Any:
            self.is_on = True
            return composed(*given, **named)

        return begun


def record(recorder: Recorder) -> None:
    """Record everything that this process calls from now on."""
    patches: Iterable[tuple[Any, str, Callable[[Callable[..., Any]], Callable[..., Any]]]] = (
        (botocore.client.BaseClient, "_make_api_call", recorder.calling),
        (aiobotocore.client.AioBaseClient, "_make_api_call", recorder.calling),
        (DirectCalls, "call", recorder.calling_directly),
        (BlockingDirectCalls, "call", recorder.calling_directly),
        (function_host, "_load", recorder.loading),
        (server, "composed", recorder.composing),
    )
    for of, name, recording in patches:
        setattr(of, name, recording(getattr(of, name)))


def cli(arguments: list[str] | None = None) -> None:
    """Run a command of `server.py`, and record."""
    record(Recorder(Path(os.environ[FILE]), Settings().names))
    server.cli(arguments)


if __name__ == "__main__":
    cli()
