"""The template's event source mappings: what calls functions with the changes of a table's stream."""

from typing import Any

from models.tables import Table
from workflows.deployment.template.intrinsics import Resource, attribute, ref, resource
from workflows.deployment.template.tables import table_id
from workflows.deployment.template.versions import alias_id

# A stream has its records for a day; an hour before that, one that its function could not handle is a dead letter.
# Whoever subscribed before it was written is gone by then: Cognito's tokens are valid for a day at most.
_OLDEST_SECONDS = 23 * 3_600


def stream_mapping(function: str, table: type[Table], properties: dict[str, Any], **attributes: Any) -> Resource:
    """Return an event source mapping: it calls a function with what is new in a table's stream.

    Args:
        function: the function's name.
        table: the table.
        properties: those that differ between mappings, such as where reading starts.
        attributes: of the resource beside its properties, such as its condition.
    """
    return resource(
        "Lambda::EventSourceMapping",
        {
            "FunctionName": ref(alias_id(function)),
            "EventSourceArn": attribute(table_id(table), "StreamArn"),
            "BatchSize": 100,
            "BisectBatchOnFunctionError": True,
            "MaximumRecordAgeInSeconds": _OLDEST_SECONDS,
            "DestinationConfig": {"OnFailure": {"Destination": attribute("DeadLetters", "Arn")}},
            **properties,
        },
        **attributes,
    )
