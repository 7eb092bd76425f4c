"""Mutations with an Idempotency-Key: each runs once, and a repetition gets the same response."""

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
from models.errors import Code, ContentionError, UnavailableError
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
from resolvers.identity.callers import Caller, Standing
from resolvers.polling import poll
from resolvers.transport.payloads import response_of
from schema.documents.metering import ENDED
from schema.documents.reading import Documents
from schema.errors import INTERNAL_FAILURE, SERVICE_UNAVAILABLE, RefusedError, ReportedError

_log = structlog.get_logger(__name__)

HEADER = "idempotency-key"
# The response header that marks a repeated response, named as Stripe names it.
REPLAYED = "idempotent-replayed"
_KEY = re.compile(r"[\x20-\x7e]{1,128}")
# Errors that a retry may get past: a response with one of them is not saved.
_TRANSIENT = frozenset(
    {INTERNAL_FAILURE, SERVICE_UNAVAILABLE, Code.CONTENTION.value, Code.APPROVAL_REQUIRED.value}
)
# Claims that could not be ended because AWS did not answer: how often each is tried again, and how many at once.
# The others lapse.
_END_INTERVAL_SECONDS = 0.5
_MOST_ENDING = 1_000
# How often a claim that is not stored is looked for.
_MOST_ABSENT = 5

Run = Callable[[], Awaitable[ExecutionResult]]
MaySave = Callable[[int], bool]  # takes an answer's characters


class RepeatedError(ReportedError):
    """An error of a saved response, with its original wire form."""

    def __init__(self, formatted: dict[str, Any]) -> None:
        super().__init__(formatted["message"])
        self._formatted = formatted

    @property
    def formatted(self) -> Any:
        """Return the error's wire form."""
        return self._formatted


def is_mutation(documents: Documents, document: str | None, operation_name: str | None) -> bool:
    """Return whether a document's operation is a mutation; False if the operation cannot be run."""
    try:
        operation = get_operation_ast(documents.read(document or "").node, operation_name)
    except GraphQLError:
        return False
    return operation is not None and operation.operation is OperationType.MUTATION


def keyed_request(
    caller: Caller | None, headers: Headers, data: GraphQLRequestData, documents: Documents
) -> KeyedRequest | None:
    """Return a request's key and hash, or None if it has no key, is no mutation, or has no signed-in caller.

    Raises:
        HTTPException: the key is invalid, or the variables are nested too deep.
    """
    keys = headers.getlist(HEADER)
    if (
        not keys
        or caller is None
        or caller.standing is Standing.GUEST
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
    """Runs each request with a key once, and keeps its response for a day.

    Args:
        store: the tables.
        now: the current time.
        claimed_for: how long a request may run before its claim lapses, so that a repetition runs it again.
    """

    def __init__(self, store: Store, now: Clock, *, claimed_for: timedelta = CLAIMED_FOR) -> None:
        self._store = store
        self._now = now
        self._claimed_for = claimed_for
        self._ending: set[asyncio.Task[None]] = set()

    async def run_once(
        self, request: KeyedRequest, run: Run, may_save: MaySave = lambda _: True
    ) -> tuple[ExecutionResult, bool]:
        """Run a request, or return the saved response of an equal one.

        Args:
            request: the key, and the hash of what is asked for.
            run: runs it.
            may_save: whether a response of so many characters may be saved.

        Returns:
            The result, and whether it is a saved one.

        Raises:
            RefusedError: the key belongs to another request.
            ContentionError: an equal request is still in progress.
        """
        claim = Record.claimed(request, str(uuid4()), self._now(), self._claimed_for)
        try:
            record = await self._claim(request, claim.claim)
        except UnavailableError as error:
            if error.is_outcome_unknown:
                self._complete_later(claim, None)
            raise
        if record.claim != claim.claim:
            return _saved_result(record), True
        try:
            result = await run()
        except BaseException:  # the client may have left, too
            self._complete_later(claim, None)
            raise
        await self._save(record, result, may_save)
        return result, False

    def _complete_later(self, record: Record, answer: str | None) -> None:
        """End a claim once AWS answers, so that the next request with the key need not wait until it lapses."""
        if len(self._ending) < _MOST_ENDING:
            task = asyncio.create_task(self._keep_completing(record, answer))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _keep_completing(self, record: Record, answer: str | None) -> None:
        lapses, absent = time.monotonic() + self._claimed_for.total_seconds(), 0
        while time.monotonic() < lapses and absent < _MOST_ABSENT:
            try:
                await self._end(record, answer)
            except ConditionFailedError as error:
                if error.item is not None:
                    return  # another request with the key has taken it over
                absent += 1  # the claim itself may still be on its way
            except (UnavailableError, ClientError, BotoCoreError):
                pass
            else:
                return
            await asyncio.sleep(_END_INTERVAL_SECONDS)

    async def _claim(self, request: KeyedRequest, claim: str) -> Record:
        """Return the row that claims a key for this request, or the row of an equal request that is completed."""
        is_first = True

        async def attempt() -> Record | None:
            nonlocal is_first
            # Most keys are new: the first attempt does not read, and a failed put returns the row that is there.
            found = None if is_first else await self._find(request.id)
            is_first = False
            return await self._claim_or_completed(request, claim, found)

        record = await poll(attempt, is_pending=lambda record: record is None)
        if record is None:
            raise ContentionError("The same request is still being worked on; send it again in a few seconds.")
        return record

    async def _claim_or_completed(self, request: KeyedRequest, claim: str, found: Record | None) -> Record | None:
        """Do one attempt from the row as it was found; return None while an equal request is in progress."""
        while True:
            match key_status(found, request, self._now()):
                case KeyStatus.MISMATCH:
                    raise RefusedError(key_mismatch_refusal())
                case KeyStatus.COMPLETED:
                    return found
                case KeyStatus.IN_PROGRESS:
                    return None
                case KeyStatus.NEW:
                    record = Record.claimed(request, claim, self._now(), self._claimed_for)
                    found = await self._put(record, found)
                    if found is record:
                        return record

    async def _find(self, record_id: str) -> Record | None:
        item = await self._store.get(tables.Idempotency, record_id, consistent=True)
        return decode_or_none(Record, tables.Idempotency, item)

    async def _put(self, record: Record, found: Record | None) -> Record | None:
        """Write a claim if the row is still as it was found; return the claim, or else the present row."""
        try:
            item = encode(tables.Idempotency, record)
            await self._store.put(tables.Idempotency, item, condition=_unchanged(found))
        except ConditionFailedError as error:
            current = decode_or_none(Record, tables.Idempotency, error.item)
            # The SDK repeats a call whose response was lost, so the row that is there may be this very claim.
            return record if current is not None and current.claim == record.claim else current
        return record

    async def _save(self, record: Record, result: ExecutionResult, may_save: MaySave) -> None:
        """Save a result for repetitions, or let the next request with the key run again."""
        response = response_of(result)
        errors: list[Any] = response.get("errors") or []
        if result.data is None and not any(error["path"] or error["errorType"] in ENDED for error in errors):
            await self._release(record)
            return
        answer = orjson.dumps(response)
        # Nor is a response saved that is too large, or one too many of its caller's: the mutation is repeatable by
        # itself, and its hash stays.
        is_transient = any(error["errorType"] in _TRANSIENT for error in errors)
        is_saved = not is_transient and len(answer) <= LARGEST_ANSWER and may_save(len(answer))
        if any(error["errorType"] == SERVICE_UNAVAILABLE for error in errors):
            self._complete_later(record, None)
        else:
            await self._complete(record, answer.decode() if is_saved else None)

    async def _complete(self, record: Record, answer: str | None) -> None:
        """End a claim; without an answer the next request with the key runs again."""
        with _best_effort():
            try:
                await self._end(record, answer)
            except UnavailableError:
                self._complete_later(record, answer)

    async def _end(self, record: Record, answer: str | None) -> None:
        actions = difference(tables.Idempotency, record, record.answered(answer))
        await self._store.update(
            tables.Idempotency, record.id, actions, condition=tables.Idempotency.claim == record.claim
        )

    async def _release(self, record: Record) -> None:
        """Delete the row of a request that could not run at all: once corrected, it has another hash."""
        with _best_effort():
            await self._store.delete(
                tables.Idempotency, record.id, condition=tables.Idempotency.claim == record.claim
            )


@contextmanager
def _best_effort() -> Iterator[None]:
    """Only log a failure to save: the mutation is done, so its client gets its result all the same."""
    try:
        yield
    except ConditionFailedError:
        _log.warning("a request outlived its claim, and a repetition has taken the key over")
    except UnavailableError:
        pass  # the claim lapses by itself
    except (ClientError, BotoCoreError):
        _log.exception("a response could not be saved; a repetition of the request runs again")


def _unchanged(found: Record | None) -> Condition:
    if found is None:
        return tables.Idempotency.id.does_not_exist()
    same = tables.Idempotency.claim == found.claim
    return same if found.answer is not None else same & tables.Idempotency.answer.does_not_exist()


def _saved_result(record: Record) -> ExecutionResult:
    response = orjson.loads(record.answer or "{}")
    errors: list[GraphQLError] = [RepeatedError(error) for error in response.get("errors", ())]
    return ExecutionResult(data=response["data"], errors=errors or None)
