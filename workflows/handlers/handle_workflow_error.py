"""HandleWorkflowError: a step has failed for good; it is put on record, and no hours move."""

import json
from functools import partial
from typing import Any

from models import endings
from workflows.cues import Cue
from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services

# Where an execution begins, before it knows what is next.
_FIRST_STATE = "ResumePoint"


async def handle_workflow_error(services: Services, event: Event) -> dict[str, Any]:
    """Log the failure, make the request due for the sweep, and send the case to the dead-letter queue."""
    cue, failure = Cue.read(event), event.get("error", {})
    error, cause = str(failure.get("Error", "Unknown")), str(failure.get("Cause", ""))
    rule = partial(endings.note_failure, error=error, cause=cause)
    await services.move(cue, rule)
    queue = await services.calls.call("sqs", "get_queue_url", QueueName=services.names.dead_letter_queue)
    said = {"step": event.get("step") or _FIRST_STATE, "error": error, "cause": cause[: endings.LONGEST_CAUSE]}
    letter = {**cue.as_json(), **said}
    await services.calls.call("sqs", "send_message", QueueUrl=queue["QueueUrl"], MessageBody=json.dumps(letter))
    return cue.as_json()


handler = handles(handle_workflow_error)
