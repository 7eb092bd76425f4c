"""How a request whose execution failed is resumed by another execution, or given up: pure rules.

Four stored fields of a request have a meaning only together; `Recovery` has three of them, and `generation` says
which execution may move the request.

    state               failing_since  resumptions  due_at: when the sweep looks
    ------------------  -------------  -----------  ----------------------------------------------------------
    it moves            None           0            the wait's deadline, 10 s after an answer, 60 s after a step
    it failed           first failure  0            at once
    resumed, n times    first failure  n            after a pause: 60 s, doubled with each n, at most an hour
    it failed again     first failure  n            when that pause is over
    given up            first failure  n            None: an admin ends it, decides its dispute, or redrives it
    it is over          None           0            None: nothing is left to do

`resume` and `redrive` raise the generation. A request that moves or is found running is back in the first row.
"""

from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How a request recovers from failed executions.

    Args:
        failing_since: when the first execution failed since the request last moved; None if none has.
        attempts: how often it has been resumed since then; stored as `resumptions`.
        next_look: when the sweep looks after it; None if never; stored as `due_at`.
    """

    failing_since: datetime | None
    attempts: int
    next_look: datetime | None

    @classmethod
    def of(cls, request: Request) -> "Recovery":
        """Return how a request recovers."""
        return cls(failing_since=request.failing_since, attempts=request.resumptions, next_look=request.due_at)

    def applied_to(self, request: Request) -> Request:
        """Return a request that recovers like this."""
        after = replace(request, failing_since=self.failing_since, resumptions=self.attempts)
        return after.due(self.next_look)

    @property
    def is_noted(self) -> bool:
        """Return whether a failure has been recorded but not yet followed by a resumption."""
        return self.failing_since is not None and not self.attempts

    def is_hopeless(self, now: datetime) -> bool:
        """Return whether executions have failed for so long that the request is not resumed any more."""
        return self.failing_since is not None and now - self.failing_since > RESUMED_FOR

    def failed(self, now: datetime) -> "Recovery":
        """Return the recovery after a failure: a first one is looked after at once, another after its pause."""
        next_look = self.next_look if self.attempts and self.next_look else now
        return replace(self, failing_since=self.failing_since or now, next_look=next_look)

    def resumed(self, now: datetime) -> "Recovery":
        """Return the recovery after another execution was put in charge; each pause is twice the one before it."""
        pause = min(STEP_GRACE * 2 ** min(self.attempts, 10), LARGEST_PAUSE)
        return Recovery(failing_since=self.failing_since or now, attempts=self.attempts + 1, next_look=now + pause)

    @classmethod
    def forgotten(cls, next_look: datetime | None) -> "Recovery":
        """Return the recovery with its failures forgotten, and looked after at another time."""
        return cls(failing_since=None, attempts=0, next_look=next_look)

    def given_up(self) -> "Recovery":
        """Return the recovery of a request that the sweep does not look after any more."""
        return replace(self, next_look=None)


def _is_disputed(request: Request, **_keywords: object) -> bool:
    return request.dispute is not None


@reads_everything_when(_is_disputed)
def resume(snapshot: Snapshot, now: datetime, *, execution_arn: str) -> Verdict:
    """Put another execution, of the next generation, in charge of the request or of its dispute."""
    request = snapshot.request
    if request.is_over:
        return request
    moved = replace(request.moved(now), generation=request.generation + 1)
    after = Recovery.of(request).resumed(now).applied_to(moved)
    events = (request_event(after, "Service Request Resumed", generation=after.generation),)
    if request.dispute is not None and snapshot.dispute is not None:
        dispute = replace(snapshot.dispute, step_function_execution_arn=execution_arn).changed(now)
        return Change(request=after, dispute=dispute, events=events)
    return Change(request=replace(after, step_function_execution_arn=execution_arn), events=events)


@reads_everything_when(_is_disputed)
def redrive(snapshot: Snapshot, now: datetime, *, execution_arn: str) -> Verdict:
    """Resume the request on an operator's request: if that fails, it is resumed for another 24 hours."""
    request = snapshot.request
    if request.is_over:
        return request
    forgotten = Recovery.forgotten(request.due_at).applied_to(request)
    return resume(replace(snapshot, request=forgotten), now, execution_arn=execution_arn)


def note_failure(snapshot: Snapshot, now: datetime, *, error: str, cause: str) -> Verdict:
    """Put a failed execution on record, and let the sweep resume the request; status and hours stay.

    The state machine and the bus both report the same failure; it is noted once.
    """
    request, recovery = snapshot.request, Recovery.of(snapshot.request)
    if request.is_over or recovery.is_noted:
        return request
    after = recovery.failed(now).applied_to(replace(request, version=request.version + 1, updated_at=now))
    failed = request_event(after, "Service Request Workflow Failed", error=error, cause=cause[:LONGEST_CAUSE])
    return Change(request=after, events=(failed,))


def look_later(snapshot: Snapshot, now: datetime) -> Verdict:
    """Put off the sweep's next look at a request whose execution runs, and forget its earlier failures.

    The next look is at an open wait's deadline, or else when the execution should have taken the next step.
    """
    request = snapshot.request
    if request.due_at is None or request.due_at > now:
        return request
    soonest = now + STEP_GRACE
    running = Recovery.forgotten(max(request.next_due(now) or soonest, soonest))
    return Change(request=running.applied_to(replace(request, version=request.version + 1)), events=())


def begin_anew(snapshot: Snapshot, now: datetime) -> Verdict:
    """Forget the failures of a request whose functions were missing, because they were not its own fault.

    The next failure then counts as the first, and is looked after at once.
    """
    request = snapshot.request
    if request.due_at is None or request.failing_since is None:
        return request
    anew = Recovery.forgotten(min(request.due_at, now + STEP_GRACE))
    return Change(request=anew.applied_to(replace(request, version=request.version + 1)), events=())


@reads_everything
def give_up(snapshot: Snapshot, now: datetime) -> Verdict:
    """End a request before acceptance that no execution can move; a later one waits for an admin."""
    request, recovery = snapshot.request, Recovery.of(snapshot.request)
    if request.due_at is None or not recovery.is_hopeless(now):
        return request
    if request.status not in BEFORE_ACCEPTANCE:
        after = recovery.given_up().applied_to(request.moved(now))
        return Change(request=after, events=(request_event(after, "Service Request Needs Attention"),))
    return end(
        snapshot,
        now,
        status=RequestStatus.REJECTED,
        reason=StatusReason.WORKFLOW_ERROR,
        event="Service Request Failed",
    )
