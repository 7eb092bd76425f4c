"""A look reads what is there, says which bounds it met, and goes on if a part of AWS refuses to answer."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import tables
from models.clock import to_text
from models.ledger.approvals import REQUESTED, PendingApproval
from models.ledger.reconciliation import AuditReport, AuditReportStatus
from models.requests.dispute import Dispute, DisputeStatus, DisputeType
from models.requests.request import DisputeRef
from models.requests.statuses import RequestStatus
from models.storage.codec import item_of
from models.transactions.members import Members
from models.transactions.moves import Transactions
from tests.unit.builders import ALICE, BOB, NOW, make_request
from tests.unit.private_world import user
from tests.unit.workflows.console.status.deployments import NAMES, Deployment, deployment
from workflows.console.status import looking
from workflows.console.status.readings import Verdict

HOUR = timedelta(hours=1)


@pytest.fixture
async def there() -> AsyncIterator[Deployment]:
    async with deployment() as opened:
        yield opened


async def test_where_nothing_happens_only_the_missing_reconciliation_needs_a_look(there: Deployment) -> None:
    status = await there.look.status()
    assert {one.name: one.says for one in status.readings if one.verdict is Verdict.LOOK} == {
        "reconciliation": "none yet"
    }
    assert len(status.readings) == 10


async def test_queues_and_metrics_are_read(there: Deployment) -> None:
    there.aws.letters = (3, 1)
    lived = str(int(NOW.timestamp()) - 600)
    there.aws.queues = {f"{NAMES.server_queues}1-a.fifo": (7, lived), f"{NAMES.server_queues}2-b.fifo": (0, "")}
    there.aws.ages = {"publishEvents": [100.0, 61_000.0], "publishChanges": []}
    assert (await there.reading("dead letters")).values == {"letters": 4, "beingRead": 1}
    queues = (await there.reading("servers' queues")).values
    assert (queues["waiting"], queues["silent"]) == (7, [f"{NAMES.server_queues}1-a.fifo"])
    assert (await there.reading("change feed")).values == {"milliseconds": 61_000.0, "function": "publishEvents"}


async def test_requests_that_are_due_or_stuck_are_found(there: Deployment) -> None:
    waits = make_request(id="waits", status=RequestStatus.ACCEPTED).due(NOW + HOUR)
    late = make_request(id="late", status=RequestStatus.AWAITING_RESPONSE).due(NOW - HOUR)
    later = make_request(id="later", status=RequestStatus.INITIATED).due(NOW - HOUR / 2)
    failing = make_request(id="failing", status=RequestStatus.ESCROWED, failing_since=NOW - HOUR).due(NOW + HOUR)
    given_up = make_request(id="given-up", status=RequestStatus.IN_PROGRESS)
    over = make_request(id="over", status=RequestStatus.PAID)
    await there.put(tables.ServiceRequest, waits, late, later, failing, given_up, over)
    due = (await there.reading("overdue waits")).values
    assert (due["live"], due["overdue"], due["oldest"]) == (4, 2, "late")
    stuck = await there.reading("stuck requests")
    assert stuck.values == {"givenUp": ["given-up"], "failing": ["failing"], "isAll": True}


async def test_bounds_are_said(there: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_MOST_COUNTED", 1)
    monkeypatch.setattr(looking, "_MOST_READ", 1)
    await there.put(
        tables.ServiceRequest,
        *(make_request(id=f"r{number}", status=RequestStatus.ACCEPTED).due(NOW - HOUR) for number in range(20)),
    )
    assert "more than" in (await there.reading("overdue waits")).says
    assert (await there.reading("stuck requests")).says == "none of those that were looked at"


async def test_the_last_report_and_the_running_one_are_read(there: Deployment) -> None:
    report = AuditReport(
        id="a", status=AuditReportStatus.COMPLETED, created_at=NOW - HOUR, updated_at=NOW, finished_at=NOW - HOUR
    )
    running = AuditReport(id="b", status=AuditReportStatus.RUNNING, created_at=NOW - 2 * HOUR, updated_at=NOW)
    await there.put(tables.ReconciliationReport, report, running)
    assert (await there.reading("reconciliation")).verdict is Verdict.OK
    mark = item_of(tables.ReconciliationReport, id="running", reportId="b")
    await there.look.services.store.put(tables.ReconciliationReport, mark)
    assert "one has not ended since 10:00 UTC" in (await there.reading("reconciliation")).says


def dispute(id: str, **changes: Any) -> Dispute:
    made = Dispute(
        id=id,
        request_id="r",
        raised_by=ALICE,
        against_user_id=BOB,
        dispute_type=DisputeType.OTHER,
        description="x",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changes)


async def test_open_disputes_are_counted_and_the_oldest_is_named(there: Deployment) -> None:
    await there.put(
        tables.Dispute,
        dispute("new"),
        dispute("old", status=DisputeStatus.UNDER_REVIEW, created_at=NOW - 49 * HOUR),
        dispute("decided", status=DisputeStatus.RESOLVED, created_at=NOW - 99 * HOUR),
    )
    found = await there.reading("open disputes")
    assert (found.values["open"], found.values["oldest"], found.verdict) == (2, "old", Verdict.LOOK)


async def test_approvals_that_wait_are_found_by_the_events_that_asked_for_them(there: Deployment) -> None:
    for transfer, asked in (("waits", NOW - HOUR), ("used", NOW - HOUR), ("old", NOW - 200 * HOUR)):
        row = item_of(
            tables.EventLog,
            id=f"event-{transfer}",
            eventType=REQUESTED,
            entityType="TRANSACTION",
            entityId=transfer,
            source="hourbank.balances",
            timestamp=asked,
            createdAt=asked,
            updatedAt=asked,
        )
        await there.look.services.store.put(tables.EventLog, row)
    pending = PendingApproval(
        id="waits", requested_by="ada", content="{}", created_at=NOW - HOUR, expires_at=NOW + HOUR
    )
    await there.put(
        tables.TransferApproval, pending, replace(pending, id="old"), replace(pending, id="of no event")
    )
    assert (await there.reading("approvals")).values["waiting"] == ["waits"]


def members_at(there: Deployment, moment: datetime) -> Members:
    def clock() -> datetime:
        return moment

    store = there.look.services.store
    return Members(store, Transactions(store, clock), clock)


async def test_erasures_that_have_not_ended_are_found(there: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    store = there.look.services.store
    for member, since in (("left", NOW - 2 * HOUR), ("erased", NOW - 3 * HOUR), ("runs", NOW)):
        members = members_at(there, since)
        await store.put(tables.User, user(member, member))
        await members.begin_erasure(member)
        if member == "erased":
            assert await members.end_erasure(member) is None
    found = await there.reading("erasures")
    assert (found.verdict, found.values["unfinished"]) == (Verdict.LOOK, ["left", "runs"])
    assert (found.values["oldest"], found.values["since"]) == ("left", to_text(NOW - 2 * HOUR))
    monkeypatch.setattr(looking, "_MOST_READ", 1)
    assert (await there.reading("erasures")).says == "more than 1 unfinished; runs since 0 seconds"


async def test_executions_that_others_have_replaced_are_counted_only(there: Deployment) -> None:
    machine, disputes = "ServiceRequestWorkflow", "DisputeResolutionWorkflow"
    there.aws.page = 1
    there.aws.ended = {
        (machine, "FAILED"): [("left", NOW), ("replaced", NOW), ("gone", NOW), ("long-ago", NOW - 25 * HOUR)],
        (machine, "TIMED_OUT"): [("over", NOW)],
        (disputes, "ABORTED"): [("quarrel", NOW)],
        ("EscrowManagementWorkflow", "FAILED"): [("some-uuid", NOW)],
    }
    refused = DisputeRef(id="quarrel", by=ALICE, at=NOW, generation=0)
    await there.put(
        tables.ServiceRequest,
        make_request(id="left").due(NOW),
        make_request(id="replaced", generation=1).due(NOW),
        make_request(id="over", status=RequestStatus.PAID),
        make_request(id="disputed", status=RequestStatus.DISPUTED, disputes=(refused,)).due(NOW),
    )
    await there.put(tables.Dispute, dispute("quarrel", request_id="disputed"))
    found = await there.reading("failed executions")
    assert found.values == {
        "ended": {"FAILED": 4, "TIMED_OUT": 1, "ABORTED": 1},
        "left": ["left", "disputed"],
    }


async def test_more_executions_than_are_looked_through_are_said_to_be_more(there: Deployment) -> None:
    there.aws.page = 1
    there.aws.ended = {("ServiceRequestWorkflow", "FAILED"): [(f"r{number}", NOW) for number in range(9)]}
    assert "more than 5 FAILED" in (await there.reading("failed executions")).says


@pytest.mark.parametrize("service", ["sqs", "dynamodb", "stepfunctions", "cloudwatch"])
async def test_what_refuses_to_answer_hides_nothing_else(there: Deployment, service: str) -> None:
    there.aws.refused = service
    status = await there.look.status()
    lost = [one for one in status.readings if one.says.startswith("cannot be read")]
    assert 0 < len(lost) < 9
    assert all(one.verdict is Verdict.LOOK for one in lost)
