"""CompleteEscrowRelease and CompleteEscrowCancellation: what was written is read back."""

from models.errors import BrokenLedgerError
from models.ledger import Escrow, EscrowStatus
from models.lifecycle import ENDED
from models.rows import decode
from models.tables import Escrow as EscrowTable
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def complete_escrow(services: Services, cue: Cue) -> Cue:
    """Check that a request that has moved on holds no hours any more.

    Raises:
        BrokenLedgerError: it does; the machine fails, and a person must look.
    """
    request = await services.transactions.read(cue.request_id)
    if request is None or request.generation != cue.generation:
        return cue.superseded()
    item = await services.store.get(EscrowTable, request.escrow_key, consistent=True)
    if item is not None and request.status in ENDED:
        escrow = decode(Escrow, EscrowTable, item)
        if escrow.status is EscrowStatus.ESCROWED:
            raise BrokenLedgerError(f"request {request.id} is {request.status} and its hours are still held")
    return cue.onward(request, services.windows, services.clock())


handler = steps_onward(complete_escrow)
