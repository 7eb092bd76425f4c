"""What moves requests, put together once: for the server over its event loop, for a handler over its thread."""

from dataclasses import dataclass
from typing import Self

from models import clock
from models.aws import Calls
from models.clock import Clock
from models.errors import Refusal
from models.lifecycle import Step
from models.naming import Names
from models.reports import Reports
from models.settings import Settings
from models.store import Store
from models.transactions import Moved, Rule, Transactions
from models.windows import Windows
from workflows.cues import Cue
from workflows.executions import Executions
from workflows.reconciliations import Reconciliations
from workflows.sweep import Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the steps of the workflow work with."""

    calls: Calls
    names: Names
    store: Store
    transactions: Transactions
    executions: Executions
    windows: Windows
    clock: Clock

    @classmethod
    def over(cls, calls: Calls, settings: Settings) -> Self:
        """Put them together on a way to AWS."""
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
        )

    @property
    def reports(self) -> Reports:
        """Return what keeps the reports of reconciliations."""
        return Reports(self.store, self.transactions, self.clock)

    @property
    def reconciliations(self) -> Reconciliations:
        """Return what starts reconciliations."""
        return Reconciliations(self.calls, self.names, self.transactions, self.reports, self.clock)

    @property
    def sweep(self) -> Sweep:
        """Return what looks after requests."""
        return Sweep(self.store, self.transactions, self.executions, self.clock)

    async def onward(self, cue: Cue, verdict: Moved | Refusal, *, step: Step | None = None) -> Cue:
        """Return the cue that follows a rule's verdict; `step` is where a request that did move goes."""
        if isinstance(verdict, Moved):
            return cue.onward(verdict.request, self.windows, self.clock(), step=step)
        found = await self.transactions.read(cue.request_id)
        if found is None or cue.is_outdated(found):
            return cue.superseded()
        return cue.onward(found, self.windows, self.clock())

    async def move(self, cue: Cue, rule: Rule, *, whole: bool = False) -> Moved | Refusal:
        """Let a rule move the cue's request, if the cue's execution is still the one to do it."""
        return await self.transactions.move(
            cue.request_id, rule, generation=cue.generation, whole=whole, dispute_id=cue.dispute_id
        )
