"""Step Functions in virtual time: runs the deployed definitions over the real handlers.

It fails on what it does not support, so that a definition that needs more shows here.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from models.storage.names import Names
from tests.chaos.faults import CALL_ERRORS
from workflows.definitions import read_definitions

Invoke = Callable[[str, Any], Awaitable[Any]]
OnClosed = Callable[["Execution"], None]

_SERVICE = "arn:aws:states:::"
_EQUALITIES = frozenset({"StringEquals", "BooleanEquals"})


@dataclass(slots=True)
class Execution:
    """One execution of a state machine."""

    arn: str
    machine: str
    input: str
    status: str = "RUNNING"
    task: "asyncio.Task[None] | None" = None


class StateError(Exception):
    """A state failed; the name is what Retry and Catch match."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause

    def is_one_of(self, names: list[str]) -> bool:
        """Return whether a Retry or a Catch matches this error."""
        return (
            self.name in names or "States.ALL" in names or ("States.TaskFailed" in names and not self.is_timeout)
        )

    @property
    def is_timeout(self) -> bool:
        """Return whether the state timed out."""
        return self.name == "States.Timeout"


class Machines:
    """The state machines of one deployment, and their executions.

    Args:
        names: the deployment's names.
        invoke: calls a Lambda function by its name.
        on_closed: called with each execution that failed or was aborted, as the event bus is.
        random: for the jitter.
    """

    def __init__(self, names: Names, invoke: Invoke, on_closed: OnClosed, random: Random) -> None:
        self._names = names
        self._invoke = invoke
        self._on_closed = on_closed
        self._random = random
        self._definitions = read_definitions()
        self.executions: dict[str, Execution] = {}
        # Whose executions have ended, nested ones included: machine, status, and the loop's time.
        self.ended: list[tuple[str, str, float]] = []
        self._tokens: dict[str, asyncio.Future[Any]] = {}
        self._made = 0

    async def call(self, operation: str, **params: Any) -> Any:
        """Answer a call as Step Functions would."""
        answers: dict[str, Callable[..., Any]] = {
            "start_execution": self._start,
            "describe_execution": self._describe,
            "send_task_success": self._succeed,
        }
        return answers[operation](**params)

    def forget(self) -> None:
        """Lose every execution and task token, as a restarted local cloud does."""
        for execution in self.executions.values():
            if execution.task:
                execution.task.cancel()
        self.executions.clear()
        self._tokens.clear()

    def abort(self, arn: str) -> None:
        """Abort an execution."""
        execution = self.executions[arn]
        if execution.status == "RUNNING" and execution.task:
            execution.task.cancel()
            self._close(execution, "ABORTED")

    @property
    def running(self) -> list[str]:
        """Return the ARNs of the running executions, the oldest first."""
        return [arn for arn, execution in self.executions.items() if execution.status == "RUNNING"]

    def _start(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: N803 — AWS's names
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        known = self.executions.get(arn)
        if known is None:
            machine = stateMachineArn.rpartition(":")[2].removeprefix(f"{self._names.stack}-")
            known = self.executions[arn] = Execution(arn, machine, input)
            known.task = asyncio.create_task(self._run(known))
        elif known.status != "RUNNING" or known.input != input:
            raise _error("ExecutionAlreadyExists", "StartExecution")
        return {"executionArn": arn}

    def _describe(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 — AWS's name
        if (known := self.executions.get(executionArn)) is None:
            raise _error("ExecutionDoesNotExist", "DescribeExecution")
        return {"status": known.status}

    def _succeed(self, *, taskToken: str, output: str) -> dict[str, Any]:  # noqa: N803 — AWS's name
        waiting = self._tokens.pop(taskToken, None)
        if waiting is None or waiting.done():
            raise _error("TaskTimedOut" if waiting else "TaskDoesNotExist", "SendTaskSuccess")
        waiting.set_result(json.loads(output))
        return {}

    async def _run(self, execution: Execution) -> None:
        try:
            definition = self._definitions[execution.machine]
            await self._walk(definition, json.loads(execution.input), execution.arn)
        except StateError:
            self._close(execution, "FAILED")
        else:
            execution.status = "SUCCEEDED"
            self._note_end(execution.machine, "SUCCEEDED")

    def _close(self, execution: Execution, status: str) -> None:
        execution.status = status
        self._note_end(execution.machine, status)
        self._on_closed(execution)

    def _note_end(self, machine: str, status: str) -> None:
        self.ended.append((machine, status, asyncio.get_running_loop().time()))

    async def _walk(self, definition: Mapping[str, Any], data: Any, arn: str) -> Any:
        """Run state after state; return the last one's output."""
        name = definition["StartAt"]
        while True:
            state = definition["States"][name]
            match state["Type"]:
                case "Succeed":
                    return data
                case "Fail":
                    raise StateError(state["Error"])
                case "Choice":
                    name = _chosen(state, data)
                    continue
                case "Pass":
                    following = state["Next"]
                case "Map":
                    data, following = await self._map(state, data, arn), state["Next"]
                case "Task":
                    data, following = await self._task(state, data, arn)
            if following is None:
                return data
            name = following

    async def _map(self, state: Mapping[str, Any], data: Any, arn: str) -> Any:
        """Run a Map state with its limit of concurrency; return the data with the results."""
        limiter = asyncio.Semaphore(state["MaxConcurrency"])

        async def run(item: Any) -> Any:
            given = _resolved(state["ItemSelector"], data, {"Map": {"Item": {"Value": item}}})
            async with limiter:
                return await self._walk(state["ItemProcessor"], given, arn)

        results = await asyncio.gather(*map(run, _found(state["ItemsPath"], data, {})))
        return {**data, state["ResultPath"].removeprefix("$."): results}

    async def _task(self, state: Mapping[str, Any], data: Any, arn: str) -> tuple[Any, str | None]:
        """Run a Task state with its Retry; return its output and the next state, which may be a Catch's."""
        tried: dict[int, int] = {}
        while True:
            try:
                return await self._attempt(state, data, arn), state.get("Next")
            except StateError as error:
                if (pause := self._pause(state, error, tried)) is not None:
                    await asyncio.sleep(pause)
                    continue
                for catch in state.get("Catch", ()):
                    if error.is_one_of(catch["ErrorEquals"]):
                        noted = {"Error": error.name, "Cause": error.cause}
                        return {**data, catch["ResultPath"].removeprefix("$."): noted}, catch["Next"]
                raise

    def _pause(self, state: Mapping[str, Any], error: StateError, tried: dict[int, int]) -> float | None:
        for number, retry in enumerate(state.get("Retry", ())):
            if error.is_one_of(retry["ErrorEquals"]):
                tries = tried[number] = tried.get(number, 0) + 1
                if tries > retry["MaxAttempts"]:
                    return None
                longest = retry["IntervalSeconds"] * retry["BackoffRate"] ** (tries - 1)
                return self._random.uniform(0, longest)
        return None

    async def _attempt(self, state: Mapping[str, Any], data: Any, arn: str) -> Any:
        self._made += 1
        context = {"Task": {"Token": f"token-{self._made}"}, "Execution": {"Id": arn}}
        given = _resolved(state["Parameters"], data, context)
        limit = state.get("TimeoutSeconds")
        if limit is None:
            limit = _found(state["TimeoutSecondsPath"], data, context)
        kinds = {
            "lambda:invoke": self._call_function,
            "lambda:invoke.waitForTaskToken": self._wait,
            "states:startExecution.sync:2": self._nest,
        }
        task = kinds[state["Resource"].removeprefix(_SERVICE)]
        try:
            async with asyncio.timeout(limit):
                result = await task(given, context["Task"]["Token"], arn)
        except TimeoutError:
            self._tokens.pop(context["Task"]["Token"], None)
            raise StateError("States.Timeout") from None
        return _found(state.get("OutputPath", "$"), result, context)

    async def _call_function(self, given: Any, _token: str, _arn: str) -> Any:
        name = given["FunctionName"].removeprefix("${").removesuffix("}")
        try:
            return {"Payload": await self._invoke(name, given["Payload"])}
        except (*CALL_ERRORS, RuntimeError) as error:
            raise StateError("Runtime.HandlerError", repr(error)) from error

    async def _wait(self, given: Any, token: str, arn: str) -> Any:
        waiting = self._tokens[token] = asyncio.get_running_loop().create_future()
        await self._call_function(given, token, arn)
        return await waiting

    async def _nest(self, given: Any, _token: str, arn: str) -> Any:
        machine = given["StateMachineArn"].removeprefix("${").removesuffix("}")
        try:
            output = await self._walk(self._definitions[machine], given["Input"], f"{arn}-nested")
        except StateError as error:
            self._note_end(machine, "FAILED")
            raise StateError("States.TaskFailed", str(error)) from error
        self._note_end(machine, "SUCCEEDED")
        return {"Output": output}


def _chosen(state: Mapping[str, Any], data: Any) -> str:
    for choice in state["Choices"]:
        (expected,) = (choice[kind] for kind in choice.keys() - {"Variable", "Next"} if kind in _EQUALITIES)
        if _found(choice["Variable"], data, {}) == expected:
            return str(choice["Next"])
    return str(state["Default"])


def _resolved(template: Any, data: Any, context: Any) -> Any:
    """Return parameters with their paths replaced by the values there."""
    if not isinstance(template, dict):
        return template
    pairs = ((name, value) for name, value in template.items())
    return {
        name.removesuffix(".$"): _found(value, data, context)
        if name.endswith(".$")
        else _resolved(value, data, context)
        for name, value in pairs
    }


def _found(at: str, data: Any, context: Any) -> Any:
    found = context if at.startswith("$$") else data
    for part in at.lstrip("$").split("."):
        if part:
            found = found[part]
    return found


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
