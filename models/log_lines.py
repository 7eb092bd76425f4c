"""What lines of the log have in common, in the server and in the functions."""

import logging
from collections.abc import MutableMapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, TextIO

import structlog

from models.correlation import correlated_facts, correlation_id, trace_id

# The names under which lines say what they are about.
REQUEST, CORRELATION, SERVICE_REQUEST, TRACE = "request_id", "correlation_id", "service_request_id", "trace_id"
_HASH_DIGITS = 16
_COULD_BE_ANYBODY = "nobody"


@lru_cache(maxsize=1024)  # each line needs it
def caller_hash(sub: str | None) -> str:
    """Return what stands for a caller in the log: the same for all of their lines, and not their `sub` itself."""
    return _COULD_BE_ANYBODY if sub is None else sha256(sub.encode(errors="replace")).hexdigest()[:_HASH_DIGITS]


def milliseconds(seconds: float) -> float:
    """Return a duration as lines say it."""
    return round(seconds * 1000, 1)


def _correlated(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the facts of what is being done, its correlation id, and the id of its trace."""
    for name, value in correlated_facts().items():
        line.setdefault(name, value)
    if (current := correlation_id()) is not None:
        line.setdefault(CORRELATION, current)
    if (trace := trace_id()) is not None:
        line[TRACE] = trace
    return line


def begun_lines() -> list[structlog.typing.Processor]:
    """Return what begins each line: what it is about, its level and its time."""
    return [
        _correlated,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]


def json_lines() -> list[structlog.typing.Processor]:
    """Return what makes a line of JSON of it, with a traceback in one text."""
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def log_json(file: TextIO | None = None) -> None:
    """Write a line of JSON for each event, from level INFO; what a function of AWS is to do.

    Args:
        file: where they go, if not to stdout.
    """
    structlog.configure(
        processors=[*begun_lines(), *json_lines()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=file),
    )
