"""Writes docs/cost.md: what a request's life uses, counted, and what HourBank costs with more and more of them.

python -m tests.cost.page > docs/cost.md
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from models.requests.request import DUE_SHARDS
from tests.cost.life import Life, one_life
from workflows.deployment.template.monitoring import prices
from workflows.metrics.declared import HANDLER_FAILURES, METRICS

_TEMPLATE = Path(__file__).with_name("page.md")
# Lambda: gigabytes of memory, and seconds of an average call, which mostly waits. Assumed, not measured.
_MEMORY, _SECONDS = 0.5, 0.08
# Of a call: a line of Lambda's own, and one of ours; X-Ray's default rule traces one call in twenty.
_LOG_BYTES, _TRACED = 800, 0.05
_DAYS = 30
_MINUTES = 24 * 60 * _DAYS
_ALARMS, _SECRETS, _KEYS = 30, 1, 1
_SERVERS = 2
# Those that are emitted while all is well, each with each of its labels.
_OWN_METRICS = sum(max(1, len(one.labels)) for one in METRICS if one is not HANDLER_FAILURES)
_PER_DAY = (0, 10_000, 1_000_000, 100_000_000)


def life_table(life: Life) -> str:
    """Return the table of what one life uses and costs, which a test compares with what is counted."""
    lines = [
        "| one request's life | how many | each, in millionths of a dollar | dollars |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {what} | {_number(count)} | {each * 1e6:.4g} | {count * each:.7f} |"
        for what, count, each in _used(life)
    ]
    return "\n".join([*lines, f"| **together** | | | **{cost(life):.5f}** |"])


def cost(life: Life) -> float:
    """Return the dollars that one life costs."""
    return sum(count * each for _, count, each in _used(life))


def _used(life: Life) -> list[tuple[str, float, float]]:
    calls = life.functions.total()
    return [
        ("state transitions (Standard)", life.transitions, prices.TRANSITION),
        ("write units", life.writes.total(), prices.WRITE_UNIT),
        ("read units", sum(life.reads.values()), prices.READ_UNIT),
        ("calls of functions", calls, prices.INVOCATION),
        ("their seconds, in GB", calls * _SECONDS * _MEMORY, prices.GIGABYTE_SECOND),
        ("events on the bus", life.calls["events.put_events"], prices.EVENT),
        ("traces", calls * _TRACED, prices.TRACE),
        ("gigabytes of log", (calls * _LOG_BYTES + life.emitted) / 1e9, prices.LOGGED_GIGABYTE),
    ]


def units_table(life: Life) -> str:
    """Return the table of what is written where."""
    tables = Counter[str]()
    indexes = Counter[str]()
    for place, count in life.writes.items():
        name, _, index = place.partition("/")
        (indexes if index else tables)[name] += count
    lines = ["| table | write units | of its indexes | read units |", "| --- | --- | --- | --- |"]
    names = sorted(tables | indexes, key=lambda one: (-tables[one] - indexes[one], one))
    lines += [f"| {one} | {tables[one]} | {indexes[one] or ''} | {_number(life.reads[one])} |" for one in names]
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.10g}" if value else ""


def fixed() -> list[tuple[str, float]]:
    """Return what a deployment costs a month while nobody uses it, by what is paid for."""
    tick = prices.INVOCATION + 0.2 * _MEMORY * prices.GIGABYTE_SECOND + DUE_SHARDS * 0.5 * prices.READ_UNIT
    server = prices.VCPU + 2 * prices.FARGATE_GIGABYTE + prices.ADDRESS
    return [
        ("the sweep: a function every minute, which asks each shard of the index of what is due", _MINUTES * tick),
        (f"about {_ALARMS} alarms; the first three dashboards are free", _ALARMS * prices.ALARM),
        (f"{_OWN_METRICS} metrics of our own, in hours in which they have values", _OWN_METRICS * prices.METRIC),
        ("the secret of page tokens; a key for the admins' topic", _SECRETS * prices.SECRET + _KEYS * prices.KEY),
        (f"{_SERVERS} servers on Fargate, each 1 vCPU, 2 GB and a public address", _SERVERS * server),
        (
            "the load balancer, with one unit and two addresses",
            prices.BALANCER + prices.BALANCER_UNIT + 2 * prices.ADDRESS,
        ),
        ("the firewall, with one rule", prices.FIREWALL),
    ]


def scale_table(life: Life) -> str:
    """Return the table of the cost a month by requests a day; servers for reads and sockets are not in it."""
    idle = sum(dollars for _, dollars in fixed())
    lines = [
        "| requests a day | on average a second | requests, $ a month | with the fixed part | each |",
        "| --- | --- | --- | --- | --- |",
    ]
    for a_day in _PER_DAY:
        lives = a_day * _DAYS * cost(life)
        each = f"${(lives + idle) / (a_day * _DAYS):.5f}" if a_day else ""
        lines.append(f"| {a_day:,} | {a_day / 86_400:,.2f} | {lives:,.0f} | {lives + idle:,.0f} | {each} |")
    return "\n".join(lines)


def _listed(costs: Iterable[tuple[str, float]]) -> str:
    rows = [f"| {what} | {dollars:.2f} |" for what, dollars in costs]
    return "\n".join(["| what | $ a month |", "| --- | --- |", *rows])


def page() -> str:
    """Return the page."""
    life = one_life()
    starts = life.calls["stepfunctions.start_execution"] + 1  # and the nested one
    answers = life.calls["stepfunctions.send_task_success"]
    by_status = life.writes["ServiceRequest/byStatus"]
    return _TEMPLATE.read_text().format(
        date=prices.DATE,
        life=life_table(life),
        units=units_table(life),
        fixed=_listed(fixed()),
        idle=sum(dollars for _, dollars in fixed()),
        scale=scale_table(life),
        seconds=_SECONDS * 1000,
        starts=starts,
        answers=answers,
        states=", ".join(f"{count} {kind}" for kind, count in sorted(life.states.items())),
        starting=300 / starts,
        answering=500 / answers,
        by_status=by_status,
        hot=1000 / (by_status / 8),
        concurrent=life.functions.total() * _SECONDS,
        utilised=100 * prices.PROVISIONED_WRITE_UNIT / (86_400 * _DAYS * prices.WRITE_UNIT),
        shards=DUE_SHARDS,
        nested=3 * prices.TRANSITION,
        choices=life.states["Choice"],
        transitions=life.transitions,
        choosing=life.states["Choice"] * prices.TRANSITION,
    )


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
