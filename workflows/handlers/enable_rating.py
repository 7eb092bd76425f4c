"""EnableRating: the requester is asked how it was."""

from models import payment
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def enable_rating(services: Services, cue: Cue) -> Cue:
    """Tell the requester once that the service can be rated; then nothing is left to do."""
    return await services.onward(cue, await services.move(cue, payment.enable_rating))


handler = steps_onward(enable_rating)
