"""Each alarm of the template rings when what it is for happens, and none does while all is well.

The values are those that the functions emit in the simulation, and AWS's own as they follow from its executions,
invocations and dead letters. The alarms are evaluated as CloudWatch does, because the local cloud's own evaluation
looks at no dimensions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

import pytest

from models import tables
from models.clock import now, to_text
from models.requests.statuses import Step
from models.settings import Settings
from models.storage.names import Names
from resolvers.actions.requests import NewRequest
from tests.chaos.simulation.account_scenarios import reconcile
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.scenarios import ALICE, BOB, Policy, ask, follow
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import START, World, started
from tests.unit.builders import hours
from tests.unit.workflows.deployment.template.monitoring.evaluation import (
    Reading,
    alarms_of,
    at_minute,
    ringing,
)
from tests.unit.workflows.handlers.test_changes import Aws, record
from tests.unit.workflows.metrics.lines import values_in
from workflows.definitions import read_definitions
from workflows.deployment.template.build import build_template
from workflows.executions.services import Services
from workflows.handlers import bootstrap, changes, events
from workflows.metrics.emission import write_lines_to

NAMES = Names(stack="world", region="us-east-1", account="0" * 12)
ALARMS = alarms_of(build_template(), NAMES)
_ENDS = {"FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut", "ABORTED": "ExecutionsAborted"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake = Aws()
    monkeypatch.setenv("HOURBANK_STACK", NAMES.stack)
    monkeypatch.setattr(bootstrap, "services", lambda: Services.over(fake, Settings()))
    return fake


Play = Callable[[World], Awaitable[None]]


def of_execution(machine: str, status: str, at: datetime) -> Reading:
    """Return what AWS counts of an execution that has ended badly."""
    arn = frozenset({("StateMachineArn", NAMES.state_machine_arn(machine))})
    return Reading(at, "AWS/States", _ENDS[status], arn, 1)


def readings_of(world: World, until: datetime) -> Iterator[Reading]:
    """Yield what CloudWatch would have of a world."""
    for at, line in world.emitted:
        for one in values_in(line):
            yield Reading(at, one.namespace, one.name, one.dimensions, one.value)
    for at, name in world.invoked:
        function = frozenset({("FunctionName", NAMES.function(name))})
        yield Reading(at, "AWS/Lambda", "Invocations", function, 1)
    for machine, status, seconds in world.machines.ended:
        if status in _ENDS:
            yield of_execution(machine, status, START + timedelta(seconds=seconds))
    queue = frozenset({("QueueName", NAMES.dead_letter_queue)})
    letters = len(world.bus.letters)
    yield Reading(until - timedelta(minutes=1), "AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, letters)


def rung(readings: Sequence[Reading], until: datetime) -> set[str]:
    """Return the alarms that ring at least once."""
    return {name for name, alarm in ALARMS.items() if ringing(alarm, readings, until)}


async def rung_by(play: Play, resumed_for: timedelta) -> set[str]:
    async with started(World(3, resumed_for=resumed_for)) as world:
        await play(world)
        until = world.clock() + timedelta(minutes=1)
        return rung([*readings_of(world, until)], until)


async def all_well(world: World) -> None:
    """A request is paid, another is not answered, and the books are reconciled."""
    await reconciled(world)
    for policy in (SCENARIOS["paid"].policy, {}):
        service_id, request_id = await world.offer(BOB), world.new_id()
        new = NewRequest(
            id=request_id, service_id=service_id, requester_id=ALICE, provider_id=BOB, estimated_hours=1.0
        )
        await ask(world, new)
        await follow(world, request_id, {step: list(actions) for step, actions in policy.items()})
    await asyncio.sleep(600)


async def reconciled(world: World) -> None:
    await world.join(ALICE, BOB)
    await reconcile(world)


async def hours_are_stuck(world: World) -> None:
    """Neither payments nor refunds can be made, of many requests at once, for a while."""
    world.down |= {"releaseEscrow", "cancelEscrow"}
    await world.join(ALICE, BOB)
    paid = SCENARIOS["paid"].policy
    declined: Policy = {Step.WAIT_FOR_PROVIDER_RESPONSE: ("reject",)}
    following = [asyncio.create_task(_asked(world, 0.25, paid if n % 4 else declined)) for n in range(12)]
    await asyncio.sleep(600)
    for one in following:
        one.cancel()


async def _asked(world: World, amount: float, policy: Policy) -> None:
    service_id, request_id = await world.offer(BOB), world.new_id()
    new = NewRequest(
        id=request_id, service_id=service_id, requester_id=ALICE, provider_id=BOB, estimated_hours=amount
    )
    await ask(world, new)
    await follow(world, request_id, {step: list(actions) for step, actions in policy.items()})


async def nobody_sweeps(world: World) -> None:
    """A request is due while the sweep fails, for twenty minutes."""
    await world.join(ALICE, BOB)
    asked = asyncio.create_task(_asked(world, 1.0, {}))
    await asyncio.sleep(300)
    world.down.add("sweepRequests")
    world.down.add("timeoutRequest")
    await asyncio.sleep(1500)
    world.down.clear()
    await asyncio.sleep(300)
    asked.cancel()


async def books_are_wrong(world: World) -> None:
    """Somebody changes a balance by hand, and the books are reconciled."""
    await world.join(ALICE, BOB)
    more = [tables.UserBalance.availableBalance.set(hours("11")), tables.UserBalance.totalBalance.set(hours("11"))]
    await world.store.update(tables.UserBalance, ALICE, more)
    await world.retry("tick", world.invoke, "startReconciliation", {})
    await asyncio.sleep(300)


async def aborted(world: World) -> None:
    """An operator aborts an execution."""
    await SCENARIOS["aborted"].run(world)


async def decided_late(world: World) -> None:
    """No admin decides in time."""
    await SCENARIOS["decided late"].run(world)


RINGING: dict[Play, set[str]] = {
    all_well: set(),
    hours_are_stuck: {
        "ServiceRequestWorkflowFailures",
        "EscrowProcessingErrors",
        "EscrowCancellationErrors",
        "FailedAlarmServiceRequestWorkflow",
        "FailedAlarmEscrowManagementWorkflow",
        "FailedAlarmEscrowCancellationWorkflow",
        "DeadLettersAlarm",
        "StuckRequestsAlarm",
    },
    nobody_sweeps: {
        "SweepAlarm",
        "OverdueRequestsAlarm",
        "FailedAlarmServiceRequestWorkflow",
        "DeadLettersAlarm",
        "StuckRequestsAlarm",
        "GivenUpRequestsAlarm",
    },
    books_are_wrong: {"DiscrepanciesAlarm"},
    aborted: {"AbortedAlarmServiceRequestWorkflow"},
    decided_late: {"AlarmRaiseDisputeAlarm"},
}
# Of what the simulation does not do, AWS's own values are made by hand, and those of handlers by the handlers.
BY_EXECUTIONS = {
    (machine, status): {f"{end}Alarm{machine}"}
    for machine in read_definitions()
    for status, end in (("FAILED", "Failed"), ("TIMED_OUT", "TimedOut"), ("ABORTED", "Aborted"))
}
LATE = {"EventLagAlarm", "ChangeLagAlarm"}
AGED = {"AgeAlarmPublishEvents": "publishEvents", "AgeAlarmPublishChanges": "publishChanges"}


@pytest.mark.parametrize("play", RINGING, ids=lambda play: play.__name__)
def test_the_alarms_ring_that_are_for_what_happens(play: Play) -> None:
    assert run(rung_by(play, timedelta(minutes=8))) == RINGING[play]


@pytest.mark.parametrize(("machine", "status"), BY_EXECUTIONS)
def test_one_execution_that_ends_badly_rings_the_alarm_of_its_machine(machine: str, status: str) -> None:
    readings = [*swept(10), of_execution(machine, status, at_minute(1))]
    assert rung(readings, at_minute(10)) == BY_EXECUTIONS[machine, status]


def test_whoever_publishes_late_for_minutes_rings_and_once_does_not(aws: Aws) -> None:
    lines: list[str] = []
    before, old = write_lines_to(lines.append), now() - timedelta(minutes=2)
    told = record(1, "row")
    told["dynamodb"]["NewImage"]["timestamp"] = {"S": to_text(old)}
    told["dynamodb"]["ApproximateCreationDateTime"] = old.timestamp()
    try:
        events.publish_events({"Records": [told]}, None)
        changes.publish_changes({"Records": [told]}, None)
    finally:
        write_lines_to(before)
    assert (aws.put, aws.published) == (["eventType row"], ["row 1"])
    values = [one for line in lines for one in values_in(line)]
    assert [one.name for one in values] == ["EventLag", "ChangeLag"]

    def for_minutes(count: int) -> list[Reading]:
        return [
            Reading(at_minute(minute), one.namespace, one.name, one.dimensions, one.value)
            for minute in range(count)
            for one in values
        ]

    assert rung([*swept(10), *for_minutes(3)], at_minute(10)) == LATE
    assert rung([*swept(10), *for_minutes(2)], at_minute(10)) == set()


@pytest.mark.parametrize(("alarm", "function"), AGED.items())
def test_a_function_that_is_a_minute_behind_its_stream_rings(alarm: str, function: str) -> None:
    of_function = frozenset({("FunctionName", NAMES.function(function))})
    aged = [Reading(at_minute(minute), "AWS/Lambda", "IteratorAge", of_function, 60_001) for minute in range(3)]
    assert rung([*swept(10), *aged], at_minute(10)) == {alarm}


def test_every_alarm_of_the_template_has_rung_here() -> None:
    assert set().union(*RINGING.values(), *BY_EXECUTIONS.values(), LATE, AGED) == set(ALARMS)


def test_the_named_alarms_are_those_that_were_asked_for() -> None:
    failures, errors = ALARMS["ServiceRequestWorkflowFailures"], ALARMS["EscrowProcessingErrors"]
    assert failures["AlarmName"] == {"Fn::Sub": "${AWS::StackName}-ServiceRequestWorkflowFailures"}
    assert errors["AlarmName"] == {"Fn::Sub": "${AWS::StackName}-EscrowProcessingErrors"}
    for alarm, threshold, periods in ((failures, 5, 2), (errors, 1, 1)):
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/States", "ExecutionsFailed")
        assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (threshold, periods)
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def swept(minutes: int) -> list[Reading]:
    """Return what a sweep that finds nothing emits."""
    of_stack = frozenset({("Stack", NAMES.stack)})
    return [Reading(at_minute(minute), "HourBank", "RequestsDue", of_stack, 0) for minute in range(-1, minutes)]
