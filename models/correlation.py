"""The correlation id: names what set something going, in every line of the log and every event about it.

On a server it is the id of the GraphQL request, which the answer's `x-amzn-RequestId` has, too. It travels with
the input of executions and with events, so that whatever handles a request's steps has the id of the GraphQL
request that was the last to move it. What nobody asked for, such as the sweep, has the id of the function's
invocation.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

# The parts of X-Ray's header that name a trace; load balancers add parts of their own.
_TRACE_PARTS = re.compile(
    r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(?=;|$)|Parent=[0-9a-f]{16}(?=;|$)|Sampled=[01?](?=;|$)", re.ASCII
)

_ROOT = "Root="
_NO_FACTS: Mapping[str, str] = {}
# The correlation id, the `x-amzn-trace-id` that came with it, and what else is said of it. One variable for all
# three: each that is set costs every request a microsecond.
_current: ContextVar[tuple[str | None, str | None, Mapping[str, str]]] = ContextVar(
    "correlation", default=(None, None, _NO_FACTS)
)


def correlate(correlation_id: str, trace: str | None = None, facts: Mapping[str, str] = _NO_FACTS) -> None:
    """Let whatever this task does from now on have this correlation id.

    Args:
        correlation_id: the id.
        trace: the `x-amzn-trace-id` that came with it.
        facts: what each line of the log says, too, instead of what it said before.
    """
    _current.set((correlation_id, trace, facts))


@contextmanager
def correlated(
    correlation_id: str | None, trace: str | None = None, facts: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Let whatever is done until the context ends have this correlation id.

    Args:
        correlation_id: the id.
        trace: the `x-amzn-trace-id` that came with it.
        facts: what each line of the log says, too; None for what it said before.
    """
    before = _current.set((correlation_id, trace, correlated_facts() if facts is None else facts))
    try:
        yield
    finally:
        _current.reset(before)


def correlation_id() -> str | None:
    """Return the correlation id of what is being done; None if it has none."""
    return _current.get()[0]


def correlated_facts() -> Mapping[str, str]:
    """Return what each line of the log says of what is being done, beside its correlation id."""
    return _current.get()[2]


def trace_header() -> str | None:
    """Return X-Ray's header for what is called now, None if no trace is known."""
    parts = _TRACE_PARTS.findall(_current.get()[1] or "")
    return ";".join(parts) if any(part.startswith(_ROOT) for part in parts) else None


def trace_id() -> str | None:
    """Return the id of X-Ray's trace that this belongs to, None if it belongs to none."""
    parts = (trace_header() or "").split(";")
    return next((part.removeprefix(_ROOT) for part in parts if part.startswith(_ROOT)), None)
