"""The movements as transactions: what a rule decides is written whole, once, or not at all.

`Transactions.move` reads the rows, lets a pure rule decide, and writes its change as ONE TransactWriteItems that
conditions on every version it was decided on. If a row has changed meanwhile, the rule decides again on what is
there now. A lost answer and a lost write look the same: both are read back, and the rule knows its own effect.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from models import tables
from models.clock import Clock
from models.errors import BrokenLedgerError, Code, Refusal, not_found_refusal
from models.hours import from_float
from models.identifiers import derived
from models.ledger.balances import Balance, Escrow
from models.requests.decision import Member, ServiceTerms, Snapshot, Verdict, needs_whole_snapshot
from models.requests.dispute import Dispute, escrow_key
from models.requests.request import Request
from models.storage.codec import decode_or_none
from models.storage.store import Item, Store
from models.transactions.composition import compose, submission_id
from models.transactions.retrying import MovedMeanwhileError, retry
from models.transactions.writing import Writing

RequestRule = Callable[[Snapshot, datetime], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How a request stood when the rule decided, and how it stands now."""

    before: Request
    request: Request


class Transactions:
    """Reads what a rule needs and writes what it decides.

    Example:
        >>> await transactions.move(request_id, steps.hold_hours, generation=0)
        Moved(before=…, request=Request(status=ESCROWED, …))
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def read(self, request_id: str) -> Request | None:
        """Return a request as it stands, read consistently."""
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
    ) -> Moved | Refusal:
        """Let a rule decide about a stored request and write what it decides.

        Args:
            request_id: the request.
            rule: the pure rule; called again with fresh rows whenever they have changed.
            generation: the execution's generation, when a handler asks; another one is refused as SUPERSEDED.
            dispute_id: the dispute to read with the whole snapshot, if it is not the one that is open; when a
                handler asks, the dispute that it decides: once that is not open any more, it is SUPERSEDED.

        Raises:
            ContentionError: rows kept changing for 20 s.
            BrokenLedgerError: the rule's change would break an invariant; nothing was written.
        """

        async def attempt() -> Moved | Refusal:
            request = await self.read(request_id)
            if request is None:
                return not_found_refusal()
            if generation is not None and not _is_moved_by(request, generation, dispute_id):
                return Refusal(Code.SUPERSEDED, "Another execution moves this request now.")
            if not needs_whole_snapshot(rule, request):
                return await self._decide(Snapshot(request=request), rule)
            async with self._store.calls.queue((request.requester_id, request.provider_id)):
                snapshot = await self._snapshot(request, dispute_id)
                try:
                    decided = await self._decide(snapshot, rule)
                except BrokenLedgerError:
                    await self._check_unmoved(request)
                    raise
                if isinstance(decided, Refusal):
                    await self._check_unmoved(request)
                return decided

        return await retry(self._store.calls, attempt)

    async def create(self, request: Request, rule: RequestRule) -> Moved | Refusal | None:
        """Let a rule decide about a request that is not stored yet, given the service that it asks for.

        A request of that id that is stored already is handed back as it stands, and before that as it was asked
        for: a counter-offer that is taken up changes its hours.

        Returns:
            What `move` does; or None if the id was a request's that has been deleted: its log is still there,
            and no second request may write into it.
        """

        async def attempt() -> Moved | Refusal | None:
            reads: list[tuple[type[tables.Table], str]] = [
                (tables.ServiceRequest, request.id),
                (tables.Service, request.service_id),
                (tables.EventLog, submission_id(request.id)),
            ]
            stored, service, submitted = await self._store.batch_get(reads, consistent=True)
            found = decode_or_none(Request, tables.ServiceRequest, stored)
            if found is not None:
                return Moved(before=_as_asked(found, submitted), request=found)
            if submitted is not None:
                return None
            snapshot = Snapshot(
                request=request, is_new=True, service=decode_or_none(ServiceTerms, tables.Service, service)
            )
            return await self._decide(snapshot, rule)

        return await retry(self._store.calls, attempt)

    async def write(self, writing: Writing, token: str) -> None:
        """Write a transaction; `token` follows from its cause and the versions it was decided on."""
        await self._store.calls.call(
            "dynamodb", "transact_write_items", TransactItems=writing.items, ClientRequestToken=token
        )

    async def _decide(self, snapshot: Snapshot, rule: RequestRule) -> Moved | Refusal:
        now = self._clock()
        verdict = rule(snapshot, now)
        if isinstance(verdict, Refusal):
            return verdict
        if isinstance(verdict, Request):
            return Moved(before=snapshot.request, request=verdict)
        moved_by = verdict.dispute or verdict.request
        writing = Writing(self._store.names, now, execution_arn=moved_by.step_function_execution_arn)
        if (refused := compose(writing, snapshot, verdict, now)) is not None:
            return refused
        versions = [
            balance.version for balance in (snapshot.requester_balance, snapshot.provider_balance) if balance
        ]
        token = derived(snapshot.request.id, snapshot.request.version, *versions, now.isoformat())
        await self.write(writing, token)
        return Moved(before=snapshot.request, request=verdict.request)

    async def _check_unmoved(self, request: Request) -> None:
        """What is written is conditioned on every version; what is refused must rest on one moment, too."""
        found = await self.read(request.id)
        if found is None or found.version != request.version:
            raise MovedMeanwhileError(f"request {request.id} has moved since it was read")

    async def _snapshot(self, request: Request, dispute_id: str | None) -> Snapshot:
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
