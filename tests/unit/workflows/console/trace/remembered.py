"""Step Functions that remembers what it is told."""

from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from models.storage.calls import BlockingCalls
from tests.unit.builders import NOW


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class StepFunctions(BlockingCalls):
    """Step Functions with the events of a few executions, which come in pages of two."""

    def __init__(self, **ended: float) -> None:
        self._ended = ended
        self.events: dict[str, list[dict[str, Any]]] = {}

    def tell(self, arn: str, seconds: float, kind: str, **details: Any) -> None:
        """Add an event; details are those of its kind."""
        key = f"{kind[0].lower()}{kind[1:]}EventDetails"
        for end in ("Entered", "Exited"):
            if kind.endswith(end):
                key = f"state{end}EventDetails"
        self.events.setdefault(arn, []).append({"type": kind, "timestamp": at(seconds), key: details})

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Answer as Step Functions would."""
        arn = params["executionArn"]
        if service != "stepfunctions" or arn not in self.events:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, operation)
        events = self.events[arn]
        if operation == "describe_execution":
            name = arn.rpartition(":")[2]
            stopped = {"stopDate": at(self._ended[name])} if name in self._ended else {}
            return {
                "startDate": events[0]["timestamp"],
                "status": "SUCCEEDED" if stopped else "RUNNING",
                **stopped,
            }
        assert operation == "get_execution_history"
        start = int(params.get("nextToken", 0))
        more = {"nextToken": str(start + 2)} if start + 2 < len(events) else {}
        return {"events": events[start : start + 2], **more}
