"""An execution has failed, timed out or been stopped: its request is due, and looked after at once."""

from datetime import timedelta
from functools import partial

from models import endings
from workflows.executions import MACHINE, generation_of, request_id_of
from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def resume_failed_request(services: Services, event: Event) -> None:
    """Make the request of a closed execution due and, unless it has failed before, hand it to another one."""
    detail = event["detail"]
    if detail["stateMachineArn"] != services.names.state_machine_arn(MACHINE):
        return
    rule = partial(endings.note_failure, error=str(detail["status"]), cause="the execution has closed")
    arn = str(detail["executionArn"])
    request_id = request_id_of(arn)
    await services.transactions.move(request_id, rule, generation=generation_of(arn))
    # A moment on, since what is due now is due before it.
    await services.sweep.look_after(request_id, services.clock() + timedelta(milliseconds=1))


handler = handles(resume_failed_request)
