"""What needs a look, and what does not, on both sides of each bound."""

from dataclasses import replace
from datetime import timedelta

from models.ledger.reconciliation import AuditReport, AuditReportStatus
from tests.unit.builders import NOW, hours
from workflows.console.status import judging
from workflows.console.status.judging import FeedQueue, Stuck
from workflows.console.status.readings import Count, Reading, Runbook, Verdict

MOMENT = timedelta(milliseconds=1)


def verdict(reading: Reading) -> Verdict:
    assert reading.name == "x"
    return reading.verdict


def test_a_dead_letter_needs_a_look_even_while_somebody_reads_it() -> None:
    assert verdict(judging.dead_letters("x", 0, 0)) is Verdict.OK
    being_read = judging.dead_letters("x", 0, 2)
    assert verdict(being_read) is Verdict.LOOK
    assert being_read.says == "2 letters, 2 of them being read"
    assert being_read.mend is not None
    assert (being_read.mend.runbook, being_read.mend.command) == (Runbook.REDRIVE, "redrive")


def queues(*found: FeedQueue, is_needed: bool = True) -> Reading:
    return judging.feed_queues("x", found, NOW, is_needed=is_needed)


def test_queues_are_as_they_should_be() -> None:
    fine = FeedQueue(name="one", waiting=judging.MOST_WAITING, beat=NOW - judging.SILENT_AFTER)
    assert verdict(queues(fine, replace(fine, beat=None))) is Verdict.OK
    assert verdict(queues(replace(fine, waiting=judging.MOST_WAITING + 1))) is Verdict.LOOK
    silent = queues(fine, replace(fine, name="dead", beat=NOW - judging.SILENT_AFTER - MOMENT))
    assert verdict(silent) is Verdict.LOOK
    assert silent.says == "2 servers, 2000 changes waiting; no sign of life from dead"


def test_no_queue_is_wrong_only_where_servers_have_queues() -> None:
    assert verdict(queues()) is Verdict.LOOK
    assert verdict(queues(is_needed=False)) is Verdict.OK


def test_the_slowest_function_tells_the_lag() -> None:
    assert verdict(judging.feed_lag("x", {})) is Verdict.OK
    assert verdict(judging.feed_lag("x", {"a": judging.LARGEST_AGE})) is Verdict.OK
    late = judging.feed_lag("x", {"a": 1.0, "b": judging.LARGEST_AGE + 1.0})
    assert verdict(late) is Verdict.LOOK
    assert late.says == "1 minute at most, b"


def test_a_wait_may_be_due_until_the_sweep_should_have_come() -> None:
    since = NOW - judging.OVERDUE_AFTER
    one = Count(1)
    assert verdict(judging.waits("x", one, Count(0), None, NOW)) is Verdict.OK
    assert verdict(judging.waits("x", one, one, ("r", since), NOW)) is Verdict.OK
    late = judging.waits("x", Count(8_000, is_all=False), one, ("r", since - MOMENT), NOW)
    assert verdict(late) is Verdict.LOOK
    assert late.says == "1 of more than 8000 live requests; r since 3 minutes"


def stuck(*found: Stuck, is_all: bool = True) -> Reading:
    return judging.stuck("x", found, NOW, is_all=is_all)


def test_a_request_is_stuck_once_it_has_failed_for_a_while_or_is_given_up() -> None:
    fails = Stuck(id="r", since=NOW - judging.STUCK_AFTER, is_given_up=False)
    assert verdict(stuck()) is Verdict.OK
    assert verdict(stuck(fails)) is Verdict.OK
    assert verdict(stuck(replace(fails, since=NOW - judging.STUCK_AFTER - MOMENT))) is Verdict.LOOK
    given_up = stuck(*(Stuck(id=f"r{number}", since=None, is_given_up=True) for number in range(5)))
    assert verdict(given_up) is Verdict.LOOK
    assert given_up.says == "5 given up, 0 failing: r0, r1, r2 and 2 more"


def test_what_was_not_looked_at_is_not_said_to_be_fine() -> None:
    assert stuck(is_all=False).says == "none of those that were looked at"


def test_failed_executions_need_a_look_until_others_have_replaced_them() -> None:
    day = timedelta(days=1)
    assert judging.executions("x", {"FAILED": Count(0)}, [], day).says == "none in 1 day"
    moved_on = judging.executions("x", {"FAILED": Count(2), "TIMED_OUT": Count(0)}, [], day)
    assert (verdict(moved_on), moved_on.says) == (Verdict.OK, "2 FAILED in 1 day; all have moved on since")
    left = judging.executions("x", {"FAILED": Count(0, is_all=False)}, ["r"], day)
    assert (verdict(left), left.says) == (Verdict.LOOK, "more than 0 FAILED in 1 day; not moved on since: r")


REPORT = AuditReport(
    id="a",
    status=AuditReportStatus.COMPLETED,
    created_at=NOW - judging.RECONCILED_WITHIN,
    updated_at=NOW,
    finished_at=NOW - judging.RECONCILED_WITHIN,
    members_checked=3,
    total_hours=hours("30"),
    issued_hours=hours("30"),
)
RUNNING = replace(REPORT, finished_at=None, created_at=NOW - judging.RECONCILES_FOR)


def books(last: AuditReport | None, running: AuditReport | None = None, age: timedelta = MOMENT) -> Reading:
    return judging.reconciliation("x", last, running, NOW - age, NOW)


def test_the_books_are_reconciled_every_day() -> None:
    assert verdict(books(REPORT)) is Verdict.OK
    assert verdict(books(replace(REPORT, finished_at=NOW - judging.RECONCILED_WITHIN - MOMENT))) is Verdict.LOOK
    wrong = books(replace(REPORT, finished_at=NOW, discrepancy_count=1))
    assert verdict(wrong) is Verdict.LOOK
    assert wrong.says == "0 seconds ago: 3 members, 1 discrepancy, 30.00 hours of 30.00 issued"


def test_a_new_deployment_has_a_day_to_reconcile() -> None:
    assert verdict(books(None)) is Verdict.OK
    assert verdict(books(None, age=judging.RECONCILED_WITHIN + MOMENT)) is Verdict.LOOK


def test_a_reconciliation_that_does_not_end_needs_a_look() -> None:
    assert verdict(books(REPORT, RUNNING)) is Verdict.OK
    assert verdict(books(REPORT, replace(RUNNING, created_at=RUNNING.created_at - MOMENT))) is Verdict.LOOK


def test_a_dispute_waits_for_as_long_as_an_admin_may_take() -> None:
    window = timedelta(hours=48)
    assert verdict(judging.disputes("x", Count(0), None, window, NOW)) is Verdict.OK
    assert verdict(judging.disputes("x", Count(1), ("d", NOW - window), window, NOW)) is Verdict.OK
    late = judging.disputes("x", Count(2), ("d", NOW - window - MOMENT), window, NOW)
    assert (verdict(late), late.says) == (Verdict.LOOK, "2; d since 2 days")


def test_an_approval_may_wait_for_a_day() -> None:
    asked = NOW - judging.APPROVED_WITHIN
    assert verdict(judging.approvals("x", {}, NOW, is_all=True)) is Verdict.OK
    assert verdict(judging.approvals("x", {"t": asked, "u": NOW}, NOW, is_all=True)) is Verdict.OK
    late = judging.approvals("x", {"t": asked - MOMENT, "u": NOW}, NOW, is_all=False)
    assert (verdict(late), late.says) == (Verdict.LOOK, "more than 2; transfer t since 1 day")


def test_an_erasure_may_take_an_hour() -> None:
    begun = NOW - judging.ERASED_WITHIN
    assert judging.erasures("x", {}, NOW, is_all=True).says == "none unfinished"
    assert judging.erasures("x", {}, NOW, is_all=False).says == "none unfinished of those that were looked at"
    assert verdict(judging.erasures("x", {"m": begun, "n": NOW}, NOW, is_all=True)) is Verdict.OK
    late = judging.erasures("x", {"n": NOW, "m": begun - MOMENT}, NOW, is_all=True)
    assert (verdict(late), late.says) == (Verdict.LOOK, "2 unfinished; m since 1 hour")
    assert late.mend is not None
    assert late.mend.line(on_aws=True) == "python server.py erase --aws"


def test_what_cannot_be_read_needs_a_look() -> None:
    lost = judging.unreadable("x", ValueError("no table"))
    assert (verdict(lost), lost.says) == (Verdict.LOOK, "cannot be read: no table")
