"""The rows with which HourBank's own operations are possible: the one in question, then those beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from models import tables
from models.hours import ZERO
from models.ledger.balances import Balance, Escrow, EscrowStatus, EscrowType
from models.ledger.reconciliation import AuditReport, AuditReportStatus
from models.requests.dispute import Dispute, DisputeStatus, DisputeType
from models.requests.request import DisputeRef, Request, Wait
from models.requests.statuses import RequestStatus, StatusReason, Step
from models.storage.codec import encode, item_of
from models.storage.store import Item

Rows = Sequence[tuple[type[tables.Table], Item]]
Names = Mapping[str, str]

_WAITS = {
    "updateProviderResponse": (RequestStatus.AWAITING_RESPONSE, Step.WAIT_FOR_PROVIDER_RESPONSE),
    "respondToCounterOffer": (RequestStatus.NEGOTIATING, Step.WAIT_FOR_NEGOTIATION_RESPONSE),
    "markServiceStarted": (RequestStatus.ACCEPTED, Step.WAIT_FOR_SERVICE_START),
    "confirmServiceStart": (RequestStatus.ACCEPTED, Step.CONFIRM_SERVICE_START),
    "markServiceComplete": (RequestStatus.IN_PROGRESS, Step.WAIT_FOR_COMPLETION),
    "confirmServiceCompletion": (RequestStatus.IN_PROGRESS, Step.CONFIRM_SERVICE_COMPLETION),
}
# Starting or withdrawing from a request that is over returns the stored result.
_ENDED = {
    "startServiceRequestWorkflow": (RequestStatus.PAID, None),
    "withdrawServiceRequest": (RequestStatus.REJECTED, StatusReason.PROVIDER_WITHDREW),
}
REQUESTS = frozenset({*_WAITS, *_ENDED, "cancelServiceRequest", "getWorkflowStatus", "onServiceRequestProgress"})
# Operations that change nothing of the row.
IDLE = frozenset({*_ENDED, "reconcileBalances"})
SOMEBODY = "somebody-with-an-account"
AMOUNT = Decimal("2.00")


def request_key(key: str) -> str:
    """Return the id of the request that a dispute or an escrow is about."""
    return f"{key}-request"


def requested(operation: str, key: str, names: Names) -> Rows:
    """Return a request for which an operation is possible."""
    request = _request(key, names["requesterId"], names["providerId"])
    if operation in _ENDED:
        status, reason = _ENDED[operation]
        request = replace(request, status=status, status_reason=reason)
    if operation in _WAITS:
        status, step = _WAITS[operation]
        request = _waiting(request, status, step)
    return [_row(tables.ServiceRequest, request)]


def disputed(operation: str, key: str, names: Names, *, admin: str) -> Rows:
    """Return a dispute for which an operation is possible, its request, and the held hours.

    Args:
        operation: the operation.
        key: the dispute's id.
        names: the two parties.
        admin: the admin to whom it is assigned, if it is to be decided.
    """
    now = datetime.now(UTC)
    raised_by, against = names["raisedBy"], names["againstUserId"]
    request = replace(_request(request_key(key), raised_by, against), status=RequestStatus.COMPLETED)
    dispute = Dispute(
        id=key,
        request_id=request.id,
        raised_by=raised_by,
        against_user_id=against,
        dispute_type=DisputeType.OTHER,
        description="Nobody came.",
        created_at=now,
        updated_at=now,
        status_before=RequestStatus.COMPLETED,
        version=1,
    )
    if operation != "createDispute":
        raised = DisputeRef(id=key, by=raised_by, at=now, generation=0)
        request = _waiting(request, RequestStatus.DISPUTED, Step.WAIT_FOR_ADMIN_DECISION)
        request = replace(request, disputes=(raised,))
    if operation == "resolveDispute":
        dispute = replace(dispute, status=DisputeStatus.UNDER_REVIEW, admin_id=admin)
    return [_row(tables.Dispute, dispute), *_held(request)]


def held(operation: str, key: str, names: Names, *, is_disputed: bool) -> Rows:
    """Return held hours, their request, and the account that they are held on."""
    request = replace(_request(request_key(key), names["fromUserId"], names["toUserId"]), escrow_id=key)
    if is_disputed:
        raised = DisputeRef(id="a-dispute", by=request.requester_id, at=request.created_at, generation=0)
        request = replace(request, status=RequestStatus.DISPUTED, disputes=(raised,))
    elif operation == "releaseEscrow":
        request = replace(request, status=RequestStatus.COMPLETED)
    else:
        request = _waiting(request, RequestStatus.ACCEPTED, Step.WAIT_FOR_SERVICE_START)
    held_for, escrow = _held(request)
    return [escrow, held_for, _row(tables.UserBalance, _balance(request.requester_id))]


def banked(operation: str, key: str) -> Rows:
    """Return a member's balance, the member, and another member to transfer hours to."""
    balance = _balance(key)
    if operation == "unlockAccount":
        balance = replace(balance, locked_at=balance.created_at, locked_by="an-admin")
    return [_row(tables.UserBalance, balance), _member(key), _member(SOMEBODY)]


def reconciled(key: str) -> Rows:
    """Return a completed report."""
    now = datetime.now(UTC)
    report = AuditReport(id=key, status=AuditReportStatus.COMPLETED, created_at=now, updated_at=now)
    return [_row(tables.ReconciliationReport, report)]


def followed(variant: str, key: str, names: Names) -> Rows:
    """Return the request of an exchange, as far as a variant says."""
    request = _request(key, names["consumerId"], names["providerId"])
    if variant == "accepted":
        request = _waiting(request, RequestStatus.ACCEPTED, Step.WAIT_FOR_SERVICE_START)
    return [_row(tables.ServiceRequest, request)]


def offered(key: str, provider_id: str) -> Rows:
    """Return a service at one hour an hour."""
    now = datetime.now(UTC)
    item = item_of(
        tables.Service,
        id=key,
        userId=provider_id,
        title="Garden help",
        description="Weeds go.",
        category="garden",
        hourlyRate=Decimal(1),
        isActive=True,
        tags=[],
        createdAt=now,
        updatedAt=now,
    )
    return [(tables.Service, item)]


def _row(table: type[tables.Table], row: Any) -> tuple[type[tables.Table], Item]:
    return table, encode(table, row)


def _member(user_id: str) -> tuple[type[tables.Table], Item]:
    now = datetime.now(UTC)
    item = item_of(
        tables.User,
        id=user_id,
        email="a@example.org",
        username=f"member-{user_id}",
        firstName="A",
        lastName="Member",
        bankHours=ZERO,
        skills=[],
        rating=0.0,
        totalTransactions=0,
        createdAt=now,
        updatedAt=now,
    )
    return tables.User, item


def _request(key: str, requester_id: str, provider_id: str) -> Request:
    now = datetime.now(UTC)
    return Request(
        id=key,
        service_id="a-service",
        requester_id=requester_id,
        provider_id=provider_id,
        status=RequestStatus.INITIATED,
        estimated_hours=AMOUNT,
        amount=AMOUNT,
        created_at=now,
        updated_at=now,
        version=1,
    )


def _waiting(request: Request, status: RequestStatus, step: Step) -> Request:
    """Return a waiting request; no execution has its task token, so answers change no execution."""
    deadline = request.created_at + timedelta(hours=1)
    wait = Wait(name=step, deadline=deadline, token="nobody waits")  # noqa: S106 — a task's token
    return replace(request, status=status, wait=wait)


def _held(request: Request) -> Rows:
    """Return a request and the hours that are held for it."""
    escrow = Escrow(
        id=request.escrow_key,
        request_id=request.id,
        from_user_id=request.requester_id,
        to_user_id=request.provider_id,
        amount=AMOUNT,
        status=EscrowStatus.ESCROWED,
        escrow_type=EscrowType.SERVICE_REQUEST,
        created_at=request.created_at,
        updated_at=request.created_at,
    )
    return [_row(tables.ServiceRequest, replace(request, escrow_id=escrow.id)), _row(tables.Escrow, escrow)]


def _balance(user_id: str) -> Balance:
    now = datetime.now(UTC)
    return replace(
        Balance.empty(user_id, now),
        total_balance=2 * AMOUNT,
        available_balance=AMOUNT,
        escrowed_balance=AMOUNT,
        version=1,
    )
