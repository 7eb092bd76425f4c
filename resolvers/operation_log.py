"""A line of the log for each GraphQL operation: what it was, who sent it, what it took, and how it ended.

Mutations always leave one. Queries leave one if they failed or took long, or if each is to. Lines about queries
that failed or took long, and about subscriptions that failed, are limited as those of the security log are. Each
line has the request's id, which is its correlation id, too, and the client's address.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from graphql import FragmentDefinitionNode, GraphQLError, OperationDefinitionNode, OperationType, get_operation_ast

from models.log_lines import caller_hash, milliseconds
from models.spans import Facts, Recorder, root_span, span_recorder
from models.storage.sent_calls import CallCount, count_calls
from resolvers.rates.demands import Demand
from resolvers.security_log import admits_line
from schema.documents.reading import Documents
from schema.documents.selections import fields_in
from schema.errors import AppSyncError

_log = structlog.get_logger("operations")
_EVENT = "operation"
_DONE = "done"
# Of a line.
_FIELDS, _NAME_CHARACTERS = 5, 64


class Asked(Protocol):
    """An operation as a client has sent it: the document, which of its operations to run, and the variables."""

    @property
    def query(self) -> str | None: ...  # noqa: D102
    @property
    def operation_name(self) -> str | None: ...  # noqa: D102
    @property
    def variables(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationLines:
    """Which operations leave a line.

    Args:
        reads: whether queries that went well do.
        slow: seconds from which on a query leaves one in any case.
    """

    reads: bool = False
    slow: float = 1.0


class Running(CallCount):
    """An operation that runs, with its calls to AWS; one is made for each operation, so that it is to cost little.

    Attributes:
        began: when, by the clock that measures.
        errors: those of its answer, as clients see them.
        broke_off: what prevented an answer.
        is_replayed: whether it is the repetition of one that was done.
    """

    errors: Sequence[GraphQLError] | None = None
    broke_off: BaseException | None = None
    is_replayed = False

    def __init__(self) -> None:
        self.began = time.perf_counter()


class OperationLog:
    """Writes the lines.

    Args:
        documents: reads documents.
        lines: which operations leave one.
    """

    def __init__(self, documents: Documents, lines: OperationLines) -> None:
        self._documents = documents
        self._reads = lines.reads
        self._slow = lines.slow

    def begin(self) -> Running:
        """Note that an operation begins, and count its calls to AWS from now on."""
        running = Running()
        count_calls(running)
        return running

    def end(self, running: Running, asked: Asked, demand: Demand, sub: str | None) -> None:
        """Write the line of an operation that has ended, if it is to leave one.

        Args:
            running: what `begin` returned, with what became of it.
            asked: what was sent.
            demand: what that asks for.
            sub: whose operation it was; None if unknown.
        """
        seconds = time.perf_counter() - running.began
        if (recorder := span_recorder()) is not None:
            self._record(recorder, running, asked, demand, sub)
        if demand.operation is not OperationType.MUTATION:
            # A subscription runs for long, and ends when its client leaves.
            is_subscription = demand.operation is OperationType.SUBSCRIPTION
            is_odd = not is_subscription and (running.broke_off is not None or seconds >= self._slow)
            if not (is_odd or running.errors):
                if is_subscription or not self._reads:
                    return
            elif not admits_line(_EVENT, sub):
                return
        self._write(running, asked, demand, sub, seconds)

    def _write(self, running: Running, asked: Asked, demand: Demand, sub: str | None, seconds: float) -> None:
        name, fields = self._names(asked)
        facts = {
            "kind": None if demand.operation is None else demand.operation.value,
            "operation": name,
            "fields": fields or None,
            "replayed": running.is_replayed or None,
        }
        _log.info(
            _EVENT,
            **{name: value for name, value in facts.items() if value is not None},
            caller=caller_hash(sub),
            cost=demand.rows_with(asked.variables),
            aws_calls=running.calls,
            ms=milliseconds(seconds),
            outcome=_outcome(running),
        )

    def _record(self, recorder: Recorder, running: Running, asked: Asked, demand: Demand, sub: str | None) -> None:
        """Tell of an operation, of whose trace it is the root."""
        name, fields = self._names(asked)
        kind = "invalid" if demand.operation is None else demand.operation.value
        outcome = _outcome(running)
        facts: Facts = {
            "graphql.operation.type": kind,
            "graphql.operation.name": name or "",
            "caller": caller_hash(sub),
            "cost": demand.rows_with(asked.variables),
            "aws_calls": running.calls,
            "outcome": outcome,
        }
        failure = None if outcome == _DONE else outcome
        title = " ".join((kind, *fields[:1]))
        recorder.record(title, root_span(), began=running.began, failure=failure, facts=facts)

    def _names(self, asked: Asked) -> tuple[str | None, tuple[str, ...]]:
        """Return an operation's name, and those of its fields; of an invalid document no fields are kept."""
        try:
            node = self._documents.read(asked.query or "").node
        except (GraphQLError, AppSyncError):
            return None, ()
        operation = get_operation_ast(node, asked.operation_name)
        if not isinstance(operation, OperationDefinitionNode):
            return None, ()
        fragments = {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)}
        fields = dict.fromkeys(one.name.value for one in fields_in([operation.selection_set], fragments))
        return operation.name.value[:_NAME_CHARACTERS] if operation.name else None, tuple(fields)[:_FIELDS]


def _outcome(running: Running) -> str:
    """Return `_DONE`, or the `errorType` of what prevented all or a part of it."""
    if running.broke_off is not None:
        error = running.broke_off
        return error.error_type if isinstance(error, AppSyncError) else type(error).__name__
    for error in running.errors or ():
        return str(error.formatted.get("errorType", "failed"))
    return _DONE
