"""ProcessResolution: what the admin has decided is carried out."""

from functools import partial

from models import resolutions
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def process_dispute_resolution(services: Services, cue: Cue) -> Cue:
    """Move the hours and bring request and dispute to where the decision has them, in one transaction."""
    rule = partial(resolutions.resolve, execution_arn=services.executions.arn(cue.request_id, cue.generation + 1))
    return await services.onward(cue, await services.move(cue, rule, whole=True))


handler = steps_onward(process_dispute_resolution)
