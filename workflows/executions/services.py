"""The objects that move requests, composed in one place for the server (asyncio) and for handlers (threads)."""

from dataclasses import dataclass
from typing import Self

from models import clock
from models.changes import Feed
from models.clock import Clock
from models.errors import Refusal
from models.ledger.approvals import DEFAULT_APPROVAL, ApprovalLimits
from models.requests.statuses import Step
from models.requests.windows import Windows
from models.settings import Settings
from models.storage.calls import Calls
from models.storage.names import Names
from models.storage.store import Store
from models.transactions.accounts import Accounts
from models.transactions.members import Members
from models.transactions.moves import Moved, RequestRule, Transactions
from models.transactions.reports import Reports
from workflows.executions.reconciliation import Reconciliations
from workflows.executions.requests import Executions
from workflows.executions.step_input import StepInput
from workflows.executions.sweep import Sweep
from workflows.metrics.emission import emit
from workflows.metrics.machine_time import machine_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The objects that the server and the workflow's steps share, over one connection to AWS."""

    calls: Calls
    names: Names
    store: Store
    transactions: Transactions
    executions: Executions
    windows: Windows
    clock: Clock
    approval: ApprovalLimits = DEFAULT_APPROVAL
    feed: Feed = Feed.STREAMS

    @classmethod
    def over(cls, calls: Calls, settings: Settings) -> Self:
        """Return the services over a way to AWS."""
        names, windows = settings.names, settings.windows
        store = Store(calls, names)
        transactions = Transactions(store, clock.now)
        executions = Executions(calls, names, transactions, windows=windows, clock=clock.now)
        return cls(
            calls=calls,
            names=names,
            store=store,
            transactions=transactions,
            executions=executions,
            windows=windows,
            clock=clock.now,
            approval=settings.approval,
            feed=settings.feed or Feed.STREAMS,
        )

    @property
    def accounts(self) -> Accounts:
        """Return the writer of direct transfers and of locks."""
        return Accounts(self.store, self.transactions, self.clock, self.approval)

    @property
    def members(self) -> Members:
        """Return the writer of members' accounts."""
        return Members(self.store, self.transactions, self.clock)

    @property
    def reports(self) -> Reports:
        """Return the store of reconciliation reports."""
        return Reports(self.store, self.transactions, self.clock)

    @property
    def reconciliations(self) -> Reconciliations:
        """Return the starter of reconciliations."""
        return Reconciliations(self.calls, self.names, self.reports, self.clock)

    @property
    def sweep(self) -> Sweep:
        """Return the sweep over requests that are due."""
        return Sweep(self.store, self.transactions, self.executions, self.clock)

    async def onward(
        self, step_input: StepInput, verdict: Moved | Refusal, *, step: Step | None = None
    ) -> StepInput:
        """Return the next step's input after a rule's verdict; `step` overrides it if the request moved."""
        if isinstance(verdict, Moved):
            return step_input.onward(verdict.request, self.windows, self.clock(), step=step)
        found = await self.transactions.read(step_input.request_id)
        if found is None or step_input.is_outdated(found):
            return step_input.superseded()
        return step_input.onward(found, self.windows, self.clock())

    async def move(self, step_input: StepInput, rule: RequestRule) -> Moved | Refusal:
        """Let a rule move the request, unless the step's execution is superseded."""
        verdict = await self.transactions.move(
            step_input.request_id,
            rule,
            generation=step_input.generation,
            dispute_id=step_input.dispute_id,
        )
        if isinstance(verdict, Moved):
            of_dispute = step_input.dispute_id is not None
            took = machine_time(verdict.before, verdict.request, of_dispute=of_dispute)
            emit(self.names.stack, () if took is None else (took,))
        return verdict

    async def advance(self, step_input: StepInput, rule: RequestRule) -> StepInput:
        """Let a rule move the request, and return the next step's input."""
        return await self.onward(step_input, await self.move(step_input, rule))
