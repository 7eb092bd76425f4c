"""The sweep's tick: every minute, a bounded number of requests is looked after."""

import structlog
from botocore.exceptions import ClientError, HTTPClientError

from models.errors import HourBankError
from workflows.handlers.bootstrap import Event, Services, handles
from workflows.sweep import due_requests

log = structlog.get_logger("workflows")


async def sweep_requests(services: Services, _event: Event) -> dict[str, int]:
    """Look after the requests that are due; one that cannot be helped now does not hold up the others."""
    seen, failed = 0, 0
    async for request in due_requests(services.store, services.transactions, before=services.clock()):
        seen += 1
        try:
            await services.executions.look_after(request)
        except (HourBankError, ClientError, HTTPClientError):
            failed += 1
            log.exception("could not look after a request", request_id=request.id)
    return {"seen": seen, "failed": failed}


handler = handles(sweep_requests)
