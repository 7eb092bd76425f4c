"""What people do about disputes: the two of a request raise them, admins take them on and decide them."""

from dataclasses import replace
from functools import partial

from models import tables
from models.clock import Clock
from models.disputes import deciding, raising
from models.errors import Refusal, not_found_refusal
from models.hours import Hours
from models.requests.dispute import Dispute as Raised
from models.requests.statuses import Response
from models.requests.windows import Windows
from models.storage.store import Item, Store
from models.transactions.moves import RequestRule, Transactions
from resolvers.actions.handover import best_effort, retry_while_transient
from workflows.executions.requests import Executions


class Disputes:
    """Raises disputes and takes decisions. Every action may be repeated and then gives the stored result.

    Args:
        store: the tables.
        transactions: writes what the rules decide.
        executions: starts the dispute's workflow and lets it go on.
        windows: how long people have.
        clock: the time.
    """

    def __init__(
        self, store: Store, transactions: Transactions, executions: Executions, windows: Windows, clock: Clock
    ) -> None:
        self._store = store
        self._transactions = transactions
        self._executions = executions
        self._windows = windows
        self._clock = clock

    async def create(self, dispute: Raised) -> Item | Refusal:
        """Raise a dispute: freeze the hours, stop the request's workflow, start the dispute's.

        Returns:
            The stored row of that id, whosever it is; or why there is none.
        """
        if (refused := await self._misled(dispute)) is not None:
            return refused
        begun = replace(dispute, step_function_execution_arn=self._executions.dispute_arn(dispute.id))
        rule = partial(raising.raise_dispute, dispute=begun, windows=self._windows)
        refused = await self._act(dispute.request_id, dispute.id, rule)
        return refused or await self._stored(dispute.id) or deciding.dispute_not_found_refusal()

    async def _misled(self, dispute: Raised) -> Refusal | None:
        """Say why a dispute is not between the two of a request, None if it is.

        The rule that raises it reads more, in line with what else moves hours: that is not for strangers to time.
        """
        request = await self._transactions.read(dispute.request_id)
        return not_found_refusal() if request is None else raising.not_the_parties_refusal(request, dispute)

    async def assign(self, dispute_id: str, *, by: str) -> Item | Refusal:
        """Let an admin take a dispute on."""
        return await self._decided(dispute_id, partial(deciding.assign, by=by))

    async def resolve(
        self, dispute_id: str, *, by: str, decision: Response, provider_hours: Hours | None, resolution: str
    ) -> Item | Refusal:
        """Write the assigned admin's decision, and let the dispute's workflow carry it out."""
        rule = partial(
            deciding.decide, by=by, decision=decision, provider_hours=provider_hours, resolution=resolution
        )
        return await self._decided(dispute_id, rule)

    async def _decided(self, dispute_id: str, rule: RequestRule) -> Item | Refusal:
        stored = await self._stored(dispute_id)
        if stored is None:
            return deciding.dispute_not_found_refusal()
        refused = await self._act(stored["requestId"]["S"], dispute_id, rule)
        return refused or await self._stored(dispute_id) or deciding.dispute_not_found_refusal()

    async def _act(self, request_id: str, dispute_id: str, rule: RequestRule) -> Refusal | None:
        moved = await retry_while_transient(
            self._store.calls,
            self._clock,
            lambda: self._transactions.move(request_id, rule, dispute_id=dispute_id),
        )
        if isinstance(moved, Refusal):
            return moved
        request = moved.request
        if moved.before.is_given_up:
            # Its executions have failed for a day; an admin's word about it is reason to try again.
            await best_effort(self._executions.redrive(request))
        elif request.answer is not None and request.wait is not None:
            await best_effort(self._executions.complete_wait(request, request.wait))
        elif request.wait is None:
            await best_effort(self._executions.hand_over(request))
        return None

    async def _stored(self, dispute_id: str) -> Item | None:
        return await self._store.get(tables.Dispute, dispute_id, consistent=True)
