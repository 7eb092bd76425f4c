"""CreateEscrow: the hours are held, or the request is rejected because they cannot be."""

from models import steps
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def create_escrow(services: Services, cue: Cue) -> Cue:
    """Hold the hours: VALIDATING → ESCROWED in one transaction."""
    return await services.onward(cue, await services.move(cue, steps.hold, whole=True))


handler = steps_onward(create_escrow)
