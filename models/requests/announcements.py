"""How each wait is announced: by which status and event, to whom, in which words."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.events import Notice, NotificationType
from models.requests.request import Answer, Party, Request, Wait
from models.requests.statuses import RequestStatus, Response, Step

_UNTIL = "Please {} until {{deadline:%d %b %Y %H:%M}} UTC."


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """How a wait is announced.

    Args:
        status: the status that it comes with.
        event: what the log says.
        recipient: whom it is announced to.
        type: Amplify's kind of notification.
        title: the notification's title.
        text: its message, a format over the request's terms and the wait's deadline.
    """

    status: RequestStatus
    event: str
    recipient: Party
    title: str
    text: str
    type: NotificationType = NotificationType.SYSTEM_UPDATE

    def notice(self, request: Request, wait: Wait) -> Notice:
        """Return what the member is told of a request that has just begun to wait."""
        message = self.text.format(
            hours=request.estimated_hours,
            rate=request.agreed_rate,
            # A request that is older than the workflow does not say what was offered.
            offered_hours=request.offered_hours or request.estimated_hours,
            offered_rate=request.offered_rate or request.agreed_rate,
            deadline=wait.deadline,
        )
        return Notice(user_id=request.member(self.recipient), type=self.type, title=self.title, message=message)


_ANNOUNCED: Mapping[Step, Announcement] = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: Announcement(
        status=RequestStatus.AWAITING_RESPONSE,
        event="Provider Notified",
        recipient=Party.PROVIDER,
        type=NotificationType.TRANSACTION_REQUEST,
        title="You have a new request",
        text="A member asks for {hours} hours of your service. " + _UNTIL.format("answer"),
    ),
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: Announcement(
        status=RequestStatus.NEGOTIATING,
        event="Counter Offer Made",
        recipient=Party.REQUESTER,
        title="You have a counter-offer",
        text="The provider offers {offered_hours} hours at {offered_rate} an hour instead. "
        + _UNTIL.format("answer"),
    ),
    Step.WAIT_FOR_SERVICE_START: Announcement(
        status=RequestStatus.ACCEPTED,
        event="Service Request Accepted",
        recipient=Party.REQUESTER,
        type=NotificationType.TRANSACTION_ACCEPTED,
        title="Your request was accepted",
        text="The provider has accepted your request for {hours} hours.",
    ),
    Step.CONFIRM_SERVICE_START: Announcement(
        status=RequestStatus.ACCEPTED,
        event="Service Start Confirmation Requested",
        recipient=Party.REQUESTER,
        title="Has the service begun?",
        text="The provider says that the work has begun. " + _UNTIL.format("confirm"),
    ),
    Step.WAIT_FOR_COMPLETION: Announcement(
        status=RequestStatus.IN_PROGRESS,
        event="Service Started",
        recipient=Party.PROVIDER,
        title="The service is in progress",
        text="The start is confirmed. Please mark the service as complete when the work is done.",
    ),
    Step.CONFIRM_SERVICE_COMPLETION: Announcement(
        status=RequestStatus.IN_PROGRESS,
        event="Service Completion Confirmation Requested",
        recipient=Party.REQUESTER,
        title="Is the work done?",
        text="The provider says that the work is done. " + _UNTIL.format("confirm"),
    ),
}

# After a counter-offer the same waits are news to the other side.
_ANSWERED: Mapping[Response, Announcement] = {
    Response.ACCEPT: Announcement(
        status=RequestStatus.ACCEPTED,
        event="Service Request Accepted",
        recipient=Party.PROVIDER,
        type=NotificationType.TRANSACTION_ACCEPTED,
        title="Your counter-offer was accepted",
        text="The requester has accepted {hours} hours at {rate} an hour.",
    ),
    Response.COUNTER: Announcement(
        status=RequestStatus.AWAITING_RESPONSE,
        event="Counter Offer Answered",
        recipient=Party.PROVIDER,
        type=NotificationType.TRANSACTION_REQUEST,
        title="The requester proposes other terms",
        text="The requester proposes {hours} hours at {rate} an hour. " + _UNTIL.format("answer"),
    ),
}


def announcement_of(step: Step, answer: Answer | None) -> Announcement:
    """Return how a wait is announced that begins after an answer, or after none."""
    return _ANSWERED.get(answer.response, _ANNOUNCED[step]) if answer else _ANNOUNCED[step]
