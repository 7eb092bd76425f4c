"""An operation that is broken off leaves nothing that was made and not awaited: else the log would say so."""

import asyncio
import gc
import time

import pytest
from graphql import build_schema, execute, parse

from schema.documents.execution import metered
from schema.documents.limits import Limits
from schema.documents.metering import AnswerLimits

SCHEMA = build_schema("type Query { rows: [Row] } type Row { slow: Int, many: [Item] } type Item { slow: Int }")
LONG = 0  # the number of the row that has a long list, beside others that wait


class Row:
    """A row that waits, or one whose list takes many turns to begin."""

    def __init__(self, number: int) -> None:
        self._number = number

    async def slow(self, _info: object) -> int:
        if self._number != LONG:
            await asyncio.sleep(60)
        return self._number

    def many(self, _info: object) -> object:
        return [Item()] * 150 if self._number == LONG else None


class Item:
    """Takes some time, and waits."""

    async def slow(self, _info: object) -> int:
        end = time.perf_counter() + 0.0007
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(60)
        return 1


class Root:
    """Has rows, more than are begun at once."""

    def rows(self, _info: object) -> list[Row]:
        return [Row(number) for number in range(10)]


@pytest.mark.parametrize("seconds", [0.01, 0.02, 0.04])
async def test_whenever_its_client_leaves(seconds: float) -> None:
    executor = metered(Limits(), AnswerLimits())
    running = execute(SCHEMA, parse("{ rows { slow many { slow } } }"), Root(), executor_class=executor)
    task = asyncio.ensure_future(running)  # type: ignore[arg-type]  # it has to wait
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
