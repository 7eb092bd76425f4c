"""Which rows may not be deleted: those that hours are held for."""

from models.errors import Code, Refusal
from models.requests.dispute import DisputeStatus
from models.requests.statuses import RequestStatus
from models.storage.store import Item
from resolvers.mirror.mutations import DeleteGuard

# In every other status hours are held, or will be soon.
_DELETABLE = frozenset(
    {RequestStatus.INITIATED, RequestStatus.REJECTED, RequestStatus.EXPIRED, RequestStatus.PAID}
)


def request_delete_refusal(item: Item) -> Refusal | None:
    """Return the refusal to delete a request that hours are held for; None if it may be deleted."""
    status = RequestStatus(item["status"]["S"])
    if status in _DELETABLE:
        return None
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"The request is {status}: its hours are held; cancel or withdraw it first.",
        {"status": status},
    )


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


DELETE_GUARDS: dict[str, DeleteGuard] = {
    "Dispute": dispute_delete_refusal,
    "ServiceRequest": request_delete_refusal,
}
