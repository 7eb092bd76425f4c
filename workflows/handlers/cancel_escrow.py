"""ProcessRefund: the provider has declined, and the held hours go back to the requester."""

from models import endings
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def cancel_escrow(services: Services, cue: Cue) -> Cue:
    """→ REJECTED with the refund, in one transaction."""
    return await services.onward(cue, await services.move(cue, endings.refund, whole=True))


handler = steps_onward(cancel_escrow)
