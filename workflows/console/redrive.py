"""Redriving: requests that have failed for good are handed to new executions, since a person says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from workflows.console.dead_letters import DeadLetters, Letter
from workflows.executions.services import Services

log = structlog.get_logger("workflows")


class RedriveOutcome(StrEnum):
    """What became of a request that failed."""

    RESTARTED = "restarted"
    GONE_ON = "has gone on by itself"
    DELETED = "is not there any more"
    FAILED = "could not be restarted"


@dataclass(frozen=True, slots=True)
class Case:
    """A request that failed and all that the queue says of it, the latest last."""

    request_id: str
    letters: tuple[Letter, ...]

    @property
    def latest(self) -> Letter:
        """Return the letter that tells of the last failure."""
        return self.letters[-1]

    @property
    def since(self) -> datetime:
        """Return when it failed first."""
        return self.letters[0].sent_at

    @property
    def generation(self) -> int:
        """Return the last generation that failed."""
        return max(letter.generation for letter in self.letters)


def cases_of(letters: Iterable[Letter]) -> list[Case]:
    """Return the letters by their requests, in the order in which those failed first."""
    by_request: dict[str, list[Letter]] = {}
    for letter in letters:
        if letter.request_id is not None:
            by_request.setdefault(letter.request_id, []).append(letter)
    return [Case(request_id, tuple(found)) for request_id, found in by_request.items()]


class Redrive:
    """Restarts what failed. A letter leaves the queue once its request was restarted or has gone on."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._letters = DeadLetters(services.calls, services.names)

    async def letters(self) -> list[Letter]:
        """Return what lies in the queue; whoever reads it puts back what stays."""
        return await self._letters.read()

    async def put_back(self, letters: Sequence[Letter]) -> None:
        """Let others see letters that stay."""
        await self._letters.put_back(letters)

    async def restart(self, case: Case) -> RedriveOutcome:
        """Restart a request, unless it has ended or runs again. What goes wrong is logged and stays."""
        try:
            outcome = await self._restart(case)
            await self._letters.remove(case.letters)
        except Exception:
            log.exception("could not restart a request", request_id=case.request_id)
            return RedriveOutcome.FAILED
        return outcome

    async def _restart(self, case: Case) -> RedriveOutcome:
        executions = self._services.executions
        request = await self._services.transactions.read(case.request_id)
        if request is None:
            return RedriveOutcome.DELETED
        if request.is_over:
            return RedriveOutcome.GONE_ON
        # The execution that has just failed may still say that it runs.
        is_another = request.generation > case.generation
        if is_another and await executions.status(request) == "RUNNING":
            await executions.ensure_progress(request)
            return RedriveOutcome.GONE_ON
        await executions.redrive(request)
        return RedriveOutcome.RESTARTED
