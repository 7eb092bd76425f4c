"""The bus's second chance: what was submitted or disputed is started, an answered wait is completed."""

from models.answers import SUBMITTED
from models.raising import RAISED
from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def start_service_request(services: Services, event: Event) -> None:
    """Do again what the mutation has done already, unless its process died before it could."""
    request = await services.transactions.read(str(event["detail"]["requestId"]))
    if request is None:
        return
    if event["detail-type"] == SUBMITTED and request.generation == 0:
        await services.executions.start(request)
    elif event["detail-type"] == RAISED:
        await services.executions.hand_over(request)
    elif request.answer is not None and request.wait is not None:
        await services.executions.go_on(request, request.wait)


handler = handles(start_service_request)
