"""An execution is named by what it moves, and kept going whatever became of it."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from models.correlation import correlated
from models.requests import recovery
from models.requests.request import Request
from models.requests.windows import DEFAULT_WINDOWS
from models.storage.calls import BlockingCalls
from models.storage.names import Names
from models.transactions.moves import Moved, Transactions
from tests.unit.builders import REQUEST_ID, Bank
from tests.unit.places import DISPUTE_RULES, bank_at, request_at
from workflows.executions.requests import (
    DISPUTES,
    MACHINE,
    Executions,
    execution_name,
    execution_of,
    request_id_of,
)

NAMES = Names(stack="hourbank", region="us-east-1", account="000000000000")


@pytest.mark.parametrize(
    ("generation", "name"), [(0, REQUEST_ID), (1, f"{REQUEST_ID}-r1"), (12, f"{REQUEST_ID}-r12")]
)
def test_an_execution_is_named_by_its_request(generation: int, name: str) -> None:
    arn = f"arn:aws:states:us-east-1:000000000000:execution:hourbank-ServiceRequestWorkflow:{name}"
    assert execution_name(REQUEST_ID, generation) == name
    assert request_id_of(arn) == REQUEST_ID


def test_a_disputes_execution_is_named_by_the_dispute() -> None:
    request = request_at("DISPUTED")
    assert request.dispute is not None
    assert execution_of(request) == (DISPUTES, request.dispute.id)
    assert execution_of(replace(request, generation=2)) == (DISPUTES, f"{request.dispute.id}-r2")
    assert execution_of(request_at("DISMISSED")) == (MACHINE, f"{REQUEST_ID}-r1")


class StepFunctions(BlockingCalls):
    """Step Functions with one execution.

    Args:
        status: its status; None if it is missing.
        waits: whether it waits with any token.
        done: where each call is noted.
    """

    def __init__(self, status: str | None, done: list[str], *, waits: bool) -> None:
        self._status = status
        self._waits = waits
        self._done = done

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        assert (service, bool(params)) == ("stepfunctions", True)
        self._done.append(operation)
        if operation == "describe_execution" and self._status is None:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, operation)
        if operation == "send_task_success" and not self._waits:
            raise ClientError({"Error": {"Code": "TaskTimedOut"}}, operation)
        return {"status": self._status}


class InMemory(Transactions):
    """Transactions of a bank in memory; each rule is noted."""

    def __init__(self, bank: Bank, done: list[str]) -> None:
        self._bank = bank
        self._done = done

    async def read(self, request_id: str) -> Request | None:
        return self._bank.requests[request_id]

    async def move(self, request_id: str, rule: Any, **_options: Any) -> Moved:
        self._done.append(getattr(rule, "func", rule).__name__)
        before = self._bank.requests[request_id]
        self._bank.move(rule)
        return Moved(before=before, request=self._bank.requests[request_id])


def executions_of(bank: Bank, done: list[str], status: str | None, *, waits: bool = True) -> Executions:
    calls = StepFunctions(status, done, waits=waits)
    return Executions(calls, NAMES, InMemory(bank, done), windows=DEFAULT_WINDOWS, clock=lambda: bank.now)


SOON, LATE = timedelta(minutes=5), timedelta(minutes=5, seconds=1)
LOOK, COMPLETE, RESUME = ["look_later"], ["send_task_success"], ["resume", "start_execution"]


@pytest.mark.parametrize(
    ("place", "status", "waits", "after", "actions"),
    [
        ("AWAITING", None, False, LATE, ["start_execution", *LOOK]),
        ("AWAITING", "RUNNING", False, LATE, LOOK),
        ("VALIDATING", "RUNNING", False, LATE, LOOK),
        ("AWAITING accepted", "RUNNING", True, LATE, [*COMPLETE, *LOOK]),
        ("AWAITING late", "RUNNING", True, LATE, [*COMPLETE, *LOOK]),
        ("AWAITING accepted", "RUNNING", False, SOON, [*COMPLETE, *LOOK]),
        ("AWAITING late", "RUNNING", False, SOON, [*COMPLETE, *LOOK]),
        ("AWAITING accepted", "RUNNING", False, LATE, [*COMPLETE, *RESUME]),
        ("AWAITING late", "RUNNING", False, LATE, [*COMPLETE, *RESUME]),
        ("AWAITING", "FAILED", False, SOON, RESUME),
        ("AWAITING accepted", "SUCCEEDED", True, LATE, RESUME),
    ],
)
async def test_progress_is_ensured_by_the_table(
    place: str, status: str | None, *, waits: bool, after: timedelta, actions: list[str]
) -> None:
    bank = bank_at(place)
    done: list[str] = []
    bank.now += after
    await executions_of(bank, done, status, waits=waits).ensure_progress(bank.requests[REQUEST_ID])
    assert done == ["describe_execution", *actions]


async def test_a_request_that_is_over_needs_no_execution() -> None:
    bank = bank_at("REJECTED")
    done: list[str] = []
    await executions_of(bank, done, None).ensure_progress(bank.requests[REQUEST_ID])
    assert done == []


async def test_a_request_that_keeps_failing_is_given_up() -> None:
    bank = bank_at("AWAITING")
    done: list[str] = []
    bank.move(partial(recovery.note_failure, error="States.Runtime", cause="x"))
    bank.now += recovery.RESUMED_FOR + timedelta(seconds=1)
    await executions_of(bank, done, "FAILED").ensure_progress(bank.requests[REQUEST_ID])
    assert done == ["describe_execution", "give_up"]


async def test_failures_during_an_outage_do_not_count() -> None:
    bank = bank_at("AWAITING")
    done: list[str] = []
    bank.move(partial(recovery.note_failure, error="States.Runtime", cause="x"))
    bank.now += recovery.RESUMED_FOR + timedelta(seconds=1)
    await executions_of(bank, done, "FAILED").ensure_progress_after_outage(bank.requests[REQUEST_ID])
    assert done == ["begin_anew", "describe_execution", *RESUME]
    assert bank.requests[REQUEST_ID].generation == 1


async def test_a_request_that_was_disputed_since_it_was_read_is_resumed_by_its_disputes_execution() -> None:
    bank = bank_at("IN_PROGRESS")
    before = bank.requests[REQUEST_ID]
    assert before.dispute is None
    bank.move(DISPUTE_RULES["dispute"])
    await executions_of(bank, [], "FAILED").resume(before)
    (dispute,) = bank.disputes.values()
    after = bank.requests[REQUEST_ID]
    assert dispute.step_function_execution_arn == NAMES.execution_arn(*execution_of(after))
    assert execution_of(after) == (DISPUTES, f"{dispute.id}-r1")
    assert after.step_function_execution_arn == before.step_function_execution_arn


class Started(BlockingCalls):
    """Step Functions that notes with what executions are started and waits completed."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Note the parameters."""
        assert (service, operation) in {
            ("stepfunctions", "start_execution"),
            ("stepfunctions", "send_task_success"),
        }
        self.sent.append(params)
        return {}


async def test_what_is_started_and_completed_names_who_set_it_going() -> None:
    calls, bank = Started(), bank_at("AWAITING accepted")
    request = bank.requests[REQUEST_ID]
    executions = Executions(calls, NAMES, InMemory(bank, []), windows=DEFAULT_WINDOWS, clock=lambda: bank.now)
    assert request.wait is not None
    with correlated("abc", "Root=1-67891233-abcdef012345678912345678;Self=1"):
        await executions.start(request)
        await executions.complete_wait(request, request.wait)
    await executions.start(request)
    traced, completed, plain = calls.sent
    assert json.loads(traced["input"])["correlationId"] == "abc"
    assert traced["traceHeader"] == "Root=1-67891233-abcdef012345678912345678"
    assert json.loads(completed["output"])["correlationId"] == "abc"
    assert json.loads(plain["input"])["correlationId"] is None
    assert "traceHeader" not in plain
