"""InitiateDispute: where every execution of a dispute begins, and where every surprise leads back to."""

from models.errors import BrokenLedgerError
from models.lifecycle import Step
from models.tables import Dispute
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def initiate_dispute(services: Services, cue: Cue) -> Cue:
    """Check that createDispute has written the dispute, and say which step it needs.

    Raises:
        BrokenLedgerError: there is no such dispute.
    """
    request = await services.transactions.read(cue.request_id)
    if request is None or cue.is_outdated(request):
        return cue.superseded()
    if cue.dispute_id is None or await services.store.get(Dispute, cue.dispute_id, consistent=True) is None:
        raise BrokenLedgerError(f"request {request.id} is disputed by no dispute")
    is_first = cue.decides(request) and request.wait is None
    step = Step.FREEZE_RELATED_TRANSACTIONS if is_first else None
    return cue.visited().onward(request, services.windows, services.clock(), step=step)


handler = steps_onward(initiate_dispute)
