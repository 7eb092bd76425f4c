"""A single table as the construction paper describes it, the app that its rows come into, and rows of both."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import dynamodb_streams
from rich.console import Console
from rich.progress import Progress

from models import clock
from models.integrity.ruled_tables import GUARDS
from models.storage.calls import drive
from models.storage.names import Names
from models.storage.store import Item, Store
from models.tables import Table
from models.tables.base import KeyAttribute, table
from resolvers.apps.shapes import shapes_of
from tests.chaos.books import rows
from tests.chaos.faults import FaultyCalls
from tests.engines.embedded import Embedded
from tests.unit.fake_stream import failure
from tests.unit.ruled_app import catalogue
from workflows.console.migration.progress import Steps
from workflows.console.single_table.checks import Check, check
from workflows.console.single_table.runs import Run, RunOutcome
from workflows.console.single_table.tables import MovedApp, Sides

NAMES = Names(stack="moved", region="us-east-1", account="0" * 12)
TYPES = catalogue("construction")
assert TYPES.ruled is not None
APP = MovedApp(TYPES.ruled, shapes_of(TYPES))
SINGLE = "ExpensesTable"


class _Streaming(Embedded):
    """An engine within this process, with streams; `lost` is how many reads find that records are gone."""

    lost = 0

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        if service != "dynamodbstreams":
            return await super().call(service, operation, **params)
        if operation == "get_records" and self.lost:
            self.lost -= 1
            raise failure("TrimmedDataAccessException")
        action = "".join(word.capitalize() for word in operation.split("_"))
        headers = {"x-amz-target": f"DynamoDBStreams_20120810.{action}"}
        sent = json.dumps(params).encode()
        status, _, body = await dynamodb_streams.handle_request("POST", "/", headers, sent, {})
        answer = json.loads(body)
        if status >= 400:
            code = answer.pop("__type").rpartition("#")[2]
            raise ClientError({"Error": {"Code": code, "Message": ""}}, action)
        for record in answer.get("Records", ()):
            image = record["dynamodb"]
            image["ApproximateCreationDateTime"] = datetime.fromtimestamp(
                image["ApproximateCreationDateTime"], tz=UTC
            )
        return answer

    async def pause(self, seconds: float) -> None:
        """Wait for nobody: what is written is in the stream at once."""


class Moving:
    """Both sides on one engine; `calls.plan` is the fault plan of all but what tests read and write themselves.

    Args:
        range_key: the name of the single table's range key.
        has_stream: whether the single table has a stream.
    """

    def __init__(self, range_key: str = "expenseId", *, has_stream: bool = True) -> None:
        self.engine = _Streaming(NAMES, [*TYPES.tables])
        self.range_key = range_key
        self.table = table(SINGLE, KeyAttribute("userId"), KeyAttribute(range_key))
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        self._call(
            "create_table",
            KeySchema=[
                {"AttributeName": "userId", "KeyType": "HASH"},
                {"AttributeName": range_key, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("userId", range_key)],
            BillingMode="PAY_PER_REQUEST",
            **({"StreamSpecification": stream} if has_stream else {}),
        )
        self.calls = FaultyCalls(self.engine)
        self.now: Callable[[], datetime] = clock.now
        self.app = Store(self.engine, NAMES)

    def close(self) -> None:
        """Drop all tables."""
        self._call("delete_table")
        self.engine.close()

    def _call(self, operation: str, **params: Any) -> Any:
        return drive(self.engine.call("dynamodb", operation, TableName=SINGLE, **params))

    def put(self, *items: Item) -> None:
        """Write rows of the single table."""
        for item in items:
            self._call("put_item", Item=item)

    def delete(self, item: Item) -> None:
        """Delete a row of the single table."""
        self._call("delete_item", Key={name: item[name] for name in ("userId", self.range_key)})

    def there(self) -> list[Item]:
        """Return all rows of the single table."""
        found: list[Item] = self._call("scan")["Items"]
        return found

    async def sides(self) -> Sides:
        """Return both sides, as a process that begins sees them."""
        return await Sides.over(self.calls, NAMES, APP, SINGLE, self.now)

    async def run(self, *, again: bool = False, nobody_writes: bool = False) -> RunOutcome:
        """Run to the end."""
        begun = await Run.begun(await self.sides(), unseen(), again=again, nobody_writes=nobody_writes)
        return await begun.ended()

    async def check(self) -> Check:
        """Compare both sides."""
        return await check(await Sides.over(self.engine, NAMES, APP, SINGLE))

    async def rows(self, name: str) -> list[Item]:
        """Return the app's rows of a type."""
        return await rows(self.app, self.of(name))

    def of(self, name: str) -> type[Table]:
        """Return the table of one of the app's types."""
        return APP.tables.tables[name]

    async def house(self, kind: str) -> list[Item]:
        """Return the house's own rows of a kind."""
        return [row for row in await rows(self.app, GUARDS) if row["kind"]["S"] == kind]


def unseen() -> Steps:
    """Return bars that nobody sees."""
    return Steps(Progress(console=Console(quiet=True), disable=True))


def wire(values: dict[str, Any]) -> Item:
    """Return a row as DynamoDB stores it."""
    return {name: _wire(value) for name, value in values.items()}


def _wire(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case dict():
            return {"M": wire(value)}
        case str():
            return {"S": value}
    return {"N": str(value)}


_STAMPS = {"createdAt": "2025-01-02T03:04:05.000Z", "updatedAt": "2025-02-03T04:05:06.000Z"}


def user(owner: str, **more: Any) -> Item:
    """Return a user's row."""
    return wire({"userId": owner, "expenseId": "USER", "email": f"{owner}@example.com", **_STAMPS, **more})


def project(owner: str, id: str, **more: Any) -> Item:
    """Return a project's row."""
    values = {"projectId": id, "name": f"House {id}", "startDate": "2025-01-01", "status": "active"}
    return wire({"userId": owner, "expenseId": f"PROJECT#{id}", **values, "SpentAmount": 7, **_STAMPS, **more})


def contractor(owner: str, id: str, **more: Any) -> Item:
    """Return a contractor's row."""
    values = {"contractorId": id, "name": f"Builder {id}", "phone": "+972 3 555 1234"}
    return wire({"userId": owner, "expenseId": f"CONTRACTOR#{id}", **values, **_STAMPS, **more})


def expense(owner: str, id: str, project_id: str, contractor_id: str, **more: Any) -> Item:
    """Return an expense's row."""
    values = {"projectId": project_id, "contractorId": contractor_id, "invoiceNum": f"I-{id}", "amount": "12.5"}
    values |= {"paymentMethod": "Cash", "date": "2025-03-01"}
    return wire({"userId": owner, "expenseId": id, **values, **_STAMPS}) | {
        "amount": {"N": str(more.pop("amount", "12.5"))},
        **wire(more),
    }


def work(owner: str, id: str, project_id: str, contractor_id: str, **more: Any) -> Item:
    """Return a work's row."""
    values = {"workId": id, "projectId": project_id, "contractorId": contractor_id, "WorkName": f"Wall {id}"}
    values |= {"status": "in progress"}
    values |= {"userId": owner, "expenseId": f"WORK#{id}", **_STAMPS}
    return wire({**values, "TotalWorkCost": 100, **more})


def years(seed: int, users: int = 3, each: int = 4) -> Sequence[Item]:
    """Return the rows of years, in no order; some do not fit, and the ids of these begin with `odd`."""
    random, found = Random(seed), list[Item]()  # noqa: S311 — a test's rows
    for owner in (f"user{number}" for number in range(users)):
        found.append(user(owner))
        ids = [str(number) for number in range(each)]
        found += [project(owner, one) for one in ids]
        found += [contractor(owner, one) for one in ids]
        for number in range(2 * each):
            project_id, contractor_id = random.choice(ids), random.choice(ids)
            amount = random.randint(1, 10_000) / 100
            found.append(expense(owner, f"e{number}", project_id, contractor_id, amount=amount))
        found += [work(owner, one, random.choice(ids), random.choice(ids)) for one in ids]
        found.append(expense(owner, "odd1", "none", "0"))
        found.append(expense(owner, "odd2", "0", "0", paymentMethod="shells"))
        found.append(wire({"userId": owner, "expenseId": "odd3", "mood": "good"}))
    random.shuffle(found)
    return found
