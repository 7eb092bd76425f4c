"""The table of who may do what, tested line by line over tables in memory; and that it is complete."""

from typing import Any

import pytest

from models.settings import Settings
from models.storage.calls import AsyncCalls
from resolvers.api import Api
from resolvers.hosting.settings import ServerSettings
from tests.security.backends import ON_THE_CLOUD, MemoryBackend
from tests.security.cases import Line, lines
from workflows.executions.services import Services


@pytest.mark.parametrize("line", [line for line in lines() if line.operation not in ON_THE_CLOUD], ids=str)
async def test_it_is_as_the_table_says(backend: MemoryBackend, line: Line) -> None:
    assert await backend.tried(line, line.expected) == line.expected


def test_every_operation_is_in_the_table() -> None:
    types = Api.over(Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"").schema._schema.type_map
    roots: list[Any] = [types[root] for root in ("Query", "Mutation", "Subscription")]
    assert {operation for root in roots for operation in root.fields} == {line.operation for line in lines()}


def test_the_table_has_no_line_twice() -> None:
    assert len({str(line) for line in lines()}) == len(lines())
