"""A transaction of which each part says what it means if its condition does not hold."""

from collections.abc import Callable, Mapping
from datetime import datetime
from json import dumps
from typing import Any, Never, cast

from botocore.exceptions import ClientError

from models.errors import HourBankError, Refusal
from models.identifiers import derived
from models.storage.calls import Calls
from models.storage.names import Names
from models.storage.store import Item
from models.transactions.retrying import StaleSnapshotError
from models.transactions.writing import Writing

# Takes the row as it is stored, None if there is none; returns the refusal that it means, or raises.
Judge = Callable[[Item | None], Refusal]


class OvertakenError(HourBankError):
    """What a transaction was decided on is not so any more; whoever decided it must decide again."""


def stale(_: Item | None) -> Never:
    """Judge that a row has changed since it was read.

    Raises:
        StaleSnapshotError: always.
    """
    raise StaleSnapshotError("a row has changed since it was read")


class JudgedWriting(Writing):
    """A transaction being built, each of whose parts is followed by `judged_by`.

    Args:
        names: the deployment's names.
        now: the timestamp of everything in it.
    """

    def __init__(self, names: Names, now: datetime) -> None:
        super().__init__(names, now)
        self._judges: dict[int, Judge] = {}

    def judged_by(self, judge: Judge) -> None:
        """Say what it means if the condition of the last part does not hold."""
        self._judges[len(self.items) - 1] = judge
        (part,) = self.items[-1].values()
        part["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"

    @property
    def is_possible(self) -> bool:
        """Return whether no row occurs twice, which DynamoDB refuses."""
        places = [_place(part) for item in self.items for part in item.values()]
        return len(places) == len(set(places))

    async def send(self, calls: Calls, cause: str) -> Refusal | None:
        """Write everything, or return the refusal of the first part whose condition does not hold.

        Sent again after its answer was lost, it is done once only, because its token follows from its content.

        Args:
            calls: the way to DynamoDB.
            cause: distinguishes it from a transaction with the same content that somebody else writes.

        Raises:
            StaleSnapshotError, OvertakenError, ConditionFailedError: a part was judged so.
        """
        token = derived(cause, dumps(self.items))
        try:
            await calls.call(
                "dynamodb", "transact_write_items", TransactItems=self.items, ClientRequestToken=token
            )
        except ClientError as error:
            for number, reason in enumerate(error.response.get("CancellationReasons", [])):
                if reason.get("Code") == "ConditionalCheckFailed":
                    return self._judges[number](cast("Item | None", reason.get("Item")))
            raise
        return None


def _place(part: Mapping[str, Any]) -> str:
    """Return which row a part is about; a put row is recognised by the whole of it."""
    return dumps([part["TableName"], part.get("Key") or part["Item"]])
