"""NotifyAdmin: the wait for an admin's decision begins; its event tells the admins by way of the bus."""

from functools import partial
from typing import Any

from models import resolutions
from models.lifecycle import Step
from workflows.cues import Cue
from workflows.handlers.begin_wait import open_wait
from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def notify_admin(services: Services, event: Event) -> dict[str, Any]:
    """Begin the wait, or complete its token if the dispute has moved on meanwhile."""
    cue, token = Cue.read(event), str(event["taskToken"])
    rule = partial(resolutions.await_decision, token=token, windows=services.windows)
    return (await open_wait(services, cue, Step.WAIT_FOR_ADMIN_DECISION, token, rule)).as_json()


handler = handles(notify_admin)
