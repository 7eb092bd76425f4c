"""Both apps on one engine within this process, for the commands: executions are only noted."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import Progress

from models.settings import Settings
from models.storage.calls import Calls
from tests.unit.former_app import FORMER
from tests.unit.former_world import FormerWorld
from tests.unit.models.migration.migrating import Migrating
from tests.unit.stored import NAMES
from workflows.console.migration.apps import Apps
from workflows.console.migration.progress import Steps


class NotedExecutions:
    """Calls of which those to Step Functions are noted, by the names of executions; with `fails`, they fail."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.started: set[str] = set()
        self.fails = False

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        if service != "stepfunctions":
            return await self._calls.call(service, operation, **params)
        if self.fails:
            raise ClientError({"Error": {"Code": "StateMachineDoesNotExist"}}, operation)
        if operation == "start_execution":
            self.started.add(params["name"])
        return {}

    async def pause(self, seconds: float) -> None:
        await self._calls.pause(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        return self._calls.is_free(keys)

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        return self._calls.queue(keys, by=by)


def apps_of(migrating: Migrating) -> tuple[Apps, NotedExecutions]:
    """Return both apps, and the executions that were started."""
    calls = NotedExecutions(migrating.calls)
    return Apps.over(calls, Settings(stack=NAMES.stack), FORMER), calls


async def fill(migrating: Migrating, world: FormerWorld) -> None:
    """Store the rows of a former app."""
    for table, item in world.all_rows():
        await migrating.put(table, item)


def unseen() -> Steps:
    """Return bars that nobody sees."""
    return Steps(Progress(console=Console(quiet=True), disable=True))
