"""What members do to requests: apply a rule, write what it decides, and let the execution continue."""

from dataclasses import dataclass
from functools import partial

from models import hours
from models.clock import Clock
from models.errors import Refusal, not_found_refusal
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
    """A request to be created, as the client's input has it."""

    id: str
    service_id: str
    requester_id: str
    provider_id: str
    estimated_hours: float
    message: str | None = None


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
        moved = await self._transactions.create(request, answers.create)
        if moved is None or isinstance(moved, Refusal):
            return moved
        if not _has_same_content(moved.before, request):
            return None
        await best_effort(self._executions.start(moved.request))
        return moved.request

    def _initiated(self, new: NewRequest) -> Request | Refusal:
        now = self._clock()
        try:
            wanted = hours.from_float(new.estimated_hours)
        except InvalidHoursError:
            return answers.invalid_amount_refusal(new.estimated_hours)
        return Request(
            id=new.id,
            service_id=new.service_id,
            requester_id=new.requester_id,
            provider_id=new.provider_id,
            status=RequestStatus.INITIATED,
            estimated_hours=wanted,
            message=new.message,
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
    ) -> Request | Refusal:
        """Write the answer that an execution waits for, and let the execution continue."""
        rule = partial(answers.answer, wait=wait, by=by, response=response, message=message, terms=terms)
        if answers.may_move_hours(wait) and isinstance(
            refused := await self._read_as_party(request_id, by=by, party=Party.REQUESTER), Refusal
        ):
            return refused
        moved = await self._move(request_id, rule)
        if isinstance(moved, Refusal):
            return moved
        if moved.request.answer is not None and moved.request.wait is not None:
            await best_effort(self._executions.complete_wait(moved.request, moved.request.wait))
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
        return await self.end(request_id, partial(answers.end_early, how=how, by=by, message=message))

    async def end(self, request_id: str, rule: RequestRule) -> Request | Refusal:
        """End a request by a rule; the waiting execution ends, too."""
        moved = await self._move(request_id, rule)
        if isinstance(moved, Refusal):
            return moved
        if moved.before.wait is not None:
            await best_effort(self._executions.complete_wait(moved.request, moved.before.wait))
        return moved.request

    async def _move(self, request_id: str, rule: RequestRule) -> Moved | Refusal:
        return await retry_while_transient(lambda: self._transactions.move(request_id, rule))


def _has_same_content(stored: Request, new: Request) -> bool:
    """Return whether a request was created by the same input, so that a repetition gets the stored request."""
    content = ("service_id", "requester_id", "provider_id", "estimated_hours", "message")
    return all(getattr(stored, name) == getattr(new, name) for name in content)
