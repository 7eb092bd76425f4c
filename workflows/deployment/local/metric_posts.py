"""Makes metrics of the lines that functions emit, for the local cloud, as CloudWatch does of a function's log.

So alarms of the local cloud see what handlers emit, and `aws cloudwatch get-metric-statistics` shows it.
"""

import json
import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Any, Self

import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from models.storage.calls import new_client
from workflows.metrics.emission import Write, write_lines_to

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0
# Lines that may wait, while the local cloud does not answer; further ones are lost.
_MOST_LINES = 10_000
# PutMetricData's own limit is 1,000.
_MOST_VALUES = 500
_FAIL_SOON = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})


class MetricPosts:
    """Takes the lines of this process for as long as its context is entered, and posts what they say."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str] = queue.Queue(_MOST_LINES)
        self._stop = threading.Event()
        self._before: Write = print

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
        self._thread.join(2 * _PAUSE_SECONDS)

    def _take(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            _log.debug("a line of metrics is lost")

    def _run(self) -> None:
        client: Any = None
        while not self._stop.wait(_PAUSE_SECONDS):
            values = self._values()
            while some := list(islice(values, _MOST_VALUES)):
                try:
                    client = client or new_client("cloudwatch", config=_FAIL_SOON)
                    client.put_metric_data(Namespace=some[0][0], MetricData=[value for _, value in some])
                except (BotoCoreError, ClientError) as failed:
                    _log.debug("metrics were not posted", error=repr(failed))

    def _values(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the values of the lines that wait, as PutMetricData takes them, each with its namespace."""
        for _ in range(self._lines.qsize()):
            yield from _values_of(json.loads(self._lines.get_nowait()))


def _values_of(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    at = datetime.fromtimestamp(said["_aws"]["Timestamp"] / 1000, UTC)
    for directive in said["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": said[name]} for name in names]
            for metric in directive["Metrics"]:
                for value in said[metric["Name"]]:
                    named = {"MetricName": metric["Name"], "Unit": metric["Unit"], "Dimensions": dimensions}
                    yield directive["Namespace"], {**named, "Value": value, "Timestamp": at}
