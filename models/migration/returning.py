"""How an open request ends when everything goes back to the former app: a pure rule."""

from datetime import datetime

from models.requests.answers import in_transition_refusal
from models.requests.decision import Snapshot, Verdict, reads_everything
from models.requests.endings import end
from models.requests.payment import pay
from models.requests.statuses import BEFORE_ACCEPTANCE, ENDED, RequestStatus, StatusReason
from models.requests.steps import status_refusal

_REFUNDED = BEFORE_ACCEPTANCE | {RequestStatus.ACCEPTED, RequestStatus.IN_PROGRESS}


@reads_everything
def wind_up(snapshot: Snapshot, now: datetime) -> Verdict:
    """End a request now: held hours go back, but for work that was confirmed, which is paid.

    Returns:
        The change; the request as it is, if it has ended; a transient refusal while the workflow is about to move
        it; or INVALID_REQUEST_STATUS if it is DISPUTED, which an administrator has to decide.
    """
    request = snapshot.request
    if request.status in ENDED:
        return request
    if request.status is RequestStatus.COMPLETED:
        return pay(snapshot, now)
    if request.answer is not None and not request.is_given_up:
        return in_transition_refusal(request)
    if request.status not in _REFUNDED:
        return status_refusal(request)
    return end(
        snapshot,
        now,
        status=RequestStatus.REJECTED,
        reason=StatusReason.ADMIN_CANCELLED,
        event="Service Request Ended By Rollback",
    )
