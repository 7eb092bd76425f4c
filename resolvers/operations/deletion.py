"""Which rows may not be deleted: those that hours wait for. Requests have rules of their own (`endings`)."""

from models.errors import Code, Refusal
from models.requests.dispute import DisputeStatus
from models.storage.store import Item
from resolvers.mirror.type_rules import DeleteGuard


def dispute_delete_refusal(item: Item) -> Refusal | None:
    """Return the refusal to delete a dispute whose decision hours wait for; None if it may be deleted."""
    status = DisputeStatus(item["status"]["S"])
    if status in {DisputeStatus.RESOLVED, DisputeStatus.DISMISSED}:
        return None
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"The dispute is {status}: hours wait for its decision; resolve or dismiss it first.",
        {"status": status},
    )


DELETE_GUARDS: dict[str, DeleteGuard] = {"Dispute": dispute_delete_refusal}
