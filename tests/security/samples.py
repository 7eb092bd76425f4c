"""A row of each type, as clients would write it; the case fills in the members' ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from models import clock

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A row.

    Args:
        given: what a create takes.
        stored: what only the stored row has.
        change: what an update asks for.
        optional: a field that an update may take away, "" if the type has none.
        when: further values of the row, by variant.
    """

    given: Values
    stored: Values = field(default_factory=dict)
    change: Values = field(default_factory=dict)
    optional: str = ""
    when: Mapping[str, Values] = field(default_factory=dict)


SAMPLES = {
    "Booking": Sample(
        given={
            "serviceId": "a-service",
            "bookingDate": (clock.now() + timedelta(days=3)).date().isoformat(),
            "startTime": "09:00",
            "endTime": "11:00",
            "duration": 2,
            "totalCost": 2,
            "status": "PENDING",
            "notes": "The gate is open.",
        },
        change={"notes": "Ring twice."},
        optional="notes",
        when={"over": {"status": "COMPLETED"}},
    ),
    "Category": Sample(
        given={"name": "garden", "isActive": True, "description": "Everything green."},
        change={"description": "Outside."},
        optional="description",
    ),
    "Conversation": Sample(
        given={"lastMessageId": "a-message"}, change={"lastMessageId": "the-next"}, optional="lastMessageId"
    ),
    "Dispute": Sample(
        given={
            "requestId": "a-request",
            "disputeType": "OTHER",
            "status": "OPEN",
            "description": "Nobody came.",
            "evidence": "[]",
        },
        stored={"adminId": "some-admin"},
        change={"evidence": "[1]"},
        optional="evidence",
        when={"over": {"status": "RESOLVED"}},
    ),
    "Escrow": Sample(
        given={"requestId": "a-request", "amount": 2, "status": "ESCROWED", "escrowType": "SERVICE_REQUEST"},
        change={"amount": 3},
    ),
    "EventLog": Sample(
        given={
            "eventType": "Service Request Submitted",
            "entityType": "SERVICE_REQUEST",
            "entityId": "a-request",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "source": "hourbank.service-requests",
        },
        change={"source": "elsewhere"},
    ),
    "Message": Sample(
        given={"conversationId": "a-conversation", "content": "Hello", "isRead": False, "messageType": "TEXT"},
        change={"content": "Hello again"},
    ),
    "Notification": Sample(
        given={
            "type": "SYSTEM_UPDATE",
            "title": "News",
            "message": "There are some.",
            "isRead": False,
            "relatedId": "a-request",
        },
        change={"isRead": True},
        optional="relatedId",
    ),
    "Rating": Sample(
        given={"transactionId": "an-exchange", "rating": 4, "feedback": "Well done."},
        change={"feedback": "Hm."},
        optional="feedback",
        when={"hidden": {"isHidden": True}},
    ),
    "Report": Sample(
        given={
            "transactionId": "an-exchange",
            "reason": "SPAM",
            "description": "Too many messages.",
            "status": "PENDING",
        },
        stored={"adminNotes": "None yet."},
        change={"description": "Far too many messages."},
        optional="adminNotes",
    ),
    "ScheduleException": Sample(
        given={
            "serviceId": "a-service",
            "exceptionDate": "2026-03-02",
            "exceptionType": "UNAVAILABLE",
            "reason": "Away.",
        },
        change={"reason": "Ill."},
        optional="reason",
    ),
    "Service": Sample(
        given={
            "title": "Garden help",
            "description": "Weeding.",
            "category": "garden",
            "hourlyRate": 1,
            "isActive": True,
            "tags": ["green"],
            "minBookingHours": 1,
        },
        change={"title": "Hedges"},
        optional="minBookingHours",
    ),
    "ServiceRequest": Sample(
        given={
            "serviceId": "a-service",
            "status": "INITIATED",
            "estimatedHours": 2,
            "negotiationRound": 0,
            "message": "Soon, please.",
        },
        stored={"escrowId": "an-escrow"},
        change={"message": "Later."},
        optional="message",
        when={"held": {"status": "ESCROWED"}},
    ),
    "ServiceSchedule": Sample(
        given={
            "serviceId": "a-service",
            "dayOfWeek": 1,
            "startTime": "09:00",
            "endTime": "17:00",
            "isActive": True,
        },
        change={"startTime": "10:00"},
    ),
    "Skill": Sample(
        given={"name": "weeding", "category": "garden", "isActive": True, "description": "By hand."},
        change={"description": "By machine."},
        optional="description",
    ),
    "Transaction": Sample(
        given={
            "serviceId": "a-service",
            "hoursSpent": 2,
            "status": "PENDING",
            "description": "Garden help",
        },
        stored={"bookingId": "a-booking"},
        change={"hoursSpent": 3},
        when={"accepted": {"status": "IN_PROGRESS"}, "completed": {"status": "COMPLETED"}},
    ),
    "TransactionLog": Sample(
        given={
            "transactionId": "a-movement",
            "transactionType": "ESCROW",
            "amount": -2,
            "balanceBefore": 10,
            "balanceAfter": 8,
            "description": "Held",
        },
        change={"amount": 5},
    ),
    "User": Sample(
        given={
            "email": "a@example.org",
            "username": "a-member",
            "cognitoId": "a-cognito-id",
            "firstName": "A",
            "lastName": "Member",
            "bankHours": 0,
            "skills": [],
            "rating": 0,
            "totalTransactions": 0,
            "bio": "Hello.",
        },
        change={"bio": "Hello again."},
        optional="bio",
    ),
    "UserBalance": Sample(
        given={"totalBalance": 10, "availableBalance": 8, "escrowedBalance": 2, "version": 3},
        change={"availableBalance": 1000},
    ),
}
