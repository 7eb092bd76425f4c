"""Runs: rows come with their rules, changes follow, and what does not fit stays."""

from datetime import timedelta
from decimal import Decimal

import pytest

from models import clock
from models.integrity.ruled_tables import TALLY, UNIQUE
from tests.unit.single_world import Moving, contractor, expense, project, unseen, user, work, years
from workflows.console.single_table.runs import Run
from workflows.console.single_table.tables import SingleTableError


async def test_rows_come_with_all_that_their_rules_ask_for(moving: Moving) -> None:
    moving.put(work("ann", "w", "p", "c", expenseId="WORK#w"), expense("ann", "e", "p", "c"), project("ann", "p"))
    moving.put(contractor("ann", "c"), user("ann"))
    outcome = await moving.run()
    assert (outcome.written, outcome.left) == (5, [])
    (made,) = await moving.rows("Project")
    assert made["status"] == {"S": "ACTIVE"}
    assert made["SpentAmount"] == {"N": "12.5"}
    assert made["projectKey"] == {"S": "ann#p"}
    assert made["status#startDate"] == {"S": "ACTIVE#2025-01-01"}
    assert made["__typename"] == {"S": "Project"}
    assert made["createdAt"] == {"S": "2025-01-02T03:04:05.000Z"}
    (built,) = await moving.rows("Work")
    assert "expenseId" not in built
    assert len(await moving.house(UNIQUE)) == 2
    assert len(await moving.house(TALLY)) == 2
    assert (await moving.check()).is_right


async def test_a_second_run_writes_nothing(moving: Moving) -> None:
    moving.put(*years(1))
    await moving.run()
    assert (await moving.run(again=True)).written == 0


async def test_what_does_not_fit_stays_and_is_named(moving: Moving) -> None:
    moving.put(*years(2, users=1))
    moving.put(expense("user0", "zz", "0", "0", invoiceNum="I-e1"))
    outcome = await moving.run()
    assert {left.id for left in outcome.left} == {f'["user0", "{one}"]' for one in ("odd1", "odd2", "odd3", "zz")}
    found = await moving.check()
    assert found.is_right
    assert {one.id for one in found.left} == {one.id for one in outcome.left}
    # Put right, they come with the next run.
    moving.put(project("user0", "none"), expense("user0", "zz", "0", "0", invoiceNum="mine"))
    outcome = await moving.run()
    assert {left.id for left in outcome.left} == {f'["user0", "{one}"]' for one in ("odd2", "odd3")}


async def test_what_is_written_meanwhile_comes(moving: Moving) -> None:
    moving.put(
        project("ann", "p"), contractor("ann", "c"), expense("ann", "e", "p", "c"), work("ann", "w", "p", "c")
    )
    await moving.run()
    moving.put(expense("ann", "e", "p", "c", amount=20), expense("ann", "f", "p", "c", amount=1))
    moving.delete(work("ann", "w", "p", "c"))
    assert (await moving.run()).written == 3
    (made,) = await moving.rows("Project")
    assert Decimal(made["SpentAmount"]["N"]) == 21
    assert await moving.rows("Work") == []
    assert (await moving.check()).is_right


async def test_a_deleted_row_stays_while_others_refer_to_it(moving: Moving) -> None:
    moving.put(
        project("ann", "p"), contractor("ann", "c"), expense("ann", "e", "p", "c"), work("ann", "w", "p", "c")
    )
    await moving.run()
    moving.delete(project("ann", "p"))
    (left,) = (await moving.run()).left
    assert "refer" in left.why
    moving.delete(expense("ann", "e", "p", "c"))
    (left,) = (await moving.run()).left
    assert left.why == "the single table has it no more, and other rows still refer to this Project"
    moving.delete(work("ann", "w", "p", "c"))
    assert (await moving.run()).left == []
    assert await moving.rows("Project") == []
    assert (await moving.check()).is_right


async def test_a_row_that_becomes_another_moves(moving: Moving) -> None:
    moving.put(project("ann", "p"), contractor("ann", "c"))
    await moving.run()
    moving.put(contractor("ann", "d") | {"expenseId": {"S": "PROJECT#p"}})
    await moving.run()
    assert await moving.rows("Project") == []
    assert len(await moving.rows("Contractor")) == 2
    moving.put(contractor("ann", "c", contractorId="e"))
    await moving.run(again=True)
    assert {row["contractorId"]["S"] for row in await moving.rows("Contractor")} == {"d", "e"}


async def test_rows_of_one_key_do_not_overwrite_each_other(moving: Moving) -> None:
    moving.put(project("ann", "p"))
    await moving.run()
    moving.put(project("ann", "p", name="Other") | {"expenseId": {"S": "COPY"}})
    (left,) = (await moving.run()).left
    assert left.why == "another row of the single table is the Project with this key"
    moving.delete(project("ann", "p"))
    assert (await moving.run()).left == []
    assert [row["name"]["S"] for row in await moving.rows("Project")] == ["Other"]


async def test_a_stream_that_was_not_read_for_a_day_has_everything_compared_again(moving: Moving) -> None:
    moving.put(project("ann", "p"), contractor("ann", "c"))
    await moving.run()
    moving.delete(contractor("ann", "c"))
    moving.put(project("ann", "p", name="New"))
    moving.now = lambda: clock.now() + timedelta(days=2)
    outcome = await moving.run()
    assert outcome.written == 2
    assert (await moving.check()).is_right


async def test_a_stream_that_has_lost_records_has_everything_compared_again(moving: Moving) -> None:
    moving.put(project("ann", "p"))
    await moving.run()
    moving.put(project("ann", "p", name="New"))
    moving.engine.lost = 1
    assert (await moving.run()).written == 1
    moving.engine.lost = 2
    with pytest.raises(SingleTableError, match="loses records before they are read"):
        await moving.run()


async def test_without_a_stream_somebody_must_say_that_nobody_writes() -> None:
    moving = Moving(has_stream=False)
    moving.put(project("ann", "p"))
    with pytest.raises(SingleTableError, match="--nobody-writes"):
        await moving.run()
    assert not (await moving.run(nobody_writes=True)).is_followed
    moving.put(project("ann", "p", name="New"))
    assert (await moving.run(nobody_writes=True)).written == 1
    moving.close()


async def test_a_second_run_takes_over(moving: Moving) -> None:
    moving.put(*years(3, users=1))
    first = await Run.begun(await moving.sides(), unseen(), again=False, nobody_writes=False)
    await moving.run()
    with pytest.raises(SingleTableError, match="taken over"):
        await first.ended()
    assert (await moving.check()).is_right


async def test_any_range_key_does() -> None:
    moving = Moving("sk")
    for row in years(4, users=2):
        item = {name: value for name, value in row.items() if name != "expenseId" or "amount" in row}
        moving.put(item | {"sk": row["expenseId"]})
    await moving.run()
    assert len(await moving.rows("Project")) == 8
    assert (await moving.check()).is_right
    moving.close()
