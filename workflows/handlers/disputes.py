"""The steps of DisputeResolutionWorkflow; its wait for the admin is in `waits`."""

from functools import partial

from models import tables
from models.disputes import deciding, resolving
from models.errors import BrokenLedgerError
from models.requests.statuses import Step
from workflows.executions.services import Services
from workflows.executions.step_input import StepInput
from workflows.handlers.bootstrap import step_handler


@step_handler
async def initiate_dispute(services: Services, step_input: StepInput) -> StepInput:
    """InitiateDispute: check that createDispute has written the dispute, and return its next step.

    Every execution of a dispute begins here, and returns here after every surprise.

    Raises:
        BrokenLedgerError: there is no such dispute.
    """
    request = await services.transactions.read(step_input.request_id)
    if request is None or step_input.is_outdated(request):
        return step_input.superseded()
    dispute_id = step_input.dispute_id
    if dispute_id is None or await services.store.get(tables.Dispute, dispute_id, consistent=True) is None:
        raise BrokenLedgerError(f"request {request.id} is disputed by no dispute")
    is_first = step_input.decides(request) and request.wait is None
    step = Step.FREEZE_RELATED_TRANSACTIONS if is_first else None
    return step_input.visited().onward(request, services.windows, services.clock(), step=step)


@step_handler
async def freeze_related_transactions(services: Services, step_input: StepInput) -> StepInput:
    """FreezeRelatedTransactions: check that createDispute holds the hours; nothing is written."""
    return await services.advance(step_input, deciding.check_frozen)


@step_handler
async def raise_dispute_alarm(services: Services, step_input: StepInput) -> StepInput:
    """RaiseDisputeAlarm: log that the decision is late and wait as long again; only an admin decides.

    CloudWatch's alarm counts the invocations of this function.
    """
    rule = partial(deciding.raise_alarm, windows=services.windows)
    return await services.advance(step_input, rule)


@step_handler
async def process_dispute_resolution(services: Services, step_input: StepInput) -> StepInput:
    """ProcessResolution: carry out the decision; hours, request and dispute change in one transaction."""
    next_execution = services.executions.arn(step_input.request_id, step_input.generation + 1)
    rule = partial(resolving.resolve, execution_arn=next_execution)
    return await services.advance(step_input, rule)


@step_handler
async def notify_dispute_parties(services: Services, step_input: StepInput) -> StepInput:
    """NotifyDisputeParties: start the execution that continues a request which the dispute did not end.

    Both parties were notified with the resolution itself.
    """
    request = await services.transactions.read(step_input.request_id)
    if request is not None:
        await services.executions.start(request)
    return step_input
