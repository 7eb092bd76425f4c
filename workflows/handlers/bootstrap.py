"""What every handler is given, put together once a process, and how a coroutine becomes a Lambda handler."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog

from models import clock
from models.aws import BlockingCalls, Calls, drive
from models.clock import Clock
from models.errors import Code, Refusal, StoppedError
from models.lifecycle import Step, Windows
from models.naming import Names
from models.settings import Settings
from models.store import Store
from models.transactions import Moved, Rule, Transactions
from workflows.cues import Cue
from workflows.executions import Executions
from workflows.sweep import Sweep

Event = Mapping[str, Any]
log = structlog.get_logger("workflows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a handler works with."""

    calls: Calls
    names: Names
    store: Store
    transactions: Transactions
    executions: Executions
    windows: Windows
    clock: Clock

    @property
    def sweep(self) -> Sweep:
        """Return what looks after requests."""
        return Sweep(self.store, self.transactions, self.executions, self.clock)

    async def onward(self, cue: Cue, verdict: Moved | Refusal, *, step: Step | None = None) -> Cue:
        """Return the cue that follows a rule's verdict; `step` is where a request that did move goes."""
        if isinstance(verdict, Moved):
            return cue.onward(verdict.request, self.windows, self.clock(), step=step)
        if verdict.code in (Code.SUPERSEDED, Code.REQUEST_NOT_FOUND):
            return cue.superseded()
        found = await self.transactions.read(cue.request_id)
        if found is None or found.generation != cue.generation:
            return cue.superseded()
        return cue.onward(found, self.windows, self.clock())

    async def move(self, cue: Cue, rule: Rule, *, whole: bool = False) -> Moved | Refusal:
        """Let a rule move the cue's request, if the cue's execution is still the one to do it."""
        return await self.transactions.move(cue.request_id, rule, generation=cue.generation, whole=whole)


@cache
def services() -> Services:
    """Return this process's services, configured by its environment."""
    settings = Settings()
    calls = BlockingCalls()
    store = Store(calls, settings.names)
    transactions = Transactions(store, clock.now)
    executions = Executions(calls, settings.names, transactions, windows=settings.windows, clock=clock.now)
    return Services(
        calls=calls,
        names=settings.names,
        store=store,
        transactions=transactions,
        executions=executions,
        windows=settings.windows,
        clock=clock.now,
    )


def stop() -> None:
    """Let every handler of this process fail at its next call; `services.cache_clear()` begins anew."""
    if services.cache_info().currsize and isinstance(calls := services().calls, BlockingCalls):
        calls.stop()


Handler = Callable[[Event, Any], Any]


def handles(work: Callable[[Services, Event], Coroutine[Any, Any, Any]]) -> Handler:
    """Make a Lambda handler of a coroutine: JSON in, JSON out, errors logged and left to the state machine."""

    def handler(event: Event, context: Any) -> Any:
        try:
            return drive(work(services(), event))
        except StoppedError:
            raise  # the state machine tries again, elsewhere or later
        except Exception:
            log.exception(
                "handler failed",
                function=getattr(context, "function_name", None),
                request_id=event.get("requestId"),
            )
            raise

    handler.__doc__ = work.__doc__
    return handler


def steps_onward(work: Callable[[Services, Cue], Awaitable[Cue]]) -> Handler:
    """Make a Lambda handler of a step of the workflow: a cue in, a cue out."""

    async def step(services: Services, event: Event) -> dict[str, Any]:
        return (await work(services, Cue.read(event))).as_json()

    step.__doc__ = work.__doc__
    return handles(step)
