"""What a step announces: events for the log and the event bus, and notices for the members concerned.

Two names to know: a `Notice` is stored as Amplify's Notification, and an exchange (what the app sees of a request,
see `models.exchanges.record`) as Amplify's Transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventEntityType(StrEnum):
    """What an event is about: SERVICE_REQUEST includes disputes; TRANSACTION includes balances and escrows."""

    SERVICE_REQUEST = "SERVICE_REQUEST"
    USER = "USER"
    SERVICE = "SERVICE"
    TRANSACTION = "TRANSACTION"


class EventSource(StrEnum):
    """The sources that events have on the event bus."""

    SERVICE_REQUESTS = "hourbank.service-requests"
    ESCROW = "hourbank.escrow"
    BALANCES = "hourbank.balances"
    DISPUTES = "hourbank.disputes"


class NotificationType(StrEnum):
    """Amplify's kinds of notification."""

    TRANSACTION_REQUEST = "TRANSACTION_REQUEST"
    TRANSACTION_ACCEPTED = "TRANSACTION_ACCEPTED"
    TRANSACTION_COMPLETED = "TRANSACTION_COMPLETED"
    RATING_RECEIVED = "RATING_RECEIVED"
    SERVICE_INQUIRY = "SERVICE_INQUIRY"
    SYSTEM_UPDATE = "SYSTEM_UPDATE"
    BOOKING_REQUEST = "BOOKING_REQUEST"
    BOOKING_CONFIRMED = "BOOKING_CONFIRMED"
    BOOKING_CANCELLED = "BOOKING_CANCELLED"
    BOOKING_REMINDER = "BOOKING_REMINDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, as the event log and the event bus carry it.

    Args:
        type: the detail type, a phrase such as "Provider Response Received".
        actor: the member or admin who did it; None for the workflow itself.
        data: facts for programs; must be serializable as JSON.
    """

    type: str
    source: EventSource
    entity_type: EventEntityType
    entity_id: str
    actor: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message to one member about a step."""

    user_id: str
    type: NotificationType
    title: str
    message: str
