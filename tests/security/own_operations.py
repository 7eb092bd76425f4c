"""HourBank's own operations: the rows with which each is possible, and its variables."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import NAMESPACE_OID, uuid5

from models.storage.store import Item
from tests.security import own_states
from tests.security.own_states import Rows

_ON_REQUESTS = own_states.REQUESTS - {"respondToCounterOffer", "updateProviderResponse"}
# Each takes the row's key under this name, and these further values.
_INPUTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{operation: ("requestId", {}) for operation in _ON_REQUESTS},
    "updateProviderResponse": ("requestId", {"response": "ACCEPTED"}),
    "respondToCounterOffer": ("requestId", {"response": "REJECT"}),
    "assignDispute": ("disputeId", {}),
    "resolveDispute": ("disputeId", {"decision": "DismissDispute", "resolution": "Nobody is to blame."}),
    "lockAccount": ("userId", {"reason": "Too good to be true."}),
    "unlockAccount": ("userId", {}),
    "releaseEscrow": ("escrowId", {}),
    "cancelEscrow": ("escrowId", {}),
    "signOutEverywhere": ("userId", {}),
}
# The transfers by variant: from whom and to whom; "" is the row's member.
_SOMEBODY, _NOBODY = own_states.SOMEBODY, "nobody-of-that-id"
_TRANSFERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "": ("TRANSFER", {"fromUserId": "", "toUserId": _SOMEBODY}),
    "toNobody": ("TRANSFER", {"fromUserId": "", "toUserId": _NOBODY}),
    "ofAnother": ("TRANSFER", {"fromUserId": _SOMEBODY, "toUserId": ""}),
    "issued": ("ADMIN_ADJUSTMENT", {"toUserId": ""}),
    "takenBack": ("ADMIN_ADJUSTMENT", {"fromUserId": ""}),
    "refunded": ("REFUND", {"toUserId": ""}),
    "refundedToNobody": ("REFUND", {"toUserId": _NOBODY}),
}
# Those that take the row's key alone, under this name.
_ASKED_BY_KEY = {
    "getReconciliationReport": "id",
    "getUserStats": "userId",
    "onServiceRequestProgress": "requestId",
}
# The app's own subscriptions, with the argument that each takes: the caller, or a value of the row.
UPDATES = {
    **dict.fromkeys(("onTransactionUpdate", "onNewMessage", "onNewNotification", "onBookingUpdate"), "userId"),
    "onScheduleUpdate": "serviceId",
}
IDLE = own_states.IDLE
# Operations for admins only, on any row.
ADMIN_OPERATIONS = frozenset(
    {
        "assignDispute",
        "resolveDispute",
        "lockAccount",
        "unlockAccount",
        "releaseEscrow",
        "cancelEscrow",
        "reconcileBalances",
        "getReconciliationReport",
    }
)
# The queries about the days of a booking's row, each with what it selects of what they list.
OF_DAYS = {
    "getAvailableTimeSlots": "startTime",
    "getBookingsByDateRange": "id",
    "getProviderSchedule": "bookings { id }",
}
# Operations whose result has a key that the server creates, or none.
UNNAMED = frozenset({"reconcileBalances", "getUserStats"})
_STAGED = own_states.REQUESTS | ADMIN_OPERATIONS | {"processDirectTransfer"}
OPERATIONS = _STAGED | {"getUserStats", "signOutEverywhere"}
STAGED = _STAGED | {"createDispute"}


class Line(Protocol):
    """A line of the table."""

    @property
    def of(self) -> str:
        """Return the type."""

    @property
    def operation(self) -> str:
        """Return the operation."""

    @property
    def variant(self) -> str:
        """Return the variant."""


def stage(line: Line, key: str, names: Mapping[str, str]) -> Rows:
    """Return the rows with which an operation is possible, the line's row first.

    Args:
        line: the operation.
        key: the key of that row.
        names: the `sub` of a member for each column of the line.
    """
    operation, variant = line.operation, line.variant
    match line.of:
        case "Dispute":
            admin = "another-admin" if variant == "ofAnother" else names["admin"]
            return own_states.disputed(operation, key, names, admin=admin)
        case "Escrow":
            return own_states.held(operation, key, names, is_disputed=variant == "disputed")
        case "ReconciliationReport":
            return own_states.reconciled(key)
        case "ServiceRequest":
            return own_states.requested(operation, key, names)
    return own_states.banked(operation, key)


def dispute_parties(dispute_id: str, parties: Mapping[str, str], by: str) -> Mapping[str, str]:
    """Return the parties of a dispute that somebody raises over their case's request: themselves and the other."""
    against = parties["raisedBy" if by == parties["againstUserId"] else "againstUserId"]
    return {"requestId": own_states.request_key(dispute_id), "raisedBy": by, "againstUserId": against}


def of_days(row: Item, operation: str, variant: str) -> dict[str, Any]:
    """Return the variables of a query about the day of a booking."""
    day = row["bookingDate"]["S"]
    if operation == "getAvailableTimeSlots":
        return {"serviceId": row["serviceId"]["S"], "date": day, "duration": 1}
    days = {"startDate": day, "endDate": day}
    if operation == "getProviderSchedule":
        return {"providerId": row["providerId"]["S"], **days}
    role = "PROVIDER" if variant == "providerId" else "CONSUMER"
    return {"userId": row[variant]["S"], "role": role, **days}


def variables(line: Line, key: str) -> dict[str, Any]:
    """Return the variables of an operation on a row."""
    operation = line.operation
    if operation == "getWorkflowStatus":
        return {"executionArn": f"arn:aws:states:us-east-1:000000000000:execution:hourbank:{key}"}
    if (argument := _ASKED_BY_KEY.get(operation)) is not None:
        return {argument: key}
    if operation == "reconcileBalances":
        return {}
    if operation == "processDirectTransfer":
        return {"input": _transfer(line.variant, key)}
    name, more = _INPUTS[operation]
    return {"input": {name: key, **more}}


def _transfer(variant: str, key: str) -> dict[str, Any]:
    kind, parties = _TRANSFERS[variant]
    named = {field: member or key for field, member in parties.items()}
    return {"id": str(uuid5(NAMESPACE_OID, key)), "transactionType": kind, "amount": 1.5, **named}
