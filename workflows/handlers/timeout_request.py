"""ExpireRequest: nobody acted in time; the hours go back."""

from models import endings
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def timeout_request(services: Services, cue: Cue) -> Cue:
    """End the request as EXPIRED with the refund, unless an answer has come before the deadline after all."""
    return await services.onward(cue, await services.move(cue, endings.expire, whole=True))


handler = steps_onward(timeout_request)
