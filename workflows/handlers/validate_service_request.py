"""ValidateRequest: INITIATED → VALIDATING → on to the escrow, or REJECTED with the reason."""

from models import steps
from models.lifecycle import RequestStatus, Step
from models.transactions import Moved
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def validate_service_request(services: Services, cue: Cue) -> Cue:
    """Say that validation begins, then reject the request if anything speaks against it."""
    begun = await services.move(cue, steps.begin_validation)
    if not isinstance(begun, Moved):
        return await services.onward(cue, begun)
    moved = await services.move(cue, steps.validate, whole=True)
    valid = isinstance(moved, Moved) and moved.request.status is RequestStatus.VALIDATING
    return await services.onward(cue, moved, step=Step.CREATE_ESCROW if valid else None)


handler = steps_onward(validate_service_request)
