"""What a comparison names."""

from datetime import UTC, datetime

import pytest
from pynamodb.expressions.operand import Path

from models.storage.store import Item
from tests.unit.single_world import Moving, contractor, expense, project, wire, work
from workflows.console.single_table.checks import is_later

ROWS = (project("ann", "p"), contractor("ann", "c"), expense("ann", "e", "p", "c"), work("ann", "w", "p", "c"))


async def _spoil(moving: Moving, name: str, key: tuple[str, str], field: str, value: Item) -> None:
    await moving.app.update(moving.of(name), key, [Path([field]).set(value)])


@pytest.mark.parametrize(
    ("stamps", "is_so"),
    [
        ({"createdAt": "2026-11-29T11:00:00Z", "updatedAt": "2026-11-29T13:30:00+02:00"}, False),
        ({"createdAt": "2026-11-29T11:00:00Z", "updatedAt": "2026-11-29T12:00:00.001Z"}, True),
        ({"createdAt": "2026-11-29T11:00:00Z", "updatedAt": None}, False),
        ({"createdAt": "yesterday"}, True),
        ({"createdAt": 7}, True),
        ({}, True),
    ],
)
def test_a_row_says_when_it_was_written(stamps: dict[str, object], *, is_so: bool) -> None:
    assert is_later(wire(stamps), datetime(2026, 11, 29, 12, tzinfo=UTC)) == is_so


@pytest.mark.parametrize(
    ("name", "key", "field", "value", "why"),
    [
        ("Expense", ("ann", "e"), "description", {"S": "wrong"}, "it differs in description"),
        ("Expense", ("ann", "e"), "invoiceNum", {"S": "wrong"}, "it differs in invoiceNum"),
        ("Project", ("ann", "p"), "SpentAmount", {"N": "1"}, "SpentAmount is 1, and its rows have 12.5"),
    ],
)
async def test_a_row_that_differs_is_named(
    moving: Moving, name: str, key: tuple[str, str], field: str, value: Item, why: str
) -> None:
    moving.put(*ROWS)
    await moving.run()
    await _spoil(moving, name, key, field, value)
    (fault,) = (await moving.check()).faults
    assert fault.why == why
    assert fault.table == name


async def test_rows_that_are_missing_on_either_side_are_named(moving: Moving) -> None:
    moving.put(*ROWS)
    await moving.run()
    moving.delete(ROWS[3])
    moving.put(contractor("ann", "new"), contractor("bob", "c") | {"expenseId": {"S": "c"}})
    found = await moving.check()
    assert {(one.table, one.id, one.why) for one in found.faults} == {
        ("Work", '["ann", "WORK#w"]', "the single table has it no more"),
        ("Contractor", '["ann", "CONTRACTOR#new"]', "it is not in the app's table"),
        ("Contractor", '["bob", "c"]', "it is not in the app's table"),
    }
    assert not found.is_right


async def test_another_row_in_its_place_is_named(moving: Moving) -> None:
    moving.put(*ROWS)
    await moving.run()
    moving.put(contractor("ann", "c") | {"expenseId": {"S": "COPY"}})
    (fault,) = (await moving.check()).faults
    assert fault.why == "another row stands in its place in the app's table"
