"""ReconcileBalances: some members' logs are replayed and compared with their balances and what is held."""

from typing import Any

from models.audits import Audits
from models.reconciliation import Outcome
from workflows.handlers.bootstrap import Event, handles
from workflows.reconciliations import as_json
from workflows.services import Services


async def reconcile_balances(services: Services, event: Event) -> dict[str, Any]:
    """Check a batch of members; nothing is written."""
    audits = Audits(services.store, services.clock)
    outcome = Outcome()
    for user_id in event["members"]:
        outcome += await audits.outcome(str(user_id))
    return as_json(outcome)


handler = handles(reconcile_balances)
