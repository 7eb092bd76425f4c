"""Calls an app's functions, in threads or as coroutines: so many at once, and each for so long."""

import asyncio
import inspect
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
import structlog

from models.limits import LimitSet, limit
from resolvers.functions.loading import Function, python_name
from schema.amplify.catalogue import OwnField
from schema.errors import AppSyncError, FunctionError, NotServedError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FunctionLimits(LimitSet):
    """Functions of an imported app."""

    seconds: float = limit(10.0, "seconds for a function that answers a field", code="Lambda:Unhandled")
    at_once: int = limit(32, "functions that answer fields at once; more of them wait", code="none")
    waiting: int = limit(256, "calls of functions that wait for their turn", code="Lambda:Unhandled")
    bytes: int = limit(6_000_000, "bytes of JSON that a function answers", code="Lambda:Unhandled")


class FunctionCalls:
    """Calls functions by the names that `@function` gives them.

    As between AppSync and Lambda, events and answers are JSON: a function gets an event of its own, and of its
    answer counts what JSON can say. A thread cannot be stopped: a function that takes too long keeps its place
    until it ends.

    Args:
        functions: the functions, by their names in Python.
        limits: how much they may take.
    """

    def __init__(self, functions: Mapping[str, Function], limits: FunctionLimits | None = None) -> None:
        self._functions = functions
        self._limits = limits or FunctionLimits()
        self._places = asyncio.Semaphore(self._limits.at_once)
        self.unfinished = 0
        self._begun: set[asyncio.Task[None]] = set()

    async def answer(self, own: OwnField, event: dict[str, Any]) -> Any:
        """Return what the last of a field's functions answers; each gets the answer of the one before as `prev`.

        Raises:
            NotServedError: a function is not there.
            FunctionError: one failed, took too long, answered no JSON or too much of it, or too many wait.
        """
        result: Any = None
        for step in own.functions:
            function = self._functions.get(python_name(step.name))
            if function is None:
                raise NotServedError(own.name, f"functions.py has no function {python_name(step.name)}")
            given = {**event, "prev": None if result is None else {"result": result}}
            if step.is_event:
                self._begin(step.name, function, given)
            else:
                result = await self._called(step.name, function, given)
        return result

    def _begin(self, name: str, function: Function, event: dict[str, Any]) -> None:
        """Call a function for whose answer nobody waits; its failure is logged."""
        task = asyncio.create_task(self._logged(name, function, event))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _logged(self, name: str, function: Function, event: dict[str, Any]) -> None:
        try:
            await self._called(name, function, event)
        except FunctionError as error:
            _log.warning("a function that nobody waits for failed", function=name, error=str(error))

    async def _called(self, name: str, function: Function, event: dict[str, Any]) -> Any:
        if self.unfinished >= self._limits.at_once + self._limits.waiting:
            raise FunctionError(f"{name} has too much to do; try again later", function=name)
        self.unfinished += 1
        running = asyncio.ensure_future(self._in_turn(name, function, orjson.loads(orjson.dumps(event))))
        running.add_done_callback(self._finished)
        try:
            # A thread goes on, and is counted until it ends.
            return await asyncio.wait_for(asyncio.shield(running), self._limits.seconds)
        except TimeoutError:
            message = f"{name} took longer than {self._limits.seconds:g} s"
            raise FunctionError(message, function=name) from None
        except AppSyncError:
            raise
        except Exception as error:
            _log.exception("a function of the app failed", function=name)
            raised = error.__cause__ if isinstance(error, _EndedError) else error
            raise FunctionError(f"{name} failed: {type(raised).__name__}", function=name) from error

    def _finished(self, running: asyncio.Future[Any]) -> None:
        self.unfinished -= 1
        if not running.cancelled():
            running.exception()  # so that asyncio knows that somebody has looked

    async def _in_turn(self, name: str, function: Function, event: dict[str, Any]) -> Any:
        async with self._places:
            if inspect.iscoroutinefunction(function):
                # Whoever waits for it may be gone before its time is over.
                async with asyncio.timeout(self._limits.seconds):
                    text = _json_of(name, await _without_exit(function, event))
            else:
                text = await _in_thread(name, function, event)
        if len(text) > self._limits.bytes:
            message = f"the answer of {name} has {len(text)} bytes, and at most {self._limits.bytes} are taken"
            raise FunctionError(message, function=name)
        return orjson.loads(text)


def _json_of(name: str, answer: Any) -> bytes:
    """Return an answer as JSON.

    Raises:
        FunctionError: it is more than JSON can say; the message names the type.
    """
    try:
        return orjson.dumps(answer, default=_number, option=orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        raise FunctionError(f"the answer of {name} is no JSON: {error}", function=name) from error


def _number(value: Any) -> float:
    """Return a number of DynamoDB's as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError


class _EndedError(RuntimeError):
    """A function wanted to end the whole program, or raised what no future can hold."""


async def _without_exit(function: Function, event: dict[str, Any]) -> Any:
    try:
        return await function(event)
    except SystemExit as error:
        raise _EndedError from error


async def _in_thread(name: str, function: Function, event: dict[str, Any]) -> bytes:
    """Return what a function answers, as JSON, in a thread that keeps no server from ending."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()

    def tell(text: bytes, error: Exception | None) -> None:
        if answered.done():
            return
        if error is None:
            answered.set_result(text)
        else:
            answered.set_exception(error)

    def run() -> None:
        text = b""
        failure: Exception | None = None
        try:
            text = _json_of(name, function(event))
        except (SystemExit, StopIteration) as error:
            failure = _EndedError()
            failure.__cause__ = error
        except Exception as error:  # noqa: BLE001 — whatever it is, the caller gets it
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, text, failure)

    threading.Thread(target=run, name=f"function-{function.__name__}", daemon=True).start()
    return await answered
