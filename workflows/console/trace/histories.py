"""Executions as Step Functions remembers them: each state that it has been in, and what a state has waited for."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from models.storage.calls import Calls
from models.storage.names import Names
from workflows.console.trace.spans import Span

# Step Functions' own limit for a page, and more pages than an execution's 25,000 events take.
_PAGE = 1_000
_PAGES = 25
# Of a cause that an error gives.
_CAUSE = 200
_RUNNING = "RUNNING"
# What only leads from one state to the next takes no time.
_SHOWN = ("Task", "Map", "Parallel", "Fail", "Wait")
_FAILURES = ("Failed", "TimedOut", "Aborted")

History = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Histories:
    """Reads executions.

    Args:
        calls: the way to AWS.
        names: the deployment's names.
    """

    calls: Calls
    names: Names

    async def read(self, arn: str, *, nested: bool = True) -> Span | None:
        """Return an execution with its states, None if Step Functions knows none of that ARN.

        Args:
            arn: the execution's.
            nested: whether executions that its states have started are read, too.
        """
        try:
            found = await self.calls.call("stepfunctions", "describe_execution", executionArn=arn)
            states = _Reading()
            for event in await self._events(arn):
                states.take(event)
            states.close(found.get("stopDate"))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
            return None
        *_, machine, name = arn.split(":")
        span = Span(
            name=f"{machine.removeprefix(self.names.state_machine(''))} {name}",
            began=found["startDate"],
            ended=found.get("stopDate"),
            outcome=found["status"],
            is_bad=found["status"] not in {_RUNNING, "SUCCEEDED"},
            within=[*states.spans],
        )
        if nested:
            await self._nest(states)
        return span

    async def _nest(self, states: "_Reading") -> None:
        """Put the executions that states have started into them."""
        for state, arn in states.started:
            inner = await self.read(arn, nested=False)
            if inner is not None:
                state.within.append(inner)

    async def _events(self, arn: str) -> list[History]:
        """Return an execution's events, up to a bound, without the inputs and outputs that nobody shows."""
        events: list[History] = []
        more: dict[str, Any] = {}
        for _ in range(_PAGES):
            answer = await self.calls.call(
                "stepfunctions", "get_execution_history", executionArn=arn, maxResults=_PAGE, **more
            )
            events += answer["events"]
            if (token := answer.get("nextToken")) is None:
                break
            more = {"nextToken": token}
        return events


class _Reading:
    """Makes states of an execution's events, which come in order."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.started: list[tuple[Span, str]] = []
        self._current: Span | None = None

    def take(self, event: History) -> None:
        """Take in the next event."""
        kind = str(event["type"])
        if kind.endswith("StateEntered"):
            self._enter(kind.removesuffix("StateEntered"), event)
        elif kind.endswith("StateExited"):
            self._leave(event)
        elif kind.endswith(_FAILURES):
            self._fail(kind, event)
        elif (arn := _started_by(event)) is not None and self._current is not None:
            found = (self._current, arn)
            if found not in self.started:
                self.started.append(found)

    def close(self, at: datetime | None) -> None:
        """End the state that the execution ended in, if it has ended."""
        if self._current is not None:
            self._current.ended = at

    def _enter(self, kind: str, event: History) -> None:
        if kind in _SHOWN:
            name = event["stateEnteredEventDetails"]["name"]
            self._current = Span(name=name, began=event["timestamp"], ended=None)
            self.spans.append(self._current)

    def _leave(self, event: History) -> None:
        if self._current is not None and event["stateExitedEventDetails"]["name"] == self._current.name:
            self._current.ended = event["timestamp"]
            self._current = None

    def _fail(self, kind: str, event: History) -> None:
        """Note an error of the current state."""
        if self._current is None:
            return
        details: History = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
        error, cause = details.get("error") or kind, str(details.get("cause") or "")
        self._current.is_bad = error != "States.Timeout"  # people may take longer than a wait lasts
        self._current.outcome = ": ".join(filter(None, (error, cause[:_CAUSE])))


def _started_by(event: History) -> str | None:
    """Return the ARN of the execution that a state has started, if the event tells of one."""
    for text in _outputs(event):
        try:
            output = json.loads(text)
        except ValueError:
            continue
        if isinstance(output, dict) and isinstance(arn := output.get("ExecutionArn"), str):
            return arn
    return None


def _outputs(event: History) -> Iterator[str]:
    for what in ("Submitted", "Succeeded"):
        details = event.get(f"task{what}EventDetails")
        if isinstance(details, dict) and "ExecutionArn" in (text := details.get("output") or ""):
            yield text
