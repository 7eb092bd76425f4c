"""Spans of traces: what took time, told to whoever records it; without anybody, telling costs next to nothing.

All spans of one correlation id belong to one trace, whose id follows from it, and are parts of the span of the
operation, whose id follows from it, too: so whoever knows the correlation id can tell of a part, in any process.
What a function does is a part of its invocation, which is a part of the operation.
"""

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from models.correlation import correlation_id, trace_header
from models.identifiers import is_uuid

Facts = Mapping[str, str | int | float | bool]
_ROOT = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?=;|$)", re.ASCII)
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16


class Recorder(Protocol):
    """Takes the spans of a process."""

    def record(self, name: str, span: "SpanIds", *, began: float, failure: str | None, facts: Facts) -> None:
        """Take a span that ends now and belongs to the current correlation id.

        Args:
            name: what it is.
            span: what it is called, and of what it is a part.
            began: when, by `time.perf_counter`.
            failure: what went wrong; None if nothing did.
            facts: what else is known of it.
        """


@dataclass(frozen=True, slots=True)
class SpanIds:
    """What a span is called, in 16 hexadecimal digits.

    Args:
        own: its id; None for any.
        parent: the id of the span of which it is a part; None for the root.
    """

    own: str | None
    parent: str | None


_recorder: Recorder | None = None
# The id of the span of the invocation that runs here.
_invocation: ContextVar[str | None] = ContextVar("invocation's span", default=None)


def record_spans(recorder: Recorder | None) -> None:
    """Let a recorder take the spans of this process; None for nobody."""
    global _recorder  # noqa: PLW0603 — a process sends its spans to one place
    _recorder = recorder


def span_recorder() -> Recorder | None:
    """Return who takes the spans of what is done now; None if nobody does, or it has no correlation id."""
    return None if _recorder is None or correlation_id() is None else _recorder


@contextmanager
def spanned(name: str) -> Iterator[None]:
    """Tell of what is done within the context, if anybody takes spans."""
    if (recorder := span_recorder()) is None:
        yield
        return
    began = time.perf_counter()
    failure: str | None = None
    try:
        yield
    except BaseException as error:
        failure = type(error).__name__
        raise
    finally:
        recorder.record(name, part_of_current(), began=began, failure=failure, facts={})


@contextmanager
def invocation_span() -> Iterator[SpanIds | None]:
    """Let what is told of within the context be parts of a span, which is a part of the operation.

    Yields:
        What that span is called; None if nobody takes spans.
    """
    if span_recorder() is None:
        yield None
        return
    ids = SpanIds(secrets.token_hex(_SPAN_DIGITS // 2), root_span().own)
    before = _invocation.set(ids.own)
    try:
        yield ids
    finally:
        _invocation.reset(before)


def root_span() -> SpanIds:
    """Return what the operation's span is called."""
    return SpanIds(span_of(correlation_id() or ""), None)


def part_of_current() -> SpanIds:
    """Return that a span is a part of the invocation that runs, else of the operation."""
    return SpanIds(None, _invocation.get() or root_span().own)


def trace_of(correlation_id: str) -> str:
    """Return the id of a correlation id's trace: its digits if it is a UUID, X-Ray's if it is X-Ray's header."""
    if (root := _ROOT.search(correlation_id)) is not None:
        return root[1] + root[2]
    if is_uuid(correlation_id) and correlation_id.strip("0-"):
        return correlation_id.replace("-", "").lower()
    return sha256(correlation_id.encode()).hexdigest()[:_TRACE_DIGITS]


def span_of(correlation_id: str) -> str:
    """Return the id of the span of an operation, of which all other spans of its correlation id are parts."""
    return sha256(correlation_id.encode()).hexdigest()[-_SPAN_DIGITS:]


def trace_handed_on() -> str | None:
    """Return X-Ray's header for what is begun now: the one that came, or that of the trace that is recorded."""
    if (came := trace_header()) is not None or _recorder is None or (current := correlation_id()) is None:
        return came
    trace = trace_of(current)
    return f"Root=1-{trace[:8]}-{trace[8:]};Parent={span_of(current)};Sampled=1"
