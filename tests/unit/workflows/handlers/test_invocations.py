"""Each invocation leaves one line, and everything within it has the correlation id of what set it going."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.correlation import correlated, correlation_id, trace_id
from models.errors import StoppedError
from models.log_lines import begun_lines
from models.settings import Settings
from models.storage.calls import BlockingCalls
from workflows.executions.services import Services
from workflows.executions.step_input import StepInput
from workflows.handlers import bootstrap
from workflows.handlers.bootstrap import Event, lambda_handler, step_handler

CONTEXT = SimpleNamespace(function_name="hourbank-resumePoint", aws_request_id="of the invocation")
STEP = {"requestId": "r1", "generation": 0, "correlationId": "of the mutation"}


@pytest.fixture(autouse=True)
def _services(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bootstrap, "services", lambda: Services.over(BlockingCalls(), Settings()))
    with correlated(None):
        yield


def run(event: Event, error: Exception | None = None, result: Any = None) -> tuple[str | None, list[Any]]:
    """Run a handler; return the correlation id that it saw, and the lines of the log."""
    seen: list[str | None] = []

    @lambda_handler
    async def work(_services: Services, _event: Event) -> Any:
        seen.append(correlation_id())
        if error is not None:
            raise error
        return result

    with capture_logs(processors=begun_lines()[:1]) as lines:
        try:
            work(event, CONTEXT)
        except Exception as raised:  # noqa: BLE001 — whatever it is
            assert raised is error  # noqa: PT017 — both cases are looked at
    assert correlation_id() is None
    return seen[0], lines


def test_a_step_is_one_line_with_its_outcome() -> None:
    seen, (line,) = run(STEP, result={"step": "ValidateRequest"})
    assert seen == "of the mutation"
    assert line.pop("ms") >= 0
    line.pop("cold_start")
    assert line == {
        "event": "function",
        "log_level": "info",
        "function": "hourbank-resumePoint",
        "request_id": "of the invocation",
        "service_request_id": "r1",
        "correlation_id": "of the mutation",
        "next_step": "ValidateRequest",
        "outcome": "done",
        "aws_calls": 0,
    }


def test_a_failure_is_a_warning_that_names_the_error() -> None:
    _, (line,) = run(STEP, error=LookupError("a row that is nobody's business"))
    assert (line["log_level"], line["outcome"], line["service_request_id"]) == ("warning", "LookupError", "r1")
    assert "business" not in str(line)


def test_a_process_that_stops_has_failed_in_nothing() -> None:
    assert run(STEP, error=StoppedError("stopping"))[1] == []


@pytest.mark.parametrize(
    ("event", "expected", "about"),
    [
        ({"requestId": "r1", "carried": {"correlationId": "a"}}, "a", "r1"),
        ({"requestId": "r1", "carried": {}}, "of the invocation", "r1"),
        ({"requestId": "r1", "carried": "nonsense", "correlationId": None}, "of the invocation", "r1"),
        ({"detail": {"requestId": "r2", "correlationId": "b"}}, "b", "r2"),
        ({"detail": {"executionArn": "arn"}}, "of the invocation", None),
        ({"Records": []}, "of the invocation", None),
    ],
)
def test_the_id_comes_from_what_the_event_carries(event: Event, expected: str, about: str | None) -> None:
    seen, (line,) = run(event)
    assert (seen, line.get("service_request_id")) == (expected, about)


def test_a_trace_that_lambda_knows_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    root = "1-67891233-abcdef012345678912345678"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1")
    seen = []

    @lambda_handler
    async def work(_services: Services, _event: Event) -> None:
        seen.append(trace_id())

    work(STEP, CONTEXT)
    assert seen == [root]


def test_a_step_hands_the_id_on() -> None:
    @step_handler
    async def step(_services: Services, step_input: StepInput) -> StepInput:
        return step_input

    assert step({**STEP, "correlationId": None, "carried": STEP}, CONTEXT)["correlationId"] == "of the mutation"
