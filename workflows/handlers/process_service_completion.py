"""ProcessServiceCompletion: both sides have said that the work is done."""

from models import steps
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def process_service_completion(services: Services, cue: Cue) -> Cue:
    """IN_PROGRESS → COMPLETED; from here the hours can only be released."""
    return await services.onward(cue, await services.move(cue, steps.complete))


handler = steps_onward(process_service_completion)
