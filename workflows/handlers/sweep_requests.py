"""The sweep's tick: every minute, a bounded number of requests is looked after."""

from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def sweep_requests(services: Services, _event: Event) -> dict[str, int]:
    """Look after the requests that are due, and say how many there were and how many could not be helped."""
    now = services.clock()
    helped = [await services.sweep.look_after(request_id, now) async for request_id in services.sweep.due(now)]
    return {"seen": len(helped), "failed": helped.count(False)}


handler = handles(sweep_requests)
