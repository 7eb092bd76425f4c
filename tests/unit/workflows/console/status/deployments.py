"""A deployment for `status`: tables on an engine within this process; queues, executions and metrics as set."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from models.clock import Clock
from models.settings import Settings
from models.storage.calls import Calls
from models.storage.codec import encode
from models.storage.names import Names
from models.tables import Table
from tests.engines.embedded import Embedded
from tests.unit.builders import NOW
from workflows.console.status.looking import Look
from workflows.console.status.readings import Reading
from workflows.executions.services import Services

SETTINGS = Settings().model_copy(update={"stack": "unit", "region": "us-east-1", "account": "0" * 12})
NAMES = SETTINGS.names


@dataclass(kw_only=True)
class AwsBeside:
    """Calls to tables are handed on; everything else is answered from here.

    Args:
        tables: the way to the tables.
        names: the deployment's names.
        letters: visible and hidden messages of the dead-letter queue.
        queues: messages of each server's queue, and the tag of its server's last sign of life.
        ended: executions that have ended, by machine and status: their names and when they stopped.
        ages: milliseconds that functions are behind their streams.
        refused: the service that answers nothing.
    """

    tables: Calls
    names: Names = NAMES
    letters: tuple[int, int] = (0, 0)
    queues: dict[str, tuple[int, str]] = field(default_factory=dict)
    ended: dict[tuple[str, str], list[tuple[str, datetime]]] = field(default_factory=dict)
    ages: dict[str, list[float]] = field(default_factory=dict)
    page: int = 200
    refused: str = ""
    paused: list[float] = field(default_factory=list)

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        if service == self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)
        if operation == "describe_table":
            return {"Table": {"CreationDateTime": NOW - timedelta(days=9)}}
        if service == "dynamodb":
            return await self.tables.call(service, operation, **params)
        return getattr(self, f"_{operation}")(params)

    def _get_queue_attributes(self, params: dict[str, Any]) -> dict[str, Any]:
        name = params["QueueUrl"].rpartition("/")[2]
        found = self.letters if name == self.names.dead_letter_queue else (self.queues[name][0], 0)
        return {"Attributes": dict(zip(params["AttributeNames"], map(str, found), strict=True))}

    def _list_queues(self, params: dict[str, Any]) -> dict[str, Any]:
        assert params["QueueNamePrefix"] == self.names.server_queues
        return {"QueueUrls": [f"https://sqs/0/{name}" for name in self.queues]} if self.queues else {}

    def _list_queue_tags(self, params: dict[str, Any]) -> dict[str, Any]:
        beat = self.queues[params["QueueUrl"].rpartition("/")[2]][1]
        return {"Tags": {"hourbank:heartbeat": beat}} if beat else {}

    def _list_executions(self, params: dict[str, Any]) -> dict[str, Any]:
        machine = params["stateMachineArn"].rpartition(f":{self.names.stack}-")[2]
        found = self.ended.get((machine, params["statusFilter"]), [])
        start = int(params.get("nextToken", 0))
        after = start + min(self.page, params["maxResults"])
        page = [
            {"executionArn": self.names.execution_arn(machine, name), "stopDate": at}
            for name, at in found[start:after]
        ]
        return {"executions": page} | ({"nextToken": str(after)} if after < len(found) else {})

    def _get_metric_data(self, params: dict[str, Any]) -> dict[str, Any]:
        ids = [one["Id"] for one in params["MetricDataQueries"]]
        return {"MetricDataResults": [{"Id": one, "Values": self.ages.get(one, [])} for one in ids]}

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        return self.tables.is_free(keys)

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        return self.tables.queue(keys, by=by)


def look_over(calls: Calls, settings: Settings = SETTINGS, clock: Clock = lambda: NOW) -> Look:
    """Return a look at a deployment at a fixed time."""
    return Look(replace(Services.over(calls, settings), clock=clock), on_aws=True)


class Deployment:
    """A deployment whose rows and whose other parts are set."""

    def __init__(self, engine: Embedded) -> None:
        self.aws = AwsBeside(tables=engine)
        self.look = look_over(self.aws)

    async def put(self, table: type[Table], *rows: Any) -> None:
        for row in rows:
            await self.look.services.store.put(table, encode(table, row))

    async def reading(self, name: str) -> Reading:
        """Return one reading of a whole look."""
        found = {one.name: one for one in (await self.look.status()).readings}
        return found[name]


@asynccontextmanager
async def deployment() -> AsyncIterator[Deployment]:
    engine = Embedded(NAMES)
    try:
        yield Deployment(engine)
    finally:
        engine.close()
