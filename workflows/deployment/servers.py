"""Deploys the stack of the servers, beside that of tables and workflows, and rolls it back to the former image."""

from dataclasses import replace
from typing import Any

from models.settings import Settings
from workflows.deployment.deployment import Deployment
from workflows.deployment.environments import Environment
from workflows.deployment.former_release import FormerRelease
from workflows.deployment.stack import COMPLETE, NEVER_CREATED, Change, DeploymentError, PrintLine, Stack
from workflows.deployment.template.service.build import HOURBANK, build_service_template, service_parameters
from workflows.deployment.template.service.parts import Served
from workflows.deployment.updates import delete_remains, explained, parameters_of, preview, update, usable

_IMAGE = "Image"
_PROTECTION = "DeletionProtection"


class Servers:
    """The servers of one environment, whose stack of tables and workflows is deployed.

    Every step may be repeated: a run that was interrupted, by whatever, goes on when it is started again.

    Args:
        environment: the environment.
        settings: the settings of its deployment.
        served: what they serve.
        image: the image's address in ECR, with its digest; None for the one that is deployed.
        bucket: where the template is uploaded; None for where that of tables and workflows is.
        report: prints a line about the progress.
        poll_seconds: seconds between two looks at the progress.
    """

    def __init__(
        self,
        environment: Environment,
        settings: Settings,
        served: Served = HOURBANK,
        *,
        image: str | None = None,
        bucket: str | None = None,
        report: PrintLine,
        poll_seconds: float = 5.0,
    ) -> None:
        self._environment = environment
        self._names = replace(settings.names, stack=environment.service_stack)
        self._served = served
        self._image = image
        self._given_bucket = bucket
        self._report = report
        self._stack = Stack(environment.service_stack, report, poll_seconds=poll_seconds)
        self._data = Stack(environment.stack, report, poll_seconds=poll_seconds)

    def diff(self) -> list[Change]:
        """Return what a deployment would do to each resource; nothing if there are no servers and no image.

        Raises:
            DeploymentError: the template cannot be deployed so.
            InvalidEnvironmentError: the environment lacks a setting that servers need.
        """
        with explained(self._stack.name):
            found = self._stack.find()
            deployment = self._deployment(found)
            return [] if deployment is None else preview(self._stack, deployment, exists=found is not None)

    def deploy(self) -> bool:
        """Deploy, and return whether anything changed; without an image, servers that there are get new settings.

        Raises:
            DeploymentError: the deployment failed.
            InvalidEnvironmentError: the environment lacks a setting that servers need.
        """
        with explained(self._stack.name):
            self._stack.wait()
            found = usable(self._stack)
            if found and found["StackStatus"] in NEVER_CREATED:
                delete_remains(self._stack, self._report)
                found = None
            deployment = self._deployment(found)
            if deployment is None:
                self._report("no servers are deployed: `--image` says of which image they are to be")
                return False
            if found and deployment.is_deployed_as(found) and found["StackStatus"] in COMPLETE:
                self._report(f"nothing to do: {self._stack.name} is up to date")
                return False
            self._remember(deployment, found)
            if not found:
                # A creation that fails must be deleted again, which what is protected would refuse.
                unprotected = {**deployment.parameters, _PROTECTION: "false"}
                update(self._stack, replace(deployment, parameters=unprotected), self._report, exists=False)
            update(self._stack, deployment, self._report, exists=True)
            return True

    def roll_back(self) -> bool:
        """Let the servers run the image from before the last deployment; return whether they ran another one.

        Raises:
            DeploymentError: they never ran another image.
        """
        with explained(self._stack.name):
            self._stack.wait()
            found = usable(self._stack)
            if found is None:
                return False
            former = FormerRelease.read(self._names)
            if former is None or former.image is None:
                raise DeploymentError(f"{self._stack.name} has no former image: it was deployed with one only.")
            values = parameters_of(found)
            if values[_IMAGE] == former.image:
                return False
            before = Deployment(
                stack=self._stack.name,
                template=self._stack.template(),
                parameters={**values, _IMAGE: former.image},
                tags=self._environment.tags,
                bucket=self._bucket(),
            )
            return update(self._stack, before, self._report, exists=True)

    def _deployment(self, found: Any) -> Deployment | None:
        """Return what is to be deployed; None if there is no image, because there are no servers."""
        image = self._image or parameters_of(found).get(_IMAGE)
        if image is None:
            return None
        return Deployment.of(
            self._stack.name,
            build_service_template(self._served),
            service_parameters(self._environment, image=image),
            tags=self._environment.tags,
            bucket=self._bucket(),
        )

    def _bucket(self) -> str | None:
        return self._given_bucket or parameters_of(self._data.find()).get("CodeBucket")

    def _remember(self, deployment: Deployment, found: Any) -> None:
        """Write down which image is in use, for a rollback; other settings alone leave the former one as it is."""
        former = FormerRelease.read(self._names)
        if former is not None and former.until == deployment.fingerprint:
            return
        running, last = parameters_of(found).get(_IMAGE), former.image if former else None
        image = last if running == deployment.parameters[_IMAGE] else running
        FormerRelease(until=deployment.fingerprint, image=image).write(self._names)
