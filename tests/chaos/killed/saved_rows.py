"""The rows that a killed local cloud has saved: read from its file through the same store."""

import json
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from models.storage.names import Names
from models.storage.store import Store


class SavedRows:
    """Calls that support only scans, answered from a file."""

    def __init__(self, file: Path) -> None:
        tables = json.loads(file.read_text())["payload"]["tables"]["data"].values()
        self._items = {table["TableName"]: table["items"] for table in tables}

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Return every item of the scanned table."""
        assert (service, operation) == ("dynamodb", "scan")
        partitions = self._items[params["TableName"]].values()
        items = [item for partition in partitions for item in partition.values()]
        return {"Items": items, "ScannedCount": len(items)}

    async def pause(self, seconds: float) -> None:
        """Not supported."""
        raise NotImplementedError

    def is_free(self, keys: Iterable[str]) -> bool:
        """Not supported: nothing is written."""
        raise NotImplementedError

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        """Not supported: nothing is written."""
        raise NotImplementedError


def saved(file: Path, names: Names) -> Store:
    """Return a store that reads a file's rows."""
    return Store(SavedRows(file), names)
