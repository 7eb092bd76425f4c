"""The event log's stream to the bus: at least once, and never what did not happen."""

import json
from collections.abc import Mapping
from typing import Any

from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services

# PutEvents takes no more at once.
LARGEST_BATCH = 10


async def publish_events(services: Services, event: Event) -> None:
    """Put each new row of the log on the bus; `detail.eventId` is the row's id, the same at every repetition.

    Raises:
        RuntimeError: the bus refused some; the stream hands over the whole batch again.
    """
    rows = [record["dynamodb"]["NewImage"] for record in event["Records"] if record["eventName"] == "INSERT"]
    for start in range(0, len(rows), LARGEST_BATCH):
        entries = [_entry(row, services.names.event_bus) for row in rows[start : start + LARGEST_BATCH]]
        answer = await services.calls.call("events", "put_events", Entries=entries)
        if answer.get("FailedEntryCount"):
            raise RuntimeError(f"the bus refused {answer['FailedEntryCount']} of {len(entries)} events")


def _entry(row: Mapping[str, Mapping[str, Any]], bus: str) -> dict[str, Any]:
    detail = {
        **json.loads(row["eventData"]["S"]),
        "eventId": row["id"]["S"],
        "entityType": row["entityType"]["S"],
        "entityId": row["entityId"]["S"],
        "actorUserId": row["actorUserId"]["S"] if "actorUserId" in row else None,
        "timestamp": row["timestamp"]["S"],
    }
    return {
        "EventBusName": bus,
        "Source": row["source"]["S"],
        "DetailType": row["eventType"]["S"],
        "Detail": json.dumps(detail),
    }


handler = handles(publish_events)
