"""What travels through the state machine."""

import json

import pytest

from models.correlation import correlated
from models.requests.statuses import Step
from models.requests.windows import DEFAULT_WINDOWS
from tests.unit.builders import NOW, REQUEST_ID, make_request
from tests.unit.places import bank_at
from workflows.executions.step_input import MOST_VISITS, StepInput

STEP_INPUT = StepInput(request_id=REQUEST_ID, generation=2, visits=3, correlation_id="abc")


def test_a_step_input_survives_the_machine() -> None:
    assert StepInput.read(json.loads(json.dumps(STEP_INPUT.as_json()))) == STEP_INPUT


def test_an_execution_begins_without_visits() -> None:
    assert StepInput.of(make_request(generation=4)) == StepInput(request_id=REQUEST_ID, generation=4)
    assert StepInput.read({"requestId": REQUEST_ID, "generation": 4}).visits == 0
    with correlated("abc"):
        assert StepInput.of(make_request()).correlation_id == "abc"


def test_no_execution_runs_in_circles_for_ever() -> None:
    step_input = StepInput(request_id=REQUEST_ID, generation=0)
    for visits in range(1, MOST_VISITS + 1):
        step_input = step_input.visited()
        assert step_input.visits == visits
    with pytest.raises(RuntimeError, match="circles"):
        step_input.visited()


def test_the_input_onward_names_the_step_and_its_timer() -> None:
    bank = bank_at("ESCROWED")
    onward = STEP_INPUT.onward(bank.requests[REQUEST_ID], DEFAULT_WINDOWS, bank.now)
    assert onward.as_json() == {
        "requestId": REQUEST_ID,
        "generation": 2,
        "disputeId": None,
        "visits": 3,
        "correlationId": "abc",
        "step": "WaitForProviderResponse",
        "timeoutSeconds": 24 * 3600 + 1,
    }
    given = STEP_INPUT.onward(make_request(), DEFAULT_WINDOWS, NOW, step=Step.CREATE_ESCROW)
    assert given.step is Step.CREATE_ESCROW


@pytest.mark.parametrize(
    ("place", "step"),
    [
        ("DISPUTED", Step.WAIT_FOR_ADMIN_DECISION),
        ("DISPUTED heard late", Step.RAISE_DISPUTE_ALARM),
        ("DISPUTED decided", Step.PARTIAL_REFUND),
        ("GRANTED", Step.NOTIFY_DISPUTE_PARTIES),
        ("DISMISSED", Step.NOTIFY_DISPUTE_PARTIES),
    ],
)
def test_a_disputes_execution_ends_when_it_is_decided_and_the_requests_when_it_is_raised(
    place: str, step: Step
) -> None:
    bank = bank_at(place)
    request = bank.requests[REQUEST_ID]
    deciding = StepInput(request_id=REQUEST_ID, generation=0, dispute_id=request.disputes[-1].id)
    assert deciding.onward(request, DEFAULT_WINDOWS, bank.now).step is step
    assert not deciding.is_outdated(request)
    moving = StepInput(request_id=REQUEST_ID, generation=0)
    if request.dispute:
        assert StepInput.of(request) == deciding
        assert moving.onward(request, DEFAULT_WINDOWS, bank.now).step is Step.HANDLE_DISPUTE
    assert moving.is_outdated(request) == (place == "DISMISSED")


def test_a_superseded_execution_is_led_to_its_end() -> None:
    assert STEP_INPUT.superseded().as_json()["step"] == "Superseded"
