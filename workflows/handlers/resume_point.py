"""ResumePoint: where an execution finds out what its request needs next."""

from workflows.cues import Cue
from workflows.handlers.bootstrap import steps_onward
from workflows.services import Services


async def resume_point(services: Services, cue: Cue) -> Cue:
    """Read the request consistently and say which step its status, marks, answer and deadline call for."""
    request = await services.transactions.read(cue.request_id)
    if request is None or cue.is_outdated(request):
        return cue.superseded()
    return cue.visited().onward(request, services.windows, services.clock())


handler = steps_onward(resume_point)
