"""NotifyDisputeParties: both were told with the resolution; the request's own workflow is, too."""

from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def notify_dispute_parties(services: Services, cue: Cue) -> Cue:
    """Start the execution that goes on with a request which the dispute has not brought to its end."""
    request = await services.transactions.read(cue.request_id)
    if request is not None:
        await services.executions.start(request)
    return cue


handler = steps_onward(notify_dispute_parties)
