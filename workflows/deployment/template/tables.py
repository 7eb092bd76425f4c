"""The template's tables, derived from their PynamoDB models."""

from collections.abc import Iterable
from typing import Any

from pynamodb.attributes import Attribute, TTLAttribute
from pynamodb.indexes import GlobalSecondaryIndex

from models.tables import Table
from workflows.deployment.template.intrinsics import NAMES, Resource, if_, logical_id, resource, sub

# The longest that DynamoDB offers.
_RECOVERY_DAYS = 35


def table_id(table: type[Table]) -> str:
    """Return a table's logical id; the name of a table of the house begins with a dot."""
    name = table.Meta.table_name
    return logical_id("HouseTable" if name.startswith(".") else "Table", name.removeprefix("."))


def table_resources(tables: Iterable[type[Table]]) -> dict[str, Resource]:
    """Return the tables, billed by request, and retained when the stack is deleted.

    A creation that fails deletes them again, so that the next one finds no table in its way.
    """
    return {table_id(table): _table(table) for table in tables}


def _table(table: type[Table]) -> Resource:
    attributes = table.get_attributes().values()
    indexes = _indexes(table)
    keyed = [*_keys(attributes), *(key for index in indexes for key in _keys(_attributes(index)))]
    properties: Resource = {
        "TableName": sub(NAMES.table(table)),
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _key_schema(attributes),
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in sorted({key.attr_name: key.attr_type for key in keyed}.items())
        ],
        "PointInTimeRecoverySpecification": _recovery(table),
    }
    if table.Meta.point_in_time_recovery:  # what can be had back is also not to be lost
        properties["DeletionProtectionEnabled"] = if_("IsProtected", then=True, otherwise=False)
    if indexes:
        properties["GlobalSecondaryIndexes"] = [_index(index) for index in indexes]
    if table.Meta.stream_view_type:
        properties["StreamSpecification"] = {"StreamViewType": table.Meta.stream_view_type}
    for attribute in attributes:
        if isinstance(attribute, TTLAttribute):
            properties["TimeToLiveSpecification"] = {"AttributeName": attribute.attr_name, "Enabled": True}
    return resource(
        "DynamoDB::Table", properties, DeletionPolicy="RetainExceptOnCreate", UpdateReplacePolicy="Retain"
    )


def _recovery(table: type[Table]) -> Resource:
    if not table.Meta.point_in_time_recovery:
        return {"PointInTimeRecoveryEnabled": False}
    return {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": _RECOVERY_DAYS}


def _indexes(table: type[Table]) -> list[GlobalSecondaryIndex[Any]]:
    found = [member for member in vars(table).values() if isinstance(member, GlobalSecondaryIndex)]
    return sorted(found, key=lambda index: str(index.Meta.index_name))


def index_names(table: type[Table]) -> list[str]:
    """Return the names of a table's indexes."""
    return [str(index.Meta.index_name) for index in _indexes(table)]


def _attributes(index: GlobalSecondaryIndex[Any]) -> list[Attribute[Any]]:
    return [member for member in vars(type(index)).values() if isinstance(member, Attribute)]


def _index(index: GlobalSecondaryIndex[Any]) -> Resource:
    return {
        "IndexName": index.Meta.index_name,
        "KeySchema": _key_schema(_attributes(index)),
        "Projection": {"ProjectionType": index.Meta.projection.projection_type},
    }


def _keys(attributes: Iterable[Attribute[Any]]) -> list[Attribute[Any]]:
    keys = [attribute for attribute in attributes if attribute.is_hash_key or attribute.is_range_key]
    return sorted(keys, key=lambda key: key.is_range_key)  # CloudFormation wants HASH first


def _key_schema(attributes: Iterable[Attribute[Any]]) -> list[Resource]:
    return [
        {"AttributeName": key.attr_name, "KeyType": "HASH" if key.is_hash_key else "RANGE"}
        for key in _keys(attributes)
    ]
