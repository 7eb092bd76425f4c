"""Where MiniStack 1.4 differs from AWS in ways that HourBank's workflows and rows would notice, put right.

Each mend replaces one function of MiniStack's by its name, within the local cloud's process only. The
definitions and the template stay as AWS wants them. `tests/integration/test_local_cloud.py` runs the functions
that are replaced, too, and fails when one of them has caught up: then its mend goes.
"""

# ruff: noqa: SLF001 — what is mended are MiniStack's own functions and stores; it has no public ones

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.services import dynamodb, eventbridge, lambda_svc, stepfunctions
from ministack.services.cloudformation import provisioners
from ministack.services.stepfunctions import _ExecutionError

Execution = dict[str, Any]
Step = tuple[Any, str | None]

# The error that wakes the waits of a stopped execution; no state may retry or catch it.
_STOPPED = "HourBank.ExecutionStopped"

# Contexts are copied into the threads of Map and Parallel by MiniStack itself.
_execution: ContextVar[Execution | None] = ContextVar("execution", default=None)
_beginning: ContextVar[bool] = ContextVar("beginning", default=False)

# The tokens that each execution waits with.
_waits: dict[str, set[str]] = {}


class _BeginningFailedError(Exception):
    """A wait's own function failed; no `_ExecutionError`, since that is what MiniStack swallows here."""

    def __init__(self, error: _ExecutionError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _set(variable: ContextVar[Any], *, value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def _matches(names: Sequence[str], error: str) -> bool:
    if error == _STOPPED:
        return False
    return error in names or "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")


def find_matching_retrier(
    retriers: Sequence[Mapping[str, Any]], error: str, counts: Mapping[int, int]
) -> tuple[Mapping[str, Any] | None, int]:
    """Return the first retrier that names the error, unless its attempts are used up; it alone decides."""
    for position, retrier in enumerate(retriers):
        if _matches(retrier.get("ErrorEquals", ()), error):
            left = retrier.get("MaxAttempts", 3) - counts.get(position, 0)
            return (retrier, position) if left > 0 and not _is_over() else (None, -1)
    return None, -1


def find_matching_catcher(catchers: Sequence[Mapping[str, Any]], error: str) -> Mapping[str, Any] | None:
    """Return the first catcher that names the error; States.TaskFailed does not mean States.Timeout."""
    return next((one for one in catchers if _matches(one.get("ErrorEquals", ()), error)), None)


def _is_over() -> bool:
    execution = _execution.get()
    return execution is not None and execution["status"] != "RUNNING"


def execute_task(state: Mapping[str, Any], given: Any, execution: Execution, context: dict[str, Any]) -> Step:
    """Run a Task whose time limit may be a path into its input."""
    if (path := state.get("TimeoutSecondsPath")) is not None:
        state = {**state, "TimeoutSeconds": stepfunctions._resolve_path(path, given)}
    with _set(_execution, value=execution):
        result: Step = _upstream["_execute_task"](state, given, execution, context)
        return result


def invoke_with_callback(resource: str, given: Any, token: str, state: Mapping[str, Any]) -> Any:
    """Begin a wait and sleep; if its function fails, so does the task, at once."""
    execution = _execution.get()
    arn = "" if execution is None else execution["executionArn"]
    _waits.setdefault(arn, set()).add(token)
    try:
        with _set(_beginning, value=True):
            return _upstream["_invoke_with_callback"](resource, given, token, state)
    except _BeginningFailedError as failed:
        stepfunctions._task_tokens.pop(token, None)
        raise failed.error from failed
    finally:
        _waits[arn].discard(token)
        if not _waits[arn]:
            del _waits[arn]


def call_lambda(function: str, event: Any) -> Any:
    """Call a function; while a wait is being begun, let its error through."""
    try:
        return _upstream["_call_lambda"](function, event)
    except _ExecutionError as error:
        if _beginning.get():
            raise _BeginningFailedError(error) from error
        raise


def stop_execution(request: Mapping[str, Any]) -> Any:
    """Stop an execution: what it waits for is gone, and it goes no further."""
    arn = request.get("executionArn", "")
    answer = _upstream["_stop_execution"](request)
    execution = stepfunctions._executions.get(arn)
    if answer[0] == 200 and execution is not None:  # noqa: PLR2004 — HTTP's OK
        for token in list(_waits.get(arn, ())):
            stepfunctions._send_task_failure({"taskToken": token, "error": _STOPPED})
        _tell_of(execution)
    return answer


def fail_execution(execution: Execution, error: str, cause: str) -> None:
    """End an execution as failed and tell the default event bus, unless it has ended already."""
    if execution["status"] == "RUNNING":
        _upstream["_fail_execution"](execution, error, cause)
        _tell_of(execution)


def _tell_of(execution: Execution) -> None:
    told = ("executionArn", "stateMachineArn", "name", "status", "error", "cause")
    entry = {
        "Source": "aws.states",
        "DetailType": "Step Functions Execution Status Change",
        "Detail": json.dumps({key: execution.get(key) for key in told}),
        "Resources": [execution["executionArn"]],
    }
    eventbridge._put_events({"Entries": [entry]})


def invoke_nested_start_execution_sync(resource: str, given: Mapping[str, Any]) -> Any:
    """Run a nested execution to its end; a name that is used already is refused."""
    request = stepfunctions._nested_start_execution_request(given)
    machine = request["stateMachineArn"].replace(":stateMachine:", ":execution:")
    name = request.get("name")
    if name is not None and f"{machine}:{name}" in stepfunctions._executions:
        raise _ExecutionError(
            "StepFunctions.ExecutionAlreadyExistsException", f"Execution already exists: '{machine}:{name}'"
        )
    return _upstream["_invoke_nested_start_execution_sync"](resource, given)


def create_table(logical_id: str, properties: Mapping[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    """Create a table, or change the one of that name in place: a deployment never loses a row, and some expire."""
    kept = dynamodb._tables.get(properties["TableName"])
    name, attributes = _upstream_table["create"](logical_id, properties, stack)
    if (expiry := properties.get("TimeToLiveSpecification")) is not None:
        dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": expiry})
    if kept is None:
        return name, attributes
    made = dynamodb._tables[name]
    lasting = ["items", "ItemCount", "TableSizeBytes", "TableId", "CreationDateTime", "Tags"]
    if kept["LatestStreamArn"] and made["LatestStreamArn"]:
        lasting += ["LatestStreamArn", "LatestStreamLabel"]
        attributes["StreamArn"] = kept["LatestStreamArn"]
    # The same dict goes on, since indexes and iterators of MiniStack's may hold it.
    kept.update({key: value for key, value in made.items() if key not in lasting})
    dynamodb._tables[name] = kept
    return name, attributes


def retain_table(_physical_id: str, _properties: Mapping[str, Any]) -> None:
    """Leave a table where it is, as its DeletionPolicy says."""


_MENDS: dict[str, Callable[..., Any]] = {
    "_find_matching_retrier": find_matching_retrier,
    "_find_matching_catcher": find_matching_catcher,
    "_execute_task": execute_task,
    "_invoke_with_callback": invoke_with_callback,
    "_call_lambda": call_lambda,
    "_stop_execution": stop_execution,
    "_fail_execution": fail_execution,
    "_invoke_nested_start_execution_sync": invoke_nested_start_execution_sync,
}
_upstream: dict[str, Callable[..., Any]] = {name: getattr(stepfunctions, name) for name in _MENDS}
_TABLE = "AWS::DynamoDB::Table"
_upstream_table: Mapping[str, Callable[..., Any]] = provisioners._RESOURCE_HANDLERS[_TABLE]


def leave_counts(_table: Mapping[str, Any]) -> None:
    """Let DescribeTable's ItemCount be old, as AWS does for hours: MiniStack counts every row at every write."""


def apply() -> None:
    """Put the mends in place, in this process."""
    dynamodb._update_counts = leave_counts
    for name, mend in _MENDS.items():
        setattr(stepfunctions, name, mend)
    provisioners._RESOURCE_HANDLERS[_TABLE] = {"create": create_table, "delete": retain_table}
    # Stream records do not survive a restart; a position that did would wait for as many new ones in silence.
    lambda_svc._dynamodb_stream_positions.clear()
