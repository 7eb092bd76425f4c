"""How people's actions and the workflow get along: the one waits for the other a moment, and hands over to it."""

from collections.abc import Awaitable, Callable

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models.clock import Clock
from models.errors import HourBankError, Refusal
from models.storage.calls import Calls
from models.transactions.moves import Moved

log = structlog.get_logger("settling")

# How long a person's action waits for the workflow to take the one before it; it looks less and less often.
SETTLING_SECONDS = 5.0
FIRST_LOOK_SECONDS = 0.05
LAST_LOOK_SECONDS = 0.8


async def retry_while_transient(
    calls: Calls, clock: Clock, act: Callable[[], Awaitable[Moved | Refusal]]
) -> Moved | Refusal:
    """Act, and while the workflow is about to move the request on, act again."""
    deadline = clock().timestamp() + SETTLING_SECONDS
    pause = FIRST_LOOK_SECONDS
    while True:
        outcome = await act()
        is_transient = isinstance(outcome, Refusal) and outcome.is_transient
        if not is_transient or clock().timestamp() >= deadline:
            return outcome
        await calls.pause(pause)
        pause = min(2 * pause, LAST_LOOK_SECONDS)


async def best_effort(move: Awaitable[object]) -> None:
    """Let the workflow move; if it cannot now, the event bus and the sweep see to it that it does."""
    try:
        await move
    except (ClientError, BotoCoreError, HourBankError):
        log.exception("the workflow could not be told; the sweep will")
