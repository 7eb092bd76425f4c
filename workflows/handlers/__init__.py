"""The Lambda functions, one module each; this is the list that the deployment is built from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.tables import EventLog, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """A rule of the event bus that calls a function.

    Args:
        name: the rule's name.
        sources: the events' sources.
        detail_types: the events' detail types.
        statuses: values of `detail.status`, if only those are meant.
        default_bus: AWS's own events come on the account's default bus, not on ours.
    """

    name: str
    sources: tuple[str, ...]
    detail_types: tuple[str, ...]
    statuses: tuple[str, ...] = ()
    default_bus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function and what calls it, beside the state machines.

    Args:
        handler: the module and the callable, such as `workflows.handlers.create_escrow.handler`.
        timeout: seconds; longer than the 20 s that a movement is tried for.
        schedule: an EventBridge schedule expression.
        stream: the table whose stream it reads.
        rule: the events that call it.
        alarm: what is the matter when it is called, if people must know.
    """

    handler: str
    timeout: int = 30
    schedule: str | None = None
    stream: type[Table] | None = None
    rule: EventRule | None = field(default=None)
    alarm: str | None = None


def _module(name: str, **options: object) -> Function:
    return Function(handler=f"workflows.handlers.{name}.handler", **options)  # type: ignore[arg-type]  # checked by Function


FUNCTIONS: Mapping[str, Function] = {
    # ServiceRequestWorkflow
    "resumePoint": _module("resume_point"),
    "validateServiceRequest": _module("validate_service_request"),
    "createEscrow": _module("create_escrow"),
    "notifyProvider": _module("notify_provider"),
    "processProviderResponse": _module("process_provider_response"),
    "processNegotiation": _module("process_negotiation"),
    "timeoutRequest": _module("timeout_request"),
    "beginWait": _module("begin_wait"),
    "processServiceCompletion": _module("process_service_completion"),
    "enableRating": _module("enable_rating"),
    "handleWorkflowError": _module("handle_workflow_error"),
    # EscrowManagementWorkflow
    "processPayment": _module("process_payment"),
    "releaseEscrow": _module("release_escrow"),
    # EscrowCancellationWorkflow
    "validateEscrowCancellation": _module("validate_escrow_cancellation"),
    "cancelEscrow": _module("cancel_escrow"),
    # Both: what was written is read back
    "completeEscrow": _module("complete_escrow"),
    # BalanceReconciliationWorkflow
    "startReconciliation": _module("start_reconciliation", schedule="cron(0 3 * * ? *)"),
    "pageMembers": _module("page_members"),
    "reconcileBalances": _module("reconcile_balances"),
    "completeReconciliation": _module("complete_reconciliation"),
    # Called by people's tools, in the administrator's name
    "processDirectTransfer": _module("process_direct_transfer"),
    # DisputeResolutionWorkflow
    "initiateDispute": _module("initiate_dispute"),
    "freezeRelatedTransactions": _module("freeze_related_transactions"),
    "notifyAdmin": _module("notify_admin"),
    "raiseDisputeAlarm": _module("raise_dispute_alarm", alarm="A dispute waits too long for its decision"),
    "processDisputeResolution": _module("process_dispute_resolution"),
    "notifyDisputeParties": _module("notify_dispute_parties"),
    # Around them
    "startServiceRequest": _module(
        "start_service_request",
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
    "resumeFailedRequest": _module(
        "resume_failed_request",
        rule=EventRule(
            name="FailedExecutions",
            sources=("aws.states",),
            detail_types=("Step Functions Execution Status Change",),
            statuses=("FAILED", "TIMED_OUT", "ABORTED"),
            default_bus=True,
        ),
    ),
    "sweepRequests": _module("sweep_requests", timeout=55, schedule="rate(1 minute)"),
    "publishEvents": _module("publish_events", stream=EventLog),
}
