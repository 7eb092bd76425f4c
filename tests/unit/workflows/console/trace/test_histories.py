"""An execution's states, as AWS tells of them."""

import json
from collections.abc import Iterator

from models.storage.calls import drive
from models.storage.names import Names
from tests.unit.workflows.console.trace.remembered import StepFunctions, at
from workflows.console.trace.histories import Histories
from workflows.console.trace.spans import Span

NAMES = Names(stack="hour-bank", region="us-east-1", account="000000000000")
OUTER = NAMES.execution_arn("ServiceRequestWorkflow", "r1")
INNER = NAMES.execution_arn("EscrowManagementWorkflow", "e1")


def read(calls: StepFunctions, arn: str = OUTER) -> Span | None:
    return drive(Histories(calls, NAMES).read(arn))


def shown(span: Span) -> Iterator[tuple[str, float | None, str]]:
    """Yield a span's parts: name, seconds, outcome."""
    for one in span.within:
        assert isinstance(one, Span)
        lasted = None if one.ended is None else (one.ended - one.began).total_seconds()
        yield one.name, lasted, one.outcome


def test_states_have_their_times_and_choices_are_left_out() -> None:
    calls = StepFunctions()
    calls.tell(OUTER, 0, "ExecutionStarted")
    calls.tell(OUTER, 1, "TaskStateEntered", name="ResumePoint")
    calls.tell(OUTER, 2, "TaskStateExited", name="ResumePoint")
    calls.tell(OUTER, 2, "ChoiceStateEntered", name="ContinueFrom")
    calls.tell(OUTER, 2, "ChoiceStateExited", name="ContinueFrom")
    calls.tell(OUTER, 2, "TaskStateEntered", name="WaitForProviderResponse")
    span = read(calls)
    assert span is not None
    assert (span.name, span.ended, span.outcome) == ("ServiceRequestWorkflow r1", None, "RUNNING")
    assert list(shown(span)) == [("ResumePoint", 1, ""), ("WaitForProviderResponse", None, "")]


def test_an_execution_that_a_state_has_started_is_in_that_state_once() -> None:
    calls = StepFunctions(r1=9, e1=5)
    calls.tell(OUTER, 1, "TaskStateEntered", name="ProcessPayment")
    calls.tell(OUTER, 1, "TaskSubmitted", output=json.dumps({"ExecutionArn": INNER}))
    calls.tell(OUTER, 6, "TaskSucceeded", output=json.dumps({"ExecutionArn": INNER, "Output": {}}))
    calls.tell(OUTER, 6, "TaskStateExited", name="ProcessPayment")
    calls.tell(INNER, 2, "TaskStateEntered", name="ProcessEscrowRelease")
    calls.tell(INNER, 3, "TaskStateExited", name="ProcessEscrowRelease")
    span = read(calls)
    assert span is not None
    (payment,) = span.within
    assert isinstance(payment, Span)
    (inner,) = payment.within
    assert isinstance(inner, Span)
    assert inner.name == "EscrowManagementWorkflow e1"
    assert list(shown(inner)) == [("ProcessEscrowRelease", 1, "")]


def test_an_error_is_told_and_a_wait_that_is_over_is_no_fault() -> None:
    calls = StepFunctions(r1=8)
    calls.tell(OUTER, 1, "TaskStateEntered", name="WaitForProviderResponse")
    calls.tell(OUTER, 2, "TaskTimedOut", error="States.Timeout")
    calls.tell(OUTER, 2, "TaskStateExited", name="WaitForProviderResponse")
    calls.tell(OUTER, 3, "TaskStateEntered", name="ExpireRequest")
    calls.tell(OUTER, 4, "TaskFailed", error="BrokenLedgerError", cause="x" * 999)
    calls.tell(OUTER, 8, "ExecutionAborted")
    span = read(calls)
    assert span is not None
    waited, failed = span.within
    assert isinstance(waited, Span)
    assert isinstance(failed, Span)
    assert (waited.outcome, waited.is_bad) == ("States.Timeout", False)
    assert failed.outcome.startswith("ExecutionAborted")
    assert (failed.is_bad, failed.ended) == (True, at(8))


def test_of_an_error_the_cause_is_cut() -> None:
    calls = StepFunctions()
    calls.tell(OUTER, 3, "TaskStateEntered", name="ExpireRequest")
    calls.tell(OUTER, 4, "TaskFailed", error="BrokenLedgerError", cause="x" * 999)
    span = read(calls)
    assert span is not None
    assert list(shown(span)) == [("ExpireRequest", None, f"BrokenLedgerError: {'x' * 200}")]


def test_an_execution_that_is_forgotten_is_none() -> None:
    assert read(StepFunctions()) is None
