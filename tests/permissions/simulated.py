"""What functions, servers and operators need in the simulation: every scenario, with whatever goes wrong in it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from models import tables
from models.changes import Feed
from models.ledger.approvals import REQUESTED
from models.ledger.reconciliation import AuditReportStatus
from models.storage.codec import encode, item_of
from models.storage.names import Names
from models.transactions.members import ERASURE_BEGUN
from models.transactions.reports import Reports
from tests.chaos.faults import current_purpose
from tests.chaos.simulation.account_scenarios import ACCOUNT_SCENARIOS
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.scenarios import Failure
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from tests.permissions.needs import OPERATOR, SERVER, Need, needs
from tests.unit.places import request_at
from tests.unit.workflows.console.status.deployments import AwsBeside
from tests.unit.workflows.console.trace.remembered import StepFunctions
from workflows.console import books
from workflows.console.redrive import Redrive
from workflows.console.redrive_prompt import restart_failed
from workflows.console.status.looking import Look
from workflows.console.trace.life import Lives
from workflows.console.trace.logs import lines_on_aws
from workflows.console.trace.spans import walk
from workflows.executions.requests import DISPUTES, MACHINE, execution_of
from workflows.handlers import FUNCTIONS

if TYPE_CHECKING:
    from models.storage.calls import Calls

_SEED = 7
# What people do on the command line, by a role of their own.
_BY_OPERATORS = frozenset({"redrive", "look"})
# A request that was given up is begun again by an operator.
_REDRIVEN = replace(
    SCENARIOS["stranded"],
    policy={**SCENARIOS["stranded"].policy, Failure.GIVEN_UP: ("repair", "redrive")},
)


class _Recorded:
    """Calls that are noted, with who makes them, before they are made."""

    def __init__(self, world: World, found: dict[str, set[Need]]) -> None:
        self._calls: Calls = world.calls.calls
        self._names = world.names
        self._found = found

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        purpose = current_purpose.get()
        who = purpose if purpose in FUNCTIONS else OPERATOR if purpose in _BY_OPERATORS else SERVER
        self._found.setdefault(who, set()).update(needs(self._names, service, operation, params))
        return await self._calls.call(service, operation, **params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)


@cache
def simulated() -> tuple[Names, Mapping[str, frozenset[Need]]]:
    """Return the names of the simulated deployment, and what each function needs there, by its name.

    What servers and operators need is under `SERVER` and `OPERATOR`.
    """
    found: dict[str, set[Need]] = {}
    scenarios: Sequence[Any] = [*SCENARIOS.values(), *ACCOUNT_SCENARIOS.values(), _REDRIVEN]
    for scenario in scenarios:
        world = World(_SEED, resumed_for=scenario.resumed_for)
        _play(world, found, scenario.run)
    for scenario in (_reconcile_wrong_books, _tell_several_servers, _look, _see_the_status, _trace):
        _play(World(_SEED), found, scenario)
    return world.names, {who: frozenset(needed) for who, needed in found.items()}


def _play(world: World, found: dict[str, set[Need]], scenario: Callable[[World], Awaitable[None]]) -> None:
    async def play() -> None:
        world.calls.calls = _Recorded(world, found)
        async with started(world):
            await scenario(world)

    run(play())


async def _tell_several_servers(world: World) -> None:
    """A change is published to all servers, by whichever function reads its stream."""
    world.services = replace(world.services, feed=Feed.QUEUE)
    for function, table in (("publishChanges", tables.User), ("publishEvents", tables.EventLog)):
        arn = f"arn:aws:dynamodb:us-east-1:{'0' * 12}:table/{world.names.table(table)}/stream/1"
        image = {"Keys": {"id": {"S": "a"}}, "SequenceNumber": "1", "NewImage": {"id": {"S": "a"}}}
        record = {"eventSourceARN": arn, "eventName": "MODIFY", "dynamodb": image}
        await world.invoke(function, {"Records": [record]})


async def _look(world: World) -> None:
    """An operator lists dead letters, reconciles, and audits a member by their name and by their id."""
    for name in ("alice", "bob"):
        await world.join(name)
    console = Console(file=StringIO())
    current_purpose.set("handleWorkflowError")
    queue = world.names.dead_letter_queue_url
    await world.calls.call("sqs", "send_message", QueueUrl=queue, MessageBody="about nothing")
    current_purpose.set("look")
    assert await restart_failed(Redrive(world.services), console, only_list=True, ask=lambda _: False)

    @asynccontextmanager
    async def calls(*_services: object, **_options: object) -> AsyncIterator[object]:
        yield world.calls

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(books, "AsyncCalls", calls)
        assert await books.reconcile(world.names, console)
        assert await books.audit("alice", world.names, console)
        assert await books.audit("alice", world.names, console, by_id=True)


async def _see_the_status(world: World) -> None:
    """An operator looks at a deployment where executions have failed, a transfer waits, and an erasure runs."""
    recorded: Any = world.calls.calls
    now = world.clock()
    about = {"entityType": "TRANSACTION", "entityId": "t", "source": "hourbank.balances"}
    moments = {"timestamp": now, "createdAt": now, "updatedAt": now}
    current_purpose.set("handleWorkflowError")
    for kind in (REQUESTED, ERASURE_BEGUN):
        event = item_of(tables.EventLog, id=kind, eventType=kind, **about, **moments)
        await world.store.put(tables.EventLog, event)
    current_purpose.set("look")
    recorded._calls = AwsBeside(
        tables=recorded._calls,
        names=world.names,
        queues={f"{world.names.server_queues}1-a.fifo": (1, "1")},
        ended={("ServiceRequestWorkflow", "FAILED"): [("r", now)], (DISPUTES, "FAILED"): [("d", now)]},
    )
    status = await Look(world.services, on_aws=True).status()
    assert [one.name for one in status.readings if one.says.startswith("cannot be read")] == []


async def _trace(world: World) -> None:
    """An operator traces a disputed request, whose hours other executions have moved."""
    recorded: Any = world.calls.calls
    request = request_at("DISPUTED")
    current_purpose.set("handleWorkflowError")
    await world.store.put(tables.ServiceRequest, encode(tables.ServiceRequest, request))
    remembered, machine = StepFunctions(), world.names.execution_arn(*execution_of(request))
    remembered.tell(world.names.execution_arn(MACHINE, request.id), 0, "TaskStateEntered", name="ResumePoint")
    remembered.tell(machine, 0, "TaskStateEntered", name="ProcessPayment")
    for nested in ("EscrowManagementWorkflow", "EscrowCancellationWorkflow"):
        arn = world.names.execution_arn(nested, "e")
        remembered.tell(machine, 1, "TaskSubmitted", output=json.dumps({"ExecutionArn": arn}))
        remembered.tell(arn, 1, "TaskStateEntered", name="CompleteEscrow")
    current_purpose.set("look")
    recorded._calls = _Beside(recorded._calls, remembered)
    lives = Lives(world.services)
    lines = await lines_on_aws(world.calls, world.names, request)
    life = await lives.read(await lives.find(request.id), lines)
    assert len(list(walk(life.root))) > len(request.disputes)


class _Beside:
    """Calls to tables are handed on; what executions did is remembered, and logs are empty."""

    def __init__(self, rows: Any, remembered: StepFunctions) -> None:
        self._rows = rows
        self._remembered = remembered

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        if service == "dynamodb":
            return await self._rows.call(service, operation, **params)
        return {"events": []} if service == "logs" else await self._remembered.call(service, operation, **params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)


async def _reconcile_wrong_books(world: World) -> None:
    """A reconciliation finds a discrepancy, of which the admins are told."""
    await world.join("alice")
    item = await world.store.get(tables.UserBalance, "alice")
    assert item is not None
    await world.store.put(tables.UserBalance, item | {"availableBalance": {"N": "11"}})
    await world.invoke("startReconciliation", {})
    await world.wait_until_idle()
    report = await Reports(world.store, world.undisturbed_reader, world.clock).last()
    assert report is not None
    assert (report.status, report.discrepancy_count) == (AuditReportStatus.COMPLETED, 1)
