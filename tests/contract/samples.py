"""A row of every mirrored type with a value in every field, and who may write rows of it.

The fields are those of Amplify's schema, not of ours.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from models import clock
from tests.contract.test_golden import golden

MOMENT = "2026-03-01T09:30:00.000Z"
# Values by field name, in any type; `{me}` is the member who owns the row, `{other}` the other party,
# `{key}` the row's own key, and `{Service}` and so on the member's row of that type.
ANY: Mapping[str, Any] = {
    **dict.fromkeys(("actorUserId", "consumerId", "fromUserId", "raisedBy", "raterId", "reporterId"), "{me}"),
    **dict.fromkeys(("requesterId", "senderId", "user1Id", "userId"), "{me}"),
    **dict.fromkeys(("againstUserId", "providerId", "ratedUserId", "receiverId", "reportedUserId"), "{other}"),
    **dict.fromkeys(("toUserId", "user2Id"), "{other}"),
    **dict.fromkeys(("requestId", "entityId", "relatedEntityId", "relatedId"), "{ServiceRequest}"),
    **dict.fromkeys(
        ("cancelledAt", "completedAt", "confirmedAt", "expiresAt", "lastMessageAt", "lockedAt"), MOMENT
    ),
    **dict.fromkeys(("releasedAt", "resolvedAt", "timestamp", "createdAt", "updatedAt"), MOMENT),
    **dict.fromkeys(("isActive", "isRead", "requiresScheduling"), True),
    "id": "{key}",
    "adminId": "some-admin",
    "adminNotes": "Seen.",
    "advanceBookingDays": 3,
    "agreedRate": 1.25,
    "amount": 2.5,
    "availableBalance": 7.5,
    "balanceAfter": 7.5,
    "balanceBefore": 10.0,
    "bankHours": 0.0,
    "bio": "Weeds go, flowers stay. 🌻",
    "bookingDate": (clock.now() + timedelta(days=2)).date().isoformat(),
    "bookingId": "{Booking}",
    "bookingTransactionId": "{Transaction}",
    "businessContext": "Tests",
    "cancellationHours": 24,
    "cancellationReason": "Rain",
    "categories": ["punctual", "kind"],
    "category": "garden-{key}",
    "cognitoId": "{me}",
    "color": "#228b22",
    "content": "Hello",
    "conversationId": "{Conversation}",
    "dayOfWeek": 6,
    "description": "Weeding and pruning",
    "disputeType": "OTHER",
    "duration": 2.5,
    "email": "{me}@example.org",
    "endTime": "11:30",
    "entityType": "SERVICE_REQUEST",
    "escrowId": "{Escrow}",
    "escrowType": "SERVICE_REQUEST",
    "escrowedBalance": 2.5,
    "estimatedHours": 2.0,
    "eventData": '{"a": [1, "é"]}',
    "eventType": "Tested",
    "evidence": '{"photos": []}',
    "exceptionDate": "2026-03-02",
    "exceptionType": "CUSTOM_HOURS",
    "feedback": "Green thumbs",
    "firstName": "Alice",
    "hourlyDuration": 2.0,
    "hourlyRate": 1.25,
    "hoursSpent": 2.5,
    "icon": "leaf",
    "lastMessageId": "{Message}",
    "lastName": "Tester",
    "lastTransactionId": "{TransactionLog}",
    "lockedBy": "some-admin",
    "maxBookingHours": 8.0,
    "message": "Soon, please.",
    "messageType": "TEXT",
    "minBookingHours": 0.5,
    "name": "Garden {key}",
    "negotiationRound": 1,
    "notes": "The gate is open.",
    "profilePicture": "https://example.org/a.png",
    "providerNotes": "Bring gloves.",
    "rating": 4.5,
    "reason": "SPAM",
    "resolution": "Paid in part.",
    "serviceId": "{Service}",
    "skills": ["weeding", "pruning"],
    "source": "hourbank.tests",
    "startTime": "09:00",
    "stepFunctionExecutionArn": "arn:aws:states:us-east-1:000000000000:execution:none:{key}",
    "tags": ["green", "outdoors"],
    "title": "Garden help",
    "totalBalance": 10.0,
    "totalCost": 3.12,
    "totalTransactions": 0,
    "transactionId": "{Transaction}",
    "transactionType": "ESCROW",
    "type": "SYSTEM_UPDATE",
    "username": "{me}",
    "version": 3,
}
STATUS = {
    "Booking": "COMPLETED",
    "Dispute": "RESOLVED",
    "Escrow": "RELEASED",
    "Report": "RESOLVED",
    "ServiceRequest": "PAID",
    "Transaction": "COMPLETED",
}
# What a client may set such a field to when it creates the row; None is the same as absent.
INITIAL: dict[str, dict[str, Any]] = {
    "Booking": {
        "status": "PENDING",
        **dict.fromkeys(("cancelledAt", "completedAt", "confirmedAt")),
    },
    "Dispute": {
        "status": "OPEN",
        **dict.fromkeys(("adminId", "resolution", "resolvedAt", "stepFunctionExecutionArn")),
    },
    "ServiceRequest": {
        "status": "INITIATED",
        "negotiationRound": 0,
        **dict.fromkeys(("agreedRate", "escrowId", "expiresAt", "stepFunctionExecutionArn")),
    },
    "Report": {"status": "PENDING", "adminNotes": None, "resolvedAt": None},
    "Transaction": {"status": "PENDING", **dict.fromkeys(("bookingId", "rating", "feedback", "completedAt"))},
    "User": {"rating": 0.0},
}
# Who may create, update and delete a row of alice's, and what an update changes. None: nobody, not even an admin.
WRITERS: Mapping[str, tuple[tuple[str | None, str | None, str | None], dict[str, Any]]] = {
    "Booking": (("alice", "alice", "alice"), {"notes": "Ring twice."}),
    "Category": (("admin", "admin", "admin"), {"color": "#000000"}),
    "Conversation": (("alice", "alice", "alice"), {"lastMessageId": "another"}),
    "Dispute": (("alice", "admin", "admin"), {"description": "Nobody came."}),
    "Escrow": ((None, None, None), {"amount": 3.0}),
    "EventLog": ((None, None, None), {"source": "elsewhere"}),
    "Message": (("alice", "alice", "alice"), {"content": "Hello again"}),
    "Notification": ((None, "alice", "alice"), {"isRead": False}),
    "Rating": (("alice", "admin", "admin"), {"feedback": "Hm."}),
    "Report": (("alice", "admin", "admin"), {"adminNotes": "Closed."}),
    "ScheduleException": (("alice", "alice", "alice"), {"endTime": "12:00"}),
    "Service": (("alice", "alice", "alice"), {"title": "Hedges"}),
    "ServiceRequest": (("alice", "alice", "alice"), {"message": "Later."}),
    "ServiceSchedule": (("alice", "alice", "alice"), {"endTime": "12:00"}),
    "Skill": (("admin", "admin", "admin"), {"description": "Outside"}),
    "Transaction": (("alice", "alice", None), {"status": "COMPLETED"}),
    "TransactionLog": ((None, None, None), {"description": "Else"}),
    "User": (("alice", "alice", "admin"), {"bio": "Hedges, too"}),
    "UserBalance": ((None, None, None), {"totalBalance": 11.0}),
}
# Types of which every member may read all rows.
OPEN = frozenset({"Category", "Rating", "ScheduleException", "Service", "ServiceSchedule", "Skill", "User"})

Row = Mapping[str, Any]


def fields_of(type_name: str) -> list[str]:
    """Return the scalar fields of a type."""
    type_ = golden.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    return [name for name, field in type_.fields.items() if is_leaf_type(get_named_type(field.type))]


def sample(type_name: str, **names: str) -> dict[str, Any]:
    """Return a row; `names` are the values of the names in braces."""
    values = {name: STATUS[type_name] if name == "status" else ANY[name] for name in fields_of(type_name)}
    return {name: _filled(value, names) if isinstance(value, str) else value for name, value in values.items()}


def _filled(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: names[found[1]], text)


def key_of(type_name: str) -> str:
    """Return the name of a type's key."""
    return "userId" if type_name == "UserBalance" else "id"
