"""The states of the machines at which a request comes to a status."""

from collections.abc import Mapping

from models.requests.statuses import RequestStatus

STATES: Mapping[str, str] = {
    RequestStatus.INITIATED: "ResumePoint",
    RequestStatus.VALIDATING: "ValidateRequest",
    RequestStatus.ESCROWED: "CreateEscrow",
    RequestStatus.AWAITING_RESPONSE: "WaitForProviderResponse",
    RequestStatus.NEGOTIATING: "WaitForNegotiationResponse",
    RequestStatus.ACCEPTED: "WaitForServiceStart",
    RequestStatus.IN_PROGRESS: "WaitForCompletion",
    RequestStatus.COMPLETED: "ProcessServiceCompletion",
    RequestStatus.PAID: "ProcessPayment",
    RequestStatus.REJECTED: "RefundEscrow",
    RequestStatus.EXPIRED: "ExpireRequest",
    RequestStatus.DISPUTED: "HandleDispute",
}
