"""How a request whose execution failed is handed to another execution, or given up: pure rules."""

from dataclasses import replace
from datetime import datetime, timedelta

from models.requests.decision import Change, Snapshot, Verdict, reads_everything, reads_everything_when
from models.requests.endings import end
from models.requests.request import STEP_GRACE, Request
from models.requests.statuses import BEFORE_ACCEPTANCE, RequestStatus, StatusReason
from models.requests.steps import request_event

# How long a request whose execution keeps failing is resumed before somebody else must decide.
RESUMED_FOR = timedelta(hours=24)
LARGEST_PAUSE = timedelta(hours=1)
# Of an error's cause, enough to find it; the execution's history has the rest.
LONGEST_CAUSE = 1_000


def _is_disputed(request: Request, **_keywords: object) -> bool:
    return request.dispute is not None


@reads_everything_when(_is_disputed)
def resume(snapshot: Snapshot, now: datetime, *, execution_arn: str) -> Verdict:
    """Hand the request or its dispute to a new execution: the next generation, later and later while it fails."""
    request = snapshot.request
    if request.is_over:
        return request
    after = replace(
        request.moved(now),
        generation=request.generation + 1,
        resumptions=request.resumptions + 1,
        failing_since=request.failing_since or now,
    )
    pause = min(STEP_GRACE * 2 ** min(request.resumptions, 10), LARGEST_PAUSE)
    after = after.due(now + pause)
    resumed = (request_event(after, "Service Request Resumed", generation=after.generation),)
    if request.dispute is not None and snapshot.dispute is not None:
        dispute = replace(snapshot.dispute, step_function_execution_arn=execution_arn).changed(now)
        return Change(request=after, dispute=dispute, events=resumed)
    return Change(request=replace(after, step_function_execution_arn=execution_arn), events=resumed)


@reads_everything_when(_is_disputed)
def redrive(snapshot: Snapshot, now: datetime, *, execution_arn: str) -> Verdict:
    """Hand the request to a new execution as a person has asked: if that fails, it is resumed for a day again."""
    request = snapshot.request
    if request.is_over:
        return request
    begun_anew = replace(request, resumptions=0, failing_since=None)
    return resume(replace(snapshot, request=begun_anew), now, execution_arn=execution_arn)


def note_failure(snapshot: Snapshot, now: datetime, *, error: str, cause: str) -> Verdict:
    """Put a failed execution on record; status and hours stay, and the sweep is asked to resume the request.

    The first failure is looked after at once, a repeated one when the pause that `resume` has set is over. The
    machine and the bus tell of the same failure.
    """
    request = snapshot.request
    on_record = request.failing_since is not None and not request.resumptions
    if request.is_over or on_record:
        return request
    soon = request.due_at if request.resumptions and request.due_at else now
    since = request.failing_since or now
    after = replace(request, version=request.version + 1, updated_at=now, failing_since=since).due(soon)
    failed = request_event(after, "Service Request Workflow Failed", error=error, cause=cause[:LONGEST_CAUSE])
    return Change(request=after, events=(failed,))


def look_later(snapshot: Snapshot, now: datetime) -> Verdict:
    """Put off the sweep's next look at a request whose execution runs, and forget that one has failed before.

    It is put off to an open wait's deadline, else until the execution should have moved it.
    """
    request = snapshot.request
    if request.due_at is None or request.due_at > now:
        return request
    soonest = now + STEP_GRACE
    running = replace(request, version=request.version + 1, resumptions=0, failing_since=None)
    after = running.due(max(request.next_due(now) or soonest, soonest))
    return Change(request=after, events=())


def begin_anew(snapshot: Snapshot, now: datetime) -> Verdict:
    """Forget that a request's executions have failed: without their functions that was no fault of its own.

    The next failure is then the first one again, and looked after at once.
    """
    request = snapshot.request
    if request.due_at is None or request.failing_since is None:
        return request
    after = replace(request, version=request.version + 1, resumptions=0, failing_since=None)
    return Change(request=after.due(min(request.due_at, now + STEP_GRACE)), events=())


@reads_everything
def give_up(snapshot: Snapshot, now: datetime) -> Verdict:
    """End a request before acceptance that no execution can move; a later one waits for an admin."""
    request = snapshot.request
    if request.due_at is None or request.failing_since is None or now - request.failing_since <= RESUMED_FOR:
        return request
    if request.status not in BEFORE_ACCEPTANCE:
        since, resumptions = request.failing_since, request.resumptions
        after = replace(request.moved(now), failing_since=since, resumptions=resumptions).due(None)
        return Change(request=after, events=(request_event(after, "Service Request Needs Attention"),))
    return end(
        snapshot,
        now,
        status=RequestStatus.REJECTED,
        reason=StatusReason.WORKFLOW_ERROR,
        event="Service Request Failed",
    )
