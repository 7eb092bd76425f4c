"""How each wait is announced: the status and the event that come with it, the recipient, and the text."""

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
        status: the status that the request gets with the wait.
        event: the type of the event that is logged.
        recipient: the party that gets the notification.
        type: the notification's type, one of Amplify's.
        title: the notification's title.
        text: its message, a format string over the request's terms and the wait's deadline.
    """

    status: RequestStatus
    event: str
    recipient: Party
    title: str
    text: str
    type: NotificationType = NotificationType.SYSTEM_UPDATE

    def notice(self, request: Request, wait: Wait) -> Notice:
        """Return the notice for a request that has just begun to wait."""
        message = self.text.format(
            hours=request.estimated_hours,
            rate=request.agreed_rate,
            # A request from before the workflow has no offer stored.
            offered_hours=request.offered_hours or request.estimated_hours,
            offered_rate=request.offered_rate or request.agreed_rate,
            deadline=wait.deadline,
        )
        return Notice(user_id=request.member(self.recipient), type=self.type, title=self.title, message=message)


_BY_STEP: Mapping[Step, Announcement] = {
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

# A wait that follows the answer to a counter-offer is announced to the provider instead.
_BY_RESPONSE: Mapping[Response, Announcement] = {
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
    """Return the announcement of a wait that begins after an answer, or after none."""
    return _BY_RESPONSE.get(answer.response, _BY_STEP[step]) if answer else _BY_STEP[step]
