"""HourBank's processes, each of which can be killed: the server, its functions, and the local cloud."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Self

from models.settings import Settings
from tests.integration.conftest import STOP_LIMIT, Cloud, Process, Server
from workflows.deployment.local.local_cloud import LocalCloud

APART = ("serve", "--functions", "external")
_LOOK_EVERY = 0.02
# The local cloud saves every five seconds, if anything has changed.
_SAVE_LIMIT = 60.0


class Processes(Server):
    """A server with its functions in a process of their own, so that each can be killed separately."""

    functions: Process | None = None

    def __enter__(self) -> Self:
        self.start_missing()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.kill_functions()
        finally:
            self.stop()

    def start_missing(self) -> None:
        """Start again whatever is dead, as an operator does."""
        if self.process is None:
            self.start(*APART)
        if self.functions is None:
            self.functions = self._started("functions")

    def kill_server(self) -> None:
        """Kill the server with SIGKILL, if it runs."""
        if self.process:
            self.end(signal.SIGKILL)

    def kill_functions(self) -> None:
        """Kill the functions' process with SIGKILL, if it runs."""
        process, self.functions = self.functions, None
        if process:
            process.kill()
            process.wait(STOP_LIMIT)

    def kill_all(self) -> None:
        """Kill everything at once, the local cloud first."""
        os.kill(self.cloud["pid"], signal.SIGKILL)
        self.kill_server()
        self.kill_functions()
        while self._cloud._is_running():
            time.sleep(_LOOK_EVERY)

    @property
    def cloud(self) -> dict[str, Any]:
        """Return the local cloud's process id and address."""
        whereabouts: dict[str, Any] = json.loads((self.directory / "cloud.json").read_text())
        return whereabouts

    @property
    def _cloud(self) -> LocalCloud:
        return LocalCloud(self.directory, Settings())

    def client(self, service: str) -> Any:
        """Return a boto3 client of the local cloud."""
        return Cloud(self.environment).client(service)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that lead AWS clients to the local cloud."""
        cloud = self._cloud
        cloud.attach()
        return cloud.environment

    async def next_save(self) -> None:
        """Wait until the local cloud has saved its rows once more."""
        before = self._saved_at()
        async with asyncio.timeout(_SAVE_LIMIT):
            while self._saved_at() == before:  # noqa: ASYNC110 — a file sends no event
                await asyncio.sleep(_LOOK_EVERY)

    def _saved_at(self) -> int | None:
        return self.rows.stat().st_mtime_ns if self.rows.exists() else None

    @property
    def rows(self) -> Path:
        """Return the file in which the local cloud keeps every row."""
        return self.directory / "state" / "dynamodb.json"
