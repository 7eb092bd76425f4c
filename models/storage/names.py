"""The names of a deployment's resources: one scheme for the template, the server and the handlers."""

import re
from dataclasses import dataclass
from typing import Self

from models.errors import ExpectedError
from models.tables import Table

# The alias of each function that everything calls: the version that is in use.
LIVE = "live"
# How the regions outside AWS's usual partition begin, and the partitions that they belong to.
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """Return the partition of AWS that a region belongs to, which is the second part of every ARN there."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


@dataclass(frozen=True, slots=True)
class Names:
    """The resource names within one stack: `hourbank-ServiceRequest`, `hourbank-event-bus`, and so on."""

    stack: str
    region: str
    account: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region, such as `("sqs", "hourbank-dead-letters")`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def table(self, table: type[Table]) -> str:
        """Return a table's name in this stack."""
        return f"{self.stack}-{table.Meta.table_name}"

    def table_arn(self, table: type[Table]) -> str:
        """Return a table's ARN."""
        return self.arn("dynamodb", f"table/{self.table(table)}")

    def function(self, name: str) -> str:
        """Return a Lambda function's name in this stack."""
        return f"{self.stack}-{name}"

    def function_arn(self, name: str) -> str:
        """Return a Lambda function's ARN."""
        return self.arn("lambda", f"function:{self.function(name)}")

    def live_function_arn(self, name: str) -> str:
        """Return the ARN of the version of a Lambda function that is in use; whatever calls it names this one."""
        return f"{self.function_arn(name)}:{LIVE}"

    def state_machine(self, name: str) -> str:
        """Return a state machine's name in this stack."""
        return f"{self.stack}-{name}"

    def state_machine_arn(self, name: str) -> str:
        """Return a state machine's ARN."""
        return self.arn("states", f"stateMachine:{self.state_machine(name)}")

    def execution_arn(self, machine: str, execution: str) -> str:
        """Return the ARN of an execution by its name, whether it exists or not."""
        return self.arn("states", f"execution:{self.state_machine(machine)}:{execution}")

    @property
    def event_bus(self) -> str:
        """Return the event bus's name."""
        return f"{self.stack}-event-bus"

    @property
    def dead_letter_queue(self) -> str:
        """Return the name of the queue that receives failed events."""
        return f"{self.stack}-dead-letters"

    @property
    def dead_letter_queue_url(self) -> str:
        """Return the URL of that queue, without the call and the permission that asking SQS for it needs."""
        domain = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://sqs.{self.region}.{domain}/{self.account}/{self.dead_letter_queue}"

    @property
    def workflow_settings(self) -> str:
        """Return the name of the parameter that holds a deployment's workflow settings."""
        return f"/{self.stack}/workflow-settings"

    @property
    def page_secret(self) -> str:
        """Return the name of the secret with which a deployment's servers encrypt page tokens."""
        return f"{self.stack}/page-secret"

    @property
    def admin_topic(self) -> str:
        """Return the name of the SNS topic that admins subscribe to."""
        return f"{self.stack}-admins"

    @property
    def admin_topic_arn(self) -> str:
        """Return the ARN of the SNS topic that admins subscribe to."""
        return self.arn("sns", self.admin_topic)

    @property
    def change_topic(self) -> str:
        """Return the name of the SNS topic that carries the changes of rows to the servers."""
        return f"{self.stack}-changes.fifo"

    @property
    def change_topic_arn(self) -> str:
        """Return the ARN of the SNS topic that carries the changes of rows to the servers."""
        return self.arn("sns", self.change_topic)

    @property
    def server_queues(self) -> str:
        """Return what the names of the queues begin with that servers make for themselves."""
        return f"{self.stack}-server-"


# The id that AppSync gives an API and the name of an Amplify environment, as its tables' names end.
_FORMER_APP = re.compile(r"(?P<api>[A-Za-z0-9]{1,64})-(?P<environment>[A-Za-z0-9]{1,32})")


class UnknownFormerAppError(ExpectedError):
    """A text does not name an app that Amplify has deployed; the message says what would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerNames(Names):
    """The table names of the app that HourBank replaces, as Amplify makes them: `User-<API id>-<environment>`."""

    api: str
    environment: str

    @classmethod
    def of(cls, app: str, names: Names) -> Self:
        """Return the names of an app in the account and region of a deployment.

        Args:
            app: the app, as `<API id>-<environment>`.
            names: the deployment's names.

        Raises:
            UnknownFormerAppError: the text has another form.
        """
        found = _FORMER_APP.fullmatch(app)
        if found is None:
            raise UnknownFormerAppError(
                f"{app} is no app of Amplify's; give what its tables' names end with, such as "
                "a1b2c3d4e5f6g7h8i9j0k1l2m3-prod of User-a1b2c3d4e5f6g7h8i9j0k1l2m3-prod."
            )
        return cls(
            stack=names.stack,
            region=names.region,
            account=names.account,
            partition=names.partition,
            **found.groupdict(),
        )

    def table(self, table: type[Table]) -> str:
        """Return the name of the former app's table."""
        return f"{table.Meta.table_name}-{self.api}-{self.environment}"
