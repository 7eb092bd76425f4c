"""Creates or updates the stack by a change set, and reports the progress."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from models.errors import ExpectedError
from models.settings import Settings
from workflows.deployment.package import build_package
from workflows.deployment.template.build import build_template, parameters

PrintLine = Callable[[str], None]
ChangeSetKind = Literal["CREATE", "UPDATE"]

# An output of the stack; a tag would be passed on to every resource, so that each deployment touched all of them.
_FINGERPRINT = "Fingerprint"
_COMPLETE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
# A stack whose creation failed: CloudFormation refuses to update it, it can only be deleted.
_NEVER_CREATED = frozenset({"ROLLBACK_COMPLETE", "CREATE_FAILED"})
_NO_CHANGES = "didn't contain changes"
_WAIT_SECONDS = 1800
_LOCAL_POLL_SECONDS = 0.05


class DeploymentError(ExpectedError):
    """The stack could not be deployed; the message is one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is to be deployed.

    Args:
        stack: the stack's name.
        template: the template.
        parameters: the values of its parameters.
        tags: the tags of all resources.
        bucket: where the template is uploaded, because a call takes only 51,200 bytes; None to send it directly.
        disposable: whether an incomplete stack is deleted and created again; locally that loses no rows.
        poll_seconds: seconds between two looks at the progress.
    """

    stack: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    bucket: str | None = None
    disposable: bool = False
    poll_seconds: float = 5.0

    @property
    def body(self) -> str:
        """Return the template as JSON, with the fingerprint as an output."""
        said = {"Value": self.fingerprint, "Description": "What was deployed: a hash of template and parameters"}
        outputs = {**self.template.get("Outputs", {}), _FINGERPRINT: said}
        return _as_json({**self.template, "Outputs": outputs})

    @property
    def fingerprint(self) -> str:
        """Return a hash of all that determines the stack."""
        whole = [self.template, dict(self.parameters), dict(self.tags)]
        return hashlib.sha256(_as_json(whole).encode()).hexdigest()


def _as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def deploy_locally(settings: Settings, *, function_host_url: str, report: PrintLine) -> bool:
    """Deploy to the local cloud that the `AWS_*` variables name, and return whether anything changed.

    Raises:
        DeploymentError: the deployment failed.
    """
    values = parameters(settings, function_host_url=function_host_url)
    deployment = Deployment(
        stack=settings.stack,
        template=build_template(values=values),
        parameters=values,
        disposable=True,
        poll_seconds=_LOCAL_POLL_SECONDS,
    )
    return deploy(deployment, report)


def deploy_to_aws(settings: Settings, *, bucket: str, report: PrintLine) -> bool:
    """Package the functions, upload code and template to a bucket, deploy to AWS; return whether anything changed.

    Raises:
        DeploymentError: the deployment failed.
    """
    report("packaging the functions")
    code = build_package()
    key = f"{settings.stack}/{hashlib.sha256(code).hexdigest()}.zip"
    values = parameters(settings, code_bucket=bucket, code_key=key)
    deployment = Deployment(
        stack=settings.stack,
        template=build_template(values=values),
        parameters=values,
        bucket=bucket,
    )
    try:
        boto3.Session().client("s3").put_object(Bucket=bucket, Key=key, Body=code)
    except (ClientError, BotoCoreError) as error:
        raise DeploymentError(f"The code cannot be uploaded to {bucket}: {error}") from error
    report(f"uploaded {len(code) / 1e6:.1f} MB of code")
    return deploy(deployment, report)


def deploy(deployment: Deployment, report: PrintLine) -> bool:
    """Create or update the stack, and return whether anything changed.

    Raises:
        DeploymentError: the deployment failed.
    """
    try:
        return _Stack(deployment, report).deploy()
    except WaiterError as error:
        raise DeploymentError(f"The deployment of {deployment.stack} failed: {_reason(error)}") from error
    except (ClientError, BotoCoreError) as error:
        raise DeploymentError(f"{deployment.stack} cannot be deployed: {error}") from error


def _reason(error: WaiterError) -> str:
    response: Mapping[str, Any] = error.last_response or {}
    found, *_ = response.get("Stacks") or [response]
    return str(found.get("StackStatusReason") or found.get("StatusReason") or error)


class _Stack:
    """One deployment of one stack."""

    def __init__(self, deployment: Deployment, report: PrintLine) -> None:
        self._deployment = deployment
        self._report = report
        self._client = boto3.Session().client(
            "cloudformation", config=Config(retries={"mode": "standard", "max_attempts": 5})
        )

    def deploy(self) -> bool:
        found = self._find()
        if found and self._is_broken(found["StackStatus"]):
            self._delete_remains()
            found = None
        kind: ChangeSetKind = "UPDATE" if found else "CREATE"
        if found and self._is_deployed(found):
            return False
        self._report(f"{'updating' if found else 'creating'} the stack {self._deployment.stack}")
        change_set = self._create_change_set(kind)
        if change_set is None:
            return False
        self._execute(kind, change_set)
        self._report(f"the stack {self._deployment.stack} is up to date")
        return True

    def _is_broken(self, status: str) -> bool:
        return status in _NEVER_CREATED or (self._deployment.disposable and status not in _COMPLETE)

    def _is_deployed(self, stack: Any) -> bool:
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        return stack["StackStatus"] in _COMPLETE and outputs.get(_FINGERPRINT) == self._deployment.fingerprint

    def _find(self) -> Any:
        try:
            (stack,) = self._client.describe_stacks(StackName=self._deployment.stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        # A change set that was never executed leaves an entry for a stack that does not exist yet.
        return None if stack["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else stack

    def _delete_remains(self) -> None:
        self._report(f"deleting what is left of {self._deployment.stack}; its tables stay")
        self._client.delete_stack(StackName=self._deployment.stack)
        self._client.get_waiter("stack_delete_complete").wait(
            StackName=self._deployment.stack, WaiterConfig=self._polling
        )

    @property
    def _polling(self) -> Any:
        seconds = self._deployment.poll_seconds
        return {"Delay": seconds, "MaxAttempts": int(_WAIT_SECONDS / seconds)}

    def _create_change_set(self, kind: ChangeSetKind) -> str | None:
        """Create the change set and return its id, or None if there is nothing to change."""
        change_set = self._client.create_change_set(
            StackName=self._deployment.stack,
            ChangeSetName=f"change-{uuid4()}",
            ChangeSetType=kind,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in self._deployment.parameters.items()
            ],
            Tags=[{"Key": key, "Value": value} for key, value in self._deployment.tags.items()],
            **self._template_parameter(),
        )["Id"]
        try:
            self._client.get_waiter("change_set_create_complete").wait(
                ChangeSetName=change_set, WaiterConfig=self._polling
            )
        except WaiterError as error:
            if _NO_CHANGES not in _reason(error):
                raise
            self._client.delete_change_set(ChangeSetName=change_set)
            return None
        return change_set

    def _template_parameter(self) -> Any:
        """Return the template as a parameter of the call, uploaded first if there is a bucket."""
        bucket, body = self._deployment.bucket, self._deployment.body
        if bucket is None:
            return {"TemplateBody": body}
        key = f"{self._deployment.stack}/{self._deployment.fingerprint}.template.json"
        s3 = boto3.Session().client("s3")
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
        return {"TemplateURL": f"{s3.meta.endpoint_url}/{bucket}/{key}"}

    def _execute(self, kind: ChangeSetKind, change_set: str) -> None:
        self._client.execute_change_set(ChangeSetName=change_set)
        waiter: Any = self._client.get_waiter(f"stack_{kind.lower()}_complete")  # type: ignore[call-overload]  # two names
        try:
            waiter.wait(StackName=self._deployment.stack, WaiterConfig=self._polling)
        except WaiterError as error:
            why = self._first_failure()
            raise DeploymentError(f"The deployment of {self._deployment.stack} failed: {why}") from error

    def _first_failure(self) -> str:
        """Return the first failure among the stack's events; later ones follow from it."""
        events = self._client.describe_stack_events(StackName=self._deployment.stack)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        if not failed:
            return "CloudFormation gives no reason"
        first = min(failed, key=lambda event: event["Timestamp"])
        return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given')}"
