"""The role of operators: what the commands need that people run on a deployment, and nothing else."""

from collections.abc import Iterator

from models import tables
from models.storage.names import LIVE
from workflows.definitions import read_definitions
from workflows.deployment.template.intrinsics import Resource, if_, ref, statement, sub
from workflows.deployment.template.permissions import statements
from workflows.deployment.template.service.parts import NAMES, Served, arn, role
from workflows.executions.reconciliation import MACHINE as RECONCILIATION
from workflows.handlers.rights import ANY, COMPLETE_WAIT, START, Right, Rights, query, rows

_SESSION_SECONDS = 3600

# `reconcile` and `audit` read the books of every member.
_BOOKS: Rights = (
    rows(tables.User, "Scan", "BatchGetItem")
    | rows(tables.UserBalance, "Scan", "GetItem", "BatchGetItem")
    | query(tables.TransactionLog, "byUserId")
    | query(tables.Escrow, "byFromUserId")
)
# `redrive` reads and removes dead letters, and starts executions.
_REDRIVE: Rights = (
    START
    | COMPLETE_WAIT
    | frozenset(
        Right(f"sqs:{action}", "dead-letters")
        for action in ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")
    )
)
# `status` reads queues, indexes, executions and metrics.
_STATUS: Rights = (
    query(tables.ServiceRequest, "byDueAt")
    | query(tables.ServiceRequest, "byStatus")
    | query(tables.Dispute, "byStatus")
    | query(tables.EventLog, "byEventType")
    | query(tables.ReconciliationReport, "byStatus")
    | rows(tables.ReconciliationReport, "GetItem", "DescribeTable")
    | rows(tables.ServiceRequest, "BatchGetItem")
    | rows(tables.Dispute, "BatchGetItem")
    | rows(tables.TransferApproval, "BatchGetItem")
    | rows(tables.EventLog, "BatchGetItem")
    | frozenset(Right("states:ListExecutions", f"machine/{machine}") for machine in read_definitions())
    | frozenset(Right("sqs:GetQueueAttributes", queue) for queue in ("dead-letters", "server-queues"))
    | frozenset(
        {
            Right("sqs:ListQueueTags", "server-queues"),
            Right("sqs:ListQueues", ANY),
            Right("cloudwatch:GetMetricData", ANY),
        }
    )
)
# `trace` reads all about one request: its rows, its executions, and what the functions have logged.
_TRACE: Rights = (
    rows(tables.ServiceRequest, "BatchGetItem", "GetItem")
    | rows(tables.Escrow, "BatchGetItem")
    | rows(tables.Transaction, "GetItem")
    | query(tables.Escrow, "byRequestId")
    | query(tables.EventLog, "byEntityId")
    | frozenset(
        Right(f"states:{action}", f"executions/{machine}")
        for action in ("DescribeExecution", "GetExecutionHistory")
        for machine in sorted(read_definitions().keys() - {RECONCILIATION})
    )
)


def operator_resources(served: Served) -> dict[str, Resource]:
    """Return the role of those who run `status`, `trace`, `redrive`, `reconcile`, `audit`, and order transfers.

    Only HourBank has these commands.
    """
    if not served.machines:
        return {}
    account = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
    trust = {
        "Principal": {"AWS": if_("NamesOperators", ref("OperatorPrincipal"), account)},
        # With a second factor, and not by a key that lies about.
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    }
    return {"OperatorRole": role(trust, list(_statements()), MaxSessionDuration=_SESSION_SECONDS)}


def _statements() -> Iterator[Resource]:
    yield from statements(_BOOKS | _REDRIVE | _STATUS | _TRACE, NAMES)
    yield statement(["logs:FilterLogEvents"], [arn("logs", "log-group:/aws/lambda/${DataStack}:*")])
    transfers = f"function:{NAMES.function('processDirectTransfer')}:{LIVE}"
    yield statement(["lambda:InvokeFunction"], [arn("lambda", transfers)])
    # How long the workflow waits for people, as the functions have it.
    yield statement(["ssm:GetParameter"], [arn("ssm", "parameter/${DataStack}/workflow-settings")])
