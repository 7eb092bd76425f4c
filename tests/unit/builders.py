"""Test data, and a bank in memory that applies the pure rules: what `transactions` writes, without DynamoDB."""

from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from models.disputes import raising
from models.errors import Refusal
from models.events import Event, Notice
from models.exchanges.record import ExchangeRecord, count_of, record_change
from models.hours import hundredths
from models.identifiers import derived
from models.ledger import movements
from models.ledger.balances import Balance, Escrow, EscrowStatus, EscrowType
from models.ledger.entries import Entry, post
from models.ledger.movements import Movement, TransactionType
from models.requests import answers
from models.requests.decision import Change, GuardAction, Member, ServiceTerms, Snapshot, Verdict
from models.requests.dispute import DECIDED, Dispute, DisputeType, escrow_key
from models.requests.request import Request
from models.requests.statuses import ENDED, RequestStatus
from tests.unit import books

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ALICE, BOB, EVE, ADA = "alice", "bob", "eve", "ada"
REQUEST_ID = "11111111-1111-4111-8111-111111111111"
SERVICE_ID = "22222222-2222-4222-8222-222222222222"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:hourbank-ServiceRequestWorkflow:"

Rule = Callable[[Snapshot, datetime], Verdict]


def hours(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))


def make_request(**changes: Any) -> Request:
    given: dict[str, Any] = {
        "id": REQUEST_ID,
        "service_id": SERVICE_ID,
        "requester_id": ALICE,
        "provider_id": BOB,
        "status": RequestStatus.INITIATED,
        "estimated_hours": hours("2"),
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return Request(**given)


def make_service(**changes: Any) -> ServiceTerms:
    given: dict[str, Any] = {
        "id": SERVICE_ID,
        "user_id": BOB,
        "title": "Garden help",
        "hourly_rate": hours("1"),
        "is_active": True,
        **changes,
    }
    return ServiceTerms(**given)


def make_member(user_id: str, **changes: Any) -> Member:
    return Member(id=user_id, username=user_id, created_at=NOW, **changes)


def make_balance(user_id: str, available: str = "10", escrowed: str = "0", **changes: Any) -> Balance:
    given: dict[str, Any] = {
        "user_id": user_id,
        "total_balance": hours(available) + hours(escrowed),
        "available_balance": hours(available),
        "escrowed_balance": hours(escrowed),
        "created_at": NOW,
        "updated_at": NOW,
        "version": 1,
        **changes,
    }
    return Balance(**given)


def make_escrow(**changes: Any) -> Escrow:
    given: dict[str, Any] = {
        "id": make_request().escrow_key,
        "request_id": REQUEST_ID,
        "from_user_id": ALICE,
        "to_user_id": BOB,
        "amount": hours("2"),
        "status": EscrowStatus.ESCROWED,
        "escrow_type": EscrowType.SERVICE_REQUEST,
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return Escrow(**given)


def make_dispute(by: str = ALICE, **changes: Any) -> Dispute:
    """Return a dispute as a party of the request raises it; its id is derived from the party."""
    given: dict[str, Any] = {
        "id": derived(REQUEST_ID, by),
        "request_id": REQUEST_ID,
        "raised_by": by,
        "against_user_id": BOB if by == ALICE else ALICE,
        "dispute_type": DisputeType.SERVICE_QUALITY,
        "description": "The weeds are still there",
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return Dispute(**given)


def make_snapshot(**changes: Any) -> Snapshot:
    """Return a snapshot in which nothing prevents holding the hours."""
    given: dict[str, Any] = {
        "request": make_request(status=RequestStatus.VALIDATING, version=2),
        "service": make_service(),
        "requester": make_member(ALICE),
        "provider": make_member(BOB),
        "requester_balance": make_balance(ALICE),
        "provider_balance": make_balance(BOB),
        **changes,
    }
    return Snapshot(**given)


@dataclass
class Bank:
    """All rows, in memory; a change is applied only if the rows that it was decided on are unchanged."""

    now: datetime = NOW
    services: dict[str, ServiceTerms] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    balances: dict[str, Balance] = field(default_factory=dict)
    escrows: dict[str, Escrow] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    guards: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    exchanges: dict[str, ExchangeRecord] = field(default_factory=dict)
    # What each member was counted: payments, and the hours given and received.
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @classmethod
    def opened(cls, *members: str) -> "Bank":
        """Return a bank whose members have 10 hours each; Bob offers garden help."""
        bank = cls(services={SERVICE_ID: make_service()})
        for member in members or (ALICE, BOB):
            bank.join(member)
        return bank

    def copy(self) -> "Bank":
        """Return a copy that shares the rows, which are immutable."""
        return Bank(**{each.name: copy(getattr(self, each.name)) for each in fields(self)})

    def join(self, member: str) -> None:
        self.members[member] = make_member(member)
        bonus = movements.issue(
            cause=member,
            user_id=member,
            amount=hours("10"),
            type=TransactionType.WELCOME_BONUS,
            description="Welcome to HourBank",
        )
        assert self.post_movement(bonus) is None

    def post_movement(self, movement: Movement, execution_arn: str | None = None) -> Refusal | None:
        """Post a whole movement, or return why it cannot be posted."""
        movements.check_conserved(movement)
        posted: list[tuple[Balance, Entry]] = []
        for leg in movement.legs:
            before = self.balances.get(leg.user_id) or Balance.empty(leg.user_id, self.now)
            result = post(before, leg, movement, now=self.now, execution_arn=execution_arn)
            if isinstance(result, Refusal):
                return result
            posted.append(result)
        for after, entry in posted:
            assert entry.id not in {known.id for known in self.entries}, "a movement was posted twice"
            self.balances[after.user_id] = after
            self.entries.append(entry)
        return None

    @staticmethod
    def disputed(rule: Rule, request: Request) -> str | None:
        """Return the id of the dispute that a rule raises, or else of the request's last one."""
        raised = rule.keywords.get("dispute") if isinstance(rule, partial) else None
        return raised.id if raised else latest_dispute(request)

    def snapshot(self, request: Request, dispute_id: str | None = None) -> Snapshot:
        disputed = dispute_id or latest_dispute(request) or ""
        return Snapshot(
            request=request,
            escrow=self.escrows.get(request.escrow_key),
            dispute=self.disputes.get(disputed),
            dispute_escrow=self.escrows.get(escrow_key(request.id, disputed)),
            service=self.services.get(request.service_id),
            requester=self.members.get(request.requester_id),
            provider=self.members.get(request.provider_id),
            requester_balance=self.balances.get(request.requester_id),
            provider_balance=self.balances.get(request.provider_id),
            guarded_by=self.guards.get(request.guard_id),
        )

    def create(self, request: Request) -> Verdict:
        verdict = answers.create(self.snapshot(request), self.now)
        if isinstance(verdict, Change):
            self.apply(verdict)
        return verdict

    def move(self, rule: Rule, request_id: str = REQUEST_ID) -> Verdict:
        """Let a rule decide about a stored request, and apply the change."""
        request = self.requests[request_id]
        snapshot = self.snapshot(request, self.disputed(rule, request))
        verdict = rule(snapshot, self.now)
        if isinstance(verdict, Change) and (refused := self.apply(verdict)) is not None:
            return refused
        return verdict

    def apply(self, change: Change) -> Refusal | None:
        """Apply a whole change, or return why its hours cannot be moved."""
        after = change.request
        before = self.requests.get(after.id)
        assert after.version == (before.version if before else 0) + 1
        if (
            change.movement is not None
            and (refused := self.post_movement(change.movement, execution_of(change))) is not None
        ):
            return refused
        if change.escrow is not None:
            held = self.escrows.get(change.escrow.id)
            assert held is None or held.status is EscrowStatus.ESCROWED, "an escrow ends once"
            assert held or change.escrow.status is EscrowStatus.ESCROWED
            self.escrows[change.escrow.id] = change.escrow
        if change.dispute is not None:
            self._dispute(change.dispute)
        self._guard(change)
        self._exchange(change)
        self.requests[after.id] = after
        self.events.extend(change.events)
        self.notices.extend(change.notices)
        return None

    def _exchange(self, change: Change) -> None:
        """Record what the change says of its exchange, and count what it pays or takes back."""
        after = change.request
        before = self.requests.get(after.id)
        snapshot = replace(self.snapshot(before or after), is_new=before is None)
        if (recorded := record_change(snapshot, after)) is not None:
            record = recorded.record
            assert recorded.is_new == (before is None)
            assert recorded.is_new is False or record.id not in self.exchanges
            if (known := self.exchanges.get(record.id)) is not None:
                record = replace(record, description=known.description)
                if recorded.keeps_hours:
                    record = replace(record, hours_spent=known.hours_spent)
            self.exchanges[record.id] = record
        if before is not None and (count := count_of(before, after)) is not None:
            for user_id, name in ((after.requester_id, "hoursConsumed"), (after.provider_id, "hoursProvided")):
                for either in ("hoursConsumed", "hoursProvided"):
                    self.counts[user_id, either] += hundredths(count.hours) if either == name else 0
                self.counts[user_id, "totalTransactions"] += count.exchanges

    def _dispute(self, after: Dispute) -> None:
        before = self.disputes.get(after.id)
        assert after.version == (before.version if before else 0) + 1
        assert before is None or before.status not in DECIDED, "a dispute is decided once"
        assert before is None or before.decision in {None, after.decision}
        self.disputes[after.id] = after

    def _guard(self, change: Change) -> None:
        key, request_id = change.request.guard_id, change.request.id
        if change.guard is GuardAction.PUT:
            assert key not in self.guards
            self.guards[key] = request_id
        elif change.guard is GuardAction.REMOVE and self.guards.get(key) == request_id:
            del self.guards[key]

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def check(self) -> None:
        """Assert the invariants of balances and requests."""
        self.check_balances()
        self.check_counts()
        for request in self.requests.values():
            self._check_request(request)

    def check_counts(self) -> None:
        """Assert that each member's figures are those of the requests that they are a party to."""
        expected: Counter[tuple[str, str]] = Counter()
        for request in self.requests.values():
            for user_id, name in ((request.requester_id, "hoursConsumed"), (request.provider_id, "hoursProvided")):
                expected[user_id, name] += hundredths(request.earned or Decimal(0))
                expected[user_id, "totalTransactions"] += request.earned is not None
        assert +self.counts == +expected

    def check_balances(self) -> None:
        """Assert the ledger's own invariants."""
        balances = self.balances.values()
        assert sum(balance.total_balance for balance in balances) == sum(entry.issued for entry in self.entries)
        for balance in balances:
            own = [entry for entry in self.entries if entry.user_id == balance.user_id]
            held = [escrow.amount for escrow in self.escrows.values() if self._holds(escrow, balance.user_id)]
            assert balance.escrowed_balance == sum(held)
            assert min(balance.available_balance, balance.escrowed_balance) >= 0
            assert balance.total_balance == balance.available_balance + balance.escrowed_balance
            replayed = books.replay(own, user_id=balance.user_id, now=self.now)
            # A lock increases the version, without an entry.
            assert replayed.version <= balance.version
            assert figures(replace(replayed, version=balance.version)) == figures(balance)

    @staticmethod
    def _holds(escrow: Escrow, user_id: str) -> bool:
        return escrow.from_user_id == user_id and escrow.status is EscrowStatus.ESCROWED

    def _check_request(self, request: Request) -> None:
        escrow = self.escrows.get(request.escrow_key)
        guarded = self.guards.get(request.guard_id) == request.id
        held = escrow is not None and escrow.status is EscrowStatus.ESCROWED
        after_payment = books.is_disputed_after_payment(request, self.disputes, self.escrows)
        assert guarded == (request.status in GUARDED)
        assert held == (request.status in HELD and not after_payment)
        assert escrow is None or escrow.amount == request.amount
        assert (request.offered_hours is not None) == (request.status is RequestStatus.NEGOTIATING)
        assert (request.due_at is None) == (request.due_shard is None)
        if request.status not in ENDED:
            assert request.due_at is not None
        elif request.status is not RequestStatus.PAID:
            assert request.due_at is None
        moments = [passage.at for passage in request.passages]
        assert moments == sorted(moments)
        assert request.passages[-1].status is request.status
        is_paid = request.status is RequestStatus.PAID or after_payment
        assert (request.earned is not None) == is_paid
        books.check_earnings(request, self.entries)
        books.check_exchange(request, self.exchanges.get(request.id), paid_by(request, self.entries))


def paid_by(request: Request, entries: Iterable[Entry]) -> Decimal | None:
    """Return the hours that a request's payment gave its provider, the first that they got; None if none did."""
    causes = {request.id, *(one.id for one in request.disputes)}
    own = [entry for entry in entries if entry.related_entity_id in causes]
    gains = [entry for entry in own if entry.user_id == request.provider_id and entry.amount > 0]
    return min(gains, key=lambda entry: entry.balance_version).amount if gains else None


def latest_dispute(request: Request) -> str | None:
    """Return the id of the last dispute that was raised over a request."""
    return request.disputes[-1].id if request.disputes else None


def execution_of(change: Change) -> str | None:
    """Return the ARN of the execution that a change is written for: the dispute's, if it has one."""
    return (change.dispute or change.request).step_function_execution_arn


GUARDED = frozenset({RequestStatus.ESCROWED, RequestStatus.AWAITING_RESPONSE, RequestStatus.NEGOTIATING})
HELD = GUARDED | raising.DISPUTABLE - {RequestStatus.PAID} | {RequestStatus.DISPUTED}


def figures(balance: Balance) -> tuple[object, ...]:
    """Return the fields that a replay of the log must reproduce exactly."""
    return (
        balance.user_id,
        balance.available_balance,
        balance.escrowed_balance,
        balance.total_balance,
        balance.version,
        balance.last_transaction_id,
        balance.last_hash,
    )
