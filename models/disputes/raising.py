"""How a dispute is raised: pure rules that decide whether it may be, and which hours it keeps held."""

from dataclasses import replace
from datetime import datetime

from models import clock
from models.disputes import movements
from models.errors import BrokenLedgerError, Code, Refusal, not_found_refusal
from models.events import Event, EventSource, Notice, NotificationType
from models.hours import ZERO, Hours, is_amount
from models.ledger.balances import Escrow, EscrowStatus
from models.ledger.movements import Movement
from models.requests.answers import in_transition_refusal
from models.requests.decision import Change, Snapshot, Verdict, reads_everything
from models.requests.dispute import Dispute
from models.requests.request import DisputeRef, Party, Request
from models.requests.statuses import RequestStatus
from models.requests.steps import escrow_event, request_event, status_refusal
from models.requests.windows import Windows

RAISED = "Dispute Raised"
DISPUTABLE = frozenset(
    {RequestStatus.ACCEPTED, RequestStatus.IN_PROGRESS, RequestStatus.COMPLETED, RequestStatus.PAID}
)
# As much of a description is quoted in a notification.
LONGEST_QUOTE = 300


def dispute_event(
    request: Request, dispute_id: str, type: str, *, actor: str | None = None, **data: object
) -> Event:
    """Return an event about a dispute, with the facts of its request."""
    event = request_event(request, type, actor=actor, disputeId=dispute_id, **data)
    return replace(event, source=EventSource.DISPUTES)


def disputed_escrow(snapshot: Snapshot) -> Escrow | None:
    """Return the escrow that a dispute decides on; None if nothing was left to hold after the payment.

    Raises:
        BrokenLedgerError: hours that should be held are not, or the snapshot has no dispute.
    """
    dispute = snapshot.dispute
    if dispute is None:
        raise BrokenLedgerError(f"request {snapshot.request.id} is disputed by no dispute")
    if dispute.is_after_payment and dispute.escrow_id is None:
        return None
    escrow = snapshot.dispute_escrow if dispute.is_after_payment else snapshot.escrow
    if escrow is None or escrow.status is not EscrowStatus.ESCROWED:
        raise BrokenLedgerError(f"the hours that dispute {dispute.id} is about are not held")
    return escrow


@reads_everything
def raise_dispute(snapshot: Snapshot, now: datetime, *, dispute: Dispute, windows: Windows) -> Verdict:
    """ACCEPTED, IN_PROGRESS, COMPLETED, PAID → DISPUTED: held hours stay held until an admin has decided.

    After the payment, the hours that the provider still has of it are held on the provider. If a dispute of that
    id is stored already, nothing is changed.

    Raises:
        BrokenLedgerError: hours that should be held are not.
    """
    request = snapshot.request
    if (refused := not_the_parties_refusal(request, dispute)) is not None:
        return refused
    if snapshot.dispute is not None:
        return request
    if (refused := _raising_refusal(request, now, dispute, windows)) is not None:
        return refused
    opened = replace(
        dispute,
        created_at=now,
        status_before=request.status,
        reason_before=request.status_reason,
        due_before=request.due_at,
    ).changed(now)
    movement, escrow = _recalled_hours(snapshot, opened, now)
    opened = replace(opened, escrow_id=escrow.id if escrow else None)
    disputed_escrow(replace(snapshot, dispute=opened, dispute_escrow=escrow))
    reference = DisputeRef(id=opened.id, by=opened.raised_by, at=now, generation=request.generation)
    after = replace(
        request, wait=None, set_aside=request.wait, expires_at=None, disputes=(*request.disputes, reference)
    ).moved(now, status=RequestStatus.DISPUTED)
    events = [dispute_event(after, opened.id, RAISED, actor=opened.raised_by, disputeType=opened.dispute_type)]
    if escrow is not None:
        events.append(escrow_event(escrow, "Hours Held In Escrow"))
    return Change(
        request=after,
        dispute=opened,
        events=tuple(events),
        notices=(_raised_notice(opened, escrow),),
        movement=movement,
        escrow=escrow,
    )


_SIDES = {
    Party.PROVIDER: (Code.UNAUTHORIZED_PROVIDER, "provider"),
    Party.REQUESTER: (Code.UNAUTHORIZED_REQUESTER, "requester"),
}


def not_the_parties_refusal(request: Request, dispute: Dispute) -> Refusal | None:
    """Return the refusal of a dispute that is not between the two parties of the request; None if it is."""
    if dispute.raised_by not in request.parties:
        return not_found_refusal()
    other = Party.PROVIDER if dispute.raised_by == request.requester_id else Party.REQUESTER
    if dispute.against_user_id == request.member(other):
        return None
    code, side = _SIDES[other]
    return Refusal(code, f"againstUserId must be the {side} of this request.", {"field": "againstUserId"})


def _raising_refusal(request: Request, now: datetime, dispute: Dispute, windows: Windows) -> Refusal | None:
    """Return the refusal if a request may not be disputed now; None if it may."""
    if request.answer is not None:
        return in_transition_refusal(request)
    if (repeated := _repeat_refusal(request, dispute)) is not None:
        return repeated
    if request.status not in DISPUTABLE:
        return status_refusal(request)
    return _lateness_refusal(request, now, windows) if request.status is RequestStatus.PAID else None


def _repeat_refusal(request: Request, dispute: Dispute) -> Refusal | None:
    """Return the refusal of a party's second dispute, or of an id that a deleted dispute had; otherwise None.

    The movements of a deleted dispute are still in the log, and their ids are derived from its id.
    """
    earlier_id = next((one.id for one in request.disputes if one.by == dispute.raised_by), None)
    if earlier_id is not None:
        return Refusal(
            Code.INVALID_REQUEST_STATUS,
            "You have disputed this request already; each side may do so once.",
            {"status": request.status.value, "disputeId": earlier_id},
        )
    if all(one.id != dispute.id for one in request.disputes):
        return None
    return Refusal(
        Code.IDEMPOTENCY_MISMATCH,
        "id: a dispute over this request had this id already; leave it out to be given a new one.",
        {"field": "id"},
    )


def _lateness_refusal(request: Request, now: datetime, windows: Windows) -> Refusal | None:
    paid_at = next((one.at for one in request.passages if one.status is RequestStatus.PAID), request.updated_at)
    if now < paid_at + windows.dispute:
        return None
    return Refusal(
        Code.DEADLINE_PASSED,
        "The time to dispute a request after its payment is over.",
        {"deadline": clock.to_text(paid_at + windows.dispute), "status": request.status.value},
    )


def _recalled_hours(snapshot: Snapshot, dispute: Dispute, now: datetime) -> tuple[Movement | None, Escrow | None]:
    """Return the hold on a provider who was paid: as much of what they earned as they still have available."""
    if not dispute.is_after_payment:
        return None, None
    request = snapshot.request
    available = snapshot.balance(request.provider_id, now).available_balance
    amount = min(available, earned_by(request))
    if not is_amount(amount):
        return None, None
    return movements.recall(
        dispute,
        provider=request.provider_id,
        requester=request.requester_id,
        amount=amount,
        now=now,
    )


def earned_by(request: Request) -> Hours:
    """Return the hours that the provider earned with a paid request; its whole amount if that is not stored."""
    return (request.amount or ZERO) if request.earned is None else request.earned


def _raised_notice(dispute: Dispute, recalled: Escrow | None) -> Notice:
    held = ""
    if recalled is not None and recalled.from_user_id == dispute.against_user_id:
        held = f" {recalled.amount} of your hours are held until it is decided."
    return Notice(
        user_id=dispute.against_user_id,
        type=NotificationType.SYSTEM_UPDATE,
        title="A request is disputed",
        message=f"The other side disputes it: “{dispute.description[:LONGEST_QUOTE]}”{held}",
    )
