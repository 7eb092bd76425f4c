"""ProcessEscrowRelease: the held hours go to the provider."""

from models import payment
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def release_escrow(services: Services, cue: Cue) -> Cue:
    """COMPLETED → PAID: balances, escrow, entries, exchange, events and notices in one transaction."""
    return await services.onward(cue, await services.move(cue, payment.pay, whole=True))


handler = steps_onward(release_escrow)
