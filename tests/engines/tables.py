"""Our tables as an engine creates them, without the rest of the stack."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.storage.names import Names
from models.tables import TABLES, Table
from workflows.deployment.template.tables import table_resources

# The properties of a table's resource that CreateTable needs; no stream, because only the test acts on the rows.
_PARTS = ("KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes")


def create_table_parameters(names: Names, tables: Sequence[type[Table]] = TABLES) -> Iterator[dict[str, Any]]:
    """Yield the parameters of CreateTable for each of some tables."""
    for table, described in zip(tables, table_resources(tables).values(), strict=True):
        parts = {part: value for part, value in described["Properties"].items() if part in _PARTS}
        yield {"TableName": names.table(table), **parts}
