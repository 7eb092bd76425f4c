"""The switch, and the way back."""

from typing import Any

import pytest
from pynamodb.expressions.operand import Path

from models import clock
from models.constraints.ruled import started
from models.errors import Refusal
from models.integrity.ruled_rows import RuledRows
from models.storage.store import Item
from tests.unit.single_world import APP, Moving, contractor, expense, project, unseen, user, wire, work
from workflows.console.single_table.checks import Check
from workflows.console.single_table.switches import BackOutcome, go_back, switch
from workflows.console.single_table.tables import SingleTableError

ROWS = (
    user("ann"),
    project("ann", "p"),
    contractor("ann", "c"),
    expense("ann", "e", "p", "c"),
    work("ann", "w", "p", "c"),
)
LATER = "2999-01-01T00:00:00.000Z"


async def switched(moving: Moving, *, leave: bool = False) -> Check:
    return await switch(await moving.sides(), unseen(), leave=leave, nobody_writes=False)


async def back(moving: Moving, *, delete: bool | None = None) -> BackOutcome:
    return await go_back(await moving.sides(), unseen(), delete=delete)


class Clients:
    """What the app's clients do."""

    def __init__(self, moving: Moving) -> None:
        self._moving = moving
        self._rows = RuledRows(moving.app, APP.tables, clock.now)

    async def create(self, of: str, **values: Any) -> None:
        item = started(APP.tables.types[of], wire(values | {"createdAt": LATER, "updatedAt": LATER}))
        assert not isinstance(await self._rows.create(of, item | {"__typename": {"S": of}}, None), Refusal)

    async def update(self, of: str, key: tuple[str, str], **values: Any) -> None:
        before = await self._get(of, key)
        await self._rows.update(of, before, wire(values), None)

    async def delete(self, name: str, key: tuple[str, str]) -> None:
        await self._rows.delete(name, await self._get(name, key), None)

    async def _get(self, name: str, key: tuple[str, str]) -> Item:
        found = await self._moving.app.get(self._moving.of(name), key, consistent=True)
        assert found is not None
        return found


async def test_the_last_changes_come_with_the_switch_and_then_runs_are_refused(moving: Moving) -> None:
    with pytest.raises(SingleTableError, match="`run` first"):
        await switched(moving)
    moving.put(*ROWS)
    await moving.run()
    moving.put(expense("ann", "f", "p", "c"))
    found = await switched(moving)
    assert found.switched is not None
    assert len(await moving.rows("Expense")) == 2
    with pytest.raises(SingleTableError, match="has taken over"):
        await moving.run()
    assert (await switched(moving)).switched is not None


async def test_nothing_is_switched_while_rows_would_be_left_or_differ(moving: Moving) -> None:
    moving.put(*ROWS, wire({"userId": "ann", "expenseId": "odd"}))
    await moving.run()
    assert (await switched(moving)).switched is None
    project_table = moving.of("Project")
    await moving.app.update(project_table, ("ann", "p"), [Path(["name"]).set({"S": "Mine"})])
    assert (await switched(moving, leave=True)).switched is None
    await moving.run(again=True)
    assert (await switched(moving, leave=True)).switched is not None


async def test_after_the_switch_what_is_written_to_the_single_table_is_named(moving: Moving) -> None:
    moving.put(*ROWS)
    await moving.run()
    await switched(moving)
    clients = Clients(moving)
    await clients.update("Contractor", ("ann", "c"), name="Changed here")
    await clients.delete("Work", ("ann", "w"))
    found = await moving.check()
    assert found.is_right
    assert [one.id for one in found.gone] == ['["ann", "WORK#w"]']
    moving.put(project("ann", "p", name="Late"), contractor("ann", "late", updatedAt=LATER))
    found = await moving.check()
    assert {one.id for one in found.faults} == {'["ann", "PROJECT#p"]', '["ann", "CONTRACTOR#late"]'}


async def test_what_the_app_has_written_goes_back(moving: Moving) -> None:
    moving.put(*ROWS, odd := wire({"userId": "ann", "expenseId": "odd"}))
    await moving.run()
    with pytest.raises(SingleTableError, match="nothing to bring back"):
        await back(moving)
    await switched(moving, leave=True)
    clients = Clients(moving)
    await clients.create(
        "Expense", userId="ann", expenseId="new", projectId="p", contractorId="c", invoiceNum="9", amount=5
    )
    await clients.update("Contractor", ("ann", "c"), name="Changed here")
    # The single table has one range key for all types.
    await clients.create("Contractor", userId="ann", contractorId="new", name="New")
    await clients.delete("Work", ("ann", "w"))
    outcome = await back(moving)
    assert [one.id for one in outcome.gone] == ['["ann", "WORK#w"]']
    assert not outcome.is_done
    outcome = await back(moving, delete=True)
    assert outcome.is_done
    there = {row["expenseId"]["S"]: row for row in moving.there()}
    assert there.keys() == {"USER", "PROJECT#p", "CONTRACTOR#c", "CONTRACTOR#new", "e", "new", "odd"}
    assert there["odd"] == odd
    assert there["CONTRACTOR#c"]["name"] == {"S": "Changed here"}
    assert there["PROJECT#p"]["SpentAmount"] == {"N": "17.5"}
    assert there["e"] == ROWS[3]
    assert there["new"]["amount"] == {"N": "5"}
    # And then rows may come again.
    moving.put(contractor("ann", "c", name="Changed there"))
    await moving.run()
    found = await moving.check()
    # Clients of the test give no payment method.
    assert {one.id for one in found.left} == {'["ann", "new"]', '["ann", "odd"]'}


async def test_a_deleted_row_may_stay(moving: Moving) -> None:
    moving.put(*ROWS)
    await moving.run()
    await switched(moving)
    await Clients(moving).delete("Work", ("ann", "w"))
    assert (await back(moving, delete=False)).is_done
    assert len(moving.there()) == len(ROWS)


async def test_what_both_sides_have_written_is_named_and_left(moving: Moving) -> None:
    moving.put(*ROWS)
    await moving.run()
    await switched(moving)
    await Clients(moving).update("Contractor", ("ann", "c"), name="Here", updatedAt=LATER)
    moving.put(late := contractor("ann", "late", updatedAt=LATER), both := contractor("ann", "c", name="There"))
    (conflict,) = (await back(moving, delete=True)).conflicts
    assert conflict.id == '["ann", "CONTRACTOR#c"]'
    assert both in moving.there()
    assert late in moving.there()
    moving.put(contractor("ann", "c", name="Here"))
    assert (await back(moving, delete=True)).is_done


async def test_a_row_that_was_made_in_the_app_takes_no_other_rows_place(moving: Moving) -> None:
    moving.put(*ROWS[1:3])
    await moving.run()
    await switched(moving)
    moving.put(late := contractor("ann", "x") | {"expenseId": {"S": "w"}})
    await Clients(moving).create(
        "Work", userId="ann", workId="w", projectId="p", contractorId="c", WorkName="Wall"
    )
    (conflict,) = (await back(moving)).conflicts
    assert conflict.id == '["ann", "w"]'
    assert late in moving.there()


async def test_what_only_the_single_table_has_written_since_stays_with_the_sums_of_the_app(moving: Moving) -> None:
    moving.put(*ROWS)
    await moving.run()
    await switched(moving)
    await Clients(moving).delete("Work", ("ann", "w"))
    await Clients(moving).delete("Expense", ("ann", "e"))
    moving.put(project("ann", "p", name="Late"))
    for _ in range(2):
        assert not (await back(moving)).is_done
        (there,) = (row for row in moving.there() if row["expenseId"] == {"S": "PROJECT#p"})
        assert there == project("ann", "p", name="Late", SpentAmount=0)
