"""Who is told of spans, and that their ids follow from the correlation id."""

import time
from collections.abc import Iterator
from hashlib import sha256

import pytest

from models.correlation import correlated
from models.spans import (
    Facts,
    SpanIds,
    invocation_span,
    part_of_current,
    record_spans,
    root_span,
    span_of,
    span_recorder,
    spanned,
    trace_handed_on,
    trace_of,
)

ROOT = "Root=1-67891233-abcdef012345678912345678"
NOTHING = "00000000-0000-0000-0000-000000000000"
UUID = "6a1c2f0e-5d1b-5c36-9b7e-2f4f5f0a7c11"


class Recording:
    """Notes spans: names, failures, and whether each has a length."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str | None, bool]] = []
        self.parents: list[str | None] = []

    def record(self, name: str, span: SpanIds, *, began: float, failure: str | None, facts: Facts) -> None:
        """Note a span."""
        assert (facts, span.own) == ({}, None)
        self.parents.append(span.parent)
        self.spans.append((name, failure, began <= time.perf_counter()))


@pytest.fixture
def recording() -> Iterator[Recording]:
    recording = Recording()
    record_spans(recording)
    yield recording
    record_spans(None)


def test_what_is_done_is_told_whether_it_fails_or_not(recording: Recording) -> None:
    with correlated("a"):
        with spanned("read"):
            pass
        with pytest.raises(LookupError), spanned("write"):
            raise LookupError("nobody's business")
    assert recording.spans == [("read", None, True), ("write", "LookupError", True)]


def test_what_is_done_is_a_part_of_the_invocation_or_of_the_operation(recording: Recording) -> None:
    with correlated("a"):
        with spanned("on the server"):
            pass
        with invocation_span() as invocation, spanned("in a function"):
            pass
        assert root_span() == SpanIds(span_of("a"), None)
        assert part_of_current() == SpanIds(None, span_of("a")), "the invocation is over"
    assert invocation is not None
    assert invocation.own is not None
    assert (len(invocation.own), invocation.parent) == (16, span_of("a"))
    assert recording.parents == [span_of("a"), invocation.own]


def test_an_invocation_of_which_nobody_is_told_has_no_name() -> None:
    with correlated("a"), invocation_span() as invocation:
        assert invocation is None


def test_what_belongs_to_nothing_is_told_to_nobody(recording: Recording) -> None:
    with correlated(None), spanned("read"):
        assert span_recorder() is None
    assert recording.spans == []


def test_without_anybody_nothing_is_told() -> None:
    with correlated("a"), spanned("read"):
        assert span_recorder() is None
        assert trace_handed_on() is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (UUID, UUID.replace("-", "")),
        (UUID.upper(), UUID.replace("-", "")),
        (f"{ROOT};Parent=53995c3f42cd8ad8", "67891233abcdef012345678912345678"),
        ("from-a-proxy", sha256(b"from-a-proxy").hexdigest()[:32]),
        (
            "00000000-0000-0000-0000-000000000000",
            sha256(b"0" * 8 + b"-0000-0000-0000-" + b"0" * 12).hexdigest()[:32],
        ),
    ],
)
def test_a_trace_is_named_by_its_correlation_id(given: str, expected: str) -> None:
    assert trace_of(given) == expected
    assert len(span_of(given)) == 16
    assert span_of(given) != span_of("another")


def test_a_trace_that_is_recorded_is_handed_on_as_xray_names_it(recording: Recording) -> None:
    assert recording.spans == []
    with correlated(None):
        assert trace_handed_on() is None
    with correlated(UUID):
        trace = UUID.replace("-", "")
        assert trace_handed_on() == f"Root=1-{trace[:8]}-{trace[8:]};Parent={span_of(UUID)};Sampled=1"
    with correlated(UUID, ROOT):
        assert trace_handed_on() == ROOT
