"""A request's life: its row, the rows about it, and its executions."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from models import tables
from models.clock import from_text
from models.errors import ExpectedError
from models.requests.request import Request
from models.storage.codec import decode
from models.storage.store import Item, read_pages
from workflows.console.trace.histories import Histories
from workflows.console.trace.spans import Kind, Mark, Span, place
from workflows.executions.requests import DISPUTES, MACHINE, execution_name, request_id_of
from workflows.executions.services import Services

# What it takes to read lives and logs.
SERVICES = ("dynamodb", "stepfunctions", "logs")
# Of each index, and of each member's log, in which the entries of one request are looked for.
_PAGE, _PAGES = 200, 20
# Of a request that was resumed again and again, the first and the latest.
_MOST_EXECUTIONS = 20


class UnknownRequestError(ExpectedError):
    """There is no such request; the message says what to give instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What is known of a request.

    Args:
        request: the request as it is now.
        names: members' names by their ids.
        escrows: the rows of its escrows.
        exchange: the row of its exchange, None if there is none.
        root: its executions, and what happened.
        now: when it was looked at.
        is_whole: whether all entries of its members' logs were looked through.
    """

    request: Request
    names: dict[str, str]
    escrows: list[Item]
    exchange: Item | None
    root: Span
    now: datetime
    is_whole: bool = True


@dataclass(slots=True)
class Lives:
    """Reads requests' lives.

    Args:
        services: the deployment's.
    """

    services: Services
    _is_whole: bool = field(init=False, default=True)

    async def read(self, request: Request, lines: Sequence[Mark] = ()) -> Life:
        """Return a request's life.

        Args:
            request: the request.
            lines: what logs say of it.
        """
        (escrows, marks), executions, exchange, names = await asyncio.gather(
            self._rows(request), self._executions(request), self._exchange(request), self._names(request)
        )
        passages = [
            Mark(at=one.at, kind=Kind.STATUS, says=f"status {one.status.value}") for one in request.passages
        ]
        ended = request.updated_at if request.is_over else None
        root = Span(name=request.id, began=request.created_at, ended=ended, within=[*executions])
        place([*passages, *marks, *lines], root)
        return Life(
            request=request,
            names=names,
            escrows=escrows,
            exchange=exchange,
            root=root,
            now=self.services.clock(),
            is_whole=self._is_whole,
        )

    async def find(self, name: str) -> Request:
        """Return the request that is meant.

        Args:
            name: its id; or that of its dispute or escrow, or of one of its executions.

        Raises:
            UnknownRequestError: there is none.
        """
        store, wanted = self.services.store, request_id_of(name)
        reads = [(table, wanted) for table in (tables.ServiceRequest, tables.Escrow, tables.Dispute)]
        request, *others = await store.batch_get(reads, consistent=True)
        for row in others:
            if request is None and row is not None and "requestId" in row:
                request = await store.get(tables.ServiceRequest, row["requestId"]["S"], consistent=True)
        if request is None:
            raise UnknownRequestError(
                f"There is no request {name}. Give the id of a service request, of its dispute or escrow, or of "
                "one of its executions; lines of the log have it as service_request_id. An answer's "
                "x-amzn-RequestId is the correlation_id of such lines."
            )
        return decode(Request, tables.ServiceRequest, request)

    async def _exchange(self, request: Request) -> Item | None:
        return await self.services.store.get(tables.Transaction, request.exchange_key)

    async def _names(self, request: Request) -> dict[str, str]:
        rows = await self.services.store.batch_get([(tables.User, one) for one in dict.fromkeys(request.parties)])
        return {row["id"]["S"]: row["username"]["S"] for row in rows if row is not None and "username" in row}

    async def _executions(self, request: Request) -> list[Span]:
        """Return the executions that have moved a request or decided its disputes."""
        histories = Histories(self.services.calls, self.services.names)
        found = await asyncio.gather(*(histories.read(arn) for arn in self._arns(request)))
        return [one for one in found if one is not None]

    def _arns(self, request: Request) -> list[str]:
        arn = self.services.names.execution_arn
        generations = [
            *(arn(MACHINE, execution_name(request.id, one)) for one in range(request.generation + 1)),
            *(
                arn(DISPUTES, execution_name(dispute.id, one))
                for dispute in request.disputes
                for one in range(request.generation - dispute.generation + 1)
            ),
        ]
        if len(generations) <= _MOST_EXECUTIONS:
            return generations
        return [*generations[: _MOST_EXECUTIONS // 2], *generations[-_MOST_EXECUTIONS // 2 :]]

    async def _rows(self, request: Request) -> tuple[list[Item], list[Mark]]:
        """Return a request's escrows, and what the logs of events and of hours say of it."""
        escrows = await self._all(tables.Escrow, tables.Escrow.byRequestId, request.id)
        disputes = [one.id for one in request.disputes]
        about = [request.id, request.exchange_key, *disputes, *(row["id"]["S"] for row in escrows)]
        events = await asyncio.gather(
            *(self._all(tables.EventLog, tables.EventLog.byEntityId, one) for one in dict.fromkeys(about))
        )
        entries = await asyncio.gather(
            *(self._entries(user_id, {request.id, *disputes}) for user_id in dict.fromkeys(request.parties))
        )
        of_events = [_event(row) for rows in events for row in rows]
        return escrows, [*of_events, *(_entry(row) for rows in entries for row in rows)]

    async def _entries(self, user_id: str, about: set[str]) -> list[Item]:
        table = tables.TransactionLog
        related = table.relatedEntityId.is_in(*sorted(about))
        return await self._all(table, table.byUserId, user_id, filter=related)

    async def _all(self, table: type[tables.Table], index: Any, key: str, **how: Any) -> list[Item]:
        read = partial(self.services.store.query, table, index, key, **how)
        found: list[Item] = []
        last = None
        async for page in read_pages(read, limit=_PAGE, most_pages=_PAGES):
            found += page.items
            last = page.last_key
        self._is_whole &= last is None
        return found


def _event(row: Item) -> Mark:
    return Mark(
        at=from_text(row["timestamp"]["S"]),
        kind=Kind.EVENT,
        says=row["eventType"]["S"],
        by=row["actorUserId"]["S"] if "actorUserId" in row else None,
        correlation_id=row["correlationId"]["S"] if "correlationId" in row else None,
    )


def _entry(row: Item) -> Mark:
    return Mark(
        at=from_text(row["createdAt"]["S"]), kind=Kind.HOURS, says=" ".join(_movement(row)), by=row["userId"]["S"]
    )


def _movement(row: Item) -> Iterator[str]:
    """Yield what an entry of a member's log has moved, in words."""
    for name, what in (("amount", "available"), ("escrowedAmount", "held")):
        if (hours := row[name]["N"] if name in row else "0") != "0":
            yield f"{hours if hours.startswith('-') else f'+{hours}'} {what},"
    yield f"{row['balanceAfter']['N']} available then: {row['description']['S']}"
