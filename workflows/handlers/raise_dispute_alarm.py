"""RaiseDisputeAlarm: the decision is late; nothing decides by itself, but people are told."""

from functools import partial

from models import resolutions
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def raise_dispute_alarm(services: Services, cue: Cue) -> Cue:
    """Put it on record and wait as long again; that this function was called is what the alarm looks at."""
    rule = partial(resolutions.raise_alarm, windows=services.windows)
    return await services.onward(cue, await services.move(cue, rule, whole=True))


handler = steps_onward(raise_dispute_alarm)
