"""HourBank whole, in virtual time: a server, functions, machines, the sweep and the bus, over one way to AWS.

From a seed everything follows: the ids, the jitter, who comes first. So whatever fails, fails again.
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
from resolvers.actions.requests import ServiceRequests
from tests.chaos.books import Books, rows
from tests.chaos.faults import TROUBLE, Faulty, Plan, calm, path
from tests.chaos.simulation.bus import Bus
from tests.chaos.simulation.machines import Execution, Machines
from tests.chaos.simulation.recoveries import Recoveries
from tests.chaos.simulation.services import WINDOWS, services_over
from tests.engines.embedded import Embedded
from tests.integration.two_members import service, user
from workflows.executions import requests as workflow
from workflows.executions.sweep import Sweep
from workflows.handlers import FUNCTIONS, bootstrap

_T = TypeVar("_T")

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SWEEP_SECONDS = 60.0
# A client gives up only when nothing helps, which is a finding.
TRIES = 400
LATENCY = (0.001, 0.008)
# Long after every window, every retry and every pause of the sweep.
PATIENCE_SECONDS = 6 * 3_600.0


class World:
    """One deployment and who uses it.

    Args:
        seed: everything follows from it.
        plan: what goes wrong.
        resumed_for: how long a request whose executions fail is resumed, before it is given up.
    """

    def __init__(self, seed: int, plan: Plan = calm, *, resumed_for: timedelta = recovery.RESUMED_FOR) -> None:
        self.random = random.Random(seed)  # noqa: S311 — no secret
        random.seed(seed)  # the code's own jitter
        self.names = Names(stack="world", region="us-east-1", account="0" * 12)
        self.engine = Embedded(self.names)
        self.machines = Machines(self.names, self.invoke, self._told, self.random)
        self.bus = Bus(self.names, self.invoke, self.begin, self.clock, self.random)
        self.calls = Faulty(_Wires(self), plan, self.strike)
        self.recoveries = Recoveries()
        self.resumed_for = resumed_for
        # Functions that cannot do anything for now, whatever the plan says.
        self.down: set[str] = set()
        self.broken: list[BaseException] = []
        self._doing: set[asyncio.Task[Any]] = set()
        self.store = Store(self.engine, self.names)
        self.eye = Transactions(self.store, self.clock)
        self.services = services_over(self.calls, self.names, self.clock)
        store, transactions, executions = self.services.store, self.services.transactions, self.services.executions
        self.requests = ServiceRequests(transactions, executions, self.clock)
        self.disputes = Disputes(store, transactions, executions, WINDOWS)
        self.accounts = Accounts(store, transactions, self.clock)
        self.members = Members(store, transactions, self.clock)
        self.ratings = Ratings(store, transactions, self.clock)

    @property
    def sweep(self) -> Sweep:
        """Return what looks after requests."""
        return self.services.sweep

    def clock(self) -> datetime:
        """Return the virtual moment, cut to the millisecond as ever."""
        elapsed = asyncio.get_running_loop().time()
        return START + timedelta(milliseconds=int(elapsed * 1000))

    def new_id(self) -> str:
        """Return an id that follows from the seed."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    async def invoke(self, name: str, event: Any) -> Any:
        """Call a function as Lambda does: JSON in, JSON out."""
        path.set(name)
        module, _, member = FUNCTIONS[name].handler.rpartition(".")
        handler = getattr(importlib.import_module(module), member)
        try:
            return json.loads(json.dumps(await handler(json.loads(json.dumps(event)), None)))
        except BrokenLedgerError as error:
            self.broken.append(error)
            raise

    def begin(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Let something go on by itself."""
        task = asyncio.ensure_future(work)
        self._doing.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._doing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken.append(error)

    def _told(self, execution: Execution) -> None:
        machine = self.names.state_machine_arn(execution.machine)
        detail = {"stateMachineArn": machine, "executionArn": execution.arn, "status": execution.status}
        self.begin(self.bus.deliver("resumeFailedRequest", {"detail": detail}))

    def strike(self) -> None:
        """Take note that something goes wrong."""
        self.recoveries.trouble(self.clock())

    async def keep_sweeping(self) -> None:
        """Sweep every minute."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.invoke("sweepRequests", {})
            except TROUBLE:
                continue

    async def persist(self, purpose: str, act: Callable[..., Awaitable[_T]], *given: Any) -> _T:
        """Act as a client does: again, if there was no answer or none that says what became of it."""
        last: BaseException | None = None
        for _ in range(TRIES):
            path.set(purpose)
            try:
                return await act(*given)
            except TROUBLE as error:
                if isinstance(error, BrokenLedgerError):
                    raise
                last = error
                await asyncio.sleep(self.random.uniform(0.1, 1.5))
        raise AssertionError(f"{purpose} did not go through: {last!r}")

    async def settle(self, *members: str) -> None:
        """Let members join."""
        for member in members:
            await self.persist("join", self.members.join, user(member, self.clock()))

    async def offer(self, provider: str) -> str:
        """Put a service of an hour an hour; return its id."""
        service_id = self.new_id()
        await self.store.put(tables.Service, service(service_id, provider))
        return service_id

    async def look(self, request_id: str) -> Request | None:
        """Return a request as it stands, whatever goes wrong for others."""
        return await self.eye.read(request_id)

    async def books(self) -> Books:
        """Return everything that is stored, at this very moment."""
        return await Books.read(self.store, self.clock())

    async def come_to_rest(self) -> None:
        """Wait until nothing moves any more: every request is over and every call has had its effect."""
        end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while live := await self._live():
            assert asyncio.get_running_loop().time() < end, f"these never end: {live}"
            await asyncio.sleep(5)
        await asyncio.sleep(2 * SWEEP_SECONDS)
        for execution in self.machines.executions.values():
            if execution.task and execution.task.done() and not execution.task.cancelled():
                execution.task.result()
        assert self.broken == [], self.broken

    async def _live(self) -> list[str]:
        stored = await rows(self.store, tables.ServiceRequest)
        return [item["id"]["S"] for item in stored if "dueAt" in item]


class _Wires:
    """The way to this world's AWS: each call takes a moment on its way there and back."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        await self._moment()
        if path.get() in self._world.down:
            self._world.strike()
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "down"}}, operation)
        answer = await self._answer(service, operation, params)
        await self._moment()
        return answer

    async def _moment(self) -> None:
        await asyncio.sleep(self._world.random.uniform(*LATENCY))

    async def _answer(self, service: str, operation: str, params: dict[str, Any]) -> Any:
        match service:
            case "dynamodb":
                answer = await self._world.engine.call(service, operation, **params)
                if operation == "transact_write_items":
                    self._world.bus.written(params["TransactItems"])
                    await self._see([item["Update"] for item in params["TransactItems"] if "Update" in item])
                elif operation == "update_item":
                    await self._see([params])
                return answer
            case "stepfunctions":
                return await self._world.machines.call(operation, **params)
        return await self._world.bus.call(service, operation, **params)

    async def _see(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """See where requests have come to that were written."""
        world = self._world
        table = world.names.table(tables.ServiceRequest)
        for key in [update["Key"]["id"]["S"] for update in updates if update["TableName"] == table]:
            if (request := await world.look(key)) is not None:
                world.recoveries.seen(request, world.clock())

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def queue(self, keys: Iterable[str]) -> Any:
        return self._world.engine.queue(keys)


@asynccontextmanager
async def alive(world: World) -> AsyncIterator[World]:
    """Let a world's functions be its own, and sweep it, for as long as it is looked at."""
    with _at_home(world), capture_logs(), _own_time():
        sweeping = asyncio.create_task(world.keep_sweeping())
        try:
            yield world
        finally:
            sweeping.cancel()
            world.engine.close()


@contextmanager
def _at_home(world: World) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "services", lambda: world.services)
        # On a loop, a handler's coroutine is awaited rather than driven, so that others act between its calls.
        patch.setattr(bootstrap, "drive", lambda coroutine: coroutine)
        for module in (recovery, workflow):
            patch.setattr(module, "RESUMED_FOR", world.resumed_for)
        yield


@contextmanager
def _own_time() -> Iterator[None]:
    """Let retries be timed by the world's clock and not by the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenacity, "time", SimpleNamespace(monotonic=asyncio.get_running_loop().time))
        yield
