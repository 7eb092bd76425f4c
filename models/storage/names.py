"""The names of a deployment's resources: one scheme for the template, the server and the handlers."""

from dataclasses import dataclass

from models.tables import Table


@dataclass(frozen=True, slots=True)
class Names:
    """The resource names within one stack: `hourbank-ServiceRequest`, `hourbank-event-bus`, and so on."""

    stack: str
    region: str
    account: str

    def table(self, table: type[Table]) -> str:
        """Return a table's name in this stack."""
        return f"{self.stack}-{table.Meta.table_name}"

    def function(self, name: str) -> str:
        """Return a Lambda function's name in this stack."""
        return f"{self.stack}-{name}"

    def function_arn(self, name: str) -> str:
        """Return a Lambda function's ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.function(name)}"

    def state_machine(self, name: str) -> str:
        """Return a state machine's name in this stack."""
        return f"{self.stack}-{name}"

    def state_machine_arn(self, name: str) -> str:
        """Return a state machine's ARN."""
        return f"arn:aws:states:{self.region}:{self.account}:stateMachine:{self.state_machine(name)}"

    def execution_arn(self, machine: str, execution: str) -> str:
        """Return the ARN of an execution by its name, whether it exists or not."""
        return f"arn:aws:states:{self.region}:{self.account}:execution:{self.state_machine(machine)}:{execution}"

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
    def admin_topic(self) -> str:
        """Return the name of the SNS topic that admins subscribe to."""
        return f"{self.stack}-admins"

    @property
    def admin_topic_arn(self) -> str:
        """Return the ARN of the SNS topic that admins subscribe to."""
        return f"arn:aws:sns:{self.region}:{self.account}:{self.admin_topic}"
