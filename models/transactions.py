"""The movements as transactions: what a rule decides is written whole, once, or not at all.

`Transactions.move` reads the rows, lets a pure rule decide, and writes its change as ONE TransactWriteItems that
conditions on every version it was decided on. If a row has changed meanwhile, the rule decides again on what is
there now. A lost answer and a lost write look the same: both are read back, and the rule knows its own effect.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as UnreachableError
from tenacity import AsyncRetrying, RetryError, retry_if_exception, stop_after_delay, wait_random_exponential

from models.change import Member, Offer, Scene, Verdict
from models.clock import Clock
from models.composition import compose, submission_id
from models.disputes import Dispute, escrow_key
from models.errors import BrokenLedgerError, Code, ContentionError, HourBankError, Refusal, not_found
from models.hours import from_float
from models.identifiers import derived
from models.ledger import Balance, Escrow
from models.lifecycle import Request
from models.rows import decode
from models.store import Item, Store
from models.tables import Dispute as DisputeTable
from models.tables import Escrow as EscrowTable
from models.tables import EventLog, RequestGuard, Service, ServiceRequest, Table, User, UserBalance
from models.writing import Writing

Rule = Callable[[Scene, datetime], Verdict]
_T = TypeVar("_T")

# After this long the caller is told CONTENTION, which it repeats and never compensates.
PATIENCE_SECONDS = 20.0

_AGAIN = frozenset(
    {
        "TransactionInProgressException",
        "TransactionConflictException",
        # The token was used with other content: an earlier try of ours got through, or is about to.
        "IdempotentParameterMismatchException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
_AGAIN_REASONS = frozenset(
    {
        "None",
        "ConditionalCheckFailed",
        "TransactionConflict",
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
    }
)


def is_passing(error: BaseException) -> bool:
    """Tell whether a call failed for a reason that reading again and deciding again may get past."""
    if isinstance(error, (HTTPClientError, UnreachableError, _MovedMeanwhileError)):
        return True
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code", "")
    if code != "TransactionCanceledException":
        return code in _AGAIN
    reasons = error.response.get("CancellationReasons", [])
    return all(reason.get("Code", "None") in _AGAIN_REASONS for reason in reasons)


class _MovedMeanwhileError(HourBankError):
    """The rows of a scene are of two moments: the request has moved since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How a request stood when the rule decided, and how it stands now."""

    before: Request
    request: Request


class Transactions:
    """Reads what a rule needs and writes what it decides.

    Example:
        >>> await transactions.move(request_id, steps.hold, generation=0, whole=True)
        Moved(before=…, request=Request(status=ESCROWED, …))
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def read(self, request_id: str) -> Request | None:
        """Return a request as it stands, read consistently."""
        return decoded(Request, ServiceRequest, await self._store.get(ServiceRequest, request_id, consistent=True))

    async def move(
        self,
        request_id: str,
        rule: Rule,
        *,
        generation: int | None = None,
        whole: bool = False,
        dispute_id: str | None = None,
    ) -> Moved | Refusal:
        """Let a rule decide about a stored request and write what it decides.

        Args:
            request_id: the request.
            rule: the pure rule; called again with fresh rows whenever they have changed.
            generation: the execution's generation, when a handler asks; another one is refused as SUPERSEDED.
            whole: read the members, the service, the balances, the escrow and the guard, too; needed whenever
                the rule looks at them or moves hours; of a request that is disputed, the dispute, too.
            dispute_id: the dispute to read with them, if it is not the one that is open; when a handler asks, the
                dispute that it decides, and once that is not open any more, it is refused as SUPERSEDED.

        Raises:
            ContentionError: rows kept changing for 20 s.
            BrokenLedgerError: the rule's change would break an invariant; nothing was written.
        """

        async def attempt() -> Moved | Refusal:
            request = await self.read(request_id)
            if request is None:
                return not_found()
            if generation is not None and not _is_moved_by(request, generation, dispute_id):
                return Refusal(Code.SUPERSEDED, "Another execution moves this request now.")
            if not whole:
                return await self._decide(Scene(request=request), rule)
            async with self._store.calls.queue((request.requester_id, request.provider_id)):
                scene = await self._scene(request, dispute_id)
                try:
                    decided = await self._decide(scene, rule)
                except BrokenLedgerError:
                    await self._check_unmoved(request)
                    raise
                if isinstance(decided, Refusal):
                    await self._check_unmoved(request)
                return decided

        return await self.patiently(attempt)

    async def create(self, request: Request, rule: Rule) -> Moved | Refusal | None:
        """Let a rule decide about a request that is not stored yet, given the service that it asks for.

        A request of that id that is stored already is handed back as it stands, and before that as it was asked
        for: a counter-offer that is taken up changes its hours.

        Returns:
            What `move` does; or None if the id was a request's that has been deleted: its log is still there,
            and no second request may write into it.
        """

        async def attempt() -> Moved | Refusal | None:
            reads: list[tuple[type[Table], str]] = [
                (ServiceRequest, request.id),
                (Service, request.service_id),
                (EventLog, submission_id(request.id)),
            ]
            stored, service, submitted = await self._store.batch_get(reads, consistent=True)
            found = decoded(Request, ServiceRequest, stored)
            if found is not None:
                return Moved(before=_as_asked(found, submitted), request=found)
            if submitted is not None:
                return None
            scene = Scene(request=request, is_new=True, offer=decoded(Offer, Service, service))
            return await self._decide(scene, rule)

        return await self.patiently(attempt)

    async def write(self, writing: Writing, token: str) -> None:
        """Write a transaction; `token` follows from its cause and the versions it was decided on."""
        await self._store.calls.call(
            "dynamodb", "transact_write_items", TransactItems=writing.items, ClientRequestToken=token
        )

    async def patiently(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Repeat an attempt, with jitter, for as long as rows change under it or answers are lost.

        Raises:
            ContentionError: that went on for 20 s.
        """
        retrying = AsyncRetrying(
            sleep=self._store.calls.pause,
            retry=retry_if_exception(is_passing),
            stop=stop_after_delay(PATIENCE_SECONDS),
            wait=wait_random_exponential(multiplier=0.02, max=1),
        )
        try:
            return await retrying(attempt)
        except RetryError as error:
            raise ContentionError("the rows kept changing; nothing was done, try again") from error

    async def _decide(self, scene: Scene, rule: Rule) -> Moved | Refusal:
        now = self._clock()
        verdict = rule(scene, now)
        if isinstance(verdict, Refusal):
            return verdict
        if isinstance(verdict, Request):
            return Moved(before=scene.request, request=verdict)
        moved_by = verdict.dispute or verdict.request
        writing = Writing(self._store.names, now, execution_arn=moved_by.step_function_execution_arn)
        if (refused := compose(writing, scene, verdict, now)) is not None:
            return refused
        versions = [balance.version for balance in (scene.requester_balance, scene.provider_balance) if balance]
        token = derived(scene.request.id, scene.request.version, *versions, now.isoformat())
        await self.write(writing, token)
        return Moved(before=scene.request, request=verdict.request)

    async def _check_unmoved(self, request: Request) -> None:
        """What is written is conditioned on every version; what is refused must rest on one moment, too."""
        found = await self.read(request.id)
        if found is None or found.version != request.version:
            raise _MovedMeanwhileError(f"request {request.id} has moved since it was read")

    async def _scene(self, request: Request, dispute_id: str | None) -> Scene:
        disputed = dispute_id or (request.dispute.id if request.dispute else None)
        reads: list[tuple[type[Table], str]] = [
            (EscrowTable, request.escrow_key),
            (Service, request.service_id),
            (User, request.requester_id),
            (User, request.provider_id),
            (UserBalance, request.requester_id),
            (UserBalance, request.provider_id),
            (RequestGuard, request.guard_id),
        ]
        if disputed is not None:
            reads += [(DisputeTable, disputed), (EscrowTable, escrow_key(request.id, disputed))]
        found = await self._store.batch_get(reads, consistent=True)
        escrow, service, requester, provider, requester_balance, provider_balance, guard, *of_dispute = found
        dispute, dispute_escrow = of_dispute or (None, None)
        return Scene(
            request=request,
            escrow=decoded(Escrow, EscrowTable, escrow),
            dispute=decoded(Dispute, DisputeTable, dispute),
            dispute_escrow=decoded(Escrow, EscrowTable, dispute_escrow),
            offer=decoded(Offer, Service, service),
            requester=decoded(Member, User, requester),
            provider=decoded(Member, User, provider),
            requester_balance=decoded(Balance, UserBalance, requester_balance),
            provider_balance=decoded(Balance, UserBalance, provider_balance),
            guarded_by=None if guard is None else guard["requestId"]["S"],
        )


def _is_moved_by(request: Request, generation: int, dispute_id: str | None) -> bool:
    """Tell whether a request is an execution's to move: the next dispute may be of the same generation."""
    is_open = dispute_id is None or (request.dispute is not None and request.dispute.id == dispute_id)
    return request.generation == generation and is_open


def _as_asked(request: Request, submitted: Item | None) -> Request:
    """Return a stored request with the hours of its submission; one from before the workflow has its own."""
    if submitted is None:
        return request
    asked = json.loads(submitted["eventData"]["S"])["estimatedHours"]
    return replace(request, estimated_hours=from_float(asked))


def decoded(cls: type[_T], table: type[Table], item: Item | None) -> _T | None:
    """Return the dataclass that an item stores, if there is an item."""
    return None if item is None else decode(cls, table, item)
