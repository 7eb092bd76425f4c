"""Executions that have ended badly, and whether what they moved has been moved on since."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import tables
from models.requests.request import Request
from models.storage.codec import decode
from models.storage.store import Item
from workflows.console.status import judging
from workflows.console.status.readings import Count, Reading
from workflows.definitions import read_definitions
from workflows.executions.requests import DISPUTES, MACHINE, execution_of, request_id_of
from workflows.executions.services import Services

_BAD_ENDS = ("FAILED", "TIMED_OUT", "ABORTED")
# Step Functions lists executions by when they began, so that all that it keeps are looked through, up to so many.
_PAGE = 200
_PAGES = 5
WITHIN = timedelta(hours=24)
# Of the latest bad ends, those whose requests are read.
_MOST_LOOKED_UP = 100


@dataclass(frozen=True, slots=True)
class Ending:
    """An execution that has ended badly."""

    machine: str
    arn: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Endings:
    """The executions of a deployment that have ended badly."""

    services: Services

    async def reading(self, name: str, now: datetime) -> Reading:
        """Judge those of the last day."""
        asked = [(machine, how) for machine in read_definitions() for how in _BAD_ENDS]
        answers = await asyncio.gather(*(self._ended(machine, how, now - WITHIN) for machine, how in asked))
        ended = dict.fromkeys(_BAD_ENDS, Count(0))
        for (_, how), (found, is_all) in zip(asked, answers, strict=True):
            ended[how] += Count(len(found), is_all)
        latest = sorted((one for found, _ in answers for one in found), key=lambda one: one.at, reverse=True)
        return judging.executions(name, ended, await self._left(latest[:_MOST_LOOKED_UP]), WITHIN)

    async def _ended(self, machine: str, how: str, since: datetime) -> tuple[list[Ending], bool]:
        """Return the executions of a machine that have ended in one way, and whether all were looked through."""
        found: list[Ending] = []
        more: dict[str, Any] = {}
        for _ in range(_PAGES):
            answer = await self.services.calls.call(
                "stepfunctions",
                "list_executions",
                stateMachineArn=self.services.names.state_machine_arn(machine),
                statusFilter=how,
                maxResults=_PAGE,
                **more,
            )
            found += [
                Ending(machine, one["executionArn"], one["stopDate"])
                for one in answer["executions"]
                if one["stopDate"] >= since
            ]
            if (token := answer.get("nextToken")) is None:
                return found, True
            more = {"nextToken": token}
        return found, False

    async def _left(self, endings: Sequence[Ending]) -> list[str]:
        """Return the ids of the requests that no other execution has moved on.

        The executions that move escrows are begun by those that move requests, which are tried again or fail, too;
        a reconciliation is begun again the next day, and its reading says if it was not.
        """
        of_disputes = dict.fromkeys(request_id_of(one.arn) for one in endings if one.machine == DISPUTES)
        disputes = await self.services.store.batch_get([(tables.Dispute, one) for one in of_disputes])
        of_requests = [request_id_of(one.arn) for one in endings if one.machine == MACHINE]
        of_requests += [row["requestId"]["S"] for row in disputes if row is not None]
        rows = await self.services.store.batch_get(
            [(tables.ServiceRequest, one) for one in dict.fromkeys(of_requests)]
        )
        ended = {one.arn for one in endings}
        return [row["id"]["S"] for row in rows if row is not None and self._is_left(row, ended)]

    def _is_left(self, row: Item, ended: Collection[str]) -> bool:
        """Return whether a request is moved by one of these executions; one that cannot be read is, too."""
        try:
            request = decode(Request, tables.ServiceRequest, row)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return True
        return not request.is_over and self.services.names.execution_arn(*execution_of(request)) in ended
