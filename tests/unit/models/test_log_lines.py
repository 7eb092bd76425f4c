"""Lines of the log name what they are about, and no caller in the clear."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO

import pytest
import structlog

from models.correlation import correlate, correlated
from models.log_lines import caller_hash, log_json, milliseconds

ROOT = "1-67891233-abcdef012345678912345678"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    structlog.contextvars.clear_contextvars()
    with correlated(None):
        yield
    structlog.reset_defaults()


def test_a_caller_is_known_by_a_hash_which_is_the_same_everywhere() -> None:
    sub = "6a1c2f0e-5d1b-5c36-9b7e-2f4f5f0a7c11"
    assert caller_hash(sub) == caller_hash(sub) != caller_hash("another")
    assert len(caller_hash(sub)) == 16
    assert caller_hash(sub) not in sub
    assert caller_hash(None) == "nobody"
    assert len(caller_hash("\ud800")) == 16


def test_a_duration_is_said_in_tenths_of_milliseconds() -> None:
    assert milliseconds(0.012345) == 12.3


def test_a_line_is_json_with_level_time_and_what_it_belongs_to() -> None:
    file = StringIO()
    log_json(file)
    log = structlog.get_logger("x")
    with correlated("abc", f"Root={ROOT}", {"function": "f"}):
        log.info("done", rows=2)
        log.debug("too much")
        log.info("done", correlation_id="its own")
    log.info("on its own")
    first, second, third = [json.loads(line) for line in file.getvalue().splitlines()]
    assert datetime.fromisoformat(first.pop("timestamp")).tzinfo is UTC
    assert first == {
        "event": "done",
        "level": "info",
        "rows": 2,
        "function": "f",
        "correlation_id": "abc",
        "trace_id": ROOT,
    }
    assert second["correlation_id"] == "its own"
    assert "correlation_id" not in third


def test_a_line_says_what_is_known_of_the_request() -> None:
    file = StringIO()
    log_json(file)
    with correlated(None):
        correlate("abc", facts={"address": "192.0.2.1", "rows": "its own"})
        with correlated("part"):
            structlog.get_logger("x").info("done", rows=2)
    line = json.loads(file.getvalue())
    assert (line["correlation_id"], line["address"], line["rows"]) == ("part", "192.0.2.1", 2)


def test_a_function_of_aws_writes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    log_json()
    structlog.get_logger("x").info("done")
    assert json.loads(capsys.readouterr().out)["event"] == "done"


def test_a_traceback_is_one_text() -> None:
    file = StringIO()
    log_json(file)
    try:
        raise LookupError("no row")  # noqa: TRY301 — something to log
    except LookupError as error:
        structlog.get_logger("x").error("failed", exc_info=error)
    assert "LookupError: no row" in json.loads(file.getvalue())["exception"]
