"""FreezeRelatedTransactions: createDispute has frozen the hours; this sees that they are."""

from models import resolutions
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def freeze_related_transactions(services: Services, cue: Cue) -> Cue:
    """Check that the hours that the dispute is about are held; nothing is written."""
    return await services.onward(cue, await services.move(cue, resolutions.frozen, whole=True))


handler = steps_onward(freeze_related_transactions)
