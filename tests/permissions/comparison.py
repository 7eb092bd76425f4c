"""What is needed is allowed, and what is allowed is needed."""

from collections.abc import Iterable, Mapping, Sequence

from models import tables
from models.storage.names import Names
from tests.permissions.needs import OPERATOR, SERVER, Need
from tests.permissions.policies import Policies, Statement
from workflows.deployment.template.build import build_template
from workflows.deployment.template.permissions import arn_of
from workflows.deployment.template.service.build import build_service_template
from workflows.handlers import rights
from workflows.handlers.rights import ANY, Rights

# What AWS does by a function's role, and no code of ours: why it must be allowed.
BY_AWS = {
    "dynamodb:DescribeStream": "Lambda reads the stream that calls the function",
    "dynamodb:GetRecords": "Lambda reads the stream that calls the function",
    "dynamodb:GetShardIterator": "Lambda reads the stream that calls the function",
    "dynamodb:ListStreams": "Lambda finds the stream that calls the function",
    "logs:CreateLogStream": "Lambda writes what the function logs",
    "logs:PutLogEvents": "Lambda writes what the function logs",
    "xray:PutTraceSegments": "Lambda traces the function",
    "xray:PutTelemetryRecords": "Lambda traces the function",
    "kms:Decrypt": "SNS encrypts what the function publishes",
    "kms:GenerateDataKey": "SNS encrypts what the function publishes",
    "sqs:SendMessage": "Lambda puts events that the function has failed over into the dead-letter queue",
}

# What functions do in cases that the simulation does not have: which functions (none for all), their rights, why.
RARELY: tuple[tuple[frozenset[str], Rights, str], ...] = (
    (
        frozenset(),
        rights.rows(tables.Service, "GetItem") | rights.rows(tables.Transaction, "UpdateItem"),
        "a request that is older than exchanges is described by its service, and its exchange is put",
    ),
    (frozenset(), rights.DISPUTE, "a dispute may be raised while any step is on its way"),
    (frozenset(), rights.FIRST_BALANCE, "a member whom the former app knew may have no balance yet"),
    (
        frozenset({"notifyDisputeParties", "startServiceRequest", "resumeFailedRequest", OPERATOR}),
        rights.START,
        "the execution exists and has closed: it is replaced, or the request is given up, with a refund",
    ),
    (frozenset({"notifyAdmin"}), rights.COMPLETE_WAIT, "the request has moved on while the wait began"),
    (frozenset({"resumeFailedRequest", OPERATOR}), rights.COMPLETE_WAIT, "an answer is delivered once more"),
    (
        frozenset({"processDirectTransfer"}),
        rights.rows(tables.TransferApproval, "UpdateItem", "DeleteItem"),
        "many hours need a second admin",
    ),
    (
        frozenset({"startReconciliation"}),
        rights.RIGHTS["startReconciliation"],
        "the reconciliation that is marked as running has stopped",
    ),
)


# What a local server does, and one on AWS does not: why.
LOCALLY = {
    "dynamodb:DescribeStream": "one on AWS reads changes from its queue",
    "dynamodb:GetRecords": "one on AWS reads changes from its queue",
    "dynamodb:GetShardIterator": "one on AWS reads changes from its queue",
}


# What operators do by AWS's own tools, or before there is anything to simulate: why.
BY_HAND = {
    "lambda:InvokeFunction": "a transfer in an administrator's name has no command",
    "ssm:GetParameter": "`redrive` reads the workflow's settings before it begins",
}
# The roles of the servers' stack, by who has them.
_ROLES = {SERVER: "ServerRole", OPERATOR: "OperatorRole"}


def not_allowed(names: Names, needed: Mapping[str, Iterable[Need]]) -> list[str]:
    """Return the needs of functions, of the server and of operators that their roles do not meet, as lines."""
    allowed = _Allowed(names)
    return sorted(
        f"{who} may not do {need.action} on {need.resource}"
        for who, of_them in needed.items()
        for need in of_them
        if not (who == SERVER and need.action in LOCALLY)
        and not any(statement.allows(need) for statement in allowed.to(who))
    )


class _Allowed:
    """What the roles of both stacks allow in a deployment."""

    def __init__(self, names: Names) -> None:
        self._data = Policies(build_template(), names)
        self._service = Policies(build_service_template(), names)

    def to(self, who: str) -> Sequence[Statement]:
        """Return the statements for a function, the server or operators."""
        if who in _ROLES:
            return self._service.allowed(_ROLES[who])
        return self._data.allowed(self._data.of_function(who))


def not_needed(names: Names, needed: Mapping[str, Iterable[Need]]) -> list[str]:
    """Return what the roles of functions and operators allow, nobody needs and no reason explains, as lines."""
    allowed = _Allowed(names)
    return sorted(
        f"{who} may do {action} on {resource}, and never does"
        for who in needed.keys() - {SERVER}
        for statement in allowed.to(who)
        for action, resource in statement.unused(needed[who])
        if action not in (BY_HAND if who == OPERATOR else BY_AWS)
        and (action, resource) not in _excused(who, names)
    )


def _excused(function: str, names: Names) -> set[tuple[str, str]]:
    return {
        (right.action, right.resource if right.resource == ANY else arn_of(right.resource, names))
        for functions, rights, _reason in RARELY
        if not functions or function in functions
        for right in rights
    }
