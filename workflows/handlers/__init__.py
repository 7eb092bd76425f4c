"""The Lambda functions, a module per workflow or topic; the deployment is built from the list here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """A rule of an event bus that calls a function.

    Args:
        name: the rule's name.
        sources: the events' sources.
        detail_types: the events' detail types.
        statuses: the values of `detail.status` that match; empty matches any.
        default_bus: whether the events come on the account's default bus, as AWS's own do, instead of ours.
    """

    name: str
    sources: tuple[str, ...]
    detail_types: tuple[str, ...]
    statuses: tuple[str, ...] = ()
    default_bus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function and what calls it, apart from the state machines.

    Args:
        handler: the path of the callable, such as `workflows.handlers.escrows.create_escrow`.
        timeout: seconds; longer than the 20 s for which a transaction is retried.
        schedule: an EventBridge schedule expression.
        stream: the table whose stream calls it.
        reads_other_streams: whether the streams call it that call no other function.
        rule: the rule whose events call it.
        alarm: what people must know when it is called; None sets no alarm.
        moves_hours: whether it moves hours, so that others' calls must not take its share of the concurrency.
        is_awaited: whether a person waits for it, so that it may be kept warm.
    """

    handler: str
    timeout: int = 30
    schedule: str | None = None
    stream: type[tables.Table] | None = None
    reads_other_streams: bool = False
    rule: EventRule | None = field(default=None)
    alarm: str | None = None
    moves_hours: bool = False
    is_awaited: bool = False


def _handler(name: str) -> str:
    return f"{__name__}.{name}"


FUNCTIONS: Mapping[str, Function] = {
    # ServiceRequestWorkflow
    "resumePoint": Function(handler=_handler("requests.resume_point"), is_awaited=True),
    "validateServiceRequest": Function(handler=_handler("requests.validate_service_request"), is_awaited=True),
    "createEscrow": Function(handler=_handler("escrows.create_escrow"), is_awaited=True, moves_hours=True),
    "notifyProvider": Function(handler=_handler("waits.notify_provider"), is_awaited=True),
    "processProviderResponse": Function(handler=_handler("requests.process_provider_response")),
    "processNegotiation": Function(handler=_handler("requests.process_negotiation")),
    "timeoutRequest": Function(handler=_handler("requests.timeout_request"), moves_hours=True),
    "beginWait": Function(handler=_handler("waits.begin_wait"), is_awaited=True),
    "processServiceCompletion": Function(handler=_handler("requests.process_service_completion")),
    "enableRating": Function(handler=_handler("requests.enable_rating")),
    "handleWorkflowError": Function(handler=_handler("requests.handle_workflow_error")),
    # EscrowManagementWorkflow
    "processPayment": Function(handler=_handler("escrows.process_payment")),
    "releaseEscrow": Function(handler=_handler("escrows.release_escrow"), moves_hours=True),
    # EscrowCancellationWorkflow
    "validateEscrowCancellation": Function(handler=_handler("requests.validate_escrow_cancellation")),
    "cancelEscrow": Function(handler=_handler("escrows.cancel_escrow"), moves_hours=True),
    # Both escrow workflows end with it
    "completeEscrow": Function(handler=_handler("escrows.complete_escrow")),
    # BalanceReconciliationWorkflow
    "startReconciliation": Function(
        handler=_handler("reconciliation.start_reconciliation"), schedule="cron(0 3 * * ? *)"
    ),
    "pageMembers": Function(handler=_handler("reconciliation.page_members")),
    "reconcileBalances": Function(handler=_handler("reconciliation.reconcile_balances")),
    "completeReconciliation": Function(handler=_handler("reconciliation.complete_reconciliation")),
    # Called by operators' tools, with an admin's rights
    "processDirectTransfer": Function(handler=_handler("transfers.process_direct_transfer"), moves_hours=True),
    # DisputeResolutionWorkflow
    "initiateDispute": Function(handler=_handler("disputes.initiate_dispute")),
    "freezeRelatedTransactions": Function(handler=_handler("disputes.freeze_related_transactions")),
    "notifyAdmin": Function(handler=_handler("waits.notify_admin")),
    "raiseDisputeAlarm": Function(
        handler=_handler("disputes.raise_dispute_alarm"), alarm="A dispute waits too long for its decision"
    ),
    "processDisputeResolution": Function(
        handler=_handler("disputes.process_dispute_resolution"), moves_hours=True
    ),
    "notifyDisputeParties": Function(handler=_handler("disputes.notify_dispute_parties")),
    # Called by events
    "startServiceRequest": Function(
        handler=_handler("events.start_service_request"),
        rule=EventRule(
            name="ServiceRequestEvents",
            sources=("hourbank.service-requests", "hourbank.disputes"),
            detail_types=(
                "Service Request Submitted",
                "Provider Response Received",
                "Dispute Raised",
                "Admin Decision Received",
            ),
        ),
    ),
    "resumeFailedRequest": Function(
        handler=_handler("events.resume_failed_request"),
        rule=EventRule(
            name="FailedExecutions",
            sources=("aws.states",),
            detail_types=("Step Functions Execution Status Change",),
            statuses=("FAILED", "TIMED_OUT", "ABORTED"),
            default_bus=True,
        ),
    ),
    "sweepRequests": Function(handler=_handler("events.sweep_requests"), timeout=55, schedule="rate(1 minute)"),
    # A stream has one reader: whoever reads one that has a task of its own publishes its changes, too.
    "publishEvents": Function(handler=_handler("events.publish_events"), stream=tables.EventLog),
    "publishChanges": Function(handler=_handler("changes.publish_changes"), reads_other_streams=True),
}
