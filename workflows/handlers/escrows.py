"""The steps that hold, release and refund hours: EscrowManagementWorkflow, EscrowCancellationWorkflow."""

from models import tables
from models.errors import BrokenLedgerError
from models.ledger.balances import Escrow, EscrowStatus
from models.requests import endings, payment, steps
from models.requests.statuses import ENDED
from models.storage.codec import decode
from workflows.executions.services import Services
from workflows.executions.step_input import StepInput
from workflows.handlers.bootstrap import step_handler


@step_handler
async def create_escrow(services: Services, step_input: StepInput) -> StepInput:
    """CreateEscrow: VALIDATING → ESCROWED with the hours held; → REJECTED if they cannot be held."""
    return await services.advance(step_input, steps.hold_hours)


@step_handler
async def process_payment(services: Services, step_input: StepInput) -> StepInput:
    """ValidateEscrowRelease: check the payment against a snapshot of its rows; nothing is written."""
    return await services.advance(step_input, payment.check_payable)


@step_handler
async def release_escrow(services: Services, step_input: StepInput) -> StepInput:
    """ProcessEscrowRelease: COMPLETED → PAID; releases the held hours to the provider in one transaction."""
    return await services.advance(step_input, payment.pay)


@step_handler
async def cancel_escrow(services: Services, step_input: StepInput) -> StepInput:
    """ProcessRefund: declined → REJECTED; refunds the held hours to the requester in one transaction."""
    return await services.advance(step_input, endings.decline)


@step_handler
async def complete_escrow(services: Services, step_input: StepInput) -> StepInput:
    """CompleteEscrowRelease, CompleteEscrowCancellation: check that an ended request no longer holds hours.

    Raises:
        BrokenLedgerError: it still does; the execution fails, and a person must look into it.
    """
    request = await services.transactions.read(step_input.request_id)
    if request is None or request.generation != step_input.generation:
        return step_input.superseded()
    item = await services.store.get(tables.Escrow, request.escrow_key, consistent=True)
    if item is not None and request.status in ENDED:
        escrow = decode(Escrow, tables.Escrow, item)
        if escrow.status is EscrowStatus.ESCROWED:
            raise BrokenLedgerError(f"request {request.id} is {request.status} and its hours are still held")
    return step_input.onward(request, services.windows, services.clock())
