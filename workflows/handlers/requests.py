"""The steps of ServiceRequestWorkflow that move a request; waits are in `waits`, hours in `escrows`."""

import json
from functools import partial
from typing import Any

from models.requests import endings, payment, recovery, steps
from models.requests.statuses import RequestStatus, Step
from models.transactions.moves import Moved
from workflows.executions.services import Services
from workflows.executions.step_input import StepInput
from workflows.handlers.bootstrap import Event, lambda_handler, step_handler

# The state in which an execution begins, before a next step is known.
_FIRST_STATE = "ResumePoint"


@step_handler
async def resume_point(services: Services, step_input: StepInput) -> StepInput:
    """ResumePoint and the states below: read the request consistently and return its next step.

    The step follows from the request's status, wait, answer and deadline alone, never from a timer.
    """
    request = await services.transactions.read(step_input.request_id)
    if request is None or step_input.is_outdated(request):
        return step_input.superseded()
    return step_input.visited().onward(request, services.windows, services.clock())


# People's answers, and whether a refund is due, are read from the request, too.
process_provider_response = resume_point
process_negotiation = resume_point
validate_escrow_cancellation = resume_point


@step_handler
async def validate_service_request(services: Services, step_input: StepInput) -> StepInput:
    """ValidateRequest: INITIATED → VALIDATING.

    CreateEscrow validates the very rows on which it then conditions the hold, so nothing else is read here.
    """
    begun = await services.move(step_input, steps.begin_validation)
    is_begun = isinstance(begun, Moved) and begun.request.status is RequestStatus.VALIDATING
    return await services.onward(step_input, begun, step=Step.CREATE_ESCROW if is_begun else None)


@step_handler
async def timeout_request(services: Services, step_input: StepInput) -> StepInput:
    """ExpireRequest: → EXPIRED with a refund, unless an answer came before the deadline after all."""
    return await services.advance(step_input, endings.expire)


@step_handler
async def process_service_completion(services: Services, step_input: StepInput) -> StepInput:
    """ProcessServiceCompletion: IN_PROGRESS → COMPLETED; from here the hours can only be released."""
    return await services.advance(step_input, steps.complete)


@step_handler
async def enable_rating(services: Services, step_input: StepInput) -> StepInput:
    """EnableRating: notify the requester once that the service can be rated; this is the last step."""
    return await services.advance(step_input, payment.enable_rating)


@lambda_handler
async def handle_workflow_error(services: Services, event: Event) -> dict[str, Any]:
    """HandleWorkflowError: record the failure, make the request due for the sweep, and send a dead letter.

    No hours move.
    """
    step_input, failure = StepInput.read(event), event.get("error", {})
    error, cause = str(failure.get("Error", "Unknown")), str(failure.get("Cause", ""))
    await services.move(step_input, partial(recovery.note_failure, error=error, cause=cause))
    failed = {"step": event.get("step") or _FIRST_STATE, "error": error, "cause": cause[: recovery.LONGEST_CAUSE]}
    letter = json.dumps({**step_input.as_json(), **failed})
    await services.calls.call(
        "sqs", "send_message", QueueUrl=services.names.dead_letter_queue_url, MessageBody=letter
    )
    return step_input.as_json()
