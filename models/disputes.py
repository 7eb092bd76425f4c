"""What a dispute is about and how far it has come: the words of it, pure."""

from enum import StrEnum


class DisputeType(StrEnum):
    """What a dispute is about."""

    SERVICE_QUALITY = "SERVICE_QUALITY"
    PAYMENT = "PAYMENT"
    NO_SHOW = "NO_SHOW"
    OTHER = "OTHER"


class DisputeStatus(StrEnum):
    """How far a dispute has come."""

    OPEN = "OPEN"
    UNDER_REVIEW = "UNDER_REVIEW"
    RESOLVED = "RESOLVED"
    DISMISSED = "DISMISSED"
