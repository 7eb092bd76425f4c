"""The table of who may do what, tested line by line over tables in memory; and that it is complete."""

from dataclasses import replace
from typing import Any

import pytest

from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.api import Api
from resolvers.apps.hourbank import HOURBANK
from resolvers.hosting.settings import ServerSettings
from schema.types import CATALOGUE
from tests.security.backends import ON_THE_CLOUD, MemoryBackend
from tests.security.cases import STANDINGS, Case, Line, lines
from workflows.executions.services import Services


@pytest.mark.parametrize("line", [line for line in lines() if line.operation not in ON_THE_CLOUD], ids=str)
async def test_it_is_as_the_table_says(backend: MemoryBackend, line: Line) -> None:
    assert await backend.tried(line, line.expected) == line.expected


PUBLISHED = {line.of for line in lines() if "guest" in line.expected}


@pytest.mark.parametrize("column", STANDINGS)
async def test_guests_and_newcomers_are_refused_what_is_not_public(backend: MemoryBackend, column: str) -> None:
    mirrored = [line for line in lines() if line.of not in PUBLISHED and line.of in CATALOGUE.models]
    tried = [line for line in mirrored if line.operation not in ON_THE_CLOUD]
    assert len(tried) > 100
    for line in tried:
        case = Case.of(replace(line, expected={**line.expected, column: "no"}), column)
        assert (str(line), await backend.outcome(case)) == (str(line), "no")


def test_every_operation_is_in_the_table() -> None:
    types = Api.over(
        HOURBANK, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b""
    ).schema._schema.type_map
    roots: list[Any] = [types[root] for root in ("Query", "Mutation", "Subscription")]
    assert {operation for root in roots for operation in root.fields} == {line.operation for line in lines()}


def test_the_table_has_no_line_twice() -> None:
    assert len({str(line) for line in lines()}) == len(lines())
