"""Spans as OpenTelemetry's: with the ids that follow from their correlation ids, sent by OTLP over HTTP.

Where to, with which headers, how many of them, and under which service's name, OpenTelemetry's own variables say.
"""

import threading
import time

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from models.correlation import correlation_id
from models.spans import Facts, SpanIds, trace_of

_NAME = "hourbank"


def sent_spans() -> "OpenTelemetrySpans":
    """Return what sends spans, in batches from a thread of its own."""
    return OpenTelemetrySpans(BatchSpanProcessor(OTLPSpanExporter()))


class _GivenIds(RandomIdGenerator):
    """Gives the next span that this thread starts the ids that it was told; others get random ones."""

    def __init__(self) -> None:
        self._next = threading.local()

    def tell(self, trace_id: str, span_id: str | None) -> None:
        """Let the next span have these ids; None for any."""
        self._next.trace, self._next.span = int(trace_id, 16), None if span_id is None else int(span_id, 16)

    def generate_trace_id(self) -> int:
        """Return the id of the trace whose root is started."""
        told: int = self._next.trace
        return told

    def generate_span_id(self) -> int:
        """Return the id of the span that is started."""
        told: int | None = self._next.span
        return told or super().generate_span_id()

    def is_trace_id_random(self) -> bool:
        """Return that some ids are not."""
        return False


class OpenTelemetrySpans:
    """Records spans.

    Args:
        processor: takes them, and sends them.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        self._ids = _GivenIds()
        resource = Resource({SERVICE_NAME: _NAME}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(_NAME)

    def record(self, name: str, span: SpanIds, *, began: float, failure: str | None, facts: Facts) -> None:
        """Take a span that ends now; see `models.spans.Recorder`."""
        if (current := correlation_id()) is None:
            return
        ended, trace_id = time.time_ns(), trace_of(current)
        self._ids.tell(trace_id, span.own)
        started = self._tracer.start_span(
            name,
            context=Context() if span.parent is None else _part_of(trace_id, span.parent),
            kind=SpanKind.SERVER if span.parent is None else SpanKind.INTERNAL,
            attributes={**facts, "correlation_id": current},
            start_time=ended - int((time.perf_counter() - began) * 1e9),
        )
        if failure is not None:
            started.set_status(StatusCode.ERROR, failure)
        started.end(ended)

    def close(self) -> None:
        """Send what is left, and take no more."""
        self._provider.shutdown()


def _part_of(trace_id: str, span_id: str) -> Context:
    """Return the context of a span that may be recorded later, or by another process."""
    flags = TraceFlags(TraceFlags.SAMPLED)
    whole = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(whole), Context())
