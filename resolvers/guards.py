"""Why a row may not be deleted now: hours are held that would be left without an owner or a reason."""

from models import hours
from models.disputes import DisputeStatus
from models.errors import Code, Refusal
from models.ledger import EscrowStatus
from models.lifecycle import RequestStatus
from models.store import Item, Store
from models.tables import Escrow, UserBalance
from resolvers.writes import Guard

# In every other status hours are held, or about to be.
_DELETABLE = frozenset(
    {RequestStatus.INITIATED, RequestStatus.REJECTED, RequestStatus.EXPIRED, RequestStatus.PAID}
)


# A member with more escrows than these pages hold is not deleted by a mutation.
PAGE = 1_000
MOST_PAGES = 20


async def request_is_settled(_: Store, item: Item) -> Refusal | None:
    """Refuse to delete a request for which hours are held."""
    status = RequestStatus(item["status"]["S"])
    if status in _DELETABLE:
        return None
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"The request is {status}: its hours are held; cancel or withdraw it first.",
        {"status": status},
    )


async def member_holds_nothing(store: Store, item: Item) -> Refusal | None:
    """Refuse to delete a member whose hours are held, or for whom hours are held."""
    balance = await store.get(UserBalance, item["id"]["S"], consistent=True)
    held = hours.exact(balance["escrowedBalance"]["N"]) if balance else hours.ZERO
    if held == hours.ZERO:
        return await _expected(store, item["id"]["S"])
    return Refusal(
        Code.INVALID_ESCROW_STATUS,
        f"{held} hours of this member are held; their requests must end first.",
        {"escrowed": hours.to_float(held)},
    )


async def _expected(store: Store, user_id: str) -> Refusal | None:
    """Refuse if hours are held for a provider, or if that takes too long to tell."""
    is_held = Escrow.status == EscrowStatus.ESCROWED.value
    start_key: Item | None = None
    for _ in range(MOST_PAGES):
        page = await store.query(
            Escrow, Escrow.byToUserId, user_id, limit=PAGE, filter=is_held, forward=False, start_key=start_key
        )
        if page.items:
            break
        start_key = page.last_key
        if start_key is None:
            return None
    return Refusal(
        Code.INVALID_ESCROW_STATUS,
        "Hours are held for this member; the requests for their services must end first.",
    )


async def dispute_is_decided(_: Store, item: Item) -> Refusal | None:
    """Refuse to delete a dispute that still keeps a request's hours where they are."""
    status = DisputeStatus(item["status"]["S"])
    if status in {DisputeStatus.RESOLVED, DisputeStatus.DISMISSED}:
        return None
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"The dispute is {status}: hours wait for its decision; resolve or dismiss it first.",
        {"status": status},
    )


GUARDS: dict[str, Guard] = {
    "Dispute": dispute_is_decided,
    "ServiceRequest": request_is_settled,
    "User": member_holds_nothing,
}
