"""Builds the items of one TransactWriteItems, each with the condition that its decision rests on."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Protocol, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from models import tables
from models.correlation import correlation_id
from models.errors import BrokenLedgerError, Refusal
from models.events import Event, Notice
from models.identifiers import derived
from models.ledger.balances import Balance, Escrow, EscrowStatus
from models.ledger.entries import post
from models.ledger.movements import Movement, check_conserved
from models.storage.codec import difference, encode
from models.storage.names import Names
from models.storage.store import Item, Key, expressions, key_of, wire_key

# DynamoDB's own limit for one transaction.
LARGEST_TRANSACTION = 100


class Versioned(Protocol):
    """A stored dataclass whose version conditions its next change."""

    @property
    def version(self) -> int:
        """Return the version; 0 if the stored row has none yet."""


_V = TypeVar("_V", bound=Versioned)


class Writing:
    """A transaction being built: all of its rows are put, changed and deleted together, or none.

    Args:
        names: the deployment's names.
        now: the timestamp of everything in it.
        execution_arn: the execution on whose behalf it is written.
    """

    def __init__(self, names: Names, now: datetime, *, execution_arn: str | None = None) -> None:
        self._names = names
        self.now = now
        self._execution_arn = execution_arn
        self.items: list[dict[str, Any]] = []

    def put(self, table: type[tables.Table], item: Item, condition: Condition | None = None) -> None:
        """Put a row under a condition; without one, a row that must not exist yet."""
        conditioned = _if_new(table) if condition is None else expressions(condition=condition)
        self._add("Put", table, {"Item": item, **conditioned})

    def create(self, table: type[tables.Table], row: Any, **more: Any) -> None:
        """Put a dataclass's row, which must not exist yet, with further attributes by the table's names."""
        self.put(table, _typed(table, encode(table, row, **more)))

    def put_item(self, table: type[tables.Table], key: str) -> Item:
        """Return the row that the transaction puts under a key."""
        name, wire = self._names.table(table), wire_key(table, key)
        puts = (one["Put"] for one in self.items if "Put" in one)
        return next(
            put["Item"] for put in puts if put["TableName"] == name and wire.items() <= put["Item"].items()
        )

    def change(
        self, table: type[tables.Table], key: str, before: _V, after: _V, *, also: Condition | None = None
    ) -> None:
        """Turn one version of a row into the next; `also` is a further condition on the stored row."""
        version = table.get_attributes()["version"]
        # A row that Amplify wrote has no version yet.
        condition = version == before.version if before.version else version.does_not_exist()
        self.update(table, key, difference(table, before, after), condition if also is None else condition & also)

    def update(
        self, table: type[tables.Table], key: Key, actions: Sequence[Action], condition: Condition | None
    ) -> None:
        """Update a stored row under a condition; without one, put the row if there is none."""
        params = {"Key": wire_key(table, key), **expressions(actions=actions, condition=condition)}
        self._add("Update", table, params)

    def check(self, table: type[tables.Table], key: Key, condition: Condition) -> None:
        """Condition the transaction on a row that it does not change."""
        self._add("ConditionCheck", table, {"Key": wire_key(table, key), **expressions(condition=condition)})

    def remove(self, table: type[tables.Table], key: Key, condition: Condition) -> None:
        """Delete a row under a condition."""
        self._add("Delete", table, {"Key": wire_key(table, key), **expressions(condition=condition)})

    def escrow(self, before: Escrow | None, after: Escrow) -> None:
        """Put a new escrow, or change the stored one if its status and amount are unchanged.

        Raises:
            BrokenLedgerError: the escrow has ended already.
        """
        if before is None:
            self.create(tables.Escrow, after)
            return
        if before.status is not EscrowStatus.ESCROWED:
            raise BrokenLedgerError(f"escrow {before.id} is {before.status} and moves no hours any more")
        also = (tables.Escrow.status == before.status.value) & (tables.Escrow.amount == before.amount)
        self.change(tables.Escrow, before.id, before, after, also=also)

    def movement(self, movement: Movement, balance_of: Callable[[str], Balance]) -> Refusal | None:
        """Write the balance and the entry of each leg; return the refusal of a leg that cannot be posted.

        Raises:
            BrokenLedgerError: the movement does not balance, or more hours would leave escrow than are in it.
        """
        check_conserved(movement)
        for leg in movement.legs:
            before = balance_of(leg.user_id)
            posted = post(before, leg, movement, now=self.now, execution_arn=self._execution_arn)
            if isinstance(posted, Refusal):
                return posted
            after, entry = posted
            if before.version == 0:
                self.create(tables.UserBalance, after)
            else:
                self.change(tables.UserBalance, before.user_id, before, after)
            self.create(tables.TransactionLog, entry)
        return None

    def event(self, event: Event, cause: str) -> None:
        """Log an event; `cause` distinguishes it from other events of the same type and entity."""
        self.put(tables.EventLog, _typed(tables.EventLog, event_item(event, cause, self.now, self._execution_arn)))

    def notice(self, notice: Notice, cause: str, *, related_id: str) -> None:
        """Notify a member, once per cause."""
        notice_id = derived(cause, "notice", notice.user_id)
        dated = {"createdAt": self.now, "updatedAt": self.now}
        self.create(tables.Notification, notice, id=notice_id, isRead=False, relatedId=related_id, **dated)

    def _add(self, operation: str, table: type[tables.Table], params: dict[str, Any]) -> None:
        if len(self.items) >= LARGEST_TRANSACTION:
            raise OverflowError(f"a transaction takes {LARGEST_TRANSACTION} items at most")
        self.items.append({operation: {"TableName": self._names.table(table), **params}})


@cache
def _if_new(table: type[tables.Table]) -> Mapping[str, Any]:
    """Return the parameters of a put by which the row must not exist yet."""
    return expressions(condition=key_of(table).does_not_exist())


def _typed(table: type[tables.Table], item: Item) -> Item:
    """Return a row with the name of its GraphQL type, as Amplify stores it."""
    return {**item, "__typename": {"S": table.Meta.table_name}}


def event_id(cause: str, event_type: str, entity_id: str) -> str:
    """Return the id of an event's row, which does not depend on when it is written."""
    return derived(cause, event_type, entity_id)


def event_item(event: Event, cause: str, now: datetime, execution_arn: str | None) -> Item:
    """Return the log's row for an event."""
    return encode(
        tables.EventLog,
        event,
        id=event_id(cause, event.type, event.entity_id),
        eventType=event.type,
        actorUserId=event.actor,
        eventData=json.dumps(event.data, sort_keys=True),
        businessContext=event.type,
        stepFunctionExecutionArn=execution_arn,
        correlationId=correlation_id(),
        timestamp=now,
        createdAt=now,
        updatedAt=now,
    )
