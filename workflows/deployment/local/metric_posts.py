"""Makes metrics of the lines that functions emit, for the local cloud, as CloudWatch does of a function's log.

So alarms of the local cloud see what handlers emit, and `aws cloudwatch get-metric-statistics` shows it.
"""

import json
import queue
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Self

import structlog
from botocore.config import Config

from models.storage.calls import new_client
from workflows.metrics.declared import NAMESPACE
from workflows.metrics.emission import Write, write_lines_to

_log = structlog.get_logger(__name__)

# A post costs some milliseconds, and CloudWatch's own resolution is a minute.
_PAUSE_SECONDS = 5.0
# How long to wait for the last post: a local cloud that is stopping may not answer it.
_END_SECONDS = 4.0
# Lines that may wait, while the local cloud does not answer; further ones are lost.
_MOST_LINES = 10_000
# PutMetricData's own limits are 1,000 metrics, and 150 values of each.
_MOST_METRICS, _MOST_VALUES = 500, 150
_Series = tuple[str, str, tuple[tuple[str, str], ...]]  # name, unit and dimensions
_FAIL_SOON = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})


class MetricPosts:
    """Takes the lines of this process for as long as its context is entered, and posts what they say."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str] = queue.Queue(_MOST_LINES)
        self._stop = threading.Event()
        self._before: Write = print
        self._client: Any = None

    def __enter__(self) -> Self:
        self._before = write_lines_to(self._take)
        self._thread = threading.Thread(target=self._run, name="metric-posts", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        write_lines_to(self._before)
        self._stop.set()
        self._thread.join(_END_SECONDS)

    def _take(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            _log.debug("a line of metrics is lost")

    def _run(self) -> None:
        while not self._stop.wait(_PAUSE_SECONDS):
            self._post()
        self._post()

    def _post(self) -> None:
        metrics = _metrics(self._lines.get_nowait() for _ in range(self._lines.qsize()))
        try:
            while some := list(islice(metrics, _MOST_METRICS)):
                self._client = self._client or new_client("cloudwatch", config=_FAIL_SOON)
                self._client.put_metric_data(Namespace=NAMESPACE, MetricData=some)
        except Exception as failed:  # noqa: BLE001 — whatever it is, the next lines are posted
            _log.debug("metrics were not posted", error=repr(failed))


def _metrics(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield what lines say as PutMetricData takes it: all values of a metric with the same dimensions together."""
    found: defaultdict[_Series, Counter[float]] = defaultdict(Counter)
    for line in lines:
        said = json.loads(line)
        for directive in said["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = tuple((name, said[name]) for name in names)
                for metric in directive["Metrics"]:
                    found[metric["Name"], metric["Unit"], dimensions].update(said[metric["Name"]])
    for (name, unit, dimensions), counts in found.items():
        rest = iter(counts.items())
        while some := dict(islice(rest, _MOST_VALUES)):
            yield {
                "MetricName": name,
                "Unit": unit,
                "Dimensions": [{"Name": one, "Value": value} for one, value in dimensions],
                "Values": list(some.keys()),
                "Counts": list(some.values()),
            }
