"""The enums that clients see: Amplify's own, and HourBank's under their names in Amplify's schema."""

from enum import StrEnum

import strawberry

from models.bookings.booking import BookingStatus
from models.bookings.schedules import ExceptionType
from models.events import EventEntityType, NotificationType
from models.ledger.balances import EscrowStatus, EscrowType
from models.ledger.movements import TransactionType
from models.requests.dispute import DisputeStatus, DisputeType
from models.requests.statuses import RequestStatus, TransactionStatus


class ModelSortDirection(StrEnum):
    """By time, oldest or newest first."""

    ASC = "ASC"
    DESC = "DESC"


class ModelAttributeTypes(StrEnum):
    """How DynamoDB stores a value, in Amplify's words."""

    binary = "binary"
    binarySet = "binarySet"  # noqa: N815 — Amplify's spelling
    bool = "bool"
    list = "list"
    map = "map"
    number = "number"
    numberSet = "numberSet"  # noqa: N815 — Amplify's spelling
    string = "string"
    stringSet = "stringSet"  # noqa: N815 — Amplify's spelling
    _null = "_null"


# HourBank's.
ENUMS: dict[str, type[StrEnum]] = {
    "ServiceRequestStatus": RequestStatus,
    "EscrowStatus": EscrowStatus,
    "EscrowType": EscrowType,
    "TransactionType": TransactionType,
    "TransactionStatus": TransactionStatus,
    "DisputeType": DisputeType,
    "DisputeStatus": DisputeStatus,
    "EventEntityType": EventEntityType,
    "NotificationType": NotificationType,
    "BookingStatus": BookingStatus,
    "ScheduleExceptionType": ExceptionType,
}

for _name, _enum in ENUMS.items():
    strawberry.enum(_enum, name=_name)
strawberry.enum(ModelSortDirection)
strawberry.enum(ModelAttributeTypes)
