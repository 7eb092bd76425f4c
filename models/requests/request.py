"""A service request as it is stored, with its waits, answers and passages."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from zlib import crc32

from models.errors import BrokenLedgerError
from models.hours import Hours, priced
from models.identifiers import derived
from models.limits import fixed_limit
from models.requests.statuses import ENDED, RequestStatus, Response, StatusReason, Step

# If a step is not followed by the next one within this time, the sweep looks after the request.
STEP_GRACE = timedelta(seconds=60)
# If an answer has not moved the request on within this time, the sweep delivers it to the execution again.
ANSWER_GRACE = timedelta(seconds=10)
# The sweep's index is spread over this many keys, because one key takes only 1,000 writes a second.
DUE_SHARDS = 8
# A round is one counter-offer by the provider.
MOST_ROUNDS = fixed_limit(
    2, "counter-offers of a provider to one request", topic="exchanges", code="INVALID_STATE"
)
# More than any request can have: 2 rounds of negotiation, and a dispute by each party, before or after payment.
MOST_PASSAGES = 64


class Party(Enum):
    """One of the two members of a request."""

    REQUESTER = auto()
    PROVIDER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the two parties agree on: how many hours of work, and at which rate."""

    hours: Hours
    rate: Hours

    @property
    def amount(self) -> Hours:
        """Return the hours that the requester pays."""
        return priced(self.hours, self.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person answered, to which wait, in which round; `terms` is their counter-offer, if they made one."""

    wait: Step
    round: int
    response: Response
    by: str
    at: datetime
    message: str | None = None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A wait for a person's answer.

    Args:
        deadline: when the wait is over.
        generation: the generation of the execution that waits.
        token: the task token that lets that execution go on.
    """

    name: Step
    deadline: datetime
    generation: int = 0
    token: str | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeRef:
    """A dispute over a request: who raised it, when, and the generation of its first execution."""

    id: str
    by: str
    at: datetime
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A status, and when the request came to it."""

    status: RequestStatus
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A service request. Version 0 is one that is not stored yet.

    Args:
        amount: the hours held for it, fixed when they are held and with every counter-offer that is taken up.
        offered_hours, offered_rate: the provider's counter-offer, while the request is NEGOTIATING.
        earned: the hours that the provider has earned with it, once it is paid.
        asked: the hours that were asked for, at the service's rate of that moment.
        booking_id: the appointment that it is about.
        exchange_id: the id of its exchange (Amplify's Transaction), which is stored since the request last moved;
            None for a request that has not moved since requests have exchanges.
        response_seconds: how long the provider may take to respond, fixed when the hours are held.
        early_mark: the provider's mark that the work is done, given while its start waits to be confirmed; it
            answers the wait for that mark as soon as that is opened.
        disputes: every dispute that was ever raised; while the request is DISPUTED, the last one is open.
        set_aside: the wait that a dispute has interrupted; if the dispute is dismissed, it is opened again.
        generation: which execution may move the request; an older one is superseded.
        resumptions, failing_since: how often it was resumed since it last moved, and when its executions began
            to fail; see `recovery`.
        due_at: when the sweep looks after it; None if it is over or given up.
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
    disputes: tuple[DisputeRef, ...] = ()
    passages: tuple[Passage, ...] = ()
    resumptions: int = 0
    failing_since: datetime | None = None
    due_shard: str | None = None
    due_at: datetime | None = None
    asked: Hours | None = None
    booking_id: str | None = None
    exchange_id: str | None = None
    early_mark: Answer | None = None

    @property
    def guard_id(self) -> str:
        """Return the key of the guard, which all requests of this requester for this service share."""
        return derived("guard", self.requester_id, self.service_id)

    @property
    def escrow_key(self) -> str:
        """Return the id of this request's escrow, whether it is stored yet or not."""
        return self.escrow_id or derived(self.id, "escrow")

    @property
    def exchange_key(self) -> str:
        """Return the id of this request's exchange, whether it is stored yet or not.

        It is the request's own. What was paid before requests had exchanges was stored by an id of its own.
        """
        if self.exchange_id is not None:
            return self.exchange_id
        return self.id if self.earned is None else derived(self.id, "exchange")

    @property
    def parties(self) -> tuple[str, str]:
        """Return the user ids of the two members: the requester, the provider."""
        return self.requester_id, self.provider_id

    def member(self, party: Party) -> str:
        """Return the user id of one of the two members."""
        return self.provider_id if party is Party.PROVIDER else self.requester_id

    @property
    def is_over(self) -> bool:
        """Return whether this request has ended and no execution has to move it any more."""
        return self.status in ENDED and self.due_at is None

    @property
    def dispute(self) -> DisputeRef | None:
        """Return the open dispute, whose own workflow moves the request until it is resolved; None if none is."""
        return self.disputes[-1] if self.status is RequestStatus.DISPUTED and self.disputes else None

    @property
    def is_given_up(self) -> bool:
        """Return whether this request has not ended, and the sweep does not look after it any more."""
        return self.due_at is None and self.status not in ENDED

    @property
    def is_stranded(self) -> bool:
        """Return whether this request was given up and an admin must end it; a disputed one is decided instead."""
        return self.is_given_up and self.status is not RequestStatus.DISPUTED

    @property
    def answer(self) -> Answer | None:
        """Return the answer that the workflow has not acted on yet; None if there is none."""
        return self.wait.answer if self.wait else None

    def moved(
        self, now: datetime, *, status: RequestStatus | None = None, status_reason: StatusReason | None = None
    ) -> "Request":
        """Return the next version of this request: the passage noted, failures forgotten, the due time set.

        Replace other fields first, because the due time depends on them.

        Args:
            now: the time of the change.
            status: the new status; None keeps the present one.
            status_reason: the reason for the new status; if the status stays, so does its reason.

        Raises:
            BrokenLedgerError: it has gone through more statuses than any request can.
        """
        passages = self.passages
        if status is None or status is self.status:
            status, status_reason = self.status, self.status_reason
        else:
            passages = (*passages, Passage(status=status, at=now))
        if len(passages) > MOST_PASSAGES:
            raise BrokenLedgerError(f"request {self.id} has gone through more statuses than any request can")
        return replace(
            self,
            status=status,
            status_reason=status_reason,
            passages=passages,
            resumptions=0,
            failing_since=None,
            version=self.version + 1,
            updated_at=now,
            exchange_id=self.exchange_key,
            **self._due(self._next_due(status, now)),
        )

    def due(self, moment: datetime | None) -> "Request":
        """Return this request with the time of the sweep's next look set, or removed if it is None."""
        return replace(self, **self._due(moment))

    def _due(self, moment: datetime | None) -> dict[str, Any]:
        """Return the fields that hold the time of the sweep's next look."""
        shard = None if moment is None else str(crc32(self.id.encode()) % DUE_SHARDS)
        return {"due_at": moment, "due_shard": shard}

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the sweep should check that this request still moves; None if it has ended."""
        return self._next_due(self.status, now)

    def _next_due(self, status: RequestStatus, now: datetime) -> datetime | None:
        if status in ENDED:
            return None
        if self.wait is None:
            return now + STEP_GRACE
        return self.wait.answer.at + ANSWER_GRACE if self.wait.answer else self.wait.deadline
