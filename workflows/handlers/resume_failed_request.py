"""An execution has failed, timed out or been stopped: its request is due, and looked after at once."""

from datetime import timedelta
from functools import partial

from models import endings
from models.lifecycle import Request
from models.tables import Dispute
from workflows.executions import DISPUTES, MACHINE, execution_of, request_id_of
from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def resume_failed_request(services: Services, event: Event) -> None:
    """Make the request of a closed execution due and, unless it has failed before, hand it to another one."""
    detail = event["detail"]
    request = await _moved_by(services, str(detail["stateMachineArn"]), str(detail["executionArn"]))
    if request is None:
        return
    rule = partial(endings.note_failure, error=str(detail["status"]), cause="the execution has closed")
    await services.transactions.move(request.id, rule, generation=request.generation)
    # A moment on, since what is due now is due before it.
    await services.sweep.look_after(request.id, services.clock() + timedelta(milliseconds=1))


async def _moved_by(services: Services, machine: str, execution: str) -> Request | None:
    """Return the request that an execution was to move; None if it is no such execution any more."""
    request_id = request_id_of(execution)
    if machine == services.names.state_machine_arn(DISPUTES):
        dispute = await services.store.get(Dispute, request_id, consistent=True)
        request_id = dispute["requestId"]["S"] if dispute else request_id
    elif machine != services.names.state_machine_arn(MACHINE):
        return None
    request = await services.transactions.read(request_id)
    is_current = request is not None and services.names.execution_arn(*execution_of(request)) == execution
    return request if is_current else None


handler = handles(resume_failed_request)
