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
        request = await self._read_as_party(request_id, by=by, party=Party.REQUESTER)
        if isinstance(request, Request):
            await self._executions.start(request)
        return request

    async def _read_as_party(self, request_id: str, *, by: str, party: Party) -> Request | Refusal:
        """Return a request, or a refusal if the caller is not the party that may act: provider or requester.

        A rule that moves hours checks this again, but only after it has queued for the accounts that it reads. How
        long that takes must not be visible to other members, so they are refused before.
        """
        request = await self._transactions.read(request_id)
        if request is None:
            return not_found_refusal()
        return answers.not_a_party_refusal(request, by, party) or request

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
        if answers.may_move_hours(wait) and isinstance(
            refused := await self._read_as_party(request_id, by=by, party=Party.REQUESTER), Refusal
        ):
            return refused
        moved = await self._move(request_id, rule, by=by)
        if isinstance(moved, Refusal):
            return moved
        await self.hand_over(moved)
        return moved.request

    async def cancel(self, request_id: str, *, by: str, message: str | None) -> Request | Refusal:
        """End a request that is not accepted yet, as its requester; the waiting execution ends, too."""
        return await self._end_early(request_id, answers.CANCEL, by=by, message=message)

    async def withdraw(self, request_id: str, *, by: str, message: str | None) -> Request | Refusal:
        """End an accepted request, as its provider; the waiting execution ends, too."""
        return await self._end_early(request_id, answers.WITHDRAW, by=by, message=message)

    async def _end_early(
        self, request_id: str, how: EarlyExit, *, by: str, message: str | None
    ) -> Request | Refusal:
        if isinstance(refused := await self._read_as_party(request_id, by=by, party=how.party), Refusal):
            return refused
        return await self.end(request_id, partial(answers.end_early, how=how, by=by, message=message), by=by)

    async def end(self, request_id: str, rule: RequestRule, *, by: str) -> Request | Refusal:
        """End a request by a rule; the waiting execution ends, too."""
        moved = await self._move(request_id, rule, by=by)
        if isinstance(moved, Refusal):
            return moved
        await self.hand_over(moved)
        return moved.request

    async def hand_over(self, moved: Moved) -> None:
        """Let the execution go on after what a member did: its wait is answered, or the request has ended."""
        wait = moved.request.wait or moved.before.wait
        if wait is not None and (wait.answer is not None or moved.request.wait is None):
            await best_effort(self._executions.complete_wait(moved.request, wait))

    async def _move(self, request_id: str, rule: RequestRule, *, by: str) -> Moved | Refusal:
        return await retry_while_transient(lambda: self._transactions.move(request_id, rule, by=by))


def _has_same_content(stored: Request, new: Request) -> bool:
    """Return whether a request was created by the same input, so that a repetition gets the stored request."""
    amount = "estimated_hours" if new.asked is None else "asked"
    content = ("service_id", "requester_id", "provider_id", amount, "message", "booking_id")
    return all(getattr(stored, name) == getattr(new, name) for name in content)
