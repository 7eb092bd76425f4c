"""Makes Lambda handlers of coroutines, and holds the services that all handlers of a process share."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import cache
from typing import Any

from models.errors import StoppedError
from models.settings import Settings
from models.storage.calls import BlockingCalls, drive
from workflows.executions.services import Services
from workflows.executions.step_input import StepInput
from workflows.handlers.invocations import invocation
from workflows.metrics.declared import HANDLER_FAILURES
from workflows.metrics.emission import emit

Event = Mapping[str, Any]


@cache
def services() -> Services:
    """Return this process's services, configured by its environment variables."""
    return Services.over(BlockingCalls(), Settings())


def stop() -> None:
    """Make every handler of this process fail at its next call to AWS; `services.cache_clear()` undoes it."""
    if services.cache_info().currsize and isinstance(calls := services().calls, BlockingCalls):
        calls.stop()


Handler = Callable[[Event, Any], Any]


def lambda_handler(work: Callable[[Services, Event], Coroutine[Any, Any, Any]]) -> Handler:
    """Make a Lambda handler of a coroutine; errors are logged, and left to the state machine."""

    async def watched(event: Event, context: Any) -> Any:
        try:
            with invocation(event, context) as running:
                running.result = result = await work(services(), event)
                return result
        except StoppedError:
            raise  # the process stops; the state machine retries elsewhere or later
        except Exception:
            if (function := getattr(context, "function_name", None)) is not None:
                emit(services().names.stack, [HANDLER_FAILURES.at(1, function)])
            raise

    def handler(event: Event, context: Any) -> Any:
        return drive(watched(event, context))

    handler.__doc__ = work.__doc__
    return handler


def step_handler(work: Callable[[Services, StepInput], Awaitable[StepInput]]) -> Handler:
    """Make a Lambda handler of a workflow's step, which takes a step input and returns the next step's."""

    async def step(services: Services, event: Event) -> dict[str, Any]:
        return (await work(services, StepInput.read(event))).as_json()

    step.__doc__ = work.__doc__
    return lambda_handler(step)
