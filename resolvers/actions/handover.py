"""How actions of members and admins meet the workflow: they wait until it is ready, then hand over to it."""

from collections.abc import Awaitable, Callable

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models.errors import HourBankError, Refusal, UnavailableError
from models.transactions.moves import Moved
from resolvers.polling import poll

_log = structlog.get_logger(__name__)


async def retry_while_transient(move: Callable[[], Awaitable[Moved | Refusal]]) -> Moved | Refusal:
    """Try to move a request; retry while the refusal is transient, because the workflow is between two steps.

    Returns:
        The last outcome; it is a transient refusal if the workflow is not ready after 5 s.
    """
    return await poll(move, is_pending=lambda outcome: isinstance(outcome, Refusal) and outcome.is_transient)


async def best_effort(handover: Awaitable[object]) -> None:
    """Hand over to the workflow; a failure is only logged, because the event bus and the sweep do it later."""
    try:
        await handover
    except UnavailableError:
        _log.warning("hand-over to the workflow put off: AWS does not answer; the sweep will repeat it")
    except (ClientError, BotoCoreError, HourBankError):
        _log.exception("hand-over to the workflow failed; the sweep will repeat it")
