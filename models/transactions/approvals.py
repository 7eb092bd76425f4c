"""Approvals by a second admin: asked for in a transaction of their own, used up in the transfer's."""

from dataclasses import replace

from pynamodb.expressions.condition import Condition

from models import tables
from models.clock import to_text
from models.errors import Refusal
from models.identifiers import derived
from models.ledger import approvals
from models.ledger.approvals import ApprovalLimits, PendingApproval
from models.ledger.transfers import Transfer
from models.storage.codec import decode_or_none
from models.storage.store import Store
from models.transactions.moves import Transactions
from models.transactions.writing import Writing


class Approvals:
    """Keeps the transfers that an admin has asked for and another has to ask for, too.

    Args:
        store: the tables.
        transactions: writes the transactions.
        limits: when a second admin is needed.
    """

    def __init__(self, store: Store, transactions: Transactions, limits: ApprovalLimits) -> None:
        self._store = store
        self._transactions = transactions
        self.limits = limits

    async def approve(self, transfer: Transfer, writing: Writing) -> Transfer | Refusal:
        """Return an admin's transfer if it may be made, and let it use up the approval that it needs.

        Returns:
            The transfer, with who asked for it first; or a refusal, after the approval has been asked for.
        """
        table, now = tables.TransferApproval, writing.now
        stored = await self._store.get(table, transfer.id, consistent=True)
        pending = decode_or_none(PendingApproval, table, stored)
        is_pending = pending is not None and pending.expires_at > now
        # Few hours need no approval, unless more are asked for under the same id.
        if not is_pending and not approvals.needs_approval(transfer, self.limits):
            return transfer
        verdict = approvals.judge(transfer, pending, now, self.limits)
        if isinstance(verdict, Refusal):
            return verdict
        if verdict is not pending:
            await self._ask(transfer, verdict, replacing=pending)
            return approvals.approval_refusal(verdict, self.limits)
        writing.remove(table, verdict.id, _is_still(verdict))
        return replace(transfer, requested_by=verdict.requested_by)

    async def _ask(
        self, transfer: Transfer, wanted: PendingApproval, *, replacing: PendingApproval | None
    ) -> None:
        """Write down that an admin asks for a transfer, in place of what has expired."""
        table, writing = tables.TransferApproval, Writing(self._store.names, wanted.created_at)
        actions = [
            table.requestedBy.set(wanted.requested_by),
            table.content.set(wanted.content),
            table.createdAt.set(wanted.created_at),
            table.expiresAt.set(wanted.expires_at),
        ]
        is_free = table.id.does_not_exist() if replacing is None else _is_still(replacing)
        writing.update(table, wanted.id, actions, is_free)
        cause = derived(wanted.id, "approval", to_text(wanted.created_at))
        writing.event(approvals.requested_event(transfer), cause)
        await self._transactions.write(writing, cause)


def _is_still(pending: PendingApproval) -> Condition:
    """Return the condition that a pending approval is stored unchanged."""
    table = tables.TransferApproval
    unchanged: Condition = (
        (table.requestedBy == pending.requested_by)
        & (table.content == pending.content)
        & (table.createdAt == pending.created_at)
    )
    return unchanged
