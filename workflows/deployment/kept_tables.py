"""Tables that a former stack has left, because they hold hours, and how a new stack takes them in.

CloudFormation cannot create a table that is there. A new stack begins as an import of these tables, with the
indexes that they have; then it is updated like any other.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import boto3

from models.storage.names import Names
from models.tables import Table
from workflows.deployment.template.index_steps import table_with
from workflows.deployment.template.tables import table_id

_KIND = "AWS::DynamoDB::Table"


def kept_tables(names: Names, tables: Iterable[type[Table]]) -> list[type[Table]]:
    """Return the tables of a deployment that exist, in whatever stack or in none."""
    pages = boto3.Session().client("dynamodb").get_paginator("list_tables").paginate()
    there = {name for page in pages for name in page["TableNames"]}
    return [table for table in tables if names.table(table) in there]


def import_template(template: Mapping[str, Any], names: Names, tables: Iterable[type[Table]]) -> dict[str, Any]:
    """Return a template of these tables alone, as they are: an import creates and changes nothing."""
    client = boto3.Session().client("dynamodb")
    resources = {}
    for table in tables:
        described = client.describe_table(TableName=names.table(table))["Table"]
        types = {one["AttributeName"]: one["AttributeType"] for one in described["AttributeDefinitions"]}
        indexes = [
            {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
            for index in described.get("GlobalSecondaryIndexes", ())
        ]
        resource = template["Resources"][table_id(table)]
        resources[table_id(table)] = table_with(resource, indexes, types)
    parts = ("AWSTemplateFormatVersion", "Description", "Parameters", "Conditions")
    return {**{part: template[part] for part in parts}, "Resources": resources}


def resources_to_import(names: Names, tables: Iterable[type[Table]]) -> list[dict[str, Any]]:
    """Return the argument of the change set that takes in these tables."""
    return [
        {
            "ResourceType": _KIND,
            "LogicalResourceId": table_id(table),
            "ResourceIdentifier": {"TableName": names.table(table)},
        }
        for table in tables
    ]
