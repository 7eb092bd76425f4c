"""One subscriber: takes changes from the feed and sends what they are to hear of them, without a task."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from strawberry.types import ExecutionResult

from models.errors import UnavailableError
from models.storage.store import Item
from resolvers.context import RequestContext
from resolvers.feed.queues import ChangeQueue, FeedClosedError, LaggingSubscriberError
from resolvers.feed.row_changes import RowChange
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import admits_everywhere, may_read, model_for
from resolvers.mirror.filtering.filters import Predicate
from resolvers.push.answers import UNPLANNED, EventAnswers
from resolvers.push.lookups import Lookups
from resolvers.rotation import Rotation
from schema.amplify.declaration import Model
from schema.amplify.rules import Operation, Way
from schema.errors import AppSyncError, UnauthorizedError


class Outlet(Protocol):
    """Where a subscriber's events go."""

    def write(self, payload: bytes) -> bool:
        """Send an event's payload at once; return False if it must wait, and nothing was sent."""

    async def send(self, payload: bytes) -> None:
        """Send an event's payload as soon as the client reads."""

    async def send_result(self, result: ExecutionResult) -> None:
        """Send an event that graphql-core has answered."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What all subscribers of a server share.

    Args:
        rotation: gives them turns.
        lookups: looks up who they are now.
    """

    rotation: Rotation
    lookups: Lookups


@dataclass(frozen=True, slots=True)
class Subject:
    """What a subscriber asks for.

    Args:
        model: the type of the rows, with the rules by which they are read.
        test: whether a row is meant; it may raise what ends the subscription.
        answers: how events are answered.
        execute: lets graphql-core answer an event.
    """

    model: Model
    test: Predicate
    answers: EventAnswers
    execute: Callable[[Item], Awaitable[ExecutionResult]]


def _not_joined() -> None:
    """Leave nothing."""


class Recipient:
    """Tells one subscriber of the changes that they may read and ask for, in the order of the stream.

    Only what has to wait (for other rows, for a client that does not read) becomes a task.

    Args:
        subject: what they ask for.
        context: who they are.
        outlet: where events go.
        queue: what waits for them.
        sharing: what they share with others.
    """

    __slots__ = (
        "_closed",
        "_context",
        "_is_busy",
        "_outlet",
        "_queue",
        "_reads_all",
        "_reads_as",
        "_sharing",
        "_subject",
        "_task",
        "_variables",
        "_who",
        "ended",
        "leave",
    )  # fmt: skip

    def __init__(
        self, subject: Subject, context: RequestContext, outlet: Outlet, queue: ChangeQueue, sharing: Sharing
    ) -> None:
        assert context.caller is not None  # noqa: S101 — nobody else may subscribe
        self._subject = subject
        self._context = context
        self._outlet = outlet
        self._queue = queue
        self._sharing = sharing
        self._who = context.caller.sub
        self._reads_as: Caller | None = None
        self._reads_all = False
        self._closed: FeedClosedError | None = None
        self._is_busy = True  # until `begin`
        self._task: asyncio.Task[None] | None = None
        # The log's; whatever runs for the subscriber runs in the feed's context otherwise.
        self._variables = contextvars.copy_context()
        self.ended: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.leave: Callable[[], None] = _not_joined

    # The feed's calls

    def offer(self, change: RowChange) -> None:
        """Queue a change, without ever waiting for the subscriber."""
        if self._closed:
            return
        try:
            self._queue.put(change)
        except LaggingSubscriberError as error:
            self.close(error)
        else:
            if not self._is_busy:
                self._next()

    def close(self, reason: FeedClosedError) -> None:
        """End after the changes that are queued."""
        self._closed = self._closed or reason
        if not self._is_busy:
            self._next()

    # The subscription's calls

    def begin(self) -> None:
        """Begin to send."""
        self._next()

    def stop(self) -> None:
        """Take and send nothing any more."""
        self.leave()
        self.leave = _not_joined  # else they would refer to each other
        self.ended.cancel()
        if self._task is not None:
            self._task.cancel()

    # Turns

    def _next(self) -> None:
        """Take the next change when it is the subscriber's turn; end if there will be none."""
        self._is_busy = bool(self._queue)
        if self._is_busy:
            self._sharing.rotation.call(self._who, self._take_turn)
        elif self._closed is not None:
            self._end(AppSyncError(str(self._closed), error_type="SubscriptionClosed"))

    def _take_turn(self) -> None:
        if not self._queue:  # meanwhile it was dropped
            self._next()
            return
        change = self._queue.pop()
        self._step(lambda: self._subject.test(change.item) and self._tell(change))

    def _step(self, work: Callable[[], bool]) -> None:
        """Do some work of a change; unless it has to wait for more, go on with the next one."""
        if self.ended.done():
            return
        try:
            is_waiting = work()
        except asyncio.CancelledError:
            self._end(UnavailableError())  # what it waited for was given up
        except Exception as error:  # noqa: BLE001 — whatever it is, it ends this subscription and no other
            self._end(error)
        else:
            if not is_waiting:
                self._next()

    def _end(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_result(error)

    # Each returns whether the subscriber has to wait before the next change.

    def _tell(self, change: RowChange) -> bool:
        if self._context.recall_membership():
            return self._tell_caller(change)
        row = self._sharing.lookups.of(self._who)
        row.add_done_callback(partial(self._resume, lambda: self._tell_member(row, change)))
        return True

    def _tell_member(self, row: "asyncio.Future[Item | None]", change: RowChange) -> bool:
        self._context.judge_membership(row.result())
        return self._tell_caller(change)

    def _tell_caller(self, change: RowChange) -> bool:
        caller = self._context.caller
        if caller is None or caller.has_expired:
            raise UnauthorizedError("Token expired")
        if not self._may_read(caller, change.item):
            return False
        found = self._subject.answers.to(change, self._context)
        if isinstance(found, asyncio.Future):
            found.add_done_callback(partial(self._resume, lambda: self._send(found.result(), change)))
            return True
        return self._send(found, change)

    def _may_read(self, caller: Caller, row: Item) -> bool:
        """Return whether the subscriber may read a row; whoever is no member any more may not."""
        model = model_for(caller, self._subject.model, Way.LISTEN)
        if caller is not self._reads_as:
            self._reads_as = caller
            self._reads_all = admits_everywhere(caller, model, Operation.READ)
        return self._reads_all or may_read(caller, model, row)

    def _send(self, payload: bytes, change: RowChange) -> bool:
        if payload == UNPLANNED:
            self._run(self._execute(change.item))
        elif self._outlet.write(payload):
            return False
        else:
            self._run(self._outlet.send(payload))
        return True

    # What has to wait

    def _resume(self, work: Callable[[], bool], _: "asyncio.Future[Any]") -> None:
        self._sharing.rotation.call(self._who, partial(self._step, work))

    async def _execute(self, row: Item) -> None:
        await self._outlet.send_result(await self._subject.execute(row))

    def _run(self, work: Awaitable[None]) -> None:
        self._task = asyncio.create_task(self._await(work), context=self._variables)

    async def _await(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 — as above
            self._end(error)
        else:
            self._task = None
            self._next()
