"""A PynamoDB model for each DynamoDB table: its attributes, key, indexes, stream and recovery."""

from models.tables.base import Table
from models.tables.escrow import Escrow
from models.tables.event_log import EventLog
from models.tables.notification import Notification
from models.tables.request_guard import RequestGuard
from models.tables.service import Service
from models.tables.service_request import ServiceRequest
from models.tables.transaction import Transaction
from models.tables.transaction_log import TransactionLog
from models.tables.user import User
from models.tables.user_balance import UserBalance

TABLES: tuple[type[Table], ...] = (
    ServiceRequest,
    RequestGuard,
    Escrow,
    UserBalance,
    TransactionLog,
    EventLog,
    User,
    Service,
    Notification,
    Transaction,
)

__all__ = [
    "TABLES",
    "Escrow",
    "EventLog",
    "Notification",
    "RequestGuard",
    "Service",
    "ServiceRequest",
    "Table",
    "Transaction",
    "TransactionLog",
    "User",
    "UserBalance",
]
