"""What people do about disputes: the parties of a request raise them, admins take them on and decide them."""

from dataclasses import replace
from functools import partial

from models import tables
from models.disputes import deciding, raising
from models.errors import Refusal
from models.hours import Hours
from models.requests.dispute import Dispute
from models.requests.statuses import Response
from models.requests.windows import Windows
from models.storage.store import Item, Store
from models.transactions.moves import Moved, RefusalRule, RequestRule, Transactions, refuse_nobody
from resolvers.actions.handover import best_effort, retry_while_transient
from workflows.executions.requests import Executions


class Disputes:
    """What people do about disputes. Every action may be repeated and then returns the stored result.

    Args:
        store: the tables.
        transactions: writes what the rules decide.
        executions: starts and continues the disputes' executions.
        windows: how long people have to answer.
    """

    def __init__(self, store: Store, transactions: Transactions, executions: Executions, windows: Windows) -> None:
        self._store = store
        self._transactions = transactions
        self._executions = executions
        self._windows = windows

    async def create(self, dispute: Dispute) -> Item | Refusal:
        """Raise a dispute: freeze the hours, stop the request's execution, start the dispute's.

        Returns:
            The stored row of that id, which may be another member's dispute, or a refusal.
        """
        with_execution = replace(dispute, step_function_execution_arn=self._executions.dispute_arn(dispute.id))
        rule = partial(raising.raise_dispute, dispute=with_execution, windows=self._windows)
        refuse = partial(raising.not_the_parties_refusal, dispute=dispute)
        return await self._move(dispute.request_id, dispute.id, rule, by=dispute.raised_by, refuse=refuse)

    async def assign(self, dispute_id: str, *, by: str) -> Item | Refusal:
        """Assign a dispute to an admin."""
        return await self._move_stored(dispute_id, partial(deciding.assign, by=by), by=by)

    async def resolve(
        self, dispute_id: str, *, by: str, decision: Response, provider_hours: Hours | None, resolution: str
    ) -> Item | Refusal:
        """Write the assigned admin's decision, which the dispute's execution carries out."""
        rule = partial(
            deciding.decide, by=by, decision=decision, provider_hours=provider_hours, resolution=resolution
        )
        return await self._move_stored(dispute_id, rule, by=by)

    async def _move_stored(self, dispute_id: str, rule: RequestRule, *, by: str) -> Item | Refusal:
        dispute = await self._read(dispute_id)
        if dispute is None:
            return deciding.dispute_not_found_refusal()
        return await self._move(dispute["requestId"]["S"], dispute_id, rule, by=by)

    async def _move(
        self,
        request_id: str,
        dispute_id: str,
        rule: RequestRule,
        *,
        by: str,
        refuse: RefusalRule = refuse_nobody,
    ) -> Item | Refusal:
        """Apply a rule to a dispute and its request, hand over to the workflow, and return the dispute's row."""
        moved = await retry_while_transient(
            lambda: self._transactions.move(request_id, rule, dispute_id=dispute_id, by=by, refuse=refuse)
        )
        if isinstance(moved, Refusal):
            return moved
        await self._hand_over(moved)
        return await self._read(dispute_id) or deciding.dispute_not_found_refusal()

    async def _hand_over(self, moved: Moved) -> None:
        request = moved.request
        if moved.before.is_given_up:
            # Its executions have failed for a day; that an admin acts on it is reason to try again.
            await best_effort(self._executions.redrive(request))
        elif request.answer is not None and request.wait is not None:
            await best_effort(self._executions.complete_wait(request, request.wait))
        elif request.wait is None:
            await best_effort(self._executions.hand_over(request))

    async def _read(self, dispute_id: str) -> Item | None:
        return await self._store.get(tables.Dispute, dispute_id, consistent=True)
