"""What each Lambda function may do on AWS: rights, of which the template makes the policy of the function's role.

Derived, and not listed here: the log and the traces of every function, the stream that calls one, the dead letters
of those that are called asynchronously. A test compares what is listed with the calls that the functions make.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models import tables
from models.tables import Table
from workflows.executions.reconciliation import MACHINE as RECONCILIATION
from workflows.executions.requests import DISPUTES, MACHINE

# The resource of actions that AWS offers for everything only.
ANY = "*"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """The permission for one action on one resource.

    Args:
        action: an action of AWS, such as "dynamodb:GetItem".
        resource: what it is allowed on, by the deployment's own names: "table/User", "index/User/byEmail",
            "machine/ServiceRequestWorkflow", "executions/ServiceRequestWorkflow", "event-bus", "dead-letters",
            "admin-topic", "change-topic", "server-queues", or `ANY`.
    """

    action: str
    resource: str


Rights = frozenset[Right]
NONE: Rights = frozenset()


def rows(table: type[Table], *actions: str) -> Rights:
    """Return the rights to actions of DynamoDB on a table's rows, such as `rows(User, "GetItem")`."""
    return frozenset(Right(f"dynamodb:{action}", f"table/{table.Meta.table_name}") for action in actions)


def query(table: type[Table], index: str) -> Rights:
    """Return the right to query an index of a table."""
    return frozenset({Right("dynamodb:Query", f"index/{table.Meta.table_name}/{index}")})


def _batch(*read: type[Table]) -> Rights:
    return frozenset().union(*(rows(table, "BatchGetItem") for table in read))


def _start(machine: str) -> Rights:
    """Return the rights to start a machine's executions and to look at them."""
    start = Right("states:StartExecution", f"machine/{machine}")
    return frozenset({start, Right("states:DescribeExecution", f"executions/{machine}")})


# The request is read: every step begins and ends with that.
READ = rows(tables.ServiceRequest, "GetItem")
# A rule moves the request. What is older than exchanges is described by its service, and its exchange is put.
MOVE = (
    READ
    | rows(tables.ServiceRequest, "UpdateItem")
    | rows(tables.EventLog, "PutItem")
    | rows(tables.Service, "GetItem")
    | rows(tables.Transaction, "UpdateItem")
)
NOTIFY = rows(tables.Notification, "PutItem")
# A rule decides on everything that a request depends on, and on its dispute.
DISPUTE = _batch(tables.Dispute)
SNAPSHOT = (
    READ | _batch(tables.Escrow, tables.Service, tables.User, tables.UserBalance, tables.RequestGuard) | DISPUTE
)
# Hours move between the accounts, out of an escrow; whoever had none so far gets a balance.
MOVE_HOURS = (
    MOVE
    | NOTIFY
    | rows(tables.Escrow, "UpdateItem")
    | rows(tables.TransactionLog, "PutItem")
    | rows(tables.UserBalance, "UpdateItem")
)
FIRST_BALANCE = rows(tables.UserBalance, "PutItem")
REMOVE_GUARD = rows(tables.RequestGuard, "DeleteItem")
COUNT = rows(tables.User, "UpdateItem")
# A task token is the permission.
COMPLETE_WAIT = frozenset({Right("states:SendTaskSuccess", ANY)})
# An execution is started; one that has closed too early is replaced, or its request is given up, with a refund.
START = (
    SNAPSHOT | MOVE_HOURS | REMOVE_GUARD | rows(tables.Dispute, "UpdateItem") | _start(MACHINE) | _start(DISPUTES)
)
# Whoever reads a stream tells the servers of its changes.
TELL_SERVERS = frozenset({Right("sns:Publish", "change-topic")})

RIGHTS: Mapping[str, Rights] = {
    "resumePoint": READ,
    "validateServiceRequest": MOVE,
    "createEscrow": SNAPSHOT
    | MOVE
    | NOTIFY
    | rows(tables.Escrow, "PutItem")
    | rows(tables.RequestGuard, "PutItem")
    | rows(tables.TransactionLog, "PutItem")
    | rows(tables.UserBalance, "UpdateItem")
    | rows(tables.Service, "ConditionCheckItem")
    | rows(tables.User, "ConditionCheckItem"),
    "notifyProvider": MOVE | NOTIFY | COMPLETE_WAIT,
    "processProviderResponse": READ,
    "processNegotiation": READ,
    "timeoutRequest": SNAPSHOT | MOVE_HOURS | REMOVE_GUARD,
    "beginWait": SNAPSHOT | MOVE | NOTIFY | REMOVE_GUARD | COMPLETE_WAIT,
    "processServiceCompletion": MOVE | NOTIFY,
    "enableRating": MOVE | NOTIFY,
    "handleWorkflowError": MOVE | frozenset({Right("sqs:SendMessage", "dead-letters")}),
    "processPayment": SNAPSHOT,
    "releaseEscrow": SNAPSHOT | MOVE_HOURS | FIRST_BALANCE | COUNT,
    "validateEscrowCancellation": READ,
    "cancelEscrow": SNAPSHOT | MOVE_HOURS | REMOVE_GUARD,
    "completeEscrow": READ | rows(tables.Escrow, "GetItem"),
    "startReconciliation": _start(RECONCILIATION)
    | rows(tables.ReconciliationReport, "GetItem", "PutItem", "UpdateItem"),
    "pageMembers": rows(tables.ReconciliationReport, "GetItem", "UpdateItem")
    | rows(tables.User, "Scan", "BatchGetItem")
    | rows(tables.UserBalance, "Scan"),
    "reconcileBalances": rows(tables.UserBalance, "GetItem")
    | query(tables.TransactionLog, "byUserId")
    | query(tables.Escrow, "byFromUserId"),
    "completeReconciliation": rows(tables.ReconciliationReport, "GetItem", "UpdateItem", "DeleteItem")
    | rows(tables.EventLog, "PutItem")
    | frozenset({Right("sns:Publish", "admin-topic")}),
    "processDirectTransfer": _batch(tables.EventLog, tables.TransactionLog, tables.User, tables.UserBalance)
    | FIRST_BALANCE
    | NOTIFY
    | rows(tables.EventLog, "PutItem")
    | rows(tables.TransactionLog, "PutItem")
    | rows(tables.TransferApproval, "GetItem", "UpdateItem", "DeleteItem")
    | rows(tables.User, "ConditionCheckItem")
    | rows(tables.UserBalance, "UpdateItem"),
    "initiateDispute": READ | rows(tables.Dispute, "GetItem"),
    "freezeRelatedTransactions": SNAPSHOT,
    "notifyAdmin": MOVE | COMPLETE_WAIT,
    "raiseDisputeAlarm": SNAPSHOT | MOVE | rows(tables.Dispute, "UpdateItem"),
    "processDisputeResolution": SNAPSHOT | MOVE_HOURS | FIRST_BALANCE | COUNT | rows(tables.Dispute, "UpdateItem"),
    "notifyDisputeParties": START,
    "startServiceRequest": START | COMPLETE_WAIT,
    "resumeFailedRequest": START | COMPLETE_WAIT | rows(tables.Dispute, "GetItem"),
    "sweepRequests": START | COMPLETE_WAIT | query(tables.ServiceRequest, "byDueAt"),
    "publishEvents": frozenset({Right("events:PutEvents", "event-bus")}) | TELL_SERVERS,
    "publishChanges": TELL_SERVERS,
}
