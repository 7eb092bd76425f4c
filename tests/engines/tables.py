"""Our tables as an engine makes them, without the rest of the stack."""

from collections.abc import Iterator
from typing import Any

from models.storage.names import Names
from models.tables import TABLES
from workflows.deployment.template.tables import table_resources

# Of a table's resource, what makes the table itself; no stream, since nobody is to act on its rows but the test.
_PARTS = ("KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes")


def create_table_parameters(names: Names) -> Iterator[dict[str, Any]]:
    """Yield the parameters of CreateTable for each of our tables."""
    for table, described in zip(TABLES, table_resources(TABLES).values(), strict=True):
        parts = {part: value for part, value in described["Properties"].items() if part in _PARTS}
        yield {"TableName": names.table(table), **parts}
