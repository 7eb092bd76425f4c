"""Direct transfers for operators' tools: hours are issued, refunded, taken back or transferred."""

from secrets import token_hex
from typing import Any

from models.errors import Code, Refusal
from models.ledger import transfers
from models.ledger.movements import TransactionType
from models.ledger.transfers import SALT_BYTES, TransferRequest
from workflows.executions.services import Services
from workflows.handlers.bootstrap import Event, lambda_handler


@lambda_handler
async def process_direct_transfer(services: Services, event: Event) -> dict[str, Any]:
    """Make the transfer that the event describes, in the shape of the mutation's input; `by` is who orders it.

    Whoever may invoke the function is trusted like an admin, and to name in `by` who they are: many hours need a
    second call in another's name. Returns the entry's `transactionId` and
    `balanceAfter`, or a refusal's `code`, `message` and `facts`; never raises an error that would be retried.
    """
    try:
        request = TransferRequest(
            id=str(event["id"]),
            by=str(event["by"]),
            salt=token_hex(SALT_BYTES),
            is_admin=True,
            type=TransactionType(event["transactionType"]),
            amount=float(event["amount"]),
            from_user_id=event.get("fromUserId"),
            to_user_id=event.get("toUserId"),
            description=event.get("description"),
        )
    except (KeyError, TypeError, ValueError) as error:
        return _refused(Refusal(Code.BAD_REQUEST, f"The event is not a transfer: {error!r}"))
    transfer = transfers.build_transfer(request)
    if isinstance(transfer, Refusal):
        return _refused(transfer)
    entry = await services.accounts.transfer(transfer)
    if isinstance(entry, Refusal):
        return _refused(entry)
    return {"transactionId": entry["transactionId"]["S"], "balanceAfter": float(entry["balanceAfter"]["N"])}


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code.value, "message": refusal.message, "facts": dict(refusal.facts)}
