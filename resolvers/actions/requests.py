"""What members do to requests: apply a rule, write what it decides, and let the execution continue."""

from dataclasses import dataclass
from functools import partial

from models import hours
from models.clock import Clock
from models.errors import Refusal, not_found_refusal
from models.exchanges.asking import ask_for_hours, invalid_hours_refusal
from models.hours import InvalidHoursError
from models.requests import answers
from models.requests.answers import EarlyExit
from models.requests.request import Party, Request, Terms
from models.requests.statuses import RequestStatus, Response, Step
from models.transactions.moves import Moved, RequestRule, Transactions
from resolvers.actions.handover import best_effort, retry_while_transient
from workflows.executions.requests import Executions


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A request to be created, as the client's input has it: so many hours of work, or worth so many hours.

    Args:
        estimated_hours: the hours of work.
        hours_spent: the hours that the requester wants to spend, if no hours of work are given.
        booking_id: the appointment that it is about.
    """

    id: str
    service_id: str
    requester_id: str
    provider_id: str
    estimated_hours: float | None = None
    hours_spent: float | None = None
    message: str | None = None
    booking_id: str | None = None


class ServiceRequests:
    """What members do to requests. Every action may be repeated and then returns the stored result.

    Args:
        transactions: writes what the rules decide.
        executions: starts and continues the requests' executions.
        clock: the current time.
    """

    def __init__(self, transactions: Transactions, executions: Executions, clock: Clock) -> None:
        self._transactions = transactions
        self._executions = executions
        self._clock = clock

    async def create(self, new: NewRequest) -> Request | Refusal | None:
        """Write a request and start its execution.

        Returns:
            The request, a refusal, or None if that id belongs or belonged to another request.
        """
        request = self._initiated(new)
        if isinstance(request, Refusal):
            return request
        rule = answers.create if request.asked is None else ask_for_hours
        moved = await self._transactions.create(request, rule)
        if moved is None or isinstance(moved, Refusal):
            return moved
        if not _has_same_content(moved.before, request):
            return None
        await best_effort(self._executions.start(moved.request))
        return moved.request

    def _initiated(self, new: NewRequest) -> Request | Refusal:
        """Return the request as its rule is given it: with the hours of work, or with those that are asked for."""
        now = self._clock()
        asked = new.hours_spent
        try:
            wanted = hours.from_float(new.estimated_hours or 0.0 if asked is None else asked)
        except InvalidHoursError:
            if asked is not None:
                return invalid_hours_refusal(asked)
            return answers.invalid_amount_refusal(new.estimated_hours or 0.0)
        return Request(
            id=new.id,
            service_id=new.service_id,
            requester_id=new.requester_id,
            provider_id=new.provider_id,
            status=RequestStatus.INITIATED,
            estimated_hours=wanted,
            asked=None if asked is None else wanted,
            message=new.message,
            booking_id=new.booking_id,
            step_function_execution_arn=self._executions.arn(new.id, 0),
            created_at=now,
            updated_at=now,
        )

    async def start(self, request_id: str, *, by: str) -> Request | Refusal:
        """Start a request's execution, unless it runs or has ended."""
        request = await self._transactions.read(request_id)
        if request is None:
            return not_found_refusal()
        if (refused := answers.not_a_party_refusal(request, by, Party.REQUESTER)) is not None:
            return refused
        await self._executions.start(request)
        return request

    async def answer(
        self,
        request_id: str,
        *,
        wait: Step,
        by: str,
        response: Response,
        message: str | None = None,
        terms: Terms | None = None,
        round: int | None = None,
    ) -> Request | Refusal:
        """Write the answer that an execution waits for, and let the execution continue."""
        rule = partial(
            answers.answer, wait=wait, by=by, response=response, message=message, terms=terms, round=round
        )
        party = Party.REQUESTER if answers.may_move_hours(wait) else None
        return await self.move(request_id, rule, by=by, party=party)

    async def cancel(self, request_id: str, *, by: str, message: str | None) -> Request | Refusal:
        """End a request that is not accepted yet, as its requester; the waiting execution ends, too."""
        return await self._end_early(request_id, answers.CANCEL, by=by, message=message)

    async def withdraw(self, request_id: str, *, by: str, message: str | None) -> Request | Refusal:
        """End an accepted request, as its provider; the waiting execution ends, too."""
        return await self._end_early(request_id, answers.WITHDRAW, by=by, message=message)

    async def _end_early(
        self, request_id: str, how: EarlyExit, *, by: str, message: str | None
    ) -> Request | Refusal:
        rule = partial(answers.end_early, how=how, by=by, message=message)
        return await self.move(request_id, rule, by=by, party=how.party)

    async def move(
        self, request_id: str, rule: RequestRule, *, by: str, party: Party | None = None
    ) -> Request | Refusal:
        """Move a request by a rule, and let the execution go on, which ends if the request does.

        Args:
            request_id: the request.
            rule: the rule.
            by: who asks.
            party: the only party that may do it, if there is only one; all others are refused without queueing.
        """

        def refuse(request: Request) -> Refusal | None:
            return None if party is None else answers.not_a_party_refusal(request, by, party)

        moved = await retry_while_transient(
            lambda: self._transactions.move(request_id, rule, by=by, refuse=refuse)
        )
        if isinstance(moved, Refusal):
            return moved
        await self.hand_over(moved)
        return moved.request

    async def hand_over(self, moved: Moved) -> None:
        """Let the execution go on after what a member did: its wait is answered, or the request has ended."""
        wait = moved.request.wait or moved.before.wait
        if wait is not None and (wait.answer is not None or moved.request.wait is None):
            await best_effort(self._executions.complete_wait(moved.request, wait))


def _has_same_content(stored: Request, new: Request) -> bool:
    """Return whether a request was created by the same input, so that a repetition gets the stored request."""
    amount = "estimated_hours" if new.asked is None else "asked"
    content = ("service_id", "requester_id", "provider_id", amount, "message", "booking_id")
    return all(getattr(stored, name) == getattr(new, name) for name in content)
