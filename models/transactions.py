"""The movements as transactions: what a rule decides is written whole, once, or not at all.

`Transactions.move` reads the rows, lets a pure rule decide, and writes its change as ONE TransactWriteItems that
conditions on every version it was decided on. If a row has changed meanwhile, the rule decides again on what is
there now. A lost answer and a lost write look the same: both are read back, and the rule knows its own effect.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from tenacity import AsyncRetrying, RetryError, retry_if_exception, stop_after_delay, wait_random_exponential

from models.change import Change, Guard, Member, Offer, Payment, Scene, Verdict
from models.clock import Clock
from models.errors import Code, ContentionError, Refusal
from models.hours import Hours
from models.identifiers import derived
from models.ledger import Balance, Escrow
from models.lifecycle import Request, TransactionStatus
from models.rows import decode
from models.store import Item, Store
from models.tables import Escrow as EscrowTable
from models.tables import RequestGuard, Service, ServiceRequest, Table, Transaction, User, UserBalance
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
    if isinstance(error, HTTPClientError):
        return True
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code", "")
    if code != "TransactionCanceledException":
        return code in _AGAIN
    reasons = error.response.get("CancellationReasons", [])
    return all(reason.get("Code", "None") in _AGAIN_REASONS for reason in reasons)


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
        self, request_id: str, rule: Rule, *, generation: int | None = None, whole: bool = False
    ) -> Moved | Refusal:
        """Let a rule decide about a stored request and write what it decides.

        Args:
            request_id: the request.
            rule: the pure rule; called again with fresh rows whenever they have changed.
            generation: the execution's generation, when a handler asks; another one is refused as SUPERSEDED.
            whole: read the members, the service, the balances, the escrow and the guard, too; needed whenever
                the rule looks at them or moves hours.

        Raises:
            ContentionError: rows kept changing for 20 s.
            BrokenLedgerError: the rule's change would break an invariant; nothing was written.
        """

        async def attempt() -> Moved | Refusal:
            request = await self.read(request_id)
            if request is None:
                return Refusal(Code.REQUEST_NOT_FOUND, "There is no such request.")
            if generation is not None and request.generation != generation:
                return Refusal(Code.SUPERSEDED, "Another execution moves this request now.")
            if not whole:
                return await self._decide(Scene(request=request), rule)
            async with self._store.calls.queue((request.requester_id, request.provider_id)):
                return await self._decide(await self._scene(request), rule)

        return await self.patiently(attempt)

    async def create(self, request: Request, rule: Rule) -> Moved | Refusal:
        """Let a rule decide about a request that is not stored yet, given the service that it asks for.

        A request of that id that is stored already is handed back as it stands.
        """

        async def attempt() -> Moved | Refusal:
            reads: list[tuple[type[Table], str]] = [
                (ServiceRequest, request.id),
                (Service, request.service_id),
            ]
            stored, service = await self._store.batch_get(reads, consistent=True)
            found = decoded(Request, ServiceRequest, stored)
            if found is not None:
                return Moved(before=found, request=found)
            return await self._decide(Scene(request=request, offer=decoded(Offer, Service, service)), rule)

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
        writing = Writing(self._store.names, now, execution_arn=verdict.request.step_function_execution_arn)
        if (refused := compose(writing, scene, verdict, now)) is not None:
            return refused
        versions = [balance.version for balance in (scene.requester_balance, scene.provider_balance) if balance]
        token = derived(scene.request.id, scene.request.version, *versions, now.isoformat())
        await self.write(writing, token)
        return Moved(before=scene.request, request=verdict.request)

    async def _scene(self, request: Request) -> Scene:
        reads: list[tuple[type[Table], str]] = [
            (EscrowTable, request.escrow_key),
            (Service, request.service_id),
            (User, request.requester_id),
            (User, request.provider_id),
            (UserBalance, request.requester_id),
            (UserBalance, request.provider_id),
            (RequestGuard, request.guard_id),
        ]
        found = await self._store.batch_get(reads, consistent=True)
        escrow, service, requester, provider, requester_balance, provider_balance, guard = found
        return Scene(
            request=request,
            escrow=decoded(Escrow, EscrowTable, escrow),
            offer=decoded(Offer, Service, service),
            requester=decoded(Member, User, requester),
            provider=decoded(Member, User, provider),
            requester_balance=decoded(Balance, UserBalance, requester_balance),
            provider_balance=decoded(Balance, UserBalance, provider_balance),
            guarded_by=None if guard is None else guard["requestId"]["S"],
        )


def decoded(cls: type[_T], table: type[Table], item: Item | None) -> _T | None:
    """Return the dataclass that an item stores, if there is an item."""
    return None if item is None else decode(cls, table, item)


def compose(writing: Writing, scene: Scene, change: Change, now: datetime) -> Refusal | None:
    """Lay out everything that a change writes; returns the refusal of hours that cannot be moved."""
    before, after = scene.request, change.request
    if before.version == 0:
        writing.create(ServiceRequest, after)
    else:
        unmoved = ServiceRequest.status == before.status.value
        writing.change(ServiceRequest, before.id, before, after, also=unmoved)
    if change.movement is not None:
        refused = writing.movement(change.movement, lambda user_id: scene.balance(user_id, now))
        if refused is not None:
            return refused
    if change.escrow is not None:
        writing.escrow(scene.escrow, change.escrow)
    if change.guard is Guard.PUT:
        writing.create(RequestGuard, _Guarded(id=after.guard_id, request_id=after.id, created_at=now))
    if change.guard is Guard.REMOVE:
        gone_or_ours = RequestGuard.id.does_not_exist() | (RequestGuard.requestId == after.id)
        writing.remove(RequestGuard, after.guard_id, gone_or_ours)
    if change.payment is not None:
        _record(writing, scene, change.payment, now)
    _tell(writing, change)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guarded:
    id: str
    request_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchange:
    id: str
    provider_id: str
    consumer_id: str
    service_id: str
    hours_spent: Hours
    status: TransactionStatus
    description: str
    created_at: datetime
    completed_at: datetime
    updated_at: datetime


def _record(writing: Writing, scene: Scene, payment: Payment, now: datetime) -> None:
    """Put the exchange on record, and count it for each of its members who is still there."""
    request = scene.request
    exchange = _Exchange(
        id=derived(request.id, "exchange"),
        provider_id=request.provider_id,
        consumer_id=request.requester_id,
        service_id=request.service_id,
        hours_spent=payment.hours_spent,
        status=TransactionStatus.COMPLETED,
        description=payment.description,
        created_at=now,
        completed_at=now,
        updated_at=now,
    )
    writing.create(Transaction, exchange)
    for member in (scene.requester, scene.provider):
        if member is not None:
            count = [User.totalTransactions.add(1), User.updatedAt.set(now)]
            writing.update(User, member.id, count, User.id.exists())


def _tell(writing: Writing, change: Change) -> None:
    """Log the events and write the notices; the request's version tells one step from every other."""
    cause = derived(change.request.id, change.request.version)
    for event in change.events:
        writing.event(event, cause)
    for notice in change.notices:
        writing.notice(notice, cause, related_id=change.request.id)
