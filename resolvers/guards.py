"""Why a row may not be deleted now: hours are held that would be left without an owner or a reason."""

from models import hours
from models.errors import Code, Refusal
from models.lifecycle import RequestStatus
from models.store import Item, Store
from models.tables import UserBalance
from resolvers.writes import Guard

# In every other status hours are held, or about to be.
_DELETABLE = frozenset(
    {RequestStatus.INITIATED, RequestStatus.REJECTED, RequestStatus.EXPIRED, RequestStatus.PAID}
)


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
    """Refuse to delete a member whose hours are held."""
    balance = await store.get(UserBalance, item["id"]["S"], consistent=True)
    held = hours.exact(balance["escrowedBalance"]["N"]) if balance else hours.ZERO
    if held == hours.ZERO:
        return None
    return Refusal(
        Code.INVALID_ESCROW_STATUS,
        f"{held} hours of this member are held; their requests must end first.",
        {"escrowed": hours.to_float(held)},
    )


GUARDS: dict[str, Guard] = {"ServiceRequest": request_is_settled, "User": member_holds_nothing}
