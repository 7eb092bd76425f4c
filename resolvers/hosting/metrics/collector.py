"""Collects what a server counts anyway, whenever somebody asks: nothing is added to a request for it."""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from models.storage.breaker import PromptCalls
from resolvers.feed.change_feed import ChangeFeed
from resolvers.hosting.metrics import declared
from resolvers.hosting.metrics.declared import ServerMetric
from resolvers.operation_counts import Durations
from resolvers.rates.rates import Rates
from resolvers.security_log import security_counts

# Values by those of the labels.
_Values = Mapping[tuple[str, ...], float]


class ServerCollector(Collector):
    """Collects the metrics of one server.

    Args:
        calls: the way to AWS.
        feed: the change feed.
        rates: what callers ask for.
    """

    def __init__(self, calls: PromptCalls, feed: ChangeFeed, rates: Rates) -> None:
        self._calls = calls
        self._feed = feed
        self._rates = rates

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        operations = self._rates.operations
        yield _counter(declared.OPERATIONS, {(*named,): count for named, count in operations.totals().items()})
        yield _histogram(declared.MUTATION_SECONDS, operations.mutations)
        yield from self._aws()
        if (lag := self._feed.lag) is not None:
            yield _gauge(declared.FEED_LAG, {(): lag})
        yield _gauge(declared.SOCKETS, {(): self._rates.open_sockets.total()})
        yield _gauge(declared.SOCKET_OPERATIONS, {(): self._rates.open_operations.total()})
        counts = security_counts()
        yield _counter(declared.LIMITS_MET, {(limit,): count for limit, count in counts.limits.items()})
        yield _counter(declared.SECURITY_EVENTS, {(event,): count for event, count in counts.events.items()})

    def _aws(self) -> Iterator[Metric]:
        breakers = self._calls.breakers
        calls: _Values = {
            (service, outcome): count
            for service, breaker in breakers.items()
            for outcome, count in breaker.calls.items()
        }
        yield _counter(declared.AWS_CALLS, calls)
        available: _Values = {(service,): float(not breaker.is_open) for service, breaker in breakers.items()}
        yield _gauge(declared.AWS_AVAILABLE, available)


def page_of(collector: Collector) -> bytes:
    """Return the page of a server's metrics, and of its process's, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _counter(metric: ServerMetric, values: _Values) -> Metric:
    family = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _gauge(metric: ServerMetric, values: _Values) -> Metric:
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _histogram(metric: ServerMetric, durations: Durations) -> Metric:
    bounds = [*map(str, durations.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(durations.counts), strict=True))
    family = HistogramMetricFamily(metric.name, metric.meaning)
    family.add_metric([], buckets, durations.seconds)
    return family
