"""Messages of the dead-letter queue."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

SENT = datetime(2026, 1, 1, tzinfo=UTC)
FAILED = {
    "requestId": "r",
    "generation": 2,
    "visits": 1,
    "step": "CreateEscrow",
    "timeoutSeconds": 1,
    "error": "TypeError",
    "cause": "no username",
}


def message(body: object, number: int = 0, attributes: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"h{number}",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": str(int(SENT.timestamp() * 1000) + number)},
        "MessageAttributes": {
            name: {"StringValue": value, "DataType": "String"} for name, value in (attributes or {}).items()
        },
    }
