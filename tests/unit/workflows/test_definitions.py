"""The state machines: whole, reachable, bounded, and calling only what there is."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from models.requests.statuses import Step
from workflows import definitions as folder
from workflows.executions import reconciliation
from workflows.executions.requests import DISPUTES, MACHINE
from workflows.handlers import FUNCTIONS, Function

MACHINES: dict[str, dict[str, Any]] = {
    path.name.removesuffix(".asl.json"): json.loads(path.read_text())
    for place in folder.__path__
    for path in sorted(Path(place).glob("*.asl.json"))
}


def states_of(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the states of a machine, and those within its Maps."""
    for name, state in definition["States"].items():
        yield name, state
        if state["Type"] == "Map":
            yield from states_of(state["ItemProcessor"])


STATES = [
    pytest.param(machine, name, state, id=f"{machine}.{name}")
    for machine, definition in MACHINES.items()
    for name, state in states_of(definition)
]
TASKS = [case for case in STATES if case.values[2]["Type"] == "Task"]  # type: ignore[index]  # a state
CHOICES = [case for case in STATES if case.values[2]["Type"] == "Choice"]  # type: ignore[index]  # a state
# The machines that are resumed, and where each finds out what is next.
RESUMED_AT = {MACHINE: "ResumePoint", DISPUTES: "InitiateDispute"}
LAMBDA, WAIT = "arn:aws:states:::lambda:invoke", "arn:aws:states:::lambda:invoke.waitForTaskToken"
NESTED = "arn:aws:states:::states:startExecution.sync:2"
# A wait that has begun is not begun again for any error of ours.
SERVICE_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}


def ways_out(state: dict[str, Any]) -> Iterator[str]:
    """Yield every state that may follow."""
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (way["Next"] for key in ("Choices", "Catch") for way in state.get(key, ()))


def retried(state: dict[str, Any]) -> dict[str, tuple[int, int, float, str]]:
    return {
        error: (rule["IntervalSeconds"], rule["MaxAttempts"], rule["BackoffRate"], rule["JitterStrategy"])
        for rule in state["Retry"]
        for error in rule["ErrorEquals"]
    }


def test_the_machines() -> None:
    nested = {"EscrowManagementWorkflow", "EscrowCancellationWorkflow"}
    assert set(MACHINES) == {*RESUMED_AT, *nested, reconciliation.MACHINE}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_can_be_reached_and_no_way_leads_nowhere(machine: str) -> None:
    states = MACHINES[machine]["States"]
    reached, ahead = set[str](), [MACHINES[machine]["StartAt"]]
    while ahead:
        if (name := ahead.pop()) not in reached:
            reached.add(name)
            ahead.extend(ways_out(states[name]))
    assert reached == set(states)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_can_come_to_an_end(machine: str) -> None:
    states = MACHINES[machine]["States"]
    ending = {name for name, state in states.items() if state.get("End") or state["Type"] in {"Succeed", "Fail"}}
    while grown := {name for name, state in states.items() if ending & set(ways_out(state))} - ending:
        ending |= grown
    assert ending == set(states)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_name_that_the_deployment_fills_in_is_known(machine: str) -> None:
    names = set(re.findall(r"\$\{(.*?)\}", json.dumps(MACHINES[machine])))
    assert names <= set(FUNCTIONS) | set(MACHINES)


def _is_called_by_events(function: Function) -> bool:
    return bool(function.schedule or function.stream or function.reads_other_streams or function.rule)


# Called in an administrator's name, by whatever tool may invoke it.
CALLED_BY_PEOPLE = ["processDirectTransfer"]


def test_every_function_is_called_by_a_machine_or_by_an_event() -> None:
    text = json.dumps(MACHINES)
    unused = [
        name
        for name, function in FUNCTIONS.items()
        if f"${{{name}}}" not in text and not _is_called_by_events(function)
    ]
    assert unused == CALLED_BY_PEOPLE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_handler_is_there(name: str) -> None:
    module, handler = FUNCTIONS[name].handler.rsplit(".", 1)
    assert callable(getattr(import_module(module), handler))


def test_every_step_of_the_rules_is_a_state_that_resume_point_leads_to() -> None:
    led: set[str] = set()
    for machine, resume_point in RESUMED_AT.items():
        states = MACHINES[machine]["States"]
        assert MACHINES[machine]["StartAt"] == resume_point
        assert states[resume_point]["Next"] == "ContinueFrom"
        choices = {choice["StringEquals"]: choice["Next"] for choice in states["ContinueFrom"]["Choices"]}
        assert choices == {step: step for step in choices}
        assert led & set(choices) <= {Step.SUPERSEDED}
        led |= set(choices)
    assert led == set(Step)


@pytest.mark.parametrize(("machine", "name", "state"), CHOICES)
def test_every_choice_has_a_default(machine: str, name: str, state: dict[str, Any]) -> None:
    assert state["Default"] == RESUMED_AT.get(machine, state["Default"]), name
    named = [choice["StringEquals"] for choice in state["Choices"] if "BooleanEquals" not in choice]
    assert set(named) <= set(Step)


def test_no_map_is_unbounded() -> None:
    maps = [state for machine in MACHINES.values() for _, state in states_of(machine) if state["Type"] == "Map"]
    assert maps
    assert all(0 < state["MaxConcurrency"] <= 10 for state in maps)


@pytest.mark.parametrize(("machine", "name", "state"), TASKS)
def test_every_task_is_bounded_retried_and_caught(machine: str, name: str, state: dict[str, Any]) -> None:
    timer = {key: state[key] for key in ("TimeoutSeconds", "TimeoutSecondsPath") if key in state}
    if state["Resource"] == WAIT:
        assert timer == {"TimeoutSecondsPath": "$.timeoutSeconds"}
        assert set(retried(state)) == SERVICE_ERRORS
        assert state["Catch"][0]["ErrorEquals"] == ["States.Timeout"]
    else:
        assert timer == {"TimeoutSeconds": 300 if state["Resource"] == NESTED else 40}
        assert {"States.TaskFailed", "States.Timeout"} <= set(retried(state))
        assert retried(state)["States.TaskFailed"] == (2, 3, 2.0, "FULL")
    if machine in RESUMED_AT:
        last = "WorkflowFailed" if name == "HandleWorkflowError" else "HandleWorkflowError"
        assert (state["Catch"][-1]["ErrorEquals"], state["Catch"][-1]["Next"]) == (["States.ALL"], last)


@pytest.mark.parametrize(("machine", "name", "state"), [case for case in TASKS if WAIT in str(case.values)])
def test_a_wait_hands_over_its_token_and_the_cue(machine: str, name: str, state: dict[str, Any]) -> None:
    of_dispute = {"disputeId.$": "$.disputeId"} if machine == DISPUTES else {}
    assert state["Parameters"]["Payload"] == {
        "requestId.$": "$.requestId",
        "generation.$": "$.generation",
        **of_dispute,
        "visits.$": "$.visits",
        "carried.$": "$",
        "wait": name,
        "taskToken.$": "$$.Task.Token",
    }


@pytest.mark.parametrize(("machine", "name", "state"), [case for case in TASKS if NESTED in str(case.values)])
def test_a_nested_execution_is_unnamed_and_gets_the_cue(machine: str, name: str, state: dict[str, Any]) -> None:
    assert machine == MACHINE
    assert "Name" not in state["Parameters"], name
    assert {"requestId.$", "generation.$", "visits.$"} <= set(state["Parameters"]["Input"])
    assert state["Parameters"]["Input"]["carried.$"] == "$"
    assert state["OutputPath"] == "$.Output"


@pytest.mark.parametrize("machine", MACHINES)
def test_the_functions_have_longer_than_a_movement_is_tried_for(machine: str) -> None:
    for _, state in states_of(MACHINES[machine]):
        if state.get("Resource") == LAMBDA:
            called = re.fullmatch(r"\$\{(.*)\}", state["Parameters"]["FunctionName"])
            assert called is not None
            assert 20 < FUNCTIONS[called[1]].timeout < state["TimeoutSeconds"]
