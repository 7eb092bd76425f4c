"""DynamoDB within this process: MiniStack's own code without HTTP, for tests with many thousands of calls."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import dynamodb

from models.storage.calls import drive
from models.storage.names import Names
from models.tables import TABLES, Table
from tests.engines.tables import create_table_parameters
from workflows.deployment.local import ministack_copies

ministack_copies.apply()


class Embedded:
    """Calls to tables of their own, with responses and errors as botocore returns them."""

    def __init__(self, names: Names, tables: Sequence[type[Table]] = TABLES) -> None:
        # Request tokens of another engine in this process, with the same ids, must not count here.
        dynamodb._txn_idempotency.clear()
        self._tables: list[str] = []
        for parameters in create_table_parameters(names, tables):
            self._tables.append(parameters["TableName"])
            drive(self.call("dynamodb", "create_table", **parameters))

    def close(self) -> None:
        """Drop the tables."""
        for name in self._tables:
            drive(self.call("dynamodb", "delete_table", TableName=name))

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call a DynamoDB operation; its effect is immediate and atomic.

        Raises:
            ClientError: as botocore would raise it.
        """
        assert service == "dynamodb", f"there is no {service} here"
        action = "".join(word.capitalize() for word in operation.split("_"))
        headers = {"x-amz-target": f"DynamoDB_20120810.{action}"}
        # Through JSON and back, as over the wire: no row is shared with its writer.
        sent = json.dumps(params).encode()
        status, _, body = await dynamodb.handle_request("POST", "/", headers, sent, {})
        answer = json.loads(body)
        if status >= 400:
            answer["Error"] = {
                "Code": answer.pop("__type").rpartition("#")[2],
                "Message": answer.get("message", ""),
            }
            raise ClientError(answer, action)
        return answer

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        """Return True: nobody queues."""
        del keys
        return True

    @asynccontextmanager
    async def queue(self, keys: Iterable[str], *, by: str | None = None) -> AsyncIterator[None]:
        """Queue for nothing: concurrent callers stand for different processes."""
        del keys, by
        yield
