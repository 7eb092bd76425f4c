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
    execution = str(detail["executionArn"])
    request = await _moved_by(services, str(detail["stateMachineArn"]), execution)
    if request is None:
        return
    if services.names.execution_arn(*execution_of(request)) != execution:
        # Handed on already, maybe by whoever was told of this before and died over it.
        await services.executions.start_missing(request)
        return
    rule = partial(endings.note_failure, error=str(detail["status"]), cause="the execution has closed")
    await services.transactions.move(request.id, rule, generation=request.generation)
    # A moment on, since what is due now is due before it.
    await services.sweep.look_after(request.id, services.clock() + timedelta(milliseconds=1))


async def _moved_by(services: Services, machine: str, execution: str) -> Request | None:
    """Return the request that an execution was to move; None if it was to move none, or one that is gone."""
    request_id = request_id_of(execution)
    if machine == services.names.state_machine_arn(DISPUTES):
        dispute = await services.store.get(Dispute, request_id, consistent=True)
        request_id = dispute["requestId"]["S"] if dispute else request_id
    elif machine != services.names.state_machine_arn(MACHINE):
        return None
    return await services.transactions.read(request_id)


handler = handles(resume_failed_request)
