"""A request's life: its statuses, what it waits for, and which step comes next.

Everything here is data and pure rules. `steps` holds what the workflow does to a request,
`answers` what people do to it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zlib import crc32

from models.errors import BrokenLedgerError
from models.hours import Hours, priced
from models.identifiers import derived


class RequestStatus(StrEnum):
    """Where a request is in its life."""

    INITIATED = "INITIATED"
    VALIDATING = "VALIDATING"
    ESCROWED = "ESCROWED"
    AWAITING_RESPONSE = "AWAITING_RESPONSE"
    ACCEPTED = "ACCEPTED"
    NEGOTIATING = "NEGOTIATING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    PAID = "PAID"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DISPUTED = "DISPUTED"


class StatusReason(StrEnum):
    """Why a request is where it is."""

    REQUESTER_CANCELLED = "REQUESTER_CANCELLED"
    PROVIDER_WITHDREW = "PROVIDER_WITHDREW"
    PROVIDER_REJECTED = "PROVIDER_REJECTED"
    REQUESTER_REJECTED = "REQUESTER_REJECTED"
    ADMIN_CANCELLED = "ADMIN_CANCELLED"
    RESPONSE_TIMEOUT = "RESPONSE_TIMEOUT"
    NEGOTIATION_TIMEOUT = "NEGOTIATION_TIMEOUT"
    START_TIMEOUT = "START_TIMEOUT"
    COMPLETION_TIMEOUT = "COMPLETION_TIMEOUT"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    SERVICE_NOT_AVAILABLE = "SERVICE_NOT_AVAILABLE"
    USER_NOT_ACTIVE = "USER_NOT_ACTIVE"
    DUPLICATE_REQUEST = "DUPLICATE_REQUEST"
    SELF_REQUEST = "SELF_REQUEST"
    DISPUTE_REFUNDED = "DISPUTE_REFUNDED"
    DISPUTE_PAID = "DISPUTE_PAID"
    DISPUTE_SPLIT = "DISPUTE_SPLIT"
    WORKFLOW_ERROR = "WORKFLOW_ERROR"


class TransactionStatus(StrEnum):
    """Amplify's statuses of a service exchange."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class Step(StrEnum):
    """The states that a request can be led to, as ServiceRequestWorkflow or, below, the dispute's names them."""

    VALIDATE_REQUEST = "ValidateRequest"
    CREATE_ESCROW = "CreateEscrow"
    WAIT_FOR_PROVIDER_RESPONSE = "WaitForProviderResponse"
    WAIT_FOR_NEGOTIATION_RESPONSE = "WaitForNegotiationResponse"
    START_SERVICE_EXECUTION = "StartServiceExecution"
    REFUND_ESCROW = "RefundEscrow"
    EXPIRE_REQUEST = "ExpireRequest"
    WAIT_FOR_SERVICE_START = "WaitForServiceStart"
    CONFIRM_SERVICE_START = "ConfirmServiceStart"
    WAIT_FOR_COMPLETION = "WaitForCompletion"
    CONFIRM_SERVICE_COMPLETION = "ConfirmServiceCompletion"
    PROCESS_SERVICE_COMPLETION = "ProcessServiceCompletion"
    PROCESS_PAYMENT = "ProcessPayment"
    ENABLE_RATING = "EnableRating"
    HANDLE_DISPUTE = "HandleDispute"
    COMPLETE_WORKFLOW = "CompleteWorkflow"
    SUPERSEDED = "Superseded"

    FREEZE_RELATED_TRANSACTIONS = "FreezeRelatedTransactions"
    WAIT_FOR_ADMIN_DECISION = "WaitForAdminDecision"
    RAISE_DISPUTE_ALARM = "RaiseDisputeAlarm"
    REFUND_TO_REQUESTER = "RefundToRequester"
    PAY_TO_PROVIDER = "PayToProvider"
    PARTIAL_REFUND = "PartialRefund"
    DISMISS_DISPUTE = "DismissDispute"
    NOTIFY_DISPUTE_PARTIES = "NotifyDisputeParties"


class Response(StrEnum):
    """What people can answer a waiting workflow: a provider, a requester to a counter-offer, either, an admin."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    COUNTER_OFFER = "COUNTER_OFFER"
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    COUNTER = "COUNTER"
    MARKED = "MARKED"
    CONFIRMED = "CONFIRMED"
    REFUND_TO_REQUESTER = "RefundToRequester"
    PAY_TO_PROVIDER = "PayToProvider"
    PARTIAL_REFUND = "PartialRefund"
    DISMISS_DISPUTE = "DismissDispute"


# A step that is not followed by the next one within this time is looked after by the sweep.
STEP_GRACE = timedelta(seconds=60)
# An answer that has not moved the workflow after this time is handed to it again.
ANSWER_GRACE = timedelta(seconds=10)
# The sweep's index spreads over this many keys, since one key takes 1,000 writes a second.
DUE_SHARDS = 8
# A round is one counter-offer of the provider's.
MOST_ROUNDS = 2
# More than any life can have: 2 rounds of negotiation, a dispute before and one after payment by each party.
LARGEST_LIFE = 64

ENDED = frozenset({RequestStatus.PAID, RequestStatus.REJECTED, RequestStatus.EXPIRED})
BEFORE_ACCEPTANCE = frozenset(
    {
        RequestStatus.INITIATED,
        RequestStatus.VALIDATING,
        RequestStatus.ESCROWED,
        RequestStatus.AWAITING_RESPONSE,
        RequestStatus.NEGOTIATING,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """For how many hours, at which rate: what the two agree on."""

    hours: Hours
    rate: Hours

    @property
    def amount(self) -> Hours:
        """Return the hours that change hands."""
        return priced(self.hours, self.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person answered, to which wait, in which round; `terms` is what they would have instead."""

    wait: Step
    round: int
    response: Response
    by: str
    at: datetime
    message: str | None = None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The workflow waits for a person: until `deadline`, and `token` lets the execution of `generation` go on."""

    name: Step
    deadline: datetime
    generation: int = 0
    token: str | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A dispute of a request: by whom it was raised, when, and the generation of its first execution."""

    id: str
    by: str
    at: datetime
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A status and when the request came to it."""

    status: RequestStatus
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A service request. Version 0 is one that is not stored yet.

    Args:
        amount: the hours held for it, fixed when they are held and with every counter-offer that is taken up.
        offered_hours, offered_rate: the provider's counter-offer, while it is NEGOTIATING.
        earned: the hours that the provider has of it, once it is paid.
        response_seconds: how long the provider may take, fixed when the hours are held.
        disputes: every one that was ever raised; while it is DISPUTED, the last one is open.
        set_aside: the wait that a dispute has interrupted, and that its dismissal opens again.
        generation: which execution may move it; an older one finds itself superseded.
        resumptions: how often it was resumed since it last moved, and `failing_since` when that began.
        due_at: when the sweep looks after it; None once it has ended.
    """

    id: str
    service_id: str
    requester_id: str
    provider_id: str
    status: RequestStatus
    estimated_hours: Hours
    created_at: datetime
    updated_at: datetime
    negotiation_round: int = 0
    agreed_rate: Hours | None = None
    message: str | None = None
    escrow_id: str | None = None
    expires_at: datetime | None = None
    step_function_execution_arn: str | None = None
    status_reason: StatusReason | None = None
    amount: Hours | None = None
    offered_hours: Hours | None = None
    offered_rate: Hours | None = None
    earned: Hours | None = None
    response_seconds: int | None = None
    version: int = 0
    generation: int = 0
    wait: Wait | None = None
    set_aside: Wait | None = None
    answers: tuple[Answer, ...] = ()
    disputes: tuple[Raised, ...] = ()
    passages: tuple[Passage, ...] = ()
    resumptions: int = 0
    failing_since: datetime | None = None
    due_shard: str | None = None
    due_at: datetime | None = None

    @property
    def guard_id(self) -> str:
        """Return the key that only one open request of this requester for this service can have."""
        return derived("guard", self.requester_id, self.service_id)

    @property
    def escrow_key(self) -> str:
        """Return the id that this request's escrow has or will have."""
        return self.escrow_id or derived(self.id, "escrow")

    @property
    def is_over(self) -> bool:
        """Tell whether no execution has to move this request any more."""
        return self.status in ENDED and self.due_at is None

    @property
    def dispute(self) -> Raised | None:
        """Return the dispute that is open, whose own workflow moves the request meanwhile."""
        return self.disputes[-1] if self.status is RequestStatus.DISPUTED and self.disputes else None

    @property
    def is_given_up(self) -> bool:
        """Tell whether this request lives, and nobody tries any more to move it."""
        return self.due_at is None and self.status not in ENDED

    @property
    def is_stranded(self) -> bool:
        """Tell whether this request waits for an admin to end it; a disputed one is theirs to decide."""
        return self.is_given_up and self.status is not RequestStatus.DISPUTED

    @property
    def answer(self) -> Answer | None:
        """Return the answer that stands and that the workflow has not acted on yet."""
        return self.wait.answer if self.wait else None

    def moved(self, now: datetime, *, status: RequestStatus | None = None, **changes: Any) -> "Request":
        """Return this request one version on: its passage noted, its failures forgotten, its due time set."""
        passages = self.passages
        if status is not None and status != self.status:
            passages = (*passages, Passage(status=status, at=now))
            changes.setdefault("status_reason", None)
        if len(passages) > LARGEST_LIFE:
            raise BrokenLedgerError(f"request {self.id} has gone through more statuses than any life has")
        changes = {"resumptions": 0, "failing_since": None, **changes}
        after = replace(
            self,
            status=status or self.status,
            passages=passages,
            version=self.version + 1,
            updated_at=now,
            **changes,
        )
        return after.due(after.next_due(now))

    def due(self, moment: datetime | None) -> "Request":
        """Return this request with the sweep's time set, or taken away."""
        shard = None if moment is None else str(crc32(self.id.encode()) % DUE_SHARDS)
        return replace(self, due_at=moment, due_shard=shard)

    def next_due(self, now: datetime) -> datetime | None:
        """Return when somebody should look whether this request still moves."""
        if self.status in ENDED:
            return None
        if self.wait is None:
            return now + STEP_GRACE
        return self.wait.answer.at + ANSWER_GRACE if self.wait.answer else self.wait.deadline


_BY_STATUS = {
    RequestStatus.INITIATED: Step.VALIDATE_REQUEST,
    RequestStatus.VALIDATING: Step.VALIDATE_REQUEST,
    RequestStatus.ESCROWED: Step.WAIT_FOR_PROVIDER_RESPONSE,
    RequestStatus.COMPLETED: Step.PROCESS_PAYMENT,
    RequestStatus.PAID: Step.ENABLE_RATING,
    RequestStatus.REJECTED: Step.COMPLETE_WORKFLOW,
    RequestStatus.EXPIRED: Step.COMPLETE_WORKFLOW,
}

# The wait to open for a request that waits for nobody: it is older than the workflow, or a dispute has begun.
_FIRST_WAIT = {
    RequestStatus.AWAITING_RESPONSE: Step.WAIT_FOR_PROVIDER_RESPONSE,
    RequestStatus.NEGOTIATING: Step.WAIT_FOR_NEGOTIATION_RESPONSE,
    RequestStatus.ACCEPTED: Step.WAIT_FOR_SERVICE_START,
    RequestStatus.IN_PROGRESS: Step.WAIT_FOR_COMPLETION,
    RequestStatus.DISPUTED: Step.WAIT_FOR_ADMIN_DECISION,
}

_BY_RESPONSE = {
    Response.ACCEPTED: Step.START_SERVICE_EXECUTION,
    Response.REJECTED: Step.REFUND_ESCROW,
    Response.COUNTER_OFFER: Step.WAIT_FOR_NEGOTIATION_RESPONSE,
    Response.ACCEPT: Step.START_SERVICE_EXECUTION,
    Response.REJECT: Step.REFUND_ESCROW,
    Response.COUNTER: Step.WAIT_FOR_PROVIDER_RESPONSE,
    Response.REFUND_TO_REQUESTER: Step.REFUND_TO_REQUESTER,
    Response.PAY_TO_PROVIDER: Step.PAY_TO_PROVIDER,
    Response.PARTIAL_REFUND: Step.PARTIAL_REFUND,
    Response.DISMISS_DISPUTE: Step.DISMISS_DISPUTE,
}
# The waits that the request moves on from as the answer says, and the step after their deadline.
_ASKED_OPENLY = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: Step.EXPIRE_REQUEST,
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: Step.EXPIRE_REQUEST,
    Step.WAIT_FOR_ADMIN_DECISION: Step.RAISE_DISPUTE_ALARM,
}

# What follows a wait: the step after its answer, and the step after its deadline.
_AFTER_WAIT = {
    Step.WAIT_FOR_SERVICE_START: (Step.CONFIRM_SERVICE_START, Step.EXPIRE_REQUEST),
    Step.CONFIRM_SERVICE_START: (Step.WAIT_FOR_COMPLETION, Step.WAIT_FOR_COMPLETION),
    Step.WAIT_FOR_COMPLETION: (Step.CONFIRM_SERVICE_COMPLETION, Step.EXPIRE_REQUEST),
    Step.CONFIRM_SERVICE_COMPLETION: (Step.PROCESS_SERVICE_COMPLETION, Step.PROCESS_SERVICE_COMPLETION),
}


def next_step(request: Request, now: datetime) -> Step:
    """Return the step that moves `request` on from where it is; one that is DISPUTED is its dispute's to move.

    An answer that was written before the deadline wins over the timer.
    """
    if (step := _BY_STATUS.get(request.status)) is not None:
        return step
    wait = request.wait
    if wait is None:
        return _FIRST_WAIT[request.status]
    overdue = wait.deadline <= now
    if wait.name in _ASKED_OPENLY:
        if wait.answer:
            return _BY_RESPONSE[wait.answer.response]
        return _ASKED_OPENLY[wait.name] if overdue else wait.name
    answered, expired = _AFTER_WAIT[wait.name]
    if wait.answer:
        return answered
    return expired if overdue else wait.name
