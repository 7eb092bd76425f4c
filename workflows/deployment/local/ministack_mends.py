"""Corrects MiniStack 1.4 where it differs from AWS in ways that matter to HourBank's workflows and rows.

Each mend replaces one function of MiniStack by name, within the local cloud's process only; the definitions and
the template stay as AWS wants them. `tests/integration/test_local_cloud.py` also runs the replaced functions, and
fails when one of them behaves like AWS: then its mend can be removed. `ministack_feed` has the mends of the change
feed, `user_pools/` those of user pools.
"""

# ruff: noqa: SLF001 — the mended functions and stores of MiniStack are private; it has no public ones

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.services import dynamodb, eventbridge, stepfunctions
from ministack.services.cloudformation import provisioners
from ministack.services.stepfunctions import _ExecutionError

from workflows.deployment.local import ministack_copies, ministack_deployments, ministack_feed
from workflows.deployment.local.user_pools import mend as user_pools

Execution = dict[str, Any]
Step = tuple[Any, str | None]

# The error with which a stopped execution's waits fail; no state may retry or catch it.
_STOPPED = "HourBank.ExecutionStopped"

# MiniStack copies the context into the threads of Map and Parallel.
_execution: ContextVar[Execution | None] = ContextVar("execution", default=None)
_begins_wait: ContextVar[bool] = ContextVar("beginning", default=False)

# The task tokens with which each execution waits, by its ARN.
_waits: dict[str, set[str]] = {}


class _BeginWaitFailedError(Exception):
    """The function that begins a wait failed; not an `_ExecutionError`, because MiniStack swallows those here."""

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
    """Return the first retrier that names the error, unless its attempts are used up; no later one counts."""
    for position, retrier in enumerate(retriers):
        if _matches(retrier.get("ErrorEquals", ()), error):
            left = retrier.get("MaxAttempts", 3) - counts.get(position, 0)
            return (retrier, position) if left > 0 and not _has_ended() else (None, -1)
    return None, -1


def find_matching_catcher(catchers: Sequence[Mapping[str, Any]], error: str) -> Mapping[str, Any] | None:
    """Return the first catcher that names the error; States.TaskFailed does not include States.Timeout."""
    return next((one for one in catchers if _matches(one.get("ErrorEquals", ()), error)), None)


def _has_ended() -> bool:
    execution = _execution.get()
    return execution is not None and execution["status"] != "RUNNING"


def execute_task(
    state: Mapping[str, Any], state_input: Any, execution: Execution, context: dict[str, Any]
) -> Step:
    """Run a Task; its timeout may be a path into its input."""
    if (path := state.get("TimeoutSecondsPath")) is not None:
        state = {**state, "TimeoutSeconds": stepfunctions._resolve_path(path, state_input)}
    with _set(_execution, value=execution):
        result: Step = _upstream["_execute_task"](state, state_input, execution, context)
        return result


def invoke_with_callback(resource: str, state_input: Any, token: str, state: Mapping[str, Any]) -> Any:
    """Begin a wait and sleep; if the function that begins it fails, the task fails at once."""
    execution = _execution.get()
    arn = "" if execution is None else execution["executionArn"]
    _waits.setdefault(arn, set()).add(token)
    try:
        with _set(_begins_wait, value=True):
            return _upstream["_invoke_with_callback"](resource, state_input, token, state)
    except _BeginWaitFailedError as failed:
        stepfunctions._task_tokens.pop(token, None)
        raise failed.error from failed
    finally:
        _waits[arn].discard(token)
        if not _waits[arn]:
            del _waits[arn]


def call_lambda(function: str, event: Any) -> Any:
    """Call a function; if it begins a wait, let its error through."""
    try:
        return _upstream["_call_lambda"](function, event)
    except _ExecutionError as error:
        if _begins_wait.get():
            raise _BeginWaitFailedError(error) from error
        raise


def stop_execution(request: Mapping[str, Any]) -> Any:
    """Stop an execution: its waits fail, and it goes no further."""
    arn = request.get("executionArn", "")
    answer = _upstream["_stop_execution"](request)
    execution = stepfunctions._executions.get(arn)
    if answer[0] == 200 and execution is not None:  # noqa: PLR2004 — HTTP's OK
        for token in list(_waits.get(arn, ())):
            stepfunctions._send_task_failure({"taskToken": token, "error": _STOPPED})
        _publish_status(execution)
    return answer


def fail_execution(execution: Execution, error: str, cause: str) -> None:
    """End an execution as failed and publish that on the default event bus, unless it has ended already."""
    if execution["status"] == "RUNNING":
        _upstream["_fail_execution"](execution, error, cause)
        _publish_status(execution)


def _publish_status(execution: Execution) -> None:
    fields = ("executionArn", "stateMachineArn", "name", "status", "error", "cause")
    entry = {
        "Source": "aws.states",
        "DetailType": "Step Functions Execution Status Change",
        "Detail": json.dumps({key: execution.get(key) for key in fields}),
        "Resources": [execution["executionArn"]],
    }
    eventbridge._put_events({"Entries": [entry]})


def invoke_nested_start_execution_sync(resource: str, state_input: Mapping[str, Any]) -> Any:
    """Run a nested execution to its end; a name that is already used is refused."""
    request = stepfunctions._nested_start_execution_request(state_input)
    machine = request["stateMachineArn"].replace(":stateMachine:", ":execution:")
    name = request.get("name")
    if name is not None and f"{machine}:{name}" in stepfunctions._executions:
        raise _ExecutionError(
            "StepFunctions.ExecutionAlreadyExistsException", f"Execution already exists: '{machine}:{name}'"
        )
    return _upstream["_invoke_nested_start_execution_sync"](resource, state_input)


def create_table(logical_id: str, properties: Mapping[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    """Create a table, or update the existing one in place, so that no deployment loses rows; set its TTL."""
    existing = dynamodb._tables.get(properties["TableName"])
    name, attributes = _upstream_table["create"](logical_id, properties, stack)
    if (expiry := properties.get("TimeToLiveSpecification")) is not None:
        dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": expiry})
    if existing is None:
        return name, attributes
    created = dynamodb._tables[name]
    unchanged = ["items", "ItemCount", "TableSizeBytes", "TableId", "CreationDateTime", "Tags"]
    if existing["LatestStreamArn"] and created["LatestStreamArn"]:
        unchanged += ["LatestStreamArn", "LatestStreamLabel"]
        attributes["StreamArn"] = existing["LatestStreamArn"]
    # Update the same dict, because MiniStack's indexes and iterators may refer to it.
    existing.update({key: value for key, value in created.items() if key not in unchanged})
    dynamodb._tables[name] = existing
    return name, attributes


def begins_with(evaluation: Any) -> bool:
    """Evaluate begins_with; no value that is not a text begins with one, and that is no error."""
    begin = evaluation.pos
    attribute = _first_argument(evaluation)
    evaluation.expect("COMMA")
    operand = evaluation._operand() or {}
    if "S" not in operand or attribute is None or "S" in attribute:
        evaluation.pos = begin
        return bool(_upstream_begins_with(evaluation))
    evaluation.expect("RPAREN")
    return False


def size(evaluation: Any) -> Any:
    """Evaluate size; numbers, booleans and nulls have none."""
    begin = evaluation.pos
    attribute = _first_argument(evaluation)
    if attribute is None or attribute.keys().isdisjoint({"N", "BOOL", "NULL"}):
        evaluation.pos = begin
        return _upstream_size(evaluation)
    evaluation.expect("RPAREN")
    return None


def _first_argument(evaluation: Any) -> Any:
    """Read a function's name and its first argument; return the attribute that it names."""
    evaluation.advance()
    evaluation.expect("LPAREN")
    return dynamodb._get_at_path(evaluation.item, evaluation._parse_path())


def retain_table(_physical_id: str, _properties: Mapping[str, Any]) -> None:
    """Keep the table, as its DeletionPolicy says."""


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
_upstream_begins_with: Callable[..., Any] = dynamodb._ExprEval._fn_begins_with
_upstream_size: Callable[..., Any] = dynamodb._ExprEval._fn_size
_TABLE = "AWS::DynamoDB::Table"
_upstream_table: Mapping[str, Callable[..., Any]] = provisioners._RESOURCE_HANDLERS[_TABLE]


def leave_counts(_table: Mapping[str, Any]) -> None:
    """Do not update ItemCount: MiniStack would count every row at every write. On AWS, too, it is hours old."""


def apply() -> None:
    """Install the mends in this process."""
    dynamodb._update_counts = leave_counts
    ministack_copies.apply()
    dynamodb._ExprEval._fn_begins_with = begins_with
    dynamodb._ExprEval._fn_size = size
    for name, mend in _MENDS.items():
        setattr(stepfunctions, name, mend)
    provisioners._RESOURCE_HANDLERS[_TABLE] = {"create": create_table, "delete": retain_table}
    ministack_feed.apply()
    ministack_deployments.apply()
    user_pools.apply()
