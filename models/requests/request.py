"""A service request as it is stored, with its waits, answers and passages."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from zlib import crc32

from models.errors import BrokenLedgerError
from models.hours import Hours, priced
from models.identifiers import derived
from models.requests.statuses import ENDED, RequestStatus, Response, StatusReason, Step

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


class Party(Enum):
    """One of the two members of a request."""

    REQUESTER = auto()
    PROVIDER = auto()


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
class DisputeRef:
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
    disputes: tuple[DisputeRef, ...] = ()
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
    def parties(self) -> tuple[str, str]:
        """Return the user ids of the two members: the requester, the provider."""
        return self.requester_id, self.provider_id

    def member(self, party: Party) -> str:
        """Return the user id of one of the two members."""
        return self.provider_id if party is Party.PROVIDER else self.requester_id

    @property
    def is_over(self) -> bool:
        """Tell whether no execution has to move this request any more."""
        return self.status in ENDED and self.due_at is None

    @property
    def dispute(self) -> DisputeRef | None:
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

    def moved(
        self, now: datetime, *, status: RequestStatus | None = None, status_reason: StatusReason | None = None
    ) -> "Request":
        """Return this request one version on: its passage noted, its failures forgotten, its due time set.

        Whatever else changes must have been replaced before, because the due time follows from it.

        Args:
            now: the moment.
            status: the status that it has from now on; None keeps it.
            status_reason: why it has that status; a request that keeps its status keeps the reason, too.

        Raises:
            BrokenLedgerError: it has gone through more statuses than any request can.
        """
        passages = self.passages
        if status is None or status is self.status:
            status, status_reason = self.status, self.status_reason
        else:
            passages = (*passages, Passage(status=status, at=now))
        if len(passages) > LARGEST_LIFE:
            raise BrokenLedgerError(f"request {self.id} has gone through more statuses than any life has")
        after = replace(
            self,
            status=status,
            status_reason=status_reason,
            passages=passages,
            resumptions=0,
            failing_since=None,
            version=self.version + 1,
            updated_at=now,
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
