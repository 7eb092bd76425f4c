"""The whole of HourBank in virtual time: server, functions, machines, sweep and event bus, under one fault plan.

Everything follows from a seed: the ids, the jitter, the order of tasks. So a failure can be repeated.
"""

import asyncio
import importlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

import pytest
import tenacity
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from models import tables
from models.errors import BrokenLedgerError
from models.requests import recovery
from models.requests.request import Request
from models.storage.names import Names
from models.storage.store import Store
from models.transactions.accounts import Accounts
from models.transactions.members import Members
from models.transactions.moves import Transactions
from models.transactions.ratings import Ratings
from resolvers.actions.disputes import Disputes
from resolvers.actions.exchanges import Exchanges
from resolvers.actions.requests import ServiceRequests
from tests.chaos.books import Books, rows
from tests.chaos.faults import CALL_ERRORS, FaultyCalls, Plan, current_purpose, no_faults
from tests.chaos.simulation.bus import Bus
from tests.chaos.simulation.machines import Execution, Machines
from tests.chaos.simulation.recoveries import Recoveries
from tests.chaos.simulation.services import WINDOWS, services_over
from tests.engines.embedded import Embedded
from tests.integration.two_members import service, user
from workflows.executions.sweep import Sweep
from workflows.handlers import FUNCTIONS, bootstrap
from workflows.metrics import emission

_T = TypeVar("_T")

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SWEEP_SECONDS = 60.0
# A client gives up only when no retry helps, which is a finding.
TRIES = 400
LATENCY = (0.001, 0.008)
# Longer than every window, every retry and every pause of the sweep.
PATIENCE_SECONDS = 6 * 3_600.0


class World:
    """One simulated deployment and its clients.

    Args:
        seed: determines everything random.
        plan: the fault plan.
        resumed_for: how long a request whose executions fail is resumed, before it is given up.
    """

    def __init__(
        self, seed: int, plan: Plan = no_faults, *, resumed_for: timedelta = recovery.RESUMED_FOR
    ) -> None:
        self.random = random.Random(seed)  # noqa: S311 — no secret
        random.seed(seed)  # the code's own jitter
        self.names = Names(stack="world", region="us-east-1", account="0" * 12)
        self.engine = Embedded(self.names)
        self.machines = Machines(self.names, self.invoke, self._on_closed, self.random)
        self.bus = Bus(self.names, self.invoke, self.begin, self.clock, self.random)
        self.calls = FaultyCalls(_DelayedCalls(self), plan, self.note_fault)
        self.recoveries = Recoveries()
        self.resumed_for = resumed_for
        # Functions that fail at every call for now, whatever the plan says.
        self.down: set[str] = set()
        self.unexpected: list[BaseException] = []
        # The lines of metrics that functions have emitted, and the functions that were invoked, with their times.
        self.emitted: list[tuple[datetime, str]] = []
        self.invoked: list[tuple[datetime, str]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.store = Store(self.engine, self.names)
        self.undisturbed_reader = Transactions(self.store, self.clock)
        self.services = services_over(self.calls, self.names, self.clock)
        store, transactions, executions = self.services.store, self.services.transactions, self.services.executions
        self.requests = ServiceRequests(transactions, executions, self.clock)
        self.disputes = Disputes(store, transactions, executions, WINDOWS)
        self.accounts = Accounts(store, transactions, self.clock)
        self.members = Members(store, transactions, self.clock)
        self.ratings = Ratings(store, transactions, self.clock)
        self.exchanges = Exchanges(store, transactions, self.requests, self.ratings, self.clock)

    @property
    def sweep(self) -> Sweep:
        """Return the sweep, which looks after due requests."""
        return self.services.sweep

    def clock(self) -> datetime:
        """Return the virtual time, in whole milliseconds as everywhere."""
        elapsed = asyncio.get_running_loop().time()
        return START + timedelta(milliseconds=int(elapsed * 1000))

    def new_id(self) -> str:
        """Return a new id that follows from the seed."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    async def invoke(self, name: str, event: Any) -> Any:
        """Call a function as Lambda does: JSON in, JSON out."""
        current_purpose.set(name)
        module, _, member = FUNCTIONS[name].handler.rpartition(".")
        handler = getattr(importlib.import_module(module), member)
        self.invoked.append((self.clock(), name))
        context = SimpleNamespace(function_name=self.names.function(name))
        try:
            return json.loads(json.dumps(await handler(json.loads(json.dumps(event)), context)))
        except BrokenLedgerError as error:
            self.unexpected.append(error)
            raise

    def begin(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Start a background task, whose error fails the test."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.unexpected.append(error)

    def _on_closed(self, execution: Execution) -> None:
        machine = self.names.state_machine_arn(execution.machine)
        detail = {"stateMachineArn": machine, "executionArn": execution.arn, "status": execution.status}
        self.begin(self.bus.deliver("resumeFailedRequest", {"detail": detail}))

    def note_fault(self) -> None:
        """Take note of a fault."""
        self.recoveries.note_fault(self.clock())

    async def keep_sweeping(self) -> None:
        """Sweep every minute."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.invoke("sweepRequests", {})
            except CALL_ERRORS:
                continue

    async def retry(self, purpose: str, action: Callable[..., Awaitable[_T]], *given: Any) -> _T:
        """Act as a client does: retry if there was no answer, or none that says what became of it."""
        last: BaseException | None = None
        for _ in range(TRIES):
            current_purpose.set(purpose)
            try:
                return await action(*given)
            except CALL_ERRORS as error:
                if isinstance(error, BrokenLedgerError):
                    raise
                last = error
                await asyncio.sleep(self.random.uniform(0.1, 1.5))
        raise AssertionError(f"{purpose} did not go through: {last!r}")

    async def join(self, *members: str) -> None:
        """Let members join."""
        for member in members:
            await self.retry("join", self.members.join, user(member, self.clock()))

    async def offer(self, provider: str) -> str:
        """Store a service at one hour an hour; return its id."""
        service_id = self.new_id()
        await self.store.put(tables.Service, service(service_id, provider))
        return service_id

    async def read_request(self, request_id: str) -> Request | None:
        """Return a request, read past all faults."""
        return await self.undisturbed_reader.read(request_id)

    async def books(self) -> Books:
        """Return all rows as they are now, read past all faults."""
        return await Books.read(self.store, self.clock())

    async def wait_until_idle(self) -> None:
        """Wait until every request is over and every call has had its effect."""
        end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while live := await self._live():
            assert asyncio.get_running_loop().time() < end, f"these requests never end: {live}"
            await asyncio.sleep(5)
        await asyncio.sleep(2 * SWEEP_SECONDS)
        for execution in self.machines.executions.values():
            if execution.task and execution.task.done() and not execution.task.cancelled():
                execution.task.result()
        assert self.unexpected == [], self.unexpected

    async def _live(self) -> list[str]:
        stored = await rows(self.store, tables.ServiceRequest)
        return [item["id"]["S"] for item in stored if "dueAt" in item]


class _DelayedCalls:
    """Calls to this world's AWS: each has a latency there and back."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        await self._latency()
        if current_purpose.get() in self._world.down:
            self._world.note_fault()
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "down"}}, operation)
        answer = await self._answer(service, operation, params)
        await self._latency()
        return answer

    async def _latency(self) -> None:
        await asyncio.sleep(self._world.random.uniform(*LATENCY))

    async def _answer(self, service: str, operation: str, params: dict[str, Any]) -> Any:
        match service:
            case "dynamodb":
                answer = await self._world.engine.call(service, operation, **params)
                if operation == "transact_write_items":
                    self._world.bus.written(params["TransactItems"])
                    await self._note_written(
                        [item["Update"] for item in params["TransactItems"] if "Update" in item]
                    )
                elif operation == "update_item":
                    await self._note_written([params])
                return answer
            case "stepfunctions":
                return await self._world.machines.call(operation, **params)
        return await self._world.bus.call(service, operation, **params)

    async def _note_written(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """Report written requests to `recoveries`."""
        world = self._world
        table = world.names.table(tables.ServiceRequest)
        for key in [update["Key"]["id"]["S"] for update in updates if update["TableName"] == table]:
            if (request := await world.read_request(key)) is not None:
                world.recoveries.note_write(request, world.clock())

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        return self._world.engine.is_free(keys)

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> Any:
        return self._world.engine.queue(keys, by=by)


@asynccontextmanager
async def started(world: World) -> AsyncIterator[World]:
    """Patch the handlers and clocks to this world's, and run its sweep, within the context."""
    with _patched_handlers(world), capture_logs(), _patched_clocks():
        sweeping = asyncio.create_task(world.keep_sweeping())
        try:
            yield world
        finally:
            sweeping.cancel()
            world.engine.close()


@contextmanager
def _patched_handlers(world: World) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "services", lambda: world.services)
        # On an event loop, a handler's coroutine is awaited rather than driven, so that others act in between.
        patch.setattr(bootstrap, "drive", lambda coroutine: coroutine)
        patch.setattr(emission, "_write", lambda line: world.emitted.append((world.clock(), line)))
        patch.setattr(recovery, "RESUMED_FOR", world.resumed_for)
        yield


@contextmanager
def _patched_clocks() -> Iterator[None]:
    """Give code that measures retries by the machine's clock the world's clock instead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenacity, "time", SimpleNamespace(monotonic=asyncio.get_running_loop().time))
        yield
