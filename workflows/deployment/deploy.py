"""Deploys the stack of tables and workflows: to the local cloud as it is, to AWS in steps that may be repeated."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from models.settings import Settings
from models.tables import Table
from workflows.deployment.contents import StackContents
from workflows.deployment.deployment import Deployment
from workflows.deployment.environments import Environment
from workflows.deployment.former_release import FormerRelease
from workflows.deployment.kept_tables import import_template, kept_tables, resources_to_import
from workflows.deployment.package import build_package
from workflows.deployment.stack import COMPLETE, NEVER_CREATED, Change, DeploymentError, PrintLine, Stack
from workflows.deployment.template.build import parameters
from workflows.deployment.template.index_steps import index_steps
from workflows.deployment.template.versions import version_of
from workflows.deployment.updates import delete_remains, explained, parameters_of, preview, update, usable
from workflows.deployment.versions_in_use import FunctionVersions
from workflows.deployment.workflow_settings import keep_stored

_LOCAL_POLL_SECONDS = 0.05
_PROTECTION = "DeletionProtection"


def deploy_locally(
    settings: Settings, contents: StackContents, *, function_host_url: str, report: PrintLine
) -> bool:
    """Deploy to the local cloud that the `AWS_*` variables name, and return whether anything changed.

    An incomplete stack is deleted and created again, which loses no rows there.

    Raises:
        DeploymentError: the deployment failed.
    """
    values = parameters(settings, function_host_url=function_host_url)
    return deploy_anew(Deployment.of(settings.stack, contents.template(values), values), report)


def deploy_anew(deployment: Deployment, report: PrintLine) -> bool:
    """Deploy to the local cloud; see `deploy_locally`."""
    with explained(deployment.stack):
        stack = Stack(deployment.stack, report, poll_seconds=_LOCAL_POLL_SECONDS, shows_events=False)
        found = stack.find()
        if found and found["StackStatus"] not in COMPLETE:
            delete_remains(stack, report)
            found = None
        if found and deployment.is_deployed_as(found):
            return False
        return update(stack, deployment, report, exists=found is not None)


class Deployer:
    """Deploys one environment to AWS.

    Every step may be repeated: a run that was interrupted, by whatever, goes on when it is started again.

    Args:
        environment: the environment.
        settings: the settings of its deployment.
        contents: what the app brings to the stack.
        bucket: where code and templates are uploaded; None for the same as at the last deployment.
        report: prints a line about the progress.
        poll_seconds: seconds between two looks at the progress.
    """

    def __init__(
        self,
        environment: Environment,
        settings: Settings,
        contents: StackContents,
        *,
        bucket: str | None,
        report: PrintLine,
        poll_seconds: float = 5.0,
    ) -> None:
        self._environment = environment
        self._settings = settings
        self._contents = contents
        self._bucket = bucket
        self._report = report
        self._stack = Stack(environment.stack, report, poll_seconds=poll_seconds)
        self._versions = FunctionVersions(settings.names)

    def diff(self) -> list[Change]:
        """Return what a deployment would do to each resource; only a template is uploaded, and nothing is changed.

        Raises:
            DeploymentError: the template cannot be deployed so.
        """
        with explained(self._stack.name):
            found = usable(self._stack)
            deployment, _ = self._packaged(found)
            return preview(self._stack, deployment, exists=found is not None)

    def deploy(self, *, imports_tables: bool = False) -> bool:
        """Deploy, and return whether anything changed.

        Args:
            imports_tables: whether a new stack takes in the tables that a former one has left.

        Raises:
            DeploymentError: the deployment failed, or tables are in the way of a new stack.
            UnreadableSettingsError: the workflow settings of the deployment that exists cannot be read.
        """
        with explained(self._stack.name):
            self._stack.wait()
            found = usable(self._stack)
            if found and found["StackStatus"] in NEVER_CREATED:
                delete_remains(self._stack, self._report)
                found = None
            deployment, code = self._packaged(found)
            if found and deployment.is_deployed_as(found) and found["StackStatus"] in COMPLETE:
                return self._use_deployed(deployment)
            self._upload(deployment, code)
            self._remember(deployment, exists=found is not None)
            if not found:
                self._create(deployment, imports_tables=imports_tables)
            for step in self._steps(deployment):
                update(self._stack, step, self._report, exists=True)
            self._use_deployed(deployment)
            self._remove_old_versions()
            return True

    def _packaged(self, found: Any) -> tuple[Deployment, bytes]:
        """Return what is to be deployed, and the functions' code."""
        bucket = self._bucket or parameters_of(found).get("CodeBucket")
        if not bucket:
            raise DeploymentError(f"{self._stack.name} is new: say by --code-bucket where its code is uploaded.")
        self._report("packaging the functions")
        code = build_package(self._report)
        key = f"{self._environment.stack}/{hashlib.sha256(code).hexdigest()}.zip"
        settings = keep_stored(self._settings, self._report)
        values = parameters(settings, self._environment.data, code_bucket=bucket, code_key=key)
        template = self._contents.template(values)
        deployment = Deployment.of(
            self._environment.stack, template, values, tags=self._environment.tags, bucket=bucket
        )
        return deployment, code

    def _upload(self, deployment: Deployment, code: bytes) -> None:
        bucket, key = deployment.parameters["CodeBucket"], deployment.parameters["CodeKey"]
        s3 = boto3.Session().client("s3")
        try:
            if not s3.list_objects_v2(Bucket=bucket, Prefix=key).get("KeyCount"):
                s3.put_object(Bucket=bucket, Key=key, Body=code)
                self._report(f"uploaded {len(code) / 1e6:.1f} MB of code")
        except (ClientError, BotoCoreError) as error:
            raise DeploymentError(f"The code cannot be uploaded to {bucket}: {error}") from error

    def _create(self, deployment: Deployment, *, imports_tables: bool) -> None:
        """Create the stack. Tables are protected afterwards only: a creation that fails must delete them again."""
        names = self._settings.names
        kept = kept_tables(names, self._contents.tables)
        if kept and not imports_tables:
            raise DeploymentError(
                f"{len(kept)} tables are there already, {names.table(kept[0])} among them: a former stack has "
                "left them. Take them into the new stack with `deploy --import-tables`, or delete them."
            )
        if kept:
            self._import(deployment, kept)
        else:
            unprotected = {**deployment.parameters, _PROTECTION: "false"}
            update(self._stack, replace(deployment, parameters=unprotected), self._report, exists=False)

    def _import(self, deployment: Deployment, kept: list[type[Table]]) -> None:
        names = self._settings.names
        self._report(f"taking {len(kept)} tables into the stack {self._stack.name}")
        alone = import_template(deployment.template, names, kept)
        importing = replace(deployment, template=alone, is_import=True)
        change_set = self._stack.propose(importing, "IMPORT", ResourcesToImport=resources_to_import(names, kept))
        if change_set is not None:
            self._stack.execute(change_set)

    def _steps(self, deployment: Deployment) -> Iterator[Deployment]:
        """Yield the deployments that lead to this one, which change one index of a table at a time."""
        before = parameters_of(self._stack.find())
        steps = index_steps(self._stack.template(), deployment.template)
        for number, step in enumerate(steps, 1):
            if len(steps) > 1:
                self._report(f"step {number} of {len(steps)}: one index of a table at a time")
            yield replace(
                deployment,
                template=step.template,
                parameters=before if step.is_early else deployment.parameters,
            )

    def _remember(self, deployment: Deployment, *, exists: bool) -> None:
        """Write down what is in use, for a rollback."""
        names = self._settings.names
        former = FormerRelease.read(names)
        if former is None or former.until != deployment.fingerprint:
            in_use = self._versions.in_use() if exists else {}
            FormerRelease(until=deployment.fingerprint, versions=in_use).write(names)

    def _use_deployed(self, deployment: Deployment) -> bool:
        """Let the aliases lead to what is deployed, if a rollback has changed them; return whether one had."""
        ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in self._stack.resources()}
        deployed = {
            name: ids[version].rpartition(":")[2]
            for name, version in version_of(deployment.template).items()
            if version in ids
        }
        changed = self._versions.use(deployed)
        if changed:
            self._report(f"{len(changed)} functions had been rolled back, and are as deployed again")
        return bool(changed)

    def _remove_old_versions(self) -> None:
        former = FormerRelease.read(self._settings.names)
        if removed := self._versions.remove_old(former.versions if former else {}):
            self._report(f"removed {removed} old versions of functions")


def roll_back(settings: Settings, report: PrintLine) -> list[str]:
    """Let every function be what it was before the last deployment; return those that have changed.

    Raises:
        DeploymentError: nothing was replaced yet.
    """
    with explained(settings.stack):
        former = FormerRelease.read(settings.names)
        if former is None or not former.versions:
            raise DeploymentError(f"{settings.stack} has no former release: it was deployed once at most.")
        changed = FunctionVersions(settings.names).use(former.versions)
        report(
            f"{len(changed)} functions are as before the last deployment" if changed else "nothing to roll back"
        )
        return changed
