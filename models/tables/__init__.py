"""A PynamoDB model for each DynamoDB table: its attributes, key, indexes, stream and recovery.

Every table that a module of this package declares is deployed. Only the tables that our own code uses by name are
exported by name.
"""

from importlib import import_module
from pkgutil import iter_modules

from models.tables.base import Table
from models.tables.booking import Booking
from models.tables.booking_day import BookingDay
from models.tables.dispute import Dispute
from models.tables.escrow import Escrow
from models.tables.event_log import EventLog
from models.tables.idempotency import Idempotency
from models.tables.name_guard import NameGuard
from models.tables.notification import Notification
from models.tables.rate_counter import RateCounter
from models.tables.rating import Rating
from models.tables.reconciliation_report import ReconciliationReport
from models.tables.request_guard import RequestGuard
from models.tables.schedule_exception import ScheduleException
from models.tables.service import Service
from models.tables.service_request import ServiceRequest
from models.tables.service_schedule import ServiceSchedule
from models.tables.transaction import Transaction
from models.tables.transaction_log import TransactionLog
from models.tables.transfer_approval import TransferApproval
from models.tables.user import User
from models.tables.user_balance import UserBalance


def _tables() -> tuple[type[Table], ...]:
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return tuple(
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Table) and value.__module__ == module.__name__
        if value is not Table
    )


TABLES = _tables()

__all__ = [
    "TABLES",
    "Booking",
    "BookingDay",
    "Dispute",
    "Escrow",
    "EventLog",
    "Idempotency",
    "NameGuard",
    "Notification",
    "RateCounter",
    "Rating",
    "ReconciliationReport",
    "RequestGuard",
    "ScheduleException",
    "Service",
    "ServiceRequest",
    "ServiceSchedule",
    "Table",
    "Transaction",
    "TransactionLog",
    "TransferApproval",
    "User",
    "UserBalance",
]
