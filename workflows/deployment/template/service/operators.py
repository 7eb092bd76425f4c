"""The role of operators: what the commands need that people run on a deployment, and nothing else."""

from collections.abc import Iterator

from models.storage.names import LIVE
from models.tables import TABLES
from workflows.deployment.template.intrinsics import Resource, if_, ref, statement, sub
from workflows.deployment.template.machines import read_definitions
from workflows.deployment.template.service.parts import NAMES, arn, role

_SESSION_SECONDS = 3600


def operator_resources() -> dict[str, Resource]:
    """Return the role for `redrive`, `reconcile`, `audit` and transfers in an administrator's name."""
    account = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
    trust = {
        "Principal": {"AWS": if_("NamesOperators", ref("OperatorPrincipal"), account)},
        # With a second factor, and not by a key that lies about.
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    }
    return {"OperatorRole": role(trust, list(_statements()), MaxSessionDuration=_SESSION_SECONDS)}


def _statements() -> Iterator[Resource]:
    tables = [f"table/{NAMES.table(table)}" for table in TABLES]
    machines = sorted(read_definitions())
    # `reconcile` and `audit` read; `redrive` writes what a request's step writes.
    yield statement(
        [f"dynamodb:{action}" for action in ("GetItem", "BatchGetItem", "Query", "Scan")],
        [arn("dynamodb", f"{name}{part}") for name in tables for part in ("", "/index/*")],
    )
    yield statement(
        [f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")],
        [arn("dynamodb", name) for name in tables],
    )
    yield statement(
        ["states:StartExecution"],
        [arn("states", f"stateMachine:{NAMES.state_machine(name)}") for name in machines],
    )
    yield statement(
        ["states:DescribeExecution"],
        [arn("states", f"execution:{NAMES.state_machine(name)}:*") for name in machines],
    )
    yield statement(["states:SendTaskSuccess"], ["*"])  # it knows no resource: the task token is the permission
    yield statement(
        [
            f"sqs:{action}"
            for action in ("GetQueueUrl", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")
        ],
        [arn("sqs", NAMES.dead_letter_queue)],
    )
    transfers = f"function:{NAMES.function('processDirectTransfer')}:{LIVE}"
    yield statement(["lambda:InvokeFunction"], [arn("lambda", transfers)])
    # How long the workflow waits for people, as the functions have it.
    yield statement(["ssm:GetParameter"], [arn("ssm", "parameter/${DataStack}/workflow-settings")])
