"""Answers the root fields that an imported app has beside the derived ones."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models.changes import ChangeKind
from models.clock import Clock
from models.errors import UnavailableError
from models.storage.codec import item_of
from models.storage.store import Item, Store
from models.tables.imported.published_answer import PublishedAnswer
from resolvers.context import caller_of, context_of
from resolvers.feed.interests import Interest
from resolvers.functions.answers import shaped
from resolvers.functions.calls import FunctionCalls
from resolvers.functions.merging import merged
from resolvers.identity.callers import Caller, Standing
from resolvers.mirror.authorization import may_call, may_read, model_for
from resolvers.mirror.subscriptions import CHANGE_KINDS, Subscriptions, subscribed
from schema.amplify.catalogue import Catalogue, OwnField, RootType
from schema.amplify.declaration import Model
from schema.amplify.fields import Arguments
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Way
from schema.errors import NotServedError, UnauthorizedError

_log = structlog.get_logger(__name__)

# Long enough for every server to read the stream.
_TOLD_WITHIN = timedelta(minutes=10)
# Bytes of JSON; DynamoDB takes rows of 400 KB.
_LARGEST = 300_000
# What says who is asking goes to nobody else.
_SECRET = frozenset({"authorization", "x-api-key", "cookie"})


def tells_of_answers(catalogue: Catalogue) -> bool:
    """Return whether a subscription waits for the answers of a mutation that a function answers."""
    return bool(_heard(catalogue))


def _heard(catalogue: Catalogue) -> frozenset[str]:
    own = {one.name for one in catalogue.own if one.root is RootType.MUTATION}
    return frozenset(name for one in catalogue.own for name in one.mutations if name in own)


class FunctionResolver:
    """Answers fields by the app's functions, and delivers what mutations answered.

    Args:
        catalogue: the app's types and fields.
        calls: calls its functions.
        store: the tables.
        subscriptions: tells of the rows that derived mutations write.
        now: the clock.
    """

    def __init__(
        self, catalogue: Catalogue, calls: FunctionCalls, store: Store, subscriptions: Subscriptions, now: Clock
    ) -> None:
        self._catalogue = catalogue
        self._calls = calls
        self._store = store
        self._subscriptions = subscriptions
        self._now = now
        self._heard = _heard(catalogue)
        self._own = {one.name: one for one in catalogue.own}
        self._derived = dict(_derived(catalogue))

    async def call(self, own: OwnField, info: AnyInfo, arguments: Arguments) -> Any:
        """Answer a query or a mutation by its functions.

        Raises:
            UnauthorizedError: no rule admits the caller.
            NotServedError: nothing answers it here.
            FunctionError: a function failed, took too long, or its answer does not fit.
        """
        caller = self._admitted(own, info)
        if not own.functions:
            raise NotServedError(own.name, "no @function answers it")
        answer = await self._calls.answer(own, _event(own, info, caller, arguments))
        result = shaped(self._catalogue, own, answer)
        if own.name in self._heard:
            await self._publish(own, answer)
        return result

    async def listen(self, own: OwnField, info: AnyInfo, arguments: Arguments) -> AsyncIterator[Any]:
        """Yield what the mutations answer that a subscription names, if its fields are as the arguments say.

        Rows of a type with rules reach only those who may read them, within other answers, too.

        Raises:
            UnauthorizedError: no rule admits the caller.
            NotServedError: it names no mutation.
            AppSyncError: the subscription was closed; the message says why.
        """
        self._admitted(own, info)
        wanted = {name: value for name, value in arguments.items() if value is not None}
        sources = [self._answers(own, name, info, wanted) for name in own.mutations if name in self._own]
        derived = [self._derived[name] for name in own.mutations if name in self._derived]
        sources += [self._rows(model, kind, info, wanted) for model, kind in derived]
        if not sources:
            raise NotServedError(own.name, "no @aws_subscribe names a mutation for it")
        async with aclosing(merged(sources)) as told:
            async for one in told:
                yield one

    def _admitted(self, own: OwnField, info: AnyInfo) -> Caller:
        caller = caller_of(info)
        if not may_call(caller, own.rules):
            raise UnauthorizedError.of(info)
        return caller

    async def _publish(self, own: OwnField, answer: Any) -> None:
        """Store an answer, so that all servers tell their subscribers.

        One that is too large, or that DynamoDB does not take, is logged only: the mutation is done, and an error
        would make clients repeat it.
        """
        text = orjson.dumps(answer)
        if len(text) > _LARGEST:
            _log.warning("an answer is too large for subscribers", field=own.name, bytes=len(text), most=_LARGEST)
            return
        row = item_of(
            PublishedAnswer,
            id=str(uuid4()),
            mutation=own.name,
            answer=text.decode(),
            expiresAt=self._now() + _TOLD_WITHIN,
        )
        try:
            await self._store.put(PublishedAnswer, row)
        except (BotoCoreError, ClientError, UnavailableError) as error:
            _log.warning("an answer does not reach subscribers", field=own.name, error=str(error))

    async def _answers(
        self, own: OwnField, mutation: str, info: AnyInfo, wanted: Mapping[str, Any]
    ) -> AsyncGenerator[Any, None]:
        interest = Interest(frozenset({ChangeKind.CREATE}), [("mutation", mutation)])
        who = caller_of(info).sub
        async with subscribed(self._subscriptions.feed, PublishedAnswer, interest, who) as changes:
            context_of(info).listening.set()
            async for change in changes:
                caller = self._admitted(own, info)  # the token may have expired
                answer = orjson.loads(change.item["answer"]["S"])
                for one in answer if isinstance(answer, list) else [answer]:
                    if not _has(one, wanted):
                        continue
                    told = self._readable(own.type_name, caller, shaped(self._catalogue, own, one))
                    if told is not None:
                        yield told

    def _readable(self, type_name: str, caller: Caller, told: Any) -> Any:
        """Return what a caller may be told of an answer, without rows that they may not read; None if nothing."""
        if isinstance(told, list):
            readable = (self._readable(type_name, caller, one) for one in told)
            return [one for one in readable if one is not None]
        if told is None:
            return None
        if (model := self._catalogue.models.get(type_name)) is not None:
            return told if may_read(caller, model_for(caller, model, Way.LISTEN), told) else None
        if (nested := self._catalogue.nested.get(type_name)) is None:
            return told
        types = {name: one.type for name, one in nested.fields.items()}
        types |= {name: type_.strip("[]!") for name, type_ in nested.rows.items()}
        return {name: self._readable(types[name], caller, one) for name, one in told.items()}

    async def _rows(
        self, model: Model, kind: ChangeKind, info: AnyInfo, wanted: Mapping[str, Any]
    ) -> AsyncGenerator[Item, None]:
        known = {name: model.fields[name].decode for name in wanted if name in model.fields}

        def is_meant(row: Item) -> bool:
            return all(decode(row.get(name)) == wanted[name] for name, decode in known.items())

        async for row in self._subscriptions.rows(model, frozenset({kind}), info, is_meant, None):
            yield row


def _has(answer: Any, wanted: Mapping[str, Any]) -> bool:
    return not wanted or (
        isinstance(answer, Mapping) and all(answer.get(name) == value for name, value in wanted.items())
    )


def _derived(catalogue: Catalogue) -> Iterator[tuple[str, tuple[Model, ChangeKind]]]:
    """Yield what each derived mutation does to which rows, by its name."""
    for model in catalogue.models.values():
        for operation, kind in CHANGE_KINDS.items():
            if (name := model.operations.mutation(operation)) is not None:
                yield name, (model, kind)


def _event(own: OwnField, info: AnyInfo, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """Return what a function gets, as Amplify's Lambda functions do."""
    headers = {name: value for name, value in context_of(info).headers.items() if name.lower() not in _SECRET}
    return {
        "typeName": own.root.value,
        "fieldName": own.name,
        "arguments": dict(arguments),
        "identity": _identity(caller),
        "source": None,
        "request": {"headers": headers},
    }


def _identity(caller: Caller) -> dict[str, Any] | None:
    if caller.standing is Standing.GUEST:
        return None
    return {"sub": caller.sub, "username": caller.username, "groups": sorted(caller.groups)}
