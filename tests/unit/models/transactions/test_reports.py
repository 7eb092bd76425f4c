"""Reports of reconciliations, on an engine within this process: one runs at a time, and each is completed once."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from models.errors import ContentionError
from models.ledger.reconciliation import AuditOutcome, AuditReport, AuditReportStatus
from models.storage.codec import decode, encode
from models.storage.store import Item
from models.tables import EventLog, ReconciliationReport
from models.transactions.reports import Reports
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ADA, ALICE, BOB, NOW, Bank, hours
from tests.unit.stored import Stored, overtake, stored

MARK = "running"


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    async with stored(Bank()) as opened:
        yield opened


def office(tables: Stored) -> Reports:
    return Reports(tables.store, tables.transactions, tables.tick)


def report(id: str = "first", at: datetime = NOW, **changes: Any) -> AuditReport:
    begun = AuditReport(id=id, status=AuditReportStatus.RUNNING, created_at=at, updated_at=at, started_by=ADA)
    return replace(begun, **changes)


async def put(tables: Stored, *reports: AuditReport) -> None:
    for one in reports:
        await tables.put(ReconciliationReport, encode(ReconciliationReport, one))


async def marked(tables: Stored) -> str | None:
    """Return the id of the report that is marked as running."""
    mark = await tables.undisturbed.get(ReconciliationReport, MARK, consistent=True)
    return None if mark is None else str(mark["reportId"]["S"])


def read(item: Item | None) -> AuditReport:
    assert item is not None
    found = decode(AuditReport, ReconciliationReport, item)
    return replace(found, members=tuple(found.members))


async def test_a_report_that_is_begun_is_the_one_that_runs(tables: Stored) -> None:
    reports = office(tables)
    assert await reports.running() is None
    await reports.begin(report(), instead_of=None)
    running = await reports.running()
    assert running is not None
    assert running == await reports.find("first")
    assert replace(running, members=()) == report()
    row = await tables.undisturbed.get(ReconciliationReport, "first", consistent=True)
    assert row is not None
    assert row["__typename"] == {"S": "ReconciliationReport"}


async def test_neither_the_mark_nor_what_is_missing_is_a_report(tables: Stored) -> None:
    await office(tables).begin(report(), instead_of=None)
    assert await office(tables).find(MARK) is None
    assert await office(tables).find("none") is None


async def test_two_do_not_begin_at_once(tables: Stored) -> None:
    await office(tables).begin(report(), instead_of=None)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        await office(tables).begin(report("second"), instead_of=None)
    assert await office(tables).find("second") is None
    assert await marked(tables) == "first"


async def test_the_next_begins_instead_of_one_that_has_stopped_and_nobody_else_does(tables: Stored) -> None:
    first = report()
    await office(tables).begin(first, instead_of=None)
    await office(tables).begin(report("second"), instead_of=first)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        await office(tables).begin(report("third"), instead_of=first)
    assert await marked(tables) == "second"
    assert await office(tables).find("third") is None
    stopped = await office(tables).find("first")
    assert stopped is not None
    assert stopped.status is AuditReportStatus.RUNNING


async def test_the_last_is_the_latest_that_is_complete_before_any_that_runs(tables: Stored) -> None:
    reports, days = office(tables), [NOW + timedelta(days=day) for day in range(2)]
    assert await reports.last() is None

    async def last() -> str | None:
        found = await reports.last()
        return None if found is None else found.id

    await put(tables, report("old", days[0]))
    assert await last() == "old"
    await put(tables, report("newer", days[1]))
    assert await last() == "newer"
    await put(tables, *(report(str(day), days[day]).completed(days[day]) for day in (0, 1)))
    assert await last() == "1"
    queries = [call for call in tables.calls.made if call.operation == "query"]
    assert len(queries) == 2 + 2 + 2 + 1


async def test_the_next_version_is_saved_once_and_whoever_comes_second_gets_it(tables: Stored) -> None:
    before = report()
    await office(tables).begin(before, instead_of=None)
    outcome = AuditOutcome(checked=2, count=0, total_hours=hours("20"), issued_hours=hours("20"))
    after = before.with_page(outcome, [ALICE, BOB], "member/bob", NOW)
    saved = await office(tables).save_next(before, after)
    assert replace(saved, members=tuple(saved.members)) == after
    assert read(await tables.undisturbed.get(ReconciliationReport, "first", consistent=True)) == after
    second = await office(tables).save_next(before, replace(after, members=(ALICE,)))
    assert tuple(second.members) == (ALICE, BOB)


async def test_a_report_that_has_moved_on_or_gone_is_not_saved(tables: Stored) -> None:
    before = report()
    after = before.with_page(AuditOutcome(), [], None, NOW)
    with pytest.raises(ContentionError, match="report first was moved on"):
        await office(tables).save_next(before, after)
    await put(tables, replace(after, version=3))
    with pytest.raises(ContentionError, match="report first was moved on"):
        await office(tables).save_next(before, after)


async def test_a_report_is_completed_with_its_event_and_runs_no_longer(tables: Stored) -> None:
    begun = report(
        execution_arn="arn:1", members_checked=3, discrepancy_count=1, total_hours=hours("30"),
        held_hours=hours("4.25"), issued_hours=hours("31.5"),
    )  # fmt: skip
    await office(tables).begin(begun, instead_of=None)
    completed = await office(tables).complete("first")
    now = tables.bank.now
    assert completed is not None
    assert replace(completed, members=()) == begun.completed(now)
    stored_report = read(await tables.undisturbed.get(ReconciliationReport, "first", consistent=True))
    assert stored_report == begun.completed(now)
    assert await marked(tables) is None
    (event,) = await rows(tables.undisturbed, EventLog)
    assert {name: event[name]["S"] for name in ("eventType", "source", "entityType", "entityId")} == {
        "eventType": "Balances Reconciled",
        "source": "hourbank.balances",
        "entityType": "TRANSACTION",
        "entityId": "first",
    }
    assert (event["actorUserId"]["S"], event["stepFunctionExecutionArn"]["S"]) == (ADA, "arn:1")
    assert json.loads(event["eventData"]["S"]) == {
        "membersChecked": 3,
        "discrepancyCount": 1,
        "totalHours": 30.0,
        "heldHours": 4.25,
        "issuedHours": 31.5,
    }


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_a_report_is_completed_once_however_often_it_is_tried(tables: Stored, fault: Fault) -> None:
    await office(tables).begin(report(), instead_of=None)
    tables.calls.plan = each_write(fault)
    first = await office(tables).complete("first")
    assert first is not None
    assert first.status is AuditReportStatus.COMPLETED
    assert await office(tables).complete("first") == first
    assert len(await rows(tables.undisturbed, EventLog)) == 1


async def test_what_is_missing_is_not_completed(tables: Stored) -> None:
    assert await office(tables).complete("first") is None
    assert await rows(tables.undisturbed, EventLog) == []


async def test_a_report_that_is_not_marked_as_running_is_completed_all_the_same(tables: Stored) -> None:
    await put(tables, report())
    completed = await office(tables).complete("first")
    assert completed is not None
    assert completed.status is AuditReportStatus.COMPLETED


async def test_only_the_last_report_is_read(tables: Stored) -> None:
    await put(tables, *(report(str(day), NOW + timedelta(days=day)) for day in range(3)))
    limits: list[int] = []
    upstream = tables.engine.call

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "query":
            limits.append(params["Limit"])
        return await upstream(service, operation, **params)

    tables.engine.call = call  # type: ignore[method-assign]  # for this test only
    await office(tables).last()
    assert limits == [1, 1]


async def test_a_stopped_report_that_is_completed_leaves_the_one_that_runs_alone(tables: Stored) -> None:
    first = report()
    await office(tables).begin(first, instead_of=None)
    await office(tables).begin(report("second"), instead_of=first)
    completed = await office(tables).complete("first")
    assert completed is not None
    assert completed.status is AuditReportStatus.COMPLETED
    assert await marked(tables) == "second"


async def test_the_mark_is_not_taken_from_one_that_was_begun_meanwhile(tables: Stored) -> None:
    first = report()
    await office(tables).begin(first, instead_of=None)
    hands = Reports(tables.undisturbed, tables.transactions, tables.tick)
    overtake(tables, lambda: hands.begin(report("second"), instead_of=first))
    completed = await office(tables).complete("first")
    assert completed is not None
    assert completed.status is AuditReportStatus.COMPLETED
    assert await marked(tables) == "second"
