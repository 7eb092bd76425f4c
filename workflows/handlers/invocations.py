"""The line of the log about each invocation of a function, and what every other line has while one runs."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from models.correlation import correlated, correlated_facts
from models.errors import StoppedError
from models.log_lines import REQUEST, SERVICE_REQUEST, log_json, milliseconds
from models.spans import SpanIds, invocation_span, span_recorder
from models.storage.sent_calls import CallCount, count_calls
from workflows.executions.step_input import correlation_of

_log = structlog.get_logger("workflows")

# AWS sets it in a function's environment; the local cloud's functions write to the log of their process.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    log_json()
# Where Lambda's runtime has X-Ray's header of the invocation.
_TRACE = "_X_AMZN_TRACE_ID"
# Whether this process has run no function yet.
_is_cold = True


class Invocation(CallCount):
    """An invocation that runs, with its calls to AWS.

    Attributes:
        result: what the function returns, once it does.
    """

    result: Any = None


@contextmanager
def invocation(event: Mapping[str, Any], context: Any) -> Iterator[Invocation]:
    """Give everything that is done meanwhile the event's correlation id, and write a line about it at the end.

    Args:
        event: the function's event: a step input, an event of a bus, or records of a stream.
        context: what Lambda passes to the function.
    """
    detail = event.get("detail")
    told = detail if isinstance(detail, dict) else event
    request_id = getattr(context, "aws_request_id", None)
    about = {
        "function": getattr(context, "function_name", None),
        REQUEST: request_id,
        SERVICE_REQUEST: told.get("requestId"),
    }
    known = {name: value for name, value in about.items() if value is not None}
    correlation = correlation_of(told) or request_id
    with correlated(correlation, trace=os.environ.get(_TRACE), facts=known), invocation_span() as span:
        yield from _logged(span)


def _logged(span: SpanIds | None) -> Iterator[Invocation]:
    """Let a function run, and write its line.

    Args:
        span: what its span is called; None if nobody takes spans.
    """
    global _is_cold  # noqa: PLW0603 — a process is cold once
    running, began, facts = Invocation(), time.perf_counter(), {"cold_start": _is_cold}
    _is_cold = False
    count_calls(running)

    def line(outcome: str) -> dict[str, Any]:
        spent = milliseconds(time.perf_counter() - began)
        return {"outcome": outcome, "ms": spent, "aws_calls": running.calls, **facts}

    try:
        yield running
    except StoppedError:
        raise  # the process stops; the state machine retries elsewhere or later
    except Exception as error:
        _log.warning("function", **line(type(error).__name__))
        _record(span, running, began, type(error).__name__)
        raise
    result = running.result
    step = result.get("step") if isinstance(result, dict) else None
    _log.info("function", **({} if step is None else {"next_step": step}), **line("done"))
    _record(span, running, began, None)


def _record(span: SpanIds | None, running: Invocation, began: float, failure: str | None) -> None:
    """Tell of an invocation, if anybody takes spans."""
    if span is not None and (recorder := span_recorder()) is not None:
        about = correlated_facts()
        facts = {name: str(about[name]) for name in (REQUEST, SERVICE_REQUEST) if name in about}
        name = f"function {about.get('function', 'unknown')}"
        recorder.record(name, span, began=began, failure=failure, facts={**facts, "aws_calls": running.calls})
