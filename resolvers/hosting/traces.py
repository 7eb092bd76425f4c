"""Whether this process sends OpenTelemetry's traces: if it is told to, and OpenTelemetry is installed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import ExpectedError
from models.spans import record_spans

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class TracesError(ExpectedError):
    """Traces are wanted, and OpenTelemetry is not installed; the message says how to install it."""


@contextmanager
def traces_sent(*, wanted: bool | None) -> Iterator[None]:
    """Send the spans of this process while the context lasts, if they are wanted.

    Args:
        wanted: whether they are; None if OpenTelemetry's variables say where to.

    Raises:
        TracesError: OpenTelemetry is not installed.
    """
    if not (any(os.environ.get(name) for name in _ENDPOINTS) if wanted is None else wanted):
        yield
        return
    try:
        # It is large, and an extra of its own: whoever wants no traces neither installs nor imports it.
        from resolvers.hosting.opentelemetry_spans import sent_spans  # noqa: PLC0415
    except ImportError as error:
        raise TracesError(
            "Traces are wanted, and OpenTelemetry is not installed: run `pip install opentelemetry-sdk "
            "opentelemetry-exporter-otlp-proto-http`, or set HOURBANK_TRACES=false."
        ) from error
    spans = sent_spans()
    record_spans(spans)
    try:
        yield
    finally:
        record_spans(None)
        spans.close()
