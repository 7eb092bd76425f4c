"""What a change writes: the items of one TransactWriteItems, each with the condition that it was decided on."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from models import tables
from models.errors import BrokenLedgerError, Refusal
from models.events import Event, Notice
from models.identifiers import derived
from models.ledger.balances import Balance, Escrow, EscrowStatus
from models.ledger.entries import post
from models.ledger.movements import Movement, check_conserved
from models.storage.codec import difference, encode
from models.storage.names import Names
from models.storage.store import Item, expressions, key_of, wire_key

# DynamoDB's own limit for one transaction.
LARGEST_TRANSACTION = 100


class Writing:
    """One transaction in the making: rows are put, changed and removed together, or none is.

    Args:
        names: the deployment's names.
        now: the moment that everything in it is dated.
        execution_arn: the execution on whose behalf it is written.
    """

    def __init__(self, names: Names, now: datetime, *, execution_arn: str | None = None) -> None:
        self._names = names
        self.now = now
        self._execution_arn = execution_arn
        self.items: list[dict[str, Any]] = []

    def put(self, table: type[tables.Table], item: Item) -> None:
        """Put a row that must not exist yet."""
        params = {"Item": item, **expressions(condition=key_of(table).does_not_exist())}
        self._add("Put", table, params)

    def create(self, table: type[tables.Table], row: Any, **more: Any) -> None:
        """Put a dataclass's row, which must not exist yet, with further attributes by the table's names."""
        self.put(table, _typed(table, encode(table, row, **more)))

    def change(
        self, table: type[tables.Table], key: str, before: Any, after: Any, *, also: Condition | None = None
    ) -> None:
        """Turn one version of a row into the next; `also` is what else must hold of the one that is stored."""
        version = table.get_attributes()["version"]
        # A row that Amplify wrote has none yet.
        condition = version == before.version if before.version else version.does_not_exist()
        self.update(table, key, difference(table, before, after), condition if also is None else condition & also)

    def update(self, table: type[tables.Table], key: str, actions: Sequence[Action], condition: Condition) -> None:
        """Update a stored row under a condition."""
        params = {"Key": wire_key(table, key), **expressions(actions=actions, condition=condition)}
        self._add("Update", table, params)

    def check(self, table: type[tables.Table], key: str, condition: Condition) -> None:
        """Write nothing unless the condition holds of a row that itself stays as it is."""
        self._add("ConditionCheck", table, {"Key": wire_key(table, key), **expressions(condition=condition)})

    def remove(self, table: type[tables.Table], key: str, condition: Condition) -> None:
        """Delete a row if the condition holds of it."""
        self._add("Delete", table, {"Key": wire_key(table, key), **expressions(condition=condition)})

    def escrow(self, before: Escrow | None, after: Escrow) -> None:
        """Put a new escrow, or change the stored one if its status and amount are what they were.

        Raises:
            BrokenLedgerError: it has ended already, and every escrow ends once.
        """
        if before is None:
            self.create(tables.Escrow, after)
            return
        if before.status is not EscrowStatus.ESCROWED:
            raise BrokenLedgerError(f"escrow {before.id} is {before.status} and moves no hours any more")
        also = (tables.Escrow.status == before.status.value) & (tables.Escrow.amount == before.amount)
        self.change(tables.Escrow, before.id, before, after, also=also)

    def movement(self, movement: Movement, balance_of: Callable[[str], Balance]) -> Refusal | None:
        """Post a movement: each leg's balance and entry; returns the refusal of a leg that cannot be posted.

        Raises:
            BrokenLedgerError: the movement does not add up, or more would leave escrow than is in it.
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
        """Log an event; `cause` tells it from every other event of the same type and entity."""
        self.put(tables.EventLog, _typed(tables.EventLog, event_item(event, cause, self.now, self._execution_arn)))

    def notice(self, notice: Notice, cause: str, *, related_id: str) -> None:
        """Tell a member, once for each cause."""
        notice_id = derived(cause, "notice", notice.user_id)
        dated = {"createdAt": self.now, "updatedAt": self.now}
        self.create(tables.Notification, notice, id=notice_id, isRead=False, relatedId=related_id, **dated)

    def _add(self, operation: str, table: type[tables.Table], params: dict[str, Any]) -> None:
        if len(self.items) >= LARGEST_TRANSACTION:
            raise OverflowError(f"a transaction takes {LARGEST_TRANSACTION} items at most")
        self.items.append({operation: {"TableName": self._names.table(table), **params}})


def _typed(table: type[tables.Table], item: Item) -> Item:
    """Return a row that says what type it is of, as Amplify's rows do."""
    return {**item, "__typename": {"S": table.Meta.table_name}}


def event_id(cause: str, event_type: str, entity_id: str) -> str:
    """Return the id that an event's row has, whenever it is written."""
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
        timestamp=now,
        createdAt=now,
        updatedAt=now,
    )
