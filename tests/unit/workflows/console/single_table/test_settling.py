"""Rows that cannot be settled now are remembered, each with why; others come all the same."""

import pytest

from models.constraints.ruled import started
from tests.chaos.faults import Call, Fault, no_faults
from tests.unit.single_world import APP, Moving, contractor, project, wire


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault.CONFLICT, "it kept changing, or AWS had no capacity for it; run again"),
        (Fault.INVALID, "DynamoDB does not take it"),
    ],
)
async def test_what_aws_does_not_take_is_tried_by_the_next_run(
    moving: Moving, monkeypatch: pytest.MonkeyPatch, fault: Fault, why: str
) -> None:
    monkeypatch.setattr("models.transactions.retrying.PATIENCE_SECONDS", 0.01)
    moving.put(project("ann", "p"), contractor("ann", "c"))

    def plan(call: Call) -> Fault | None:
        return fault if call.operation == "transact_write_items" else None

    moving.calls.plan = plan
    outcome = await moving.run()
    assert {left.why[: len(why)] for left in outcome.left} == {why}
    moving.calls.plan = no_faults
    assert (await moving.run()).left == []
    assert (await moving.check()).is_right


async def test_rows_that_were_made_in_the_app_are_not_overwritten(moving: Moving) -> None:
    made = started(APP.tables.types["Contractor"], wire({"userId": "ann", "contractorId": "c", "name": "Mine"}))
    await moving.app.put(moving.of("Contractor"), made)
    moving.put(contractor("ann", "c"))
    (left,) = (await moving.run()).left
    assert left.why == "a row that was made here is the Contractor with this key"
    assert [row["name"]["S"] for row in await moving.rows("Contractor")] == ["Mine"]


async def test_a_row_that_no_longer_fits_stays_as_it_came(moving: Moving) -> None:
    moving.put(project("ann", "p"))
    await moving.run()
    moving.put(project("ann", "p", startDate="soon"))
    (left,) = (await moving.run()).left
    assert "AWSDate" in left.why
    assert [row["startDate"]["S"] for row in await moving.rows("Project")] == ["2025-01-01"]
    moving.delete(project("ann", "p"))
    assert (await moving.run()).left == []
    assert await moving.rows("Project") == []
