"""A CloudFormation stack: what is deployed, what would change, and changes with their progress."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from models.errors import ExpectedError
from models.storage.calls import new_client
from workflows.deployment.deployment import Deployment

PrintLine = Callable[[str], None]
ChangeSetKind = Literal["CREATE", "UPDATE", "IMPORT"]

COMPLETE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_ROLLED_BACK = frozenset({"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})
# A stack whose creation failed: CloudFormation refuses to update it, it can only be deleted.
NEVER_CREATED = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
_FAILED = frozenset({"UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"})
_ENDED = COMPLETE | _ROLLED_BACK | NEVER_CREATED | _FAILED
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_WAIT_SECONDS = 3600
_STACK = "AWS::CloudFormation::Stack"


class DeploymentError(ExpectedError):
    """The stack could not be deployed; the message is one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a deployment would do to one resource.

    Args:
        action: "Add", "Modify", "Remove" or "Import".
        resource: its logical id.
        kind: its type, such as "AWS::Lambda::Function".
        replacement: "True", "False" or "Conditional": whether it would be made anew; "" if it is added or removed.
    """

    action: str
    resource: str
    kind: str
    replacement: str

    @classmethod
    def read(cls, change: Mapping[str, Any]) -> "Change":
        """Return a change of a change set."""
        found = change["ResourceChange"]
        return cls(
            action=found["Action"],
            resource=found["LogicalResourceId"],
            kind=found["ResourceType"],
            replacement=found.get("Replacement", "") if found["Action"] == "Modify" else "",
        )


class Stack:
    """One stack of the account that the AWS clients use.

    Args:
        name: its name.
        report: prints a line about the progress.
        poll_seconds: seconds between two looks at the progress.
        shows_events: whether each resource that is done gets a line.
    """

    def __init__(
        self, name: str, report: PrintLine, *, poll_seconds: float = 5.0, shows_events: bool = True
    ) -> None:
        self.name = name
        self._report = report
        self._poll_seconds = poll_seconds
        self._shows_events = shows_events
        config = Config(retries={"mode": "standard", "max_attempts": 5})
        self._client = new_client("cloudformation", config=config)

    def find(self) -> Any:
        """Return the stack's description; None if there is none, or none that was ever created."""
        try:
            (stack,) = self._client.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        # A change set that was never executed leaves an entry for a stack that does not exist yet.
        return None if stack["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else stack

    def template(self) -> dict[str, Any]:
        """Return the template that is deployed."""
        return dict(self._client.get_template(StackName=self.name)["TemplateBody"])

    def resources(self) -> Iterator[Any]:
        """Yield the summaries of the stack's resources."""
        for page in self._client.get_paginator("list_stack_resources").paginate(StackName=self.name):
            yield from page["StackResourceSummaries"]

    def propose(self, deployment: Deployment, kind: ChangeSetKind, **more: Any) -> str | None:
        """Create a change set, and return its id; None if there is nothing to change."""
        change_set: str = self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"change-{uuid4()}",
            ChangeSetType=kind,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in deployment.parameters.items()
            ],
            Tags=[{"Key": key, "Value": value} for key, value in deployment.tags.items()],
            **deployment.template_argument(),
            **more,
        )["Id"]
        polling: Any = {"Delay": self._poll_seconds, "MaxAttempts": int(_WAIT_SECONDS / self._poll_seconds)}
        try:
            self._client.get_waiter("change_set_create_complete").wait(
                ChangeSetName=change_set, WaiterConfig=polling
            )
        except WaiterError as error:
            reason = _reason(error)
            self._client.delete_change_set(ChangeSetName=change_set)
            if any(text in reason for text in _NO_CHANGES):
                return None
            raise DeploymentError(f"{self.name} cannot be changed so: {reason}") from error
        return change_set

    def changes(self, change_set: str) -> list[Change]:
        """Return what a change set would do."""
        pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
        return [Change.read(one) for page in pages for one in page.get("Changes", ())]

    def discard(self, change_set: str) -> None:
        """Delete a change set, and the entry of a stack that it would have created."""
        self._client.delete_change_set(ChangeSetName=change_set)
        if self.find() is None:
            self._client.delete_stack(StackName=self.name)

    def execute(self, change_set: str) -> None:
        """Carry out a change set, and show its progress.

        Raises:
            DeploymentError: it failed, and CloudFormation has taken back what was done.
        """
        expected = len(self.changes(change_set)) if self._shows_events else 0
        progress = _Progress({event["EventId"] for event in self._events()}, expected)
        self._client.execute_change_set(ChangeSetName=change_set)
        self._follow(progress)

    def wait(self) -> None:
        """Wait until whatever is under way has ended."""
        while (stack := self.find()) is not None and stack["StackStatus"].endswith("_IN_PROGRESS"):
            time.sleep(self._poll_seconds)

    def delete(self) -> None:
        """Delete the stack, and wait for its end; what its template retains stays."""
        self._client.delete_stack(StackName=self.name)
        polling: Any = {"Delay": self._poll_seconds, "MaxAttempts": int(_WAIT_SECONDS / self._poll_seconds)}
        self._client.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig=polling)

    def _follow(self, progress: "_Progress") -> None:
        """Print what is done until the stack's own event says that all of it is, or that it failed."""
        end = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < end:
            new = progress.new(self._events())
            for line in filter(None, map(progress.line, new if self._shows_events else ())):
                self._report(line)
            ends = {event["ResourceStatus"] for event in new if _is_of_stack(event)} & _ENDED
            if ends & COMPLETE:
                return
            if ends:
                why = progress.failure or ", ".join(sorted(ends))
                raise DeploymentError(f"The deployment of {self.name} failed: {why}")
            time.sleep(self._poll_seconds)
        raise DeploymentError(
            f"The deployment of {self.name} has taken an hour and still goes on; run it again, which waits for it."
        )

    def _events(self) -> list[Any]:
        """Return the stack's events, the oldest first."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=self.name)
        return [event for page in pages for event in page["StackEvents"]][::-1]


def _is_of_stack(event: Any) -> bool:
    """Return whether an event is about the stack itself, and not about one of its resources."""
    return bool(event["ResourceType"] == _STACK and event["LogicalResourceId"] == event["StackName"])


class _Progress:
    """What has happened since a change set was executed.

    Args:
        known: the ids of the events before it.
        expected: how many resources it changes.
    """

    def __init__(self, known: set[str], expected: int) -> None:
        self._known = known
        self._expected = expected
        self._done: set[str] = set()
        self.failure = ""

    def new(self, events: Sequence[Any]) -> list[Any]:
        """Return the new events in their order, and note the first failure, from which later ones follow."""
        found = [event for event in events if event["EventId"] not in self._known]
        self._known |= {event["EventId"] for event in found}
        for event in found:
            if event["ResourceStatus"].endswith("_FAILED") and not self.failure:
                reason = event.get("ResourceStatusReason") or "no reason given"
                self.failure = f"{event['LogicalResourceId']}: {reason}"
        return found

    def line(self, event: Any) -> str:
        """Return the line about a resource that is done or has failed; "" for any other event."""
        status, resource = event["ResourceStatus"], event["LogicalResourceId"]
        if event["ResourceType"] == _STACK or not status.endswith(("_COMPLETE", "_FAILED")):
            return ""
        self._done.add(resource)
        count = f"{min(len(self._done), self._expected)}/{self._expected}"
        return f"{count:>9}  {status.lower().replace('_', ' '):<24} {resource}"


def _reason(error: WaiterError) -> str:
    response: Mapping[str, Any] = error.last_response or {}
    return str(response.get("StatusReason") or error)
