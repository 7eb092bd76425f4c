"""The page says what the server counts, in Prometheus's own format, and everything that is declared."""

from types import SimpleNamespace
from typing import Any

from graphql import OperationType
from prometheus_client.parser import text_string_to_metric_families

from models.storage.breaker import Breaker
from resolvers.hosting.metrics.collector import ServerCollector, page_of
from resolvers.hosting.metrics.declared import SERVER_METRICS
from resolvers.rates.rates import Rates
from resolvers.security_log import SecurityEvent, security_event

SILENCE = TimeoutError()


def collected(lag: float | None = 0.5) -> tuple[dict[str, Any], ServerCollector, Rates, dict[str, Breaker]]:
    breakers = {"dynamodb": Breaker("dynamodb", pause=60, patience=1)}
    calls: Any = SimpleNamespace(breakers=breakers)
    feed: Any = SimpleNamespace(lag=lag)
    rates = Rates()
    collector = ServerCollector(calls, feed, rates)
    return read(collector), collector, rates, breakers


def read(collector: ServerCollector) -> dict[str, Any]:
    """Return the page's values by name and labels, as a scraper reads them."""
    families = text_string_to_metric_families(page_of(collector).decode())
    return {
        f"{sample.name} {' '.join(sample.labels.values())}".strip(): sample.value
        for family in families
        for sample in family.samples
    }


def test_everything_that_is_declared_is_said_of_a_server_that_was_used() -> None:
    _, collector, rates, breakers = collected()
    breakers["dynamodb"].failed(breakers["dynamodb"].begin(), SILENCE)
    rates.operations.plain_queries += 3
    rates.operations.note(OperationType.MUTATION, None)
    rates.operations.mutations.add(0.03)
    rates.open_sockets.take("alice", 2)
    rates.open_operations.take("bob", 5)
    before = read(collector).get("hourbank_limits_met_total requests", 0)
    security_event(SecurityEvent.LIMIT_MET, code="RATE_LIMITED", limit="requests")
    security_event(SecurityEvent.LIMIT_MET, code="ValidationError", limit="a sentence with 40 in it")
    said = read(collector)
    assert {
        "hourbank_operations_total query ok": 3,
        "hourbank_operations_total mutation ok": 1,
        "hourbank_mutation_seconds_bucket 0.025": 0,
        "hourbank_mutation_seconds_bucket 0.05": 1,
        "hourbank_mutation_seconds_bucket +Inf": 1,
        "hourbank_mutation_seconds_sum": 0.03,
        "hourbank_aws_calls_total unanswered dynamodb": 1,
        "hourbank_aws_available dynamodb": 0,
        "hourbank_change_feed_lag_seconds": 0.5,
        "hourbank_sockets": 2,
        "hourbank_socket_operations": 5,
        "hourbank_limits_met_total requests": before + 1,
    }.items() <= said.items()
    assert said["hourbank_limits_met_total ValidationError"] >= 1
    assert said["hourbank_security_events_total limit met"] >= 2
    assert said["process_resident_memory_bytes"] > 0
    families = {family.name for family in collector.collect()}
    assert families == {one.name for one in SERVER_METRICS}


def test_who_reads_streams_knows_no_lag() -> None:
    said, *_ = collected(lag=None)
    assert "hourbank_change_feed_lag_seconds" not in said
