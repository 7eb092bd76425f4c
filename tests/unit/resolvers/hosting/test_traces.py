"""Traces reach a collector by OTLP, with an operation as the root of all that it led to; or are not wanted."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import OperationType
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from models.correlation import correlated
from models.errors import UnavailableError
from models.settings import Settings
from models.spans import span_of, span_recorder, spanned, trace_of
from models.storage.calls import BlockingCalls
from resolvers.hosting.traces import TracesError, traces_sent
from resolvers.operation_log import OperationLines, OperationLog
from resolvers.rates.demands import Demand
from tests.unit.mirror import MemoryStore, schema_over
from workflows.executions.services import Services
from workflows.handlers import bootstrap
from workflows.handlers.bootstrap import Event, lambda_handler

CORRELATION = "6a1c2f0e-5d1b-5c36-9b7e-2f4f5f0a7c11"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Collector:
    """A collector of traces on this machine."""

    def __init__(self) -> None:
        collector = self
        self.spans: list[Any] = []
        self.services: set[str] = set()

        class Posts(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Posts)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, sent: ExportTraceServiceRequest) -> None:
        for of_resource in sent.resource_spans:
            self.services |= {
                one.value.string_value for one in of_resource.resource.attributes if one.key == "service.name"
            }
            for of_scope in of_resource.scope_spans:
                self.spans += of_scope.spans


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv(ENDPOINT, collector.url)
    monkeypatch.setattr(bootstrap, "services", lambda: Services.over(BlockingCalls(), Settings()))
    yield collector
    collector.server.shutdown()
    collector.server.server_close()
    thread.join()


@lambda_handler
async def create_escrow(_services: Services, _event: Event) -> None:
    with spanned("dynamodb.transact_write_items"):
        threading.Event().wait(0.01)


def operate(**became: Any) -> None:
    """Let an operation end on a server."""
    log = OperationLog(schema_over(MemoryStore()).documents, OperationLines())
    running = log.begin()
    with spanned("dynamodb.get_item"):
        pass
    for name, value in became.items():
        setattr(running, name, value)
    asked = SimpleNamespace(query="query Mine { listUsers { items { id } } }", operation_name=None, variables=None)
    log.end(running, asked, Demand(operation=OperationType.QUERY, rows=7), "alice")


def test_an_operation_is_the_root_of_all_that_it_led_to(collector: Collector) -> None:
    context = SimpleNamespace(function_name="hourbank-createEscrow", aws_request_id="i")
    with traces_sent(wanted=None):
        with correlated(CORRELATION):
            operate()
        create_escrow({"requestId": "r1", "correlationId": CORRELATION}, context)
    assert span_recorder() is None
    spans = {span.name: span for span in collector.spans}
    assert set(spans) == {
        "query listUsers",
        "dynamodb.get_item",
        "function hourbank-createEscrow",
        "dynamodb.transact_write_items",
    }
    root = spans["query listUsers"]
    assert {span.trace_id.hex() for span in spans.values()} == {trace_of(CORRELATION)}
    assert (root.span_id.hex(), root.parent_span_id) == (span_of(CORRELATION), b"")
    function = spans["function hourbank-createEscrow"]
    assert function.parent_span_id == spans["dynamodb.get_item"].parent_span_id == root.span_id
    assert spans["dynamodb.transact_write_items"].parent_span_id == function.span_id
    assert 5e6 < function.end_time_unix_nano - function.start_time_unix_nano < 60e9
    told = {one.key: one.value.string_value or one.value.int_value for one in root.attributes}
    assert (told["graphql.operation.name"], told["cost"], told["outcome"]) == ("Mine", 7, "done")
    assert "alice" not in str(root)
    assert collector.services == {"hourbank"}


def test_what_fails_is_an_error(collector: Collector) -> None:
    with traces_sent(wanted=True), correlated(CORRELATION):
        operate(broke_off=UnavailableError())
    (failed,) = [span for span in collector.spans if span.name == "query listUsers"]
    assert failed.status.message == "UnavailableError"


def test_without_a_collector_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    with traces_sent(wanted=None), correlated(CORRELATION):
        assert span_recorder() is None
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    with traces_sent(wanted=False), correlated(CORRELATION):
        assert span_recorder() is None


def test_a_server_without_opentelemetry_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resolvers.hosting.opentelemetry_spans", None)
    with pytest.raises(TracesError, match="pip install opentelemetry-sdk"), traces_sent(wanted=True):
        pass
