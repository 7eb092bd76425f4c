"""The daily reconciliation begins."""

from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def start_reconciliation(services: Services, _event: Event) -> dict[str, str]:
    """Start a reconciliation, unless one runs; says which."""
    return {"reportId": (await services.reconciliations.start(by=None)).id}


handler = handles(start_reconciliation)
