"""How lines of the log look, and which lines of libraries are a client's fault."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from models.correlation import correlated
from resolvers.hosting.logs import configure_logging
from resolvers.security_log import SecurityLogLimits, limit_security_log

UVICORN = logging.getLogger("uvicorn.error")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, formatters = list(root.handlers), [handler.formatter for handler in root.handlers]
    limit_security_log(SecurityLogLimits())
    yield
    root.handlers = handlers
    for handler, formatter in zip(handlers, formatters, strict=True):
        handler.setFormatter(formatter)
    structlog.reset_defaults()


def log_to(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    """Configure the log, now that stderr is the one that is looked at."""
    logging.getLogger().handlers = [logging.StreamHandler()]
    uvicorn = logging.getLogger("uvicorn")  # another test may have left what uvicorn has by default
    uvicorn.handlers, uvicorn.propagate = [], True
    configure_logging(as_json=as_json)
    capsys.readouterr()


def test_json_has_the_request_on_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to(capsys, as_json=True)
    with correlated("abc"):
        structlog.get_logger("x").info("done", rows=2)
        logging.getLogger("library").warning("slow: %s", "x")
    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["rows"], ours["level"], ours["correlation_id"]) == ("done", 2, "info", "abc")
    assert (theirs["event"], theirs["logger"], theirs["correlation_id"]) == ("slow: x", "library", "abc")


def test_a_line_for_people_says_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    log_to(capsys, as_json=False)
    log = structlog.get_logger("x")
    log.info("operation", address="127.0.0.1", request_id="abc", correlation_id="abc", outcome="done")
    log.info("function", request_id="def", correlation_id="abc", service_request_id="ghi", cold_start=False)
    log.info("function", address="10.0.0.1", request_id="def", correlation_id="abc", cold_start=True)
    times, said = zip(*(line.split(maxsplit=1) for line in capsys.readouterr().err.splitlines()), strict=True)
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", time) for time in times)
    assert [" ".join(one.split()) for one in said] == [
        "[info ] operation correlation_id=abc outcome=done",
        "[info ] function correlation_id=abc service_request_id=ghi",
        "[info ] function address=10.0.0.1 request_id=def correlation_id=abc cold_start=True",
    ]


def test_a_traceback_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    log_to(capsys, as_json=True)
    try:
        raise LookupError("no row")  # noqa: TRY301 — something to log
    except LookupError as error:
        structlog.get_logger("x").error("unexpected error", exc_info=error)
    (line,) = capsys.readouterr().err.splitlines()
    assert "LookupError: no row" in json.loads(line)["exception"]


@pytest.mark.parametrize("forged", ["a\nb", "a\x1b[2Jb", "a\rb", "a\u2028b", "a\x00b"])
def test_a_clients_text_makes_no_line_and_no_colour(capsys: pytest.CaptureFixture[str], forged: str) -> None:
    for as_json in (False, True):
        log_to(capsys, as_json=as_json)
        structlog.get_logger("x").info("refused", host=forged)
        logging.getLogger("library").warning("odd host %s", forged)
        written = capsys.readouterr().err
        assert written.count("\n") == 2
        assert all(part.isprintable() or part == "\u2028" for part in written.split("\n"))


@pytest.mark.parametrize(
    "message",
    [
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "Invalid UTF-8 sequence received from client.",
    ],
)
def test_a_clients_fault_is_a_line_of_the_security_log(capsys: pytest.CaptureFixture[str], message: str) -> None:
    log_to(capsys, as_json=True)
    try:
        b"\xff".decode()
    except UnicodeDecodeError:
        UVICORN.exception(message)
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["event"], line["level"]) == ("connection refused", "info")
    assert "exception" not in line


def test_what_is_no_clients_fault_stays(capsys: pytest.CaptureFixture[str]) -> None:
    log_to(capsys, as_json=True)
    UVICORN.error("Exception in ASGI application")
    UVICORN.error("ASGI callable returned without completing handshake.")
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert line["event"] == "Exception in ASGI application"
