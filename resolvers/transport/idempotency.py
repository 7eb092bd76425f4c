"""Mutations under an Idempotency-Key: each runs once, however often it is sent, and is answered the same."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import structlog
from botocore.exceptions import BotoCoreError, ClientError
from cross_web import HTTPException
from graphql import GraphQLError, OperationType, get_operation_ast
from pynamodb.expressions.condition import Condition
from starlette.datastructures import Headers
from strawberry.http import GraphQLRequestData
from strawberry.types import ExecutionResult

from models import tables
from models.clock import Clock
from models.errors import Code, ContentionError
from models.idempotency import (
    CLAIMED_FOR,
    LARGEST_ANSWER,
    KeyedRequest,
    KeyStatus,
    Record,
    hash_of,
    key_mismatch_refusal,
    key_status,
)
from models.storage.codec import decode_or_none, difference, encode
from models.storage.store import ConditionFailedError, Store
from resolvers.identity.callers import Caller
from resolvers.transport.payloads import response_of
from schema.documents.reading import Documents
from schema.errors import INTERNAL_FAILURE, RefusedError, ReportedError

_log = structlog.get_logger(__name__)

HEADER = "idempotency-key"
# Tells a client that it has been answered before; Stripe's name for it.
REPLAYED = "idempotent-replayed"
_KEY = re.compile(r"[\x20-\x7e]{1,128}")
# How long a request waits for an equal one that runs; it looks less and less often.
WAIT_SECONDS = 5.0
FIRST_LOOK_SECONDS = 0.05
LAST_LOOK_SECONDS = 0.8
# Errors that another try may get past: whoever tries again is not told of them again.
_PASSING = frozenset({INTERNAL_FAILURE, Code.CONTENTION.value})

_STILL = "The same request is still being worked on; send it again in a few seconds."

Run = Callable[[], Awaitable[ExecutionResult]]


class RepeatedError(ReportedError):
    """An error that the client has been told before, word for word."""

    def __init__(self, formatted: dict[str, Any]) -> None:
        super().__init__(formatted["message"])
        self._formatted = formatted

    @property
    def formatted(self) -> Any:
        """Return the error's wire form."""
        return self._formatted


def is_mutation(documents: Documents, document: str | None, operation_name: str | None) -> bool:
    """Tell whether a document's operation is a mutation; one that cannot be run is none."""
    try:
        operation = get_operation_ast(documents.read(document or "").node, operation_name)
    except GraphQLError:
        return False
    return operation is not None and operation.operation is OperationType.MUTATION


def keyed_request(
    caller: Caller | None, headers: Headers, data: GraphQLRequestData, documents: Documents
) -> KeyedRequest | None:
    """Return what a request asks for under a key, None if it has no key, is no mutation, or is nobody's.

    Raises:
        HTTPException: the key is none, or the variables are nested too deep.
    """
    keys = headers.getlist(HEADER)
    if (
        not keys
        or caller is None
        or data.query is None
        or not is_mutation(documents, data.query, data.operation_name)
    ):
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise HTTPException(400, "Idempotency-Key must be given once, as 1 to 128 printable ASCII characters")
    try:
        return KeyedRequest.by(caller.sub, keys[0], hash_of(data.query, data.variables, data.operation_name))
    except RecursionError as error:
        raise HTTPException(400, "The operation's `variables` are nested too deep") from error


class Idempotency:
    """Runs what is asked under a key once, and keeps its answer for a day.

    Args:
        store: the tables.
        now: the clock.
        claimed_for: how long a request may run before the next one takes it for dead.
    """

    def __init__(self, store: Store, now: Clock, *, claimed_for: timedelta = CLAIMED_FOR) -> None:
        self._store = store
        self._now = now
        self._claimed_for = claimed_for

    async def once(self, asked: KeyedRequest, run: Run) -> tuple[ExecutionResult, bool]:
        """Run a request, or return what it was answered before.

        Returns:
            The result, and whether it is one from before.

        Raises:
            RefusedError: the key belongs to another request.
            ContentionError: an equal request still runs.
        """
        mine = str(uuid4())
        record = await self._claim(asked, mine)
        if record.claim != mine:
            return _result(record), True
        try:
            result = await run()
        except Exception:
            await self._end(record, None)
            raise
        await self._settle(record, result)
        return result, False

    async def _claim(self, asked: KeyedRequest, claim: str) -> Record:
        """Return the row that claims a key, or the row of one that is answered."""
        until, pause = time.monotonic() + WAIT_SECONDS, FIRST_LOOK_SECONDS
        found: Record | None = None
        while True:
            match key_status(found, asked, self._now()):
                case KeyStatus.MISMATCH:
                    raise RefusedError(key_mismatch_refusal())
                case KeyStatus.COMPLETED if found is not None:
                    return found
                case KeyStatus.NEW:
                    record = Record.claimed(asked, claim, self._now(), self._claimed_for)
                    found = await self._put(record, found)
                    if found is record:
                        return record
                case _ if time.monotonic() < until:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LAST_LOOK_SECONDS)
                    found = await self._find(asked.id)
                case _:
                    raise ContentionError(_STILL)

    async def _find(self, record_id: str) -> Record | None:
        item = await self._store.get(tables.Idempotency, record_id, consistent=True)
        return decode_or_none(Record, tables.Idempotency, item)

    async def _put(self, record: Record, found: Record | None) -> Record | None:
        """Claim a key that is as it was found; returns the claim, or else what is there now."""
        try:
            item = encode(tables.Idempotency, record)
            await self._store.put(tables.Idempotency, item, condition=_unchanged(found))
        except ConditionFailedError as error:
            now = decode_or_none(Record, tables.Idempotency, error.item)
            # The SDK sends a call again whose answer was lost: what is in the way may be our own claim.
            return record if now is not None and now.claim == record.claim else now
        return record

    async def _settle(self, record: Record, result: ExecutionResult) -> None:
        """Keep a result, or let the next request run again."""
        response = response_of(result)
        errors: list[Any] = response.get("errors") or []
        if result.data is None and not any(error["path"] for error in errors):
            await self._forget(record)
            return
        answer = orjson.dumps(response)
        # A result that is too large is not kept either: the mutation is repeatable by itself, and its hash stays.
        is_transient = any(error["errorType"] in _PASSING for error in errors)
        is_kept = not is_transient and len(answer) <= LARGEST_ANSWER
        await self._end(record, answer.decode() if is_kept else None)

    async def _end(self, record: Record, answer: str | None) -> None:
        actions = difference(tables.Idempotency, record, record.answered(answer))
        with _if_possible():
            await self._store.update(
                tables.Idempotency, record.id, actions, condition=tables.Idempotency.claim == record.claim
            )

    async def _forget(self, record: Record) -> None:
        """Free the key of a request that could not be run at all; once put right it is another one."""
        with _if_possible():
            await self._store.delete(
                tables.Idempotency, record.id, condition=tables.Idempotency.claim == record.claim
            )


@contextmanager
def _if_possible() -> Iterator[None]:
    """Let what is done be done: a client is not told that it failed since it cannot be kept."""
    try:
        yield
    except ConditionFailedError:
        _log.warning("a request outlived its claim, and another one has taken it over")
    except (ClientError, BotoCoreError):
        _log.exception("a request's answer could not be kept; sent again, it runs again")


def _unchanged(found: Record | None) -> Condition:
    if found is None:
        return tables.Idempotency.id.does_not_exist()
    same = tables.Idempotency.claim == found.claim
    return same if found.answer is not None else same & tables.Idempotency.answer.does_not_exist()


def _result(record: Record) -> ExecutionResult:
    response = orjson.loads(record.answer or "{}")
    errors: list[GraphQLError] = [RepeatedError(error) for error in response.get("errors", ())]
    return ExecutionResult(data=response["data"], errors=errors or None)
