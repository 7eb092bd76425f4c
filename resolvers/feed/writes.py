"""Tells the change feed of this server's own writes, so that their changes need not wait for its next read."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from models.spans import span_recorder, spanned
from models.storage.breaker import PromptCalls

_ROW_WRITES = frozenset({"put_item", "update_item", "delete_item"})


class HeardCalls(PromptCalls):
    """Prompt calls whose writes are heard of, once they are done.

    Attributes:
        hear: is told of each table that was written to, by its name.
    """

    hear: Callable[[str], None] | None = None

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation and return its response; see `PromptCalls.call`."""
        if span_recorder() is None:
            answer = await super().call(service, operation, **params)
        else:
            with spanned(f"{service}.{operation}"):
                answer = await super().call(service, operation, **params)
        if self.hear is not None and service == "dynamodb":
            for table in frozenset(_written(operation, params)):
                self.hear(table)
        return answer


def _written(operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the tables that a call has written to."""
    if operation in _ROW_WRITES:
        yield params["TableName"]
    elif operation == "batch_write_item":
        yield from params["RequestItems"]
    elif operation == "transact_write_items":
        for item in params["TransactItems"]:
            for part in item.values():
                yield part["TableName"]
