"""The waits: a task token is stored with the status that announces the wait, and the workflow sleeps."""

from functools import partial
from typing import Any

from models import steps
from models.lifecycle import Step
from models.transactions import Moved, Rule
from workflows.cues import Cue
from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def open_wait(services: Services, cue: Cue, step: Step, token: str, rule: Rule) -> Cue:
    """Let a rule open a wait; complete its token at once if the request has moved on meanwhile."""
    # An accepted request removes its guard, for which it has to be read.
    moved = await services.move(cue, rule, whole=step is Step.WAIT_FOR_SERVICE_START)
    following = await services.onward(cue, moved)
    if not isinstance(moved, Moved) or following.step is not step:
        await services.executions.complete(token, following)
    return following


async def begin_wait(services: Services, event: Event) -> dict[str, Any]:
    """Begin the wait that `event["wait"]` names, or complete its token if the request has moved on meanwhile."""
    cue, step, token = Cue.read(event), Step(event["wait"]), str(event["taskToken"])
    rule = partial(steps.begin_wait, step=step, token=token, windows=services.windows)
    return (await open_wait(services, cue, step, token, rule)).as_json()


handler = handles(begin_wait)
