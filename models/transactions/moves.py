"""Moves requests in transactions: a rule's change is written as a whole, once, or not at all.

`Transactions.move` reads the rows, lets a pure rule decide, and writes its change as ONE TransactWriteItems,
conditioned on every version that the decision rests on. If a row has changed meanwhile, the rule decides again on
fresh rows. A lost response looks like a lost write: the rows are read again, and the rule knows its own effect.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from models import tables
from models.clock import Clock
from models.custody import custody_refusal
from models.errors import BrokenLedgerError, Code, Refusal, not_found_refusal
from models.hours import from_float
from models.identifiers import derived
from models.ledger.balances import Balance, Escrow
from models.requests.decision import Appointment, Member, ServiceTerms, Snapshot, Verdict, needs_whole_snapshot
from models.requests.dispute import Dispute, escrow_key
from models.requests.endings import removal_refusal
from models.requests.request import Request
from models.storage.codec import decode, decode_or_none
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.composition import compose, compose_removal, submission_id
from models.transactions.retrying import StaleSnapshotError, retry
from models.transactions.writing import Writing

RequestRule = Callable[[Snapshot, datetime], Verdict]
RefusalRule = Callable[[Request], Refusal | None]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A request as it was when the rule decided, and as it is now."""

    before: Request
    request: Request


def refuse_nobody(_request: Request) -> Refusal | None:
    """Return no refusal, whoever asks."""
    return None


class Transactions:
    """Reads the rows that a rule needs and writes the change that it decides on.

    Example:
        >>> await transactions.move(request_id, steps.hold_hours, generation=0)
        Moved(before=…, request=Request(status=ESCROWED, …))
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def read(self, request_id: str) -> Request | None:
        """Return a request, read consistently; None if there is none of that id."""
        return decode_or_none(
            Request,
            tables.ServiceRequest,
            await self._store.get(tables.ServiceRequest, request_id, consistent=True),
        )

    async def move(
        self,
        request_id: str,
        rule: RequestRule,
        *,
        generation: int | None = None,
        dispute_id: str | None = None,
        by: str | None = None,
        refuse: RefusalRule = refuse_nobody,
    ) -> Moved | Refusal:
        """Let a rule decide about a stored request and write its change.

        Each attempt takes five steps; for a rule that reads the request alone, only the first and the last two:

        1. read the request, and return if `refuse` refuses; if a person asks and would have to queue, read the
           other rows, too, and return if the rule refuses, so that refusals do not queue;
        2. queue for the accounts of its two members, within this process;
        3. read the other rows;
        4. let the rule decide;
        5. write its change, conditioned on the versions read. If the rule has refused or found a broken ledger
           instead, and the whole snapshot was read: read the request again, and if it has changed, retry.

        Args:
            request_id: the request.
            rule: the pure rule; called again with fresh rows whenever they have changed.
            generation: the execution's generation, if a handler asks; another one is refused as SUPERSEDED.
            dispute_id: the dispute to read, if it is not the open one. If a handler asks, the dispute that its
                execution decides: once that is not open any more, the handler is refused as SUPERSEDED.
            by: who asks; None for the workflow, which moves a request on behalf of its requester.
            refuse: returns the refusal of a caller who may not move this request at all. It is asked before the
                accounts are queued for, because how long that takes would tell a stranger something.

        Raises:
            ContentionError: rows kept changing for 20 s, or too many wait for an account.
            BrokenLedgerError: the rule's change would break an invariant; nothing was written.
        """

        async def attempt() -> Moved | Refusal:
            request = await self.read(request_id)
            if request is None:
                return not_found_refusal()
            if (refused := refuse(request)) is not None:
                return refused
            if generation is not None and not _is_moved_by(request, generation, dispute_id):
                return Refusal(Code.SUPERSEDED, "Another execution moves this request now.")
            if not needs_whole_snapshot(rule, request):
                return await self._decide(Snapshot(request=request), rule)
            return await self._move_in_line(request, rule, dispute_id, by)

        return await retry(self._store.calls, attempt)

    async def _move_in_line(
        self, request: Request, rule: RequestRule, dispute_id: str | None, by: str | None
    ) -> Moved | Refusal:
        """Queue for the accounts of a request's members, and let a rule decide; its refusal does not queue."""
        if by is not None and not self._store.calls.is_free(request.parties):
            judged = await self._decide_on_everything(request, rule, dispute_id, self._judge)
            if isinstance(judged, Refusal | Moved):
                return judged
        async with self._store.calls.queue(request.parties, by=by or request.requester_id):
            return await self._decide_on_everything(request, rule, dispute_id, self._decide)

    async def _decide_on_everything(
        self,
        request: Request,
        rule: RequestRule,
        dispute_id: str | None,
        decide: Callable[[Snapshot, RequestRule], Awaitable[_T]],
    ) -> _T:
        """Read the whole snapshot of a request and let a rule decide on it, by `_decide` or `_judge`."""
        snapshot = await self._whole_snapshot(request, dispute_id)
        try:
            decided = await decide(snapshot, rule)
        except BrokenLedgerError:
            await self._raise_if_stale(request)
            raise
        if isinstance(decided, Refusal):
            await self._raise_if_stale(request)
        return decided

    async def create(self, request: Request, rule: RequestRule) -> Moved | Refusal | None:
        """Let a rule decide about a request that is not stored yet; it is given service, booking and members, too.

        It is refused as HOURS_NOT_HERE_YET while the former app keeps the hours of one of its members.

        If a request of that id is stored already, it is returned: as `request` as it is now, as `before` with the
        hours that it was submitted with, because a counter-offer that was taken up has changed them.

        Returns:
            What `move` returns; or None if a request of that id has been deleted: its log is still there, and no
            second request may write to it. None, too, if another request's exchange has that id.
        """

        async def attempt() -> Moved | Refusal | None:
            reads: list[tuple[type[tables.Table], str]] = [
                (tables.ServiceRequest, request.id),
                (tables.Service, request.service_id),
                (tables.EventLog, submission_id(request.id)),
                (tables.Transaction, request.id),
                (tables.User, request.requester_id),
                (tables.User, request.provider_id),
            ]
            if request.booking_id is not None:
                reads.append((tables.Booking, request.booking_id))
            read = await self._store.batch_get(reads, consistent=True)
            stored, service, submission, exchange, requester, provider, *booked = read
            found = decode_or_none(Request, tables.ServiceRequest, stored)
            if found is not None:
                return Moved(before=_as_submitted(found, submission), request=found)
            if submission is not None or exchange is not None:
                return None
            snapshot = Snapshot(
                request=request,
                is_new=True,
                service=decode_or_none(ServiceTerms, tables.Service, service),
                requester=decode_or_none(Member, tables.User, requester),
                provider=decode_or_none(Member, tables.User, provider),
                booking=decode_or_none(Appointment, tables.Booking, booked[0] if booked else None),
            )
            return _custody_refusal(snapshot) or await self._decide(snapshot, rule)

        return await retry(self._store.calls, attempt)

    async def remove(self, request_id: str, is_met: Callable[[Item], bool]) -> Item | Refusal:
        """Delete a request that no hours are held for; its exchange stays, CANCELLED if the request was not begun.

        Args:
            request_id: the request.
            is_met: returns whether the stored row meets the caller's condition.

        Returns:
            The row as it was; or the refusal INVALID_REQUEST_STATUS.

        Raises:
            ConditionFailedError: there is no such request, or the row does not meet the condition.
            ContentionError: rows kept changing for 20 s.
        """
        sent: list[Item] = []

        async def attempt() -> Item | Refusal:
            stored = await self._store.get(tables.ServiceRequest, request_id, consistent=True)
            if stored is None and sent:
                return sent[-1]  # an earlier attempt deleted it, and the answer was lost
            if stored is None or not is_met(stored):
                raise ConditionFailedError(stored)
            request = decode(Request, tables.ServiceRequest, stored)
            if (refusal := removal_refusal(request)) is not None:
                return refusal
            sent.append(stored)
            writing = Writing(self._store.names, self._clock())
            compose_removal(writing, stored, request)
            await self.write(writing, derived(request_id, "remove", writing.now.isoformat()))
            return stored

        return await retry(self._store.calls, attempt)

    async def write(self, writing: Writing, token: str) -> None:
        """Write a transaction; its idempotency token follows from its cause and the versions it rests on."""
        await self._store.calls.call(
            "dynamodb", "transact_write_items", TransactItems=writing.items, ClientRequestToken=token
        )

    async def _decide(self, snapshot: Snapshot, rule: RequestRule) -> Moved | Refusal:
        """Let a rule decide, and write its change."""
        judged = await self._judge(snapshot, rule)
        if not isinstance(judged, _Judged):
            return judged
        await self.write(judged.writing, judged.token)
        return judged.moved

    async def _judge(self, snapshot: Snapshot, rule: RequestRule) -> "_Judged | Moved | Refusal":
        """Let a rule decide; return what its change writes, or the outcome if it changes nothing."""
        now = self._clock()
        verdict = rule(snapshot, now)
        if isinstance(verdict, Refusal):
            return verdict
        if isinstance(verdict, Request):
            return Moved(before=snapshot.request, request=verdict)
        snapshot = await self._with_service(snapshot)
        moved_by = verdict.dispute or verdict.request
        writing = Writing(self._store.names, now, execution_arn=moved_by.step_function_execution_arn)
        if (refused := compose(writing, snapshot, verdict, now)) is not None:
            return refused
        versions = [
            balance.version for balance in (snapshot.requester_balance, snapshot.provider_balance) if balance
        ]
        token = derived(snapshot.request.id, snapshot.request.version, *versions, now.isoformat())
        return _Judged(writing, token, Moved(before=snapshot.request, request=verdict.request))

    async def _raise_if_stale(self, request: Request) -> None:
        """Raise if the request has changed since it was read: a refusal must rest on rows of one moment.

        A write needs no such check, because it is conditioned on every version.
        """
        found = await self.read(request.id)
        if found is None or found.version != request.version:
            raise StaleSnapshotError(f"request {request.id} has changed since it was read")

    async def _with_service(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot with its service, by whose title an older request's exchange is still to be described.

        It is read once the rule has decided, so that nobody learns from the time of a refusal that there is a row.
        """
        if snapshot.request.exchange_id is not None or snapshot.service is not None:
            return snapshot
        service = await self._store.get(tables.Service, snapshot.request.service_id, consistent=True)
        return replace(snapshot, service=decode_or_none(ServiceTerms, tables.Service, service))

    async def _whole_snapshot(self, request: Request, dispute_id: str | None) -> Snapshot:
        disputed = dispute_id or (request.dispute.id if request.dispute else None)
        reads: list[tuple[type[tables.Table], str]] = [
            (tables.Escrow, request.escrow_key),
            (tables.Service, request.service_id),
            (tables.User, request.requester_id),
            (tables.User, request.provider_id),
            (tables.UserBalance, request.requester_id),
            (tables.UserBalance, request.provider_id),
            (tables.RequestGuard, request.guard_id),
        ]
        if disputed is not None:
            reads += [(tables.Dispute, disputed), (tables.Escrow, escrow_key(request.id, disputed))]
        found = await self._store.batch_get(reads, consistent=True)
        escrow, service, requester, provider, requester_balance, provider_balance, guard, *of_dispute = found
        dispute, dispute_escrow = of_dispute or (None, None)
        return Snapshot(
            request=request,
            escrow=decode_or_none(Escrow, tables.Escrow, escrow),
            dispute=decode_or_none(Dispute, tables.Dispute, dispute),
            dispute_escrow=decode_or_none(Escrow, tables.Escrow, dispute_escrow),
            service=decode_or_none(ServiceTerms, tables.Service, service),
            requester=decode_or_none(Member, tables.User, requester),
            provider=decode_or_none(Member, tables.User, provider),
            requester_balance=decode_or_none(Balance, tables.UserBalance, requester_balance),
            provider_balance=decode_or_none(Balance, tables.UserBalance, provider_balance),
            guarded_by=None if guard is None else guard["requestId"]["S"],
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """The transaction that a rule's change is to be written by, its idempotency token, and what it comes to."""

    writing: Writing
    token: str
    moved: Moved


def _custody_refusal(snapshot: Snapshot) -> Refusal | None:
    """Return the refusal of a request if the former app keeps the hours of one of its members."""
    requester = "requesterId" if snapshot.request.asked is None else "consumerId"  # createTransaction's word
    members = {requester: snapshot.requester, "providerId": snapshot.provider}
    return custody_refusal({field: member.custody for field, member in members.items() if member is not None})


def _is_moved_by(request: Request, generation: int, dispute_id: str | None) -> bool:
    """Return whether an execution may still move a request; two disputes may have the same generation."""
    is_open = dispute_id is None or (request.dispute is not None and request.dispute.id == dispute_id)
    return request.generation == generation and is_open


def _as_submitted(request: Request, submission: Item | None) -> Request:
    """Return a stored request with the hours of its submission; if that is not logged, with its own."""
    if submission is None:
        return request
    submitted_hours = json.loads(submission["eventData"]["S"])["estimatedHours"]
    return replace(request, estimated_hours=from_float(submitted_hours))
