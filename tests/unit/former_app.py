"""The app that HourBank replaces, as Amplify deploys and fills it: its tables and rows.

The key of an index is never NULL, because DynamoDB would refuse it: Amplify leaves it out.
"""

from collections.abc import Iterator
from typing import Any

from models.clock import to_text
from models.storage.names import FormerNames
from models.storage.store import Item, index_keys, key_of
from models.tables import (
    TABLES,
    Dispute,
    Escrow,
    EventLog,
    ServiceRequest,
    Table,
    TransactionLog,
    UserBalance,
)
from tests.unit.builders import NOW
from tests.unit.stored import NAMES

FORMER = FormerNames.of("a1b2c3d4e5f6g7h8i9j0k1l2m3-prod", NAMES)
# The types that the app of before has not had, and our own, which are no types.
_NEW = {ServiceRequest, Escrow, UserBalance, TransactionLog, Dispute, EventLog}
_OURS = {
    "BookingDay",
    "Idempotency",
    "NameGuard",
    "RateCounter",
    "ReconciliationReport",
    "RequestGuard",
    "TransferApproval",
}
FORMER_TABLES: tuple[type[Table], ...] = tuple(
    table for table in TABLES if table not in _NEW and table.Meta.table_name not in _OURS
)
WHEN = to_text(NOW)


def former_table_parameters(names: FormerNames) -> Iterator[dict[str, Any]]:
    """Yield the parameters of CreateTable for each of the former app's tables; its indexes have hash keys only."""
    for table in FORMER_TABLES:
        indexes = {name: index_keys(index)[0].name for name, index in table._indexes.items()}
        key = key_of(table).attr_name
        attributes = sorted({key, *indexes.values()})
        yield {
            "TableName": names.table(table),
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in attributes],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": name,
                    "KeySchema": [{"AttributeName": hash_key, "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
                for name, hash_key in indexes.items()
            ],
        }


def amplify(type_name: str, **values: Any) -> Item:
    """Return a row as Amplify's resolvers store it: `__typename`, timestamps, NULL for what was given as null."""
    given = {"createdAt": WHEN, "updatedAt": WHEN, "__typename": type_name, **values}
    return {name: _stored(value) for name, value in given.items()}


def _stored(value: Any) -> dict[str, Any]:
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, list):
        return {"L": [_stored(one) for one in value]}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def former_member(member_id: str, hours: Any = "7.5", **changes: Any) -> Item:
    """Return a member's row; `hours` is a number's text, None for NULL."""
    values = {
        "id": member_id,
        "email": f"{member_id}@example.org",
        "username": member_id,
        "firstName": member_id.title(),
        "lastName": "Former",
        "skills": ["gardening"],
        "bio": None,
        "rating": 0,
        "totalTransactions": 3,
        "owner": f"{member_id}::{member_id}",
        **changes,
    }
    return {**amplify("User", **values), "bankHours": {"NULL": True} if hours is None else {"N": str(hours)}}


def former_service(service_id: str, provider: str, **changes: Any) -> Item:
    """Return a service's row."""
    values = {
        "id": service_id,
        "userId": provider,
        "title": "Garden help",
        "description": "Weeds go, flowers stay",
        "category": "garden",
        "hourlyRate": 1,
        "hourlyDuration": 1,
        "isActive": True,
        "tags": [],
        "requiresScheduling": None,
        "owner": provider,
        **changes,
    }
    return amplify("Service", **values)


def former_exchange(
    exchange_id: str, *, consumer: str, provider: str, service: str, hours: Any = "2", **changes: Any
) -> Item:
    """Return the row of an exchange, PENDING unless it is changed."""
    values = {
        "id": exchange_id,
        "consumerId": consumer,
        "providerId": provider,
        "serviceId": service,
        "status": "PENDING",
        "description": "The hedge, please",
        "rating": None,
        "feedback": None,
        "completedAt": None,
        **changes,
    }
    return {**amplify("Transaction", **values), "hoursSpent": {"N": str(hours)}}
