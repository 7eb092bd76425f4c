"""Which step of the workflow a request needs next: the tables, and the functions that read them."""

from datetime import datetime

from models.requests.request import Request
from models.requests.statuses import RequestStatus, Response, Step

_BY_STATUS = {
    RequestStatus.INITIATED: Step.VALIDATE_REQUEST,
    RequestStatus.VALIDATING: Step.VALIDATE_REQUEST,
    RequestStatus.ESCROWED: Step.WAIT_FOR_PROVIDER_RESPONSE,
    RequestStatus.COMPLETED: Step.PROCESS_PAYMENT,
    RequestStatus.PAID: Step.ENABLE_RATING,
    RequestStatus.REJECTED: Step.COMPLETE_WORKFLOW,
    RequestStatus.EXPIRED: Step.COMPLETE_WORKFLOW,
}

# The wait to open for a request that has none: it is from before the workflow, or has just been disputed.
_FIRST_WAIT = {
    RequestStatus.AWAITING_RESPONSE: Step.WAIT_FOR_PROVIDER_RESPONSE,
    RequestStatus.NEGOTIATING: Step.WAIT_FOR_NEGOTIATION_RESPONSE,
    RequestStatus.ACCEPTED: Step.WAIT_FOR_SERVICE_START,
    RequestStatus.IN_PROGRESS: Step.WAIT_FOR_COMPLETION,
    RequestStatus.DISPUTED: Step.WAIT_FOR_ADMIN_DECISION,
}

_BY_RESPONSE = {
    Response.ACCEPTED: Step.START_SERVICE_EXECUTION,
    Response.REJECTED: Step.REFUND_ESCROW,
    Response.COUNTER_OFFER: Step.WAIT_FOR_NEGOTIATION_RESPONSE,
    Response.ACCEPT: Step.START_SERVICE_EXECUTION,
    Response.REJECT: Step.REFUND_ESCROW,
    Response.COUNTER: Step.WAIT_FOR_PROVIDER_RESPONSE,
    Response.REFUND_TO_REQUESTER: Step.REFUND_TO_REQUESTER,
    Response.PAY_TO_PROVIDER: Step.PAY_TO_PROVIDER,
    Response.PARTIAL_REFUND: Step.PARTIAL_REFUND,
    Response.DISMISS_DISPUTE: Step.DISMISS_DISPUTE,
}
# The waits whose answer decides what follows (see `_BY_RESPONSE`), and the step after their deadline.
_AFTER_DEADLINE = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: Step.EXPIRE_REQUEST,
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: Step.EXPIRE_REQUEST,
    Step.WAIT_FOR_ADMIN_DECISION: Step.RAISE_DISPUTE_ALARM,
}

# The other waits: the step after the answer, and the step after the deadline.
_AFTER_WAIT = {
    Step.WAIT_FOR_SERVICE_START: (Step.CONFIRM_SERVICE_START, Step.EXPIRE_REQUEST),
    Step.CONFIRM_SERVICE_START: (Step.WAIT_FOR_COMPLETION, Step.WAIT_FOR_COMPLETION),
    Step.WAIT_FOR_COMPLETION: (Step.CONFIRM_SERVICE_COMPLETION, Step.EXPIRE_REQUEST),
    Step.CONFIRM_SERVICE_COMPLETION: (Step.PROCESS_SERVICE_COMPLETION, Step.PROCESS_SERVICE_COMPLETION),
}


def next_step(request: Request, now: datetime) -> Step:
    """Return the step that moves a request on from where it is; a DISPUTED one is moved by its dispute's workflow.

    An answer that was written before the deadline wins over the timer.
    """
    if (step := _BY_STATUS.get(request.status)) is not None:
        return step
    wait = request.wait
    if wait is None:
        return _FIRST_WAIT[request.status]
    overdue = wait.deadline <= now
    if wait.name in _AFTER_DEADLINE:
        if wait.answer:
            return _BY_RESPONSE[wait.answer.response]
        return _AFTER_DEADLINE[wait.name] if overdue else wait.name
    answered, expired = _AFTER_WAIT[wait.name]
    if wait.answer:
        return answered
    return expired if overdue else wait.name


def step_to_enter(request: Request, now: datetime) -> Step:
    """Return the step that a request enters next.

    START_SERVICE_EXECUTION is a Pass state, which calls no function; the wait entered is WAIT_FOR_SERVICE_START.
    """
    step = next_step(request, now)
    return Step.WAIT_FOR_SERVICE_START if step is Step.START_SERVICE_EXECUTION else step
