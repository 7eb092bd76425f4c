"""Our tables as an engine creates them, without the rest of the stack."""

from collections.abc import Iterator
from typing import Any

from models.storage.names import Names
from models.tables import TABLES
from workflows.deployment.template.tables import table_resources

# The properties of a table's resource that CreateTable needs; no stream, because only the test acts on the rows.
_PARTS = ("KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes")


def create_table_parameters(names: Names) -> Iterator[dict[str, Any]]:
    """Yield the parameters of CreateTable for each of our tables."""
    for table, described in zip(TABLES, table_resources(TABLES).values(), strict=True):
        parts = {part: value for part, value in described["Properties"].items() if part in _PARTS}
        yield {"TableName": names.table(table), **parts}
