"""The waits: the task token is stored with the new status, and the execution sleeps until it is completed."""

from functools import partial
from typing import Any

from models.disputes import deciding
from models.requests import steps
from models.requests.statuses import Step
from models.transactions.moves import Moved, RequestRule
from workflows.executions.services import Services
from workflows.executions.step_input import StepInput
from workflows.handlers.bootstrap import Event, lambda_handler


async def _open_wait(services: Services, step_input: StepInput, step: Step, token: str, rule: RequestRule) -> Any:
    """Let a rule open a wait; if the request has moved on meanwhile, complete the token at once."""
    moved = await services.move(step_input, rule)
    next_input = await services.onward(step_input, moved)
    if not isinstance(moved, Moved) or next_input.step is not step:
        await services.executions.complete(token, next_input)
    return next_input.as_json()


@lambda_handler
async def begin_wait(services: Services, event: Event) -> Any:
    """Begin the wait that `event["wait"]` names; if the request has moved on meanwhile, complete the token."""
    step_input, step, token = StepInput.read(event), Step(event["wait"]), str(event["taskToken"])
    rule = partial(steps.begin_wait, step=step, token=token, windows=services.windows)
    return await _open_wait(services, step_input, step, token, rule)


# NotifyProvider is a wait like the others: the provider gets a notification, and the deadline is set.
notify_provider = begin_wait


@lambda_handler
async def notify_admin(services: Services, event: Event) -> Any:
    """NotifyAdmin: begin the wait for an admin's decision; its event reaches the admins through the bus."""
    step_input, token = StepInput.read(event), str(event["taskToken"])
    rule = partial(deciding.await_decision, token=token, windows=services.windows)
    return await _open_wait(services, step_input, Step.WAIT_FOR_ADMIN_DECISION, token, rule)
