"""The waits: a task token is stored with the status that announces the wait, and the workflow sleeps."""

from functools import partial
from typing import Any

from models import steps
from models.lifecycle import Step
from models.transactions import Moved
from workflows.cues import Cue
from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def begin_wait(services: Services, event: Event) -> dict[str, Any]:
    """Begin the wait that `event["wait"]` names, or complete its token if the request has moved on meanwhile."""
    cue, step, token = Cue.read(event), Step(event["wait"]), str(event["taskToken"])
    rule = partial(steps.begin_wait, step=step, token=token, windows=services.windows)
    moved = await services.move(cue, rule)
    following = await services.onward(cue, moved)
    if not isinstance(moved, Moved) or following.step is not step:
        await services.executions.complete(token, following)
    return following.as_json()


handler = handles(begin_wait)
