"""How operations are executed: metered, within a time, and in slices that leave the event loop to others.

graphql-core completes a whole list before it returns to the event loop: 1,000 rows of ten fields take 40 ms, lists
in them seconds. Here a long list stops when its turn is over, and goes on at the next one. What comes out is what
graphql-core would return: the same values and errors, in the same order.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, runtime_checkable

from graphql import ExecutionResult, GraphQLError, GraphQLObjectType, OperationType, Undefined, is_leaf_type
from graphql.pyutils import gather_with_cancel

from schema.documents.limits import Limits
from schema.documents.metering import AnswerLimits, AnswerMeter, OverBudgetError, too_large, too_slow
from schema.documents.sizes import size_of_names
from schema.documents.turns import turns
from schema.errors import AppSyncError
from schema.strawberry_internals import CoreExecution

# An operation with fewer values takes no turns: it ends before its first one would be over.
_LIGHT = 200
# Leaves of a list that are completed before asking whether the turn is over.
_LEAVES = 64
# Items of a list that begin to wait without taking turns; each may begin a call to AWS, which takes a millisecond.
_FEW = 8
# Items of a longer list that begin to wait, or to wait for their turn, at once.
_BEGUN = 100
# Errors in a request's variables; each may print a value.
_VARIABLE_ERRORS = 3
_BEFORE_ERRORS = 9  # `build`'s arguments before `max_coercion_errors`
# True in tasks whose result is no longer needed, because another field failed or the request ended. They must
# still run so that the coroutines they hold are closed, but they resolve nothing.
_is_useless = ContextVar("is_useless", default=False)

# The mutations that run: the event loop itself keeps no task alive.
_mutations: set[asyncio.Task[ExecutionResult]] = set()


@runtime_checkable
class BatchingContext(Protocol):
    """A request's context that reads what fields ask for in batches."""

    def held_reads(self) -> AbstractContextManager[None]:
        """Hold reads back, so that fields that begin one after the other still make one batch."""


@dataclass(slots=True)
class _List:
    """A list that is being completed, with what graphql-core passes along."""

    item_type: Any
    details: Any
    info: Any
    path: Any
    items: Iterator[Any]
    context: Any
    completed: list[Any] = field(default_factory=list)
    awaitable: list[int] = field(default_factory=list)


class MeteredExecution(CoreExecution):
    """Executes one operation; `metered` gives it its limits."""

    limits = Limits()
    answers = AnswerLimits()
    hides_suggestions = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._meter = AnswerMeter(self.limits, self.answers)
        # Of each selection: whether it makes a row, and the bytes of its names. The key is the id of what
        # graphql-core remembers for as long as this object lives.
        self._sizes: dict[int, tuple[int, int]] = {}

    @classmethod
    def build(cls, *args: Any, **options: Any) -> Any:
        """Check the variables and return the execution of an operation, or a few errors."""
        before, after = args[:_BEFORE_ERRORS], args[_BEFORE_ERRORS + 1 :]
        options["hide_suggestions"] = cls.hides_suggestions
        return super().build(*before, _VARIABLE_ERRORS, *after, **options)  # type: ignore[call-arg]  # as many as came

    def build_per_event_executor(self, payload: Any) -> Any:
        """Return the execution of one event of a subscription, which has a budget of its own."""
        executor = cast("MeteredExecution", super().build_per_event_executor(payload))
        executor._meter = AnswerMeter(self.limits, self.answers)  # noqa: SLF001 — of the same class
        return executor

    def execute_operation(self, serially: bool | None = None) -> Any:  # noqa: FBT001 — graphql-core's signature
        """Return the result, or an awaitable of it; over a limit it has one error and no data."""
        try:
            result = super().execute_operation(serially)
        except OverBudgetError as error:
            return self._too_large(error)
        if not self.is_awaitable(result):
            return result
        return self._to_its_end(result) if self._is_mutation else self._in_time(result, self.answers.seconds)

    @property
    def _is_mutation(self) -> bool:
        return self.operation.operation is OperationType.MUTATION

    async def _to_its_end(self, result: Awaitable[ExecutionResult]) -> ExecutionResult:
        """Await a mutation, which goes on even if its client goes away: what it does ends one way or the other."""
        task = asyncio.create_task(self._in_time(result, None))
        _mutations.add(task)
        task.add_done_callback(_mutations.discard)
        return await asyncio.shield(task)

    async def _in_time(self, result: Awaitable[ExecutionResult], seconds: float | None) -> ExecutionResult:
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await result
        except OverBudgetError as error:
            return self._too_large(error)
        except TimeoutError:
            if seconds is None or not deadline.expired():
                raise
            return self._refused(too_slow(seconds))

    def _too_large(self, error: OverBudgetError) -> ExecutionResult:
        return self._refused(too_large(error, is_mutation=self._is_mutation))

    def _refused(self, reason: AppSyncError) -> ExecutionResult:
        return ExecutionResult(None, [GraphQLError(str(reason), self.operation, original_error=reason)])

    def handle_field_error(self, raw_error: Exception, return_type: Any, details: Any, path: Any) -> None:
        """Keep a field's error, but let one that ends the operation through."""
        if isinstance(raw_error, OverBudgetError):
            raise raw_error
        super().handle_field_error(raw_error, return_type, details, path)  # raises it if the field may not be null
        self._meter.add_error(raw_error, path.as_list())

    def settle_in_background(self, awaitables: list[Awaitable[Any]]) -> None:
        """End what an error has made useless, instead of running it to its end."""
        if awaitables:
            before = _is_useless.set(True)
            super().settle_in_background(awaitables)
            _is_useless.reset(before)

    def complete_leaf_value(self, return_type: Any, result: Any) -> Any:  # type: ignore[override]  # theirs is static
        """Return a value as the answer has it."""
        value = return_type.coerce_output_value(result)
        if value is None or value is Undefined:
            return super().complete_leaf_value(return_type, result)  # which raises the error
        self._meter.add_value(value)
        return value

    def collect_and_execute_subfields(
        self, return_type: GraphQLObjectType, details: Any, path: Any, result: Any, context: Any
    ) -> Any:
        """Return an object as the answer has it."""
        collected = self.collect_subfields(return_type, details)
        size = self._sizes.get(id(collected))
        if size is None:
            names = collected.grouped_field_set
            is_page = {"items", "nextToken"} <= return_type.fields.keys()
            size = self._sizes[id(collected)] = (not is_page, size_of_names(names))
        self._meter.add_object(*size)
        return self.execute_fields(return_type, result, path, collected.grouped_field_set, context)

    async def complete_awaitable_value(
        self, return_type: Any, details: Any, info: Any, path: Any, result: Any, context: Any
    ) -> Any:
        """Return the value of a field that had to wait, when it is its turn."""
        return await super().complete_awaitable_value(
            return_type, details, info, path, self._in_turn(result), context
        )

    async def _in_turn(self, awaitable: Awaitable[Any]) -> Any:
        """Return the value of an awaitable when it is its operation's turn."""
        if _is_useless.get():
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            raise asyncio.CancelledError
        value = await awaitable
        if self._is_turn_over():
            await self._next_turn()
        return value

    async def _next_turn(self) -> None:
        """Wait for a turn; meanwhile reads are held back, so that those of all slices make one batch."""
        with self._held_reads():
            while turns.are_over():
                await turns.next()

    def _held_reads(self) -> AbstractContextManager[None]:
        context = self.context_value
        return context.held_reads() if isinstance(context, BatchingContext) else nullcontext()

    def _is_turn_over(self) -> bool:
        return self._meter.values > _LIGHT and turns.are_over()

    def complete_iterable_value(
        self, item_type: Any, details: Any, info: Any, path: Any, items: Iterable[Any], context: Any
    ) -> Any:
        """Return a list as the answer has it, or an awaitable of it."""
        found = _List(item_type, details, info, path, iter(items), context)
        is_complete = self._complete_items(found)
        if is_complete and not found.awaitable:
            return found.completed
        return self._rest(found, is_complete=is_complete)

    def _complete_items(self, found: _List) -> bool:
        """Complete items until there are no more or the turn is over; return whether there are no more."""
        completed, every = found.completed, _LEAVES if is_leaf_type(found.item_type) else 1
        try:
            while True:
                if completed and len(completed) % every == 0 and self._is_turn_over():
                    return False
                try:
                    item = next(found.items)
                except StopIteration:
                    return True
                self._complete_item(found, item)
        except Exception:
            self._settle_items(found)
            raise

    def _settle_items(self, found: _List) -> None:
        """End the items that wait, of a list that nobody needs any more."""
        self.settle_in_background([found.completed[index] for index in found.awaitable])

    def _complete_item(self, found: _List, item: Any) -> None:
        """Complete the next item; one that has to wait is completed later."""
        index = len(found.completed)
        path = found.path.add_key(index, None)
        if self.is_awaitable(item):
            waiting = self.complete_awaitable_list_item_value(
                item, found.item_type, found.details, found.info, path, found.context
            )
            found.completed.append(waiting)
            found.awaitable.append(index)
        elif self.complete_list_item_value(
            item, found.completed, found.item_type, found.details, found.info, path, found.context
        ):
            found.awaitable.append(index)

    async def _rest(self, found: _List, *, is_complete: bool) -> list[Any]:
        """Return a list once all of its items are complete."""
        while not is_complete:
            try:
                await self._next_turn_if_useful()
            except asyncio.CancelledError:
                self._settle_items(found)
                raise
            is_complete = self._complete_items(found)
        if found.awaitable:
            values = await self._gathered([found.completed[index] for index in found.awaitable])
            for index, value in zip(found.awaitable, values, strict=True):
                found.completed[index] = value
        return found.completed

    async def _next_turn_if_useful(self) -> None:
        """Wait for a turn.

        Raises:
            CancelledError: the result is not needed any more.
        """
        if _is_useless.get():
            raise asyncio.CancelledError
        await turns.next()

    async def _gathered(self, awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
        """Await all at once, as `gather_with_cancel` does; if they are many, each begins when it is its turn."""
        if len(awaitables) <= _FEW:
            return await gather_with_cancel(*awaitables)

        # A task that is cancelled before it starts never awaits its item, which is ended below instead.
        not_begun = dict(enumerate(awaitables))

        async def begin(number: int) -> Any:
            if turns.are_over():
                await self._next_turn()
            return await not_begun.pop(number)

        tasks: list[asyncio.Future[Any]] = []
        try:
            with self._held_reads():
                for start in range(0, len(awaitables), _BEGUN):
                    numbers = range(start, min(start + _BEGUN, len(awaitables)))
                    tasks += map(asyncio.ensure_future, map(begin, numbers))
                    await asyncio.sleep(0)
            return await gather_with_cancel(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            # Before the wait, during which this may be cancelled again.
            self.settle_in_background(list(not_begun.values()))
            await asyncio.gather(*tasks, return_exceptions=True)
            raise


def metered(limits: Limits, answers: AnswerLimits, *, suggestions: bool = True) -> type[MeteredExecution]:
    """Return the class that executes operations within these limits.

    Args:
        limits: how much an operation may ask for.
        answers: how large an answer may become, and how long it may take.
        suggestions: whether errors about variables say "Did you mean …?".
    """
    members = {"limits": limits, "answers": answers, "hides_suggestions": not suggestions}
    return type("Execution", (MeteredExecution,), members)
