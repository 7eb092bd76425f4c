"""Spans as OpenTelemetry's: with the ids that follow from their correlation ids, sent by OTLP over HTTP.

Where to, with which headers, how many of them, and under which service's name, OpenTelemetry's own variables say.
"""

import threading
import time

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from models.correlation import correlation_id
from models.spans import Facts, span_of, trace_of

_NAME = "hourbank"


def sending_provider() -> TracerProvider:
    """Return what sends spans, from a thread of its own, in batches."""
    provider = correlated_provider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def correlated_provider() -> TracerProvider:
    """Return what makes spans with the ids that follow from their correlation ids, and sends none yet."""
    resource = Resource({SERVICE_NAME: _NAME}).merge(OTELResourceDetector().detect())
    return TracerProvider(resource=resource, id_generator=_CorrelatedIds(), shutdown_on_exit=False)


class _CorrelatedIds(RandomIdGenerator):
    """Gives a root, which alone needs a trace's id, the ids that follow from the correlation id."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def generate_trace_id(self) -> int:
        """Return the id of a root's trace."""
        current = correlation_id()
        if current is None:
            return super().generate_trace_id()
        self._of_thread.root = int(span_of(current), 16)
        return int(trace_of(current), 16)

    def generate_span_id(self) -> int:
        """Return the id of the root whose trace was just asked for, else a random one."""
        root: int | None = self._of_thread.__dict__.pop("root", None)
        return root or super().generate_span_id()

    def is_trace_id_random(self) -> bool:
        """Return that some ids are not."""
        return False


class OpenTelemetrySpans:
    """Records spans.

    Args:
        provider: makes them, and sends them.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer(_NAME)

    def record(self, name: str, *, began: float, failure: str | None, facts: Facts, is_root: bool = False) -> None:
        """Take a span that ends now; see `models.spans.Recorder`."""
        if (current := correlation_id()) is None:
            return
        ended = time.time_ns()
        span = self._tracer.start_span(
            name,
            context=Context() if is_root else _part_of(current),
            kind=SpanKind.SERVER if is_root else SpanKind.INTERNAL,
            attributes={**facts, "correlation_id": current},
            start_time=ended - int((time.perf_counter() - began) * 1e9),
        )
        if failure is not None:
            span.set_status(StatusCode.ERROR, failure)
        span.end(ended)


def _part_of(correlation_id: str) -> Context:
    """Return the context of an operation's span, which may be recorded later, or by another process."""
    operation = SpanContext(
        int(trace_of(correlation_id), 16),
        int(span_of(correlation_id), 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(NonRecordingSpan(operation), Context())
