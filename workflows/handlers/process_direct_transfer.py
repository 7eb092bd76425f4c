"""ProcessDirectTransfer: hours issued, refunded, taken back or given, for whoever may call the function."""

from typing import Any

from models import transfer as transfers
from models.accounts import Accounts
from models.errors import Code, Refusal
from models.ledger import TransactionType
from models.transfer import Wish
from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def process_direct_transfer(services: Services, event: Event) -> dict[str, Any]:
    """Make the transfer that the event describes as the mutation's input does; `by` is who has it made.

    Whoever may invoke the function is trusted as an admin is. Answers with the entry's `transactionId` and
    `balanceAfter`, or with a refusal's `code`, `message` and `facts`: never with an error that is tried again.
    """
    try:
        wish = Wish(
            id=str(event["id"]),
            by=str(event["by"]),
            is_admin=True,
            type=TransactionType(event["transactionType"]),
            amount=float(event["amount"]),
            from_user_id=event.get("fromUserId"),
            to_user_id=event.get("toUserId"),
            description=event.get("description"),
        )
    except (KeyError, TypeError, ValueError) as error:
        return _refused(Refusal(Code.BAD_REQUEST, f"The event is no transfer: {error!r}"))
    transfer = transfers.asked(wish)
    if isinstance(transfer, Refusal):
        return _refused(transfer)
    accounts = Accounts(services.store, services.transactions, services.clock)
    entry = await accounts.transfer(transfer)
    if isinstance(entry, Refusal):
        return _refused(entry)
    return {"transactionId": entry["transactionId"]["S"], "balanceAfter": float(entry["balanceAfter"]["N"])}


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code.value, "message": refusal.message, "facts": dict(refusal.facts)}


handler = handles(process_direct_transfer)
