"""A plan says what a run does, before it does it."""

from decimal import Decimal

from tests.unit.single_world import Moving, expense, project, work, years
from workflows.console.single_table.surveys import survey


async def test_a_plan_says_what_a_run_then_does(moving: Moving) -> None:
    moving.put(*years(5), expense("user0", "zz", "0", "0", invoiceNum="I-e1"))
    moving.put(work("user1", "late", "0", "0") | {"expenseId": {"S": "zz"}})
    moving.put(project("user2", "0") | {"expenseId": {"S": "COPY"}})
    read = 0

    def count(rows: int) -> None:
        nonlocal read
        read += rows

    planned = await survey(await moving.sides(), count)
    calls = len(moving.calls.made)
    assert not any(call.writes for call in moving.calls.made)
    assert read == len(moving.there())
    outcome = await moving.run()
    assert len(moving.calls.made) > calls
    assert len(planned.left) == len(outcome.left) == 11
    assert {one.table for one in planned.left} == {"?", "Expense", "Project"}
    found = await moving.check()
    assert {name: count.rows for name, count in planned.rows.items()} == {
        name: count.rows for name, count in found.here.items()
    }
    assert planned.rows["Expense"].amount == found.here["Expense"].amount > 0


async def test_users_without_a_row_are_counted(moving: Moving) -> None:
    moving.put(project("ann", "p"))
    planned = await survey(await moving.sides(), lambda _: None)
    assert planned.unnamed == 1
    assert planned.rows["Expense"].amount == Decimal(0)
