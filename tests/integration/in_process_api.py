"""The server's API in this process, over the session's cloud, without a transport; its calls are recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.store import Item, Store
from models.tables import Table
from resolvers.api import Api
from resolvers.apps.hourbank import HOURBANK
from resolvers.hosting.settings import ServerSettings
from resolvers.identity.callers import Caller
from tests.integration.conftest import Cloud
from tests.security.backends import Recorded
from tests.unit.mirror import execute, wire
from workflows.executions.services import Services


class InProcessApi:
    """A schema over the cloud's tables, and the calls that it makes."""

    def __init__(self, api: Api, calls: Recorded) -> None:
        self.store: Store = api.services.store
        self.calls = calls
        self._schema = api.schema

    async def ask(self, caller: Caller, query: str, **variables: Any) -> Any:
        """Return an operation's data."""
        data, errors = await execute(self._schema, self.store, caller, query, **variables)
        assert errors == []
        return data

    async def refusal(self, caller: Caller, query: str, **variables: Any) -> dict[str, Any]:
        """Return an operation's one error."""
        _, (error,) = await execute(self._schema, self.store, caller, query, **variables)
        return error

    async def put(self, table: type[Table], **values: Any) -> Item:
        """Write a row as any other writer would."""
        item = {name: wire(value) for name, value in values.items()}
        await self.store.put(table, item)
        return item


@asynccontextmanager
async def in_process_api(cloud: Cloud) -> AsyncIterator[InProcessApi]:
    """Compose the API."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in cloud.environment.items():
            patched.setenv(name, value)
        async with AsyncCalls(["dynamodb", "dynamodbstreams", "stepfunctions"]) as aws:
            calls = Recorded(aws)
            api = Api.over(HOURBANK, Services.over(calls, Settings()), ServerSettings(), b"secret")
            yield InProcessApi(api, calls)
            await api.feed.aclose()
