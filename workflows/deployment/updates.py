"""What deploying any stack takes: look at it, propose a change, carry it out, and explain what AWS refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from workflows.deployment.deployment import Deployment
from workflows.deployment.stack import Change, DeploymentError, PrintLine, Stack


def usable(stack: Stack) -> Any:
    """Return a stack's description, None if there is none.

    Raises:
        DeploymentError: CloudFormation could not take back a change, which a person must end.
    """
    found = stack.find()
    if found and found["StackStatus"] == "UPDATE_ROLLBACK_FAILED":
        raise DeploymentError(
            f"{stack.name} is half rolled back: {found.get('StackStatusReason', 'no reason given')}. "
            "Remove the cause, run `aws cloudformation continue-update-rollback --stack-name "
            f"{stack.name}`, and deploy again."
        )
    return found


def parameters_of(found: Any) -> dict[str, str]:
    """Return the parameters that a stack was deployed with, from its description; none if there is no stack."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in (found or {}).get("Parameters", ())}


def preview(stack: Stack, deployment: Deployment, *, exists: bool) -> list[Change]:
    """Return what a deployment would do to each resource; nothing is changed."""
    change_set = stack.propose(deployment, "UPDATE" if exists else "CREATE")
    if change_set is None:
        return []
    try:
        return stack.changes(change_set)
    finally:
        stack.discard(change_set)


def update(stack: Stack, deployment: Deployment, report: PrintLine, *, exists: bool) -> bool:
    """Create or update a stack, and return whether anything changed."""
    report(f"{'updating' if exists else 'creating'} the stack {stack.name}")
    change_set = stack.propose(deployment, "UPDATE" if exists else "CREATE")
    if change_set is None:
        return False
    stack.execute(change_set)
    report(f"the stack {stack.name} is up to date")
    return True


def delete_remains(stack: Stack, report: PrintLine) -> None:
    """Delete what a creation that failed has left."""
    report(f"deleting what is left of {stack.name}; its tables stay")
    stack.delete()


@contextmanager
def explained(stack: str) -> Iterator[None]:
    """Turn an error of AWS into one line."""
    try:
        yield
    except (ClientError, BotoCoreError, WaiterError) as error:
        raise DeploymentError(f"{stack} cannot be deployed: {error}") from error
