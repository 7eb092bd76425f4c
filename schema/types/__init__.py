"""The mirrored types, one file each; importing this room declares them all."""

from schema.types.escrow import Escrow
from schema.types.event_log import EventLog
from schema.types.notification import Notification
from schema.types.service import Service
from schema.types.service_request import ServiceRequest
from schema.types.transaction import Transaction
from schema.types.transaction_log import TransactionLog
from schema.types.user import User
from schema.types.user_balance import UserBalance

__all__ = [
    "Escrow",
    "EventLog",
    "Notification",
    "Service",
    "ServiceRequest",
    "Transaction",
    "TransactionLog",
    "User",
    "UserBalance",
]
