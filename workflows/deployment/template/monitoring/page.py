"""Writes docs/metrics.md: what is measured, what it is shown on, and what rings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from workflows.definitions import read_definitions
from workflows.deployment.template.monitoring.alarms import alarm_resources
from workflows.handlers import FUNCTIONS
from workflows.metrics.declared import METRICS, NAMESPACE, STACK

_ABOVE = "GreaterThanThreshold"
_HEAD = f"""\
# Metrics, dashboards, alarms

Written by `python server.py metrics > docs/metrics.md`: change the declarations, then write it anew.

- **The functions** emit metrics as lines of their log, in CloudWatch's Embedded Metric Format, in the namespace
  `{NAMESPACE}` with the dimension `{STACK}`; `workflows/metrics/declared.py` declares each. What is about members
  and hours follows from the rows of the event log as they are published: each was written once, in the transaction
  that it tells of, so that a step that ran twice counts once. "At least once" is because the stream may bring a
  batch again, if the function died right after it. Locally the same lines go to the local cloud's CloudWatch:
  `eval "$(.venv/bin/python server.py local-aws)"; aws cloudwatch list-metrics --namespace {NAMESPACE}`.
- **A server** answers `GET /metrics` for Prometheus, to its own machine or to who sends `HOURBANK_METRICS_TOKEN`
  ([security.md](security.md)); `resolvers/hosting/metrics/declared.py` declares each.
- **Two dashboards** are in CloudWatch: `<stack>-workflow-performance` (success and error rates by machine, times
  without waits, lags, what is stuck, estimated cost) and `<stack>-business-metrics` (completion, hours moved,
  balances, disputes, ratings).
- **Alarms** tell the admins' topic, to which `admin_email` and `admin_endpoint` of
  `workflows/deployment/environments.toml` subscribe; the servers' stack has four of its own, and a budget
  ([aws.md](aws.md)). `tests/chaos/simulation/test_alarms.py` lets each ring. What to do then is in
  [runbooks/](runbooks/README.md).
- `python server.py status` says how a deployment fares now, [cost.md](cost.md) what all this costs.
"""


def metrics_page(of_servers: Iterable[Sequence[str]]) -> str:
    """Return docs/metrics.md.

    Args:
        of_servers: the metrics of a server: name, kind, labels, and what it says.
    """
    parts = [
        _HEAD,
        "\n## Metrics of the functions\n\n",
        _table(("metric", "unit", "by", "says", "same event counted", "emitted by"), _own()),
        "\n## Metrics of a server\n\n",
        _table(("metric", "kind", "by", "says"), of_servers),
        "\n## Alarms\n\n",
        _table(("alarm", "rings when", "says"), _alarms()),
    ]
    return "".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _own() -> Iterator[Sequence[str]]:
    for one in METRICS:
        by = "" if one.dimension is None else f"{one.dimension}: {', '.join(one.labels) or 'the name'}"
        emitted = f"`{one.emitted_by}`" if one.emitted_by in FUNCTIONS else one.emitted_by
        yield f"`{one.name}`", one.unit.value, by, one.meaning, one.counted.value, emitted


def _alarms() -> Iterator[Sequence[str]]:
    for name, one in alarm_resources(FUNCTIONS, read_definitions()).items():
        yield f"`{name}`", _condition(one["Properties"]), one["Properties"]["AlarmDescription"]


def _condition(alarm: dict[str, Any]) -> str:
    """Return when an alarm rings, such as "Sum of ExecutionsFailed > 5 in 60 s, 2 times in a row"."""
    sign = ">" if alarm["ComparisonOperator"] == _ABOVE else "<"
    times = alarm["EvaluationPeriods"]
    often = f", {times} times in a row" if times > 1 else ""
    return (
        f"{alarm['Statistic']} of {alarm['MetricName']} {sign} {alarm['Threshold']} in {alarm['Period']} s{often}"
    )
