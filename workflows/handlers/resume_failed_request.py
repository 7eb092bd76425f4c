"""An execution has failed, timed out or been stopped: its request is due now."""

from functools import partial

from models import endings
from workflows.executions import MACHINE, generation_of, request_id_of
from workflows.handlers.bootstrap import Event, Services, handles


async def resume_failed_request(services: Services, event: Event) -> None:
    """Make the request of a closed execution due for the sweep."""
    detail = event["detail"]
    if detail["stateMachineArn"] != services.names.state_machine_arn(MACHINE):
        return
    rule = partial(endings.note_failure, error=str(detail["status"]), cause="the execution has closed")
    arn = str(detail["executionArn"])
    await services.transactions.move(request_id_of(arn), rule, generation=generation_of(arn))


handler = handles(resume_failed_request)
