"""What an admin does about hours that are held: pays them, or gives them back. Pure rules.

The ways out for a request that no execution can move any more; while one can, what its workflow is about to do
goes first.
"""

from dataclasses import replace
from datetime import datetime

from models.answers import passing
from models.change import Change, Scene, Verdict
from models.endings import end
from models.errors import Code, Refusal
from models.ledger import EscrowStatus
from models.lifecycle import BEFORE_ACCEPTANCE, RequestStatus, StatusReason
from models.payment import pay
from models.steps import happened, moved_on

LONGEST_REASON = 500

_CANCELLABLE = BEFORE_ACCEPTANCE | {RequestStatus.ACCEPTED, RequestStatus.IN_PROGRESS}


def release(scene: Scene, now: datetime, *, escrow_id: str, by: str) -> Verdict:
    """COMPLETED → PAID, as the workflow would have done it."""
    request = scene.request
    if (refused := _out_of_reach(scene, escrow_id)) is not None:
        return refused
    if request.status is RequestStatus.PAID:
        return request
    if (refused := _not_held(scene)) is not None:
        return refused
    verdict = pay(scene, now)
    if not isinstance(verdict, Change):
        return verdict
    told = happened(verdict.request, "Escrow Released By Administrator", actor=by)
    return replace(verdict, events=(*verdict.events, told))


def cancel(scene: Scene, now: datetime, *, escrow_id: str, by: str, reason: str | None = None) -> Verdict:
    """Before COMPLETED → REJECTED with the hours back; what is completed is only ever paid."""
    request = scene.request
    if (refused := _out_of_reach(scene, escrow_id)) is not None:
        return refused
    if request.status_reason is StatusReason.ADMIN_CANCELLED:
        return request
    if (refused := _not_held(scene)) is not None:
        return refused
    if request.answer is not None and not request.is_stranded:
        return passing(request)
    if request.status not in _CANCELLABLE:
        return moved_on(request)
    return end(
        scene,
        now,
        status=RequestStatus.REJECTED,
        reason=StatusReason.ADMIN_CANCELLED,
        event="Escrow Cancelled By Administrator",
        actor=by,
        message=reason,
    )


def _out_of_reach(scene: Scene, escrow_id: str) -> Refusal | None:
    """Return the refusal for hours that are not there, or that only a dispute's resolution may move."""
    if scene.escrow is None:
        return Refusal(Code.ESCROW_NOT_FOUND, "No hours are held for this request.")
    if scene.request.status is RequestStatus.DISPUTED:
        return moved_on(scene.request)
    if scene.escrow.id != escrow_id:
        return Refusal(Code.INVALID_ESCROW_STATUS, "These hours are a dispute's; its resolution moves them.")
    return None


def _not_held(scene: Scene) -> Refusal | None:
    found = scene.escrow.status if scene.escrow else None
    if found is EscrowStatus.ESCROWED:
        return None
    return Refusal(Code.INVALID_ESCROW_STATUS, f"The escrow is {found} already.", {"status": found})
