"""The vocabulary of requests: statuses, reasons, workflow steps and responses."""

from enum import StrEnum


class RequestStatus(StrEnum):
    """Where a request is in its life."""

    INITIATED = "INITIATED"
    VALIDATING = "VALIDATING"
    ESCROWED = "ESCROWED"
    AWAITING_RESPONSE = "AWAITING_RESPONSE"
    ACCEPTED = "ACCEPTED"
    NEGOTIATING = "NEGOTIATING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    PAID = "PAID"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DISPUTED = "DISPUTED"


class StatusReason(StrEnum):
    """Why a request is where it is."""

    REQUESTER_CANCELLED = "REQUESTER_CANCELLED"
    PROVIDER_WITHDREW = "PROVIDER_WITHDREW"
    PROVIDER_REJECTED = "PROVIDER_REJECTED"
    REQUESTER_REJECTED = "REQUESTER_REJECTED"
    ADMIN_CANCELLED = "ADMIN_CANCELLED"
    RESPONSE_TIMEOUT = "RESPONSE_TIMEOUT"
    NEGOTIATION_TIMEOUT = "NEGOTIATION_TIMEOUT"
    START_TIMEOUT = "START_TIMEOUT"
    COMPLETION_TIMEOUT = "COMPLETION_TIMEOUT"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    SERVICE_NOT_AVAILABLE = "SERVICE_NOT_AVAILABLE"
    USER_NOT_ACTIVE = "USER_NOT_ACTIVE"
    DUPLICATE_REQUEST = "DUPLICATE_REQUEST"
    SELF_REQUEST = "SELF_REQUEST"
    DISPUTE_REFUNDED = "DISPUTE_REFUNDED"
    DISPUTE_PAID = "DISPUTE_PAID"
    DISPUTE_SPLIT = "DISPUTE_SPLIT"
    WORKFLOW_ERROR = "WORKFLOW_ERROR"


class TransactionStatus(StrEnum):
    """Amplify's statuses of a service exchange."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class Step(StrEnum):
    """The states that a request can be led to: ServiceRequestWorkflow's, then DisputeResolutionWorkflow's."""

    VALIDATE_REQUEST = "ValidateRequest"
    CREATE_ESCROW = "CreateEscrow"
    WAIT_FOR_PROVIDER_RESPONSE = "WaitForProviderResponse"
    WAIT_FOR_NEGOTIATION_RESPONSE = "WaitForNegotiationResponse"
    START_SERVICE_EXECUTION = "StartServiceExecution"
    REFUND_ESCROW = "RefundEscrow"
    EXPIRE_REQUEST = "ExpireRequest"
    WAIT_FOR_SERVICE_START = "WaitForServiceStart"
    CONFIRM_SERVICE_START = "ConfirmServiceStart"
    WAIT_FOR_COMPLETION = "WaitForCompletion"
    CONFIRM_SERVICE_COMPLETION = "ConfirmServiceCompletion"
    PROCESS_SERVICE_COMPLETION = "ProcessServiceCompletion"
    PROCESS_PAYMENT = "ProcessPayment"
    ENABLE_RATING = "EnableRating"
    HANDLE_DISPUTE = "HandleDispute"
    COMPLETE_WORKFLOW = "CompleteWorkflow"
    SUPERSEDED = "Superseded"

    FREEZE_RELATED_TRANSACTIONS = "FreezeRelatedTransactions"
    WAIT_FOR_ADMIN_DECISION = "WaitForAdminDecision"
    RAISE_DISPUTE_ALARM = "RaiseDisputeAlarm"
    REFUND_TO_REQUESTER = "RefundToRequester"
    PAY_TO_PROVIDER = "PayToProvider"
    PARTIAL_REFUND = "PartialRefund"
    DISMISS_DISPUTE = "DismissDispute"
    NOTIFY_DISPUTE_PARTIES = "NotifyDisputeParties"


class Response(StrEnum):
    """What people can answer a waiting workflow.

    In this order: the provider to a request, the requester to a counter-offer, either party about start and
    completion, and an admin to a dispute.
    """

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    COUNTER_OFFER = "COUNTER_OFFER"
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    COUNTER = "COUNTER"
    MARKED = "MARKED"
    CONFIRMED = "CONFIRMED"
    REFUND_TO_REQUESTER = "RefundToRequester"
    PAY_TO_PROVIDER = "PayToProvider"
    PARTIAL_REFUND = "PartialRefund"
    DISMISS_DISPUTE = "DismissDispute"


ENDED = frozenset({RequestStatus.PAID, RequestStatus.REJECTED, RequestStatus.EXPIRED})
BEFORE_ACCEPTANCE = frozenset(
    {
        RequestStatus.INITIATED,
        RequestStatus.VALIDATING,
        RequestStatus.ESCROWED,
        RequestStatus.AWAITING_RESPONSE,
        RequestStatus.NEGOTIATING,
    }
)
