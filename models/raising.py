"""How a dispute is raised: pure rules that say whether it may be, and what it keeps where it is."""

from dataclasses import replace
from datetime import datetime

from models import clock, settlements
from models.answers import passing
from models.change import Change, Scene, Verdict
from models.disputes import Dispute
from models.errors import BrokenLedgerError, Code, Refusal, not_found
from models.events import Event, EventSource, Notice, NotificationType
from models.hours import ZERO, Hours, is_amount
from models.ledger import Escrow, EscrowStatus, Movement
from models.lifecycle import Raised, Request, RequestStatus
from models.steps import happened, hours_moved, moved_on
from models.windows import Windows

RAISED = "Dispute Raised"
DISPUTABLE = frozenset(
    {RequestStatus.ACCEPTED, RequestStatus.IN_PROGRESS, RequestStatus.COMPLETED, RequestStatus.PAID}
)
# Of a description, as much as a notification has room for.
LONGEST_QUOTE = 300


def told(request: Request, dispute_id: str, type: str, *, actor: str | None = None, **data: object) -> Event:  # noqa: A002 — the field's own name
    """Return an event about a dispute, with the facts of its request."""
    event = happened(request, type, actor=actor, disputeId=dispute_id, **data)
    return replace(event, source=EventSource.DISPUTES)


def held_for(scene: Scene) -> Escrow | None:
    """Return the escrow that a dispute decides on; None if nothing was left to hold after a payment.

    Raises:
        BrokenLedgerError: hours that should be held are not.
    """
    dispute = scene.dispute
    if dispute is None:
        raise BrokenLedgerError(f"request {scene.request.id} is disputed by no dispute")
    if dispute.is_after_payment and dispute.escrow_id is None:
        return None
    escrow = scene.dispute_escrow if dispute.is_after_payment else scene.escrow
    if escrow is None or escrow.status is not EscrowStatus.ESCROWED:
        raise BrokenLedgerError(f"the hours that dispute {dispute.id} is about are not held")
    return escrow


def raise_dispute(scene: Scene, now: datetime, *, dispute: Dispute, windows: Windows) -> Verdict:
    """ACCEPTED, IN_PROGRESS, COMPLETED, PAID → DISPUTED: what is held stays held until an admin has decided.

    After a payment, what the provider still has of it is held on them. A dispute of that id which is stored
    already is left as it is.
    """
    request = scene.request
    if (refused := stranger(request, dispute)) is not None:
        return refused
    if scene.dispute is not None:
        return request
    if (refused := _refused(request, now, dispute, windows)) is not None:
        return refused
    opened = dispute.changed(
        now,
        created_at=now,
        status_before=request.status,
        reason_before=request.status_reason,
        due_before=request.due_at,
    )
    movement, escrow = _recalled(scene, opened, now)
    opened = replace(opened, escrow_id=escrow.id if escrow else None)
    held_for(replace(scene, dispute=opened, dispute_escrow=escrow))
    after = request.moved(
        now,
        status=RequestStatus.DISPUTED,
        wait=None,
        set_aside=request.wait,
        expires_at=None,
        disputes=(
            *request.disputes,
            Raised(id=opened.id, by=opened.raised_by, at=now, generation=request.generation),
        ),
    )
    events = [told(after, opened.id, RAISED, actor=opened.raised_by, disputeType=opened.dispute_type)]
    if escrow is not None:
        events.append(hours_moved(escrow, "Hours Held In Escrow"))
    return Change(
        request=after,
        dispute=opened,
        events=tuple(events),
        notices=(_notice(opened, escrow),),
        movement=movement,
        escrow=escrow,
    )


def stranger(request: Request, dispute: Dispute) -> Refusal | None:
    """Return the refusal for a dispute that is not between the two of a request, None if it is."""
    parties = (request.requester_id, request.provider_id)
    if dispute.raised_by not in parties:
        return not_found()
    provider = dispute.raised_by == request.requester_id
    if dispute.against_user_id == (request.provider_id if provider else request.requester_id):
        return None
    code, side = (
        (Code.UNAUTHORIZED_PROVIDER, "provider") if provider else (Code.UNAUTHORIZED_REQUESTER, "requester")
    )
    return Refusal(code, f"againstUserId must be the {side} of this request.", {"field": "againstUserId"})


def _refused(request: Request, now: datetime, dispute: Dispute, windows: Windows) -> Refusal | None:
    """Say why a request may not be disputed now, None if it may."""
    if request.answer is not None:
        return passing(request)
    if (repeated := _disputed_before(request, dispute)) is not None:
        return repeated
    if request.status not in DISPUTABLE:
        return moved_on(request)
    return _too_late(request, now, windows) if request.status is RequestStatus.PAID else None


def _disputed_before(request: Request, dispute: Dispute) -> Refusal | None:
    """Refuse a side's second dispute, and the id of a dispute that was deleted: its movements are in the log."""
    mine = next((one.id for one in request.disputes if one.by == dispute.raised_by), None)
    if mine is not None:
        return Refusal(
            Code.INVALID_REQUEST_STATUS,
            "You have disputed this request already; each side may do so once.",
            {"status": request.status.value, "disputeId": mine},
        )
    if all(one.id != dispute.id for one in request.disputes):
        return None
    return Refusal(
        Code.IDEMPOTENCY_MISMATCH,
        "id: a dispute over this request had this id already; leave it out to be given a new one.",
        {"field": "id"},
    )


def _too_late(request: Request, now: datetime, windows: Windows) -> Refusal | None:
    paid = next((one.at for one in request.passages if one.status is RequestStatus.PAID), request.updated_at)
    if now < paid + windows.dispute:
        return None
    return Refusal(
        Code.DEADLINE_PASSED,
        "The time to dispute a request after its payment is over.",
        {"deadline": clock.to_text(paid + windows.dispute), "status": request.status.value},
    )


def _recalled(scene: Scene, dispute: Dispute, now: datetime) -> tuple[Movement | None, Escrow | None]:
    """Return what is held on a provider who was paid: what they have of it, as far as it is still there."""
    if not dispute.is_after_payment:
        return None, None
    request = scene.request
    available = scene.balance(request.provider_id, now).available_balance
    amount = min(available, earned_by(request))
    if not is_amount(amount):
        return None, None
    return settlements.recall(
        dispute,
        provider=request.provider_id,
        requester=request.requester_id,
        amount=amount,
        now=now,
    )


def earned_by(request: Request) -> Hours:
    """Return what the provider has of a request that was paid; its whole amount, if that was not counted yet."""
    return (request.amount or ZERO) if request.earned is None else request.earned


def _notice(dispute: Dispute, recalled: Escrow | None) -> Notice:
    held = ""
    if recalled is not None and recalled.from_user_id == dispute.against_user_id:
        held = f" {recalled.amount} of your hours are held until it is decided."
    return Notice(
        user_id=dispute.against_user_id,
        type=NotificationType.SYSTEM_UPDATE,
        title="A request is disputed",
        message=f"The other side disputes it: “{dispute.description[:LONGEST_QUOTE]}”{held}",
    )
