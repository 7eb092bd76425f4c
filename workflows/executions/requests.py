"""Executions that move requests and decide disputes: started, resumed, and completed when people answer."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps

from botocore.exceptions import ClientError

from models.clock import Clock
from models.correlation import correlation_id
from models.requests import recovery
from models.requests.decision import Snapshot, Verdict
from models.requests.next_step import next_step
from models.requests.recovery import Recovery
from models.requests.request import Request, Wait
from models.requests.statuses import Step
from models.requests.windows import Windows
from models.spans import trace_handed_on
from models.storage.calls import Calls
from models.storage.names import Names
from models.transactions.moves import Moved, Transactions
from workflows.executions.step_input import StepInput

MACHINE = "ServiceRequestWorkflow"
DISPUTES = "DisputeResolutionWorkflow"

# Step Functions' codes for a task token with which nobody waits any more: the wait is over, which is no error.
_DEAD_TOKEN = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})

# A token that is dead this long after the answer, while the request has not moved: the answer was lost.
ANSWER_LOST_AFTER = timedelta(minutes=5)

_RESUMED = re.compile(r"(?P<id>.+)-r\d{1,9}")


def execution_name(request_id: str, generation: int) -> str:
    """Return the name of a request's execution: the request's id, with the generation of a resumption."""
    return request_id if generation == 0 else f"{request_id}-r{generation}"


def execution_of(request: Request) -> tuple[str, str]:
    """Return the machine that moves a request from where it is, and the name of its execution there."""
    if (dispute := request.dispute) is not None:
        return DISPUTES, execution_name(dispute.id, request.generation - dispute.generation)
    return MACHINE, execution_name(request.id, request.generation)


def request_id_of(execution_arn: str) -> str:
    """Return the id of the request that an execution moves, or of the dispute that it decides."""
    name = execution_arn.rsplit(":", 1)[-1]
    resumed = _RESUMED.fullmatch(name)
    return resumed["id"] if resumed else name


def decides_dispute(execution_arn: str) -> bool:
    """Return whether an execution decides a dispute; others move requests."""
    return execution_arn.rpartition(":")[0].endswith(DISPUTES)


class Executions:
    """Starts, resumes and completes executions; every call may be repeated.

    Args:
        calls: the way to AWS.
        names: the deployment's names.
        transactions: reads and writes requests.
        windows: how long the workflow waits for people.
        clock: the time.
    """

    def __init__(
        self, calls: Calls, names: Names, transactions: Transactions, *, windows: Windows, clock: Clock
    ) -> None:
        self._calls = calls
        self._names = names
        self._transactions = transactions
        self._windows = windows
        self._clock = clock

    def arn(self, request_id: str, generation: int) -> str:
        """Return the ARN of an execution that moves a request itself, whether it exists or not."""
        return self._names.execution_arn(MACHINE, execution_name(request_id, generation))

    def dispute_arn(self, dispute_id: str) -> str:
        """Return the ARN of the first execution that decides a dispute."""
        return self._names.execution_arn(DISPUTES, dispute_id)

    async def start(self, request: Request) -> None:
        """Start a request's execution unless it runs already; if it has closed too early, resume the request."""
        if request.is_over:
            return
        machine, name = execution_of(request)
        trace = trace_handed_on()
        try:
            await self._calls.call(
                "stepfunctions",
                "start_execution",
                stateMachineArn=self._names.state_machine_arn(machine),
                name=name,
                input=json.dumps(StepInput.of(request).as_json()),
                **({} if trace is None else {"traceHeader": trace}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            if await self.status(request) != "RUNNING":
                await self.resume(request)

    async def start_missing(self, request: Request) -> None:
        """Start a request's execution if it is missing: the process that raised the generation may have died."""
        if not request.is_over and await self.status(request) is None:
            await self.start(request)

    async def hand_over(self, request: Request) -> None:
        """Complete the wait that a dispute has interrupted, and start the dispute's own execution."""
        if request.dispute is None:
            return
        if request.set_aside is not None:
            await self.complete_wait(request, request.set_aside)
        await self.start(request)

    async def status(self, request: Request) -> str | None:
        """Return the status of a request's execution, such as RUNNING; None if it is missing."""
        arn = self._names.execution_arn(*execution_of(request))
        try:
            answer = await self._calls.call("stepfunctions", "describe_execution", executionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
            return None
        return str(answer["status"])

    async def resume(self, request: Request) -> None:
        """Start a new execution of a live request: the next generation, which supersedes every earlier one.

        If its executions have been failing for a day, the request is given up instead.
        """
        if Recovery.of(request).is_hopeless(self._clock()):
            await self._transactions.move(request.id, recovery.give_up, generation=request.generation)
            return
        await self._start_next_generation(request, recovery.resume)

    async def redrive(self, request: Request) -> None:
        """Start a new execution of a live request because a person asks for it, however long it has failed."""
        await self._start_next_generation(request, recovery.redrive)

    async def _start_next_generation(self, request: Request, to_next: Callable[..., Verdict]) -> None:
        """Let a rule raise a request's generation, and start the execution of that generation."""
        generation = request.generation + 1

        @wraps(to_next)
        def rule(snapshot: Snapshot, now: datetime) -> Verdict:
            # Of the request as it is now: a dispute may have been raised since it was read.
            machine, name = execution_of(replace(snapshot.request, generation=generation))
            return to_next(snapshot, now, execution_arn=self._names.execution_arn(machine, name))

        await self._transactions.move(request.id, rule, generation=request.generation)
        # Read again: if another process raised the generation, it may have died before it started the execution.
        resumed = await self._transactions.read(request.id)
        if resumed is not None and resumed.generation == generation:
            await self.start(resumed)

    async def complete_wait(self, request: Request, wait: Wait) -> bool:
        """Complete a wait: the execution that holds its token goes on with the request's next step.

        Returns:
            Whether an execution still waited with that token.
        """
        if wait.token is None:
            return False
        decides = wait.name is Step.WAIT_FOR_ADMIN_DECISION
        dispute_id = request.dispute.id if request.dispute and decides else None
        step_input = StepInput(
            request_id=request.id,
            generation=wait.generation,
            dispute_id=dispute_id,
            correlation_id=correlation_id(),
        )
        return await self.complete(wait.token, step_input.onward(request, self._windows, self._clock()))

    async def complete(self, token: str, step_input: StepInput) -> bool:
        """Complete a waiting task; return False, which is no error, if nobody waits with that token any more."""
        output = json.dumps(step_input.as_json())
        try:
            await self._calls.call("stepfunctions", "send_task_success", taskToken=token, output=output)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _DEAD_TOKEN:
                raise
            return False
        return True

    async def ensure_progress_after_outage(self, request: Request) -> None:
        """Ensure that a live request progresses after its functions were gone: failures meanwhile do not count."""
        moved = await self._transactions.move(request.id, recovery.begin_anew, generation=request.generation)
        if isinstance(moved, Moved):
            await self.ensure_progress(moved.request)

    async def ensure_progress(self, request: Request) -> None:
        """Ensure that an execution moves a request that is due.

        "Over" means that the request's wait has its answer, or is past its deadline:

        | execution | wait                             | action                              |
        | --------- | -------------------------------- | ----------------------------------- |
        | missing   | any                              | start it, look later                |
        | RUNNING   | none, or not over                | look later                          |
        | RUNNING   | over, token alive                | complete the wait, look later       |
        | RUNNING   | over for ≤ 5 minutes, token dead | look later: it may be between steps |
        | RUNNING   | over for > 5 minutes, token dead | resume: the answer was lost         |
        | closed    | any                              | resume                              |

        "Look later" puts off the sweep's next look; "resume" starts the next generation's execution.
        """
        if request.is_over:
            return
        status = await self.status(request)
        if status is None:
            await self.start(request)
        elif status != "RUNNING" or not await self._redeliver_answer(request):
            await self.resume(request)
            return
        await self._transactions.move(request.id, recovery.look_later, generation=request.generation)

    async def _redeliver_answer(self, request: Request) -> bool:
        """Complete a request's wait that is over, once more; return False if its answer or timeout was lost."""
        wait, now = request.wait, self._clock()
        if wait is None or next_step(request, now) is wait.name:
            return True
        over_since = wait.answer.at if wait.answer else wait.deadline
        return await self.complete_wait(request, wait) or now - over_since <= ANSWER_LOST_AFTER
