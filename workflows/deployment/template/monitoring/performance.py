"""The dashboard "Workflow Performance": how executions end, how long they take, what fails, what it costs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from models.tables import Table
from workflows.deployment.template.intrinsics import NAMES
from workflows.deployment.template.machines import called_by_machines
from workflows.deployment.template.monitoring import prices
from workflows.deployment.template.monitoring.alarms import BAD_ENDS
from workflows.deployment.template.monitoring.widgets import Line, Sums, Widget, expression, own_lines
from workflows.deployment.template.tables import index_names
from workflows.handlers import Function
from workflows.metrics import declared

# Costs are added up by the hour.
_HOUR = 3600
# Transitions for each call of a function by a machine: 21 for 13 in a life that ends well (docs/cost.md).
TRANSITIONS_PER_CALL = 1.6
# Of the functions; X-Ray's default rule traces one call in twenty.
_GIGABYTES, _TRACED = 0.5, 0.05


def performance_widgets(
    tables: Iterable[type[Table]], functions: Mapping[str, Function], machines: Mapping[str, Any]
) -> Iterator[Widget]:
    """Yield the widgets, those about machines only if there are any."""
    tables = tuple(tables)
    if machines:
        yield from _of_machines(machines)
    if "sweepRequests" in functions:
        due = (*own_lines(declared.REQUESTS_DUE), *own_lines(declared.REQUESTS_STUCK))
        yield Widget(title="Requests that are due, and stuck", lines=due, statistic="Maximum")
        yield Widget(title="Longest overdue", lines=[*own_lines(declared.OLDEST_DUE)], unit="seconds")
    yield Widget(title="Errors of functions", lines=_of_functions("Errors", functions))
    yield Widget(title="Failures of handlers", lines=[*_failures(functions)])
    yield Widget(title="Lag of what is published", lines=[*_lags(functions)], statistic="Maximum", unit="seconds")
    letters: Line = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", NAMES.dead_letter_queue]
    yield Widget(title="Dead letters", lines=[letters], statistic="Maximum")
    events = ("ReadThrottleEvents", "WriteThrottleEvents")
    yield Widget(title="Throttled calls of tables", lines=[*_of_tables(tables, *events)])
    yield _cost(tables, functions, machines)


def _of_machines(machines: Collection[str]) -> Iterator[Widget]:
    """Yield how executions end and how long the machines take."""
    success = [line for number, machine in enumerate(machines) for line in _rate(number, machine, "Succeeded")]
    yield Widget(title="Success rate", lines=success, unit="%")
    errors = [line for number, machine in enumerate(machines) for line in _rate(number, machine, *BAD_ENDS)]
    yield Widget(title="Error rate by machine", lines=errors, unit="%")
    took = (
        *own_lines(declared.MACHINE_TIME),
        *own_lines(declared.MACHINE_TIME, stat="p99"),
    )
    yield Widget(title="Average execution time, without waits", lines=took, unit="seconds")
    started = [_of_machine(machine, "Started") for machine in machines]
    yield Widget(title="Executions started", lines=started)
    bad = [_of_machine(machine, end) for machine in machines for end in BAD_ENDS]
    yield Widget(title="Executions that failed, timed out or were aborted", lines=bad)


def _rate(number: int, machine: str, *ends: str) -> Iterator[Line]:
    """Yield what share of a machine's closed executions has ended in some way, and the lines that it takes."""
    wanted, others = Sums(f"w{number}x"), Sums(f"o{number}x")
    for end in ("Succeeded", *BAD_ENDS):
        (wanted if end in ends else others).add([_of_machine(machine, end)])
    yield from (*wanted.lines, *others.lines)
    rate = f"100 * {wanted.total} / ({wanted.total} + {others.total})"
    yield expression(rate, machine, f"r{number}")


def _failures(functions: Iterable[str]) -> Iterator[Line]:
    """Yield what handlers themselves say of their errors: a function that is killed counts as an error only."""
    metric = declared.HANDLER_FAILURES
    for name in functions:
        dimensions = [declared.STACK, NAMES.stack, metric.dimension, NAMES.function(name)]
        yield [declared.NAMESPACE, metric.name, *dimensions, {"label": name}]


def _lags(functions: Mapping[str, Function]) -> Iterator[Line]:
    for metric in (declared.EVENT_LAG, declared.CHANGE_LAG):
        if metric.emitted_by in functions:
            yield from own_lines(metric)


def _cost(
    tables: Collection[type[Table]], functions: Mapping[str, Function], machines: Mapping[str, Any]
) -> Widget:
    """Return an estimate of what workflows cost, from what AWS counts anyway, and what a request costs."""
    stepped = called_by_machines(functions, machines)
    calls, spent = _of_functions("Invocations", functions), _of_functions("Duration", functions)
    paid = [
        (Sums("calls").add(calls), prices.INVOCATION + _TRACED * prices.TRACE),
        (Sums("spent").add(spent), _GIGABYTES * prices.GIGABYTE_SECOND / 1000),
        (Sums("reads").add(_of_tables(tables, "ConsumedReadCapacityUnits")), prices.READ_UNIT),
        (Sums("writes").add(_of_tables(tables, "ConsumedWriteCapacityUnits")), prices.WRITE_UNIT),
    ]
    if stepped:
        steps = Sums("steps").add(_of_functions("Invocations", sorted(stepped)))
        paid.append((steps, TRANSITIONS_PER_CALL * prices.TRANSITION))
    lines = [line for sums, _ in paid for line in sums.lines]
    together = " + ".join(f"{sums.total} * {each:.12f}" for sums, each in paid)
    lines.append(expression(together, "together", "e1"))
    if stepped:
        ended = Sums("ended").add(line[:-1] for line in own_lines(declared.REQUESTS_ENDED))
        lines += [*ended.lines, expression(f"e1 / {ended.total}", "for each request that ended", "e2")]
    return Widget(title="Estimated cost, in US dollars", lines=lines, period=_HOUR, unit="$")


def _of_machine(machine: str, end: str) -> Line:
    return ["AWS/States", f"Executions{end}", "StateMachineArn", NAMES.state_machine_arn(machine)]


def _of_functions(metric: str, functions: Iterable[str]) -> list[Line]:
    return [["AWS/Lambda", metric, "FunctionName", NAMES.function(name)] for name in functions]


def _of_tables(tables: Iterable[type[Table]], *metrics: str) -> Iterator[Line]:
    """Yield metrics of each table and index.

    `ThrottledRequests`, whose name says the same as the throttle events', is kept by table and operation, and
    never by table alone.
    """
    for table in tables:
        of_table = ["TableName", NAMES.table(table)]
        for metric in metrics:
            yield ["AWS/DynamoDB", metric, *of_table]
            for index in index_names(table):
                yield ["AWS/DynamoDB", metric, *of_table, "GlobalSecondaryIndexName", index]
