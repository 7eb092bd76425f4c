"""Redriving: on an operator's request, requests that have failed for good get new executions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from workflows.console.dead_letters import DeadLetter, DeadLetters
from workflows.executions.services import Services

log = structlog.get_logger("workflows")


class RedriveOutcome(StrEnum):
    """What became of a request that failed."""

    RESTARTED = "restarted"
    MOVED_ON = "has moved on by itself"
    DELETED = "no longer exists"
    FAILED = "could not be restarted"


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """A request that failed, and its dead letters, the latest last."""

    request_id: str
    letters: tuple[DeadLetter, ...]

    @property
    def latest(self) -> DeadLetter:
        """Return the letter of the last failure."""
        return self.letters[-1]

    @property
    def since(self) -> datetime:
        """Return when it first failed."""
        return self.letters[0].sent_at

    @property
    def generation(self) -> int:
        """Return the latest generation that failed."""
        return max(letter.generation for letter in self.letters)


def failed_requests(letters: Iterable[DeadLetter]) -> list[FailedRequest]:
    """Return the failed requests with their letters, in the order of their first failures."""
    by_request: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        if letter.request_id is not None:
            by_request.setdefault(letter.request_id, []).append(letter)
    return [FailedRequest(request_id, tuple(found)) for request_id, found in by_request.items()]


class Redrive:
    """Restarts failed requests. A letter leaves the queue once its request was restarted or has moved on."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._letters = DeadLetters(services.calls, services.names)

    async def letters(self) -> list[DeadLetter]:
        """Return the letters in the queue; the caller puts back those that stay."""
        return await self._letters.read()

    async def put_back(self, letters: Sequence[DeadLetter]) -> None:
        """Make the letters that stay visible to others again."""
        await self._letters.put_back(letters)

    async def restart(self, failed: FailedRequest) -> RedriveOutcome:
        """Restart a request, unless it has ended or runs again; after a failure, its letters stay."""
        try:
            outcome = await self._restart(failed)
            await self._letters.remove(failed.letters)
        except Exception:
            log.exception("could not restart a request", service_request_id=failed.request_id)
            return RedriveOutcome.FAILED
        return outcome

    async def _restart(self, failed: FailedRequest) -> RedriveOutcome:
        executions = self._services.executions
        request = await self._services.transactions.read(failed.request_id)
        if request is None:
            return RedriveOutcome.DELETED
        if request.is_over:
            return RedriveOutcome.MOVED_ON
        # The execution that has just failed may still be reported as RUNNING, so only a later one counts.
        is_later = request.generation > failed.generation
        if is_later and await executions.status(request) == "RUNNING":
            await executions.ensure_progress(request)
            return RedriveOutcome.MOVED_ON
        await executions.redrive(request)
        return RedriveOutcome.RESTARTED
