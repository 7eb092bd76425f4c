"""ValidateEscrowRelease: may the request be paid?"""

from models import payment
from models.change import Scene, Verdict
from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def process_payment(services: Services, cue: Cue) -> Cue:
    """Check the release against the rows that it will rest on; nothing is written."""

    def checked(scene: Scene, _now: object) -> Verdict:
        return payment.payable(scene) or scene.request

    return await services.onward(cue, await services.move(cue, checked, whole=True))


handler = steps_onward(process_payment)
