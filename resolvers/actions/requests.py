"""What members do to requests: who is asking, what the rules say, and the execution that goes on from there."""

from collections.abc import Awaitable
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
from models.storage.calls import Calls
from models.transactions.moves import Moved, RequestRule, Transactions
from resolvers.actions.handover import best_effort, retry_while_transient
from workflows.executions.requests import Executions


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A member's wish, as the input says it."""

    id: str
    service_id: str
    requester_id: str
    provider_id: str
    estimated_hours: float
    message: str | None = None


class ServiceRequests:
    """The members' side of a request. Every action may be repeated and then gives the stored result.

    Args:
        calls: the way to AWS; here only its patience is used.
        transactions: writes what the rules decide.
        executions: starts the workflow and lets it go on.
        clock: the time.
    """

    def __init__(self, calls: Calls, transactions: Transactions, executions: Executions, clock: Clock) -> None:
        self._calls = calls
        self._transactions = transactions
        self._executions = executions
        self._clock = clock

    async def create(self, asked: NewRequest) -> Request | Refusal | None:
        """Write a request and start its workflow.

        Returns:
            The request; a refusal; or None if another request has or had that id.
        """
        request = self._requested(asked)
        if isinstance(request, Refusal):
            return request
        moved = await self._transactions.create(request, answers.create)
        if moved is None or isinstance(moved, Refusal):
            return moved
        if not _same(moved.before, request):
            return None
        await best_effort(self._executions.start(moved.request))
        return moved.request

    def _requested(self, asked: NewRequest) -> Request | Refusal:
        now = self._clock()
        try:
            wanted = hours.from_float(asked.estimated_hours)
        except InvalidHoursError:
            return answers.invalid_amount_refusal(asked.estimated_hours)
        return Request(
            id=asked.id,
            service_id=asked.service_id,
            requester_id=asked.requester_id,
            provider_id=asked.provider_id,
            status=RequestStatus.INITIATED,
            estimated_hours=wanted,
            message=asked.message,
            step_function_execution_arn=self._executions.arn(asked.id, 0),
            created_at=now,
            updated_at=now,
        )

    async def start(self, request_id: str, *, by: str) -> Request | Refusal:
        """Start a request's workflow, unless it runs or has run to its end."""
        request = await self._read(request_id, by=by, party=Party.REQUESTER)
        if isinstance(request, Request):
            await self._executions.start(request)
        return request

    async def _read(self, request_id: str, *, by: str, party: Party) -> Request | Refusal:
        """Return a request for the one side that may act, as it stands.

        A rule that moves hours reads more, in line with what else moves them: that is not for strangers to time.
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
        """Write a member's answer to a wait, and let the workflow go on."""
        rule = partial(answers.answer, wait=wait, by=by, response=response, message=message, terms=terms)
        if answers.may_move_hours(wait) and isinstance(
            refused := await self._read(request_id, by=by, party=Party.REQUESTER), Refusal
        ):
            return refused
        moved = await self._settled(request_id, rule)
        if isinstance(moved, Refusal):
            return moved
        if moved.request.answer is not None and moved.request.wait is not None:
            await best_effort(self._executions.complete_wait(moved.request, moved.request.wait))
        return moved.request

    async def cancel(self, request_id: str, *, by: str, message: str | None) -> Request | Refusal:
        """End a request that is not accepted yet; the execution that waits comes to its end."""
        return await self._leave(request_id, answers.CANCEL, by=by, message=message)

    async def withdraw(self, request_id: str, *, by: str, message: str | None) -> Request | Refusal:
        """End a request that the provider has accepted; the execution that waits comes to its end."""
        return await self._leave(request_id, answers.WITHDRAW, by=by, message=message)

    async def _leave(self, request_id: str, how: EarlyExit, *, by: str, message: str | None) -> Request | Refusal:
        found = await self._read(request_id, by=by, party=how.party)
        if isinstance(found, Refusal):
            return found
        return await self.end(request_id, partial(answers.end_early, how=how, by=by, message=message))

    async def end(self, request_id: str, rule: RequestRule) -> Request | Refusal:
        """Let a rule end a request; the execution that waits comes to its end, too."""
        moved = await self._settled(request_id, rule)
        if isinstance(moved, Refusal):
            return moved
        if moved.before.wait is not None:
            await best_effort(self._executions.complete_wait(moved.request, moved.before.wait))
        return moved.request

    async def _settled(self, request_id: str, rule: RequestRule) -> Moved | Refusal:
        def act() -> Awaitable[Moved | Refusal]:
            return self._transactions.move(request_id, rule)

        return await retry_while_transient(self._calls, self._clock, act)


def _same(stored: Request, asked: Request) -> bool:
    """Tell whether what was once asked for is asked again, so that a repetition gets the stored request."""
    content = ("service_id", "requester_id", "provider_id", "estimated_hours", "message")
    return all(getattr(stored, name) == getattr(asked, name) for name in content)
