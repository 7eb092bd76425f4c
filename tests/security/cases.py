"""The table of who may do what, parsed; and each of its lines as a GraphQL operation."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from graphql import GraphQLSchema, get_named_type

from models import tables
from models.storage.store import Item
from models.tables import TABLES, Table
from resolvers.identity.callers import Caller, Standing
from tests.security import own_operations, own_states
from tests.security.own_states import Rows
from tests.security.samples import SAMPLES, Values
from tests.unit.mirror import wire

TABLE = Path(__file__).parent / "who_may.txt"
STAMP = "2026-01-01T00:00:00.000Z"
GROUPS = ("admin", "moderator")
STANDINGS = {"guest": Standing.GUEST, "newcomer": Standing.NEWCOMER}
KEYS = {"UserBalance": "userId"}
# What is selected of a result of our own that has a certain field, instead of the row's key.
KEYLESS = {"percentComplete": "requestId", "totalRatings": "totalRatings"}
# Types whose rows are about a service, and who offers it.
SERVED = {"Booking": "providerId", "ScheduleException": "userId", "ServiceSchedule": "userId"}


@dataclass(frozen=True, slots=True)
class Line:
    """An operation on a type in a variant, and the expected outcome for each column of callers."""

    of: str
    operation: str
    variant: str
    expected: Mapping[str, str]

    def __str__(self) -> str:
        return self.operation + (f":{self.variant}" if self.variant else "")

    @property
    def key(self) -> str:
        return KEYS.get(self.of, "id")

    @property
    def table(self) -> type[Table]:
        return table_of(self.of)

    @property
    def owners(self) -> list[str]:
        """Return the columns that are fields of the row."""
        others = {"nobody", "key", *STANDINGS, "stranger", *GROUPS}
        return [column for column in self.expected if column not in others]

    @property
    def creates(self) -> bool:
        return self.operation.startswith("create")

    @property
    def is_subscription(self) -> bool:
        return self.operation.startswith("on")


def table_of(of: str) -> type[Table]:
    """Return the table of a type's rows."""
    return next(table for table in TABLES if table.__name__ == of)


def lines() -> list[Line]:
    """Return the table's lines."""
    return list(_lines())


def _lines() -> Iterator[Line]:
    type_, columns = "", list[str]()
    for text in TABLE.read_text().splitlines():
        if not text or text.startswith("#"):
            continue
        left, bar, right = text.partition("|")
        if not bar:
            type_, *words = left.replace(",", "").split()
            columns = words[words.index("nobody") :]
            continue
        operation, _, variant = left.strip().partition(":")
        yield Line(type_, operation, variant, dict(zip(columns, right.split(), strict=True)))


def item_of(values: Values) -> Item:
    """Return a row as it is stored."""
    return {name: wire(value) for name, value in values.items()}


def caller_of(column: str) -> Caller:
    """Return a new caller, in the group if the column is a group."""
    standing = STANDINGS.get(column, Standing.MEMBER)
    return Caller(str(uuid4()), f"{column}-{uuid4().hex[:8]}", frozenset({column} & {*GROUPS}), standing=standing)


@dataclass(frozen=True, slots=True)
class Case:
    """A line for one caller: the members, the row, the operation.

    Args:
        line: the line.
        column: the caller's column.
        names: a member for each column of the line.
    """

    line: Line
    column: str
    names: Mapping[str, Caller]
    id: str = field(default_factory=lambda: str(uuid4()))
    another: str = field(default_factory=lambda: str(uuid4()))

    @classmethod
    def of(cls, line: Line, column: str) -> "Case":
        return cls(line, column, {name: caller_of(name) for name in line.expected})

    @property
    def caller(self) -> Caller | None:
        return None if self.column in {"nobody", "key"} else self.names[self.column]

    @property
    def asker(self) -> Caller:
        """Return in whose name a row is created; for callers without a token, a new member."""
        return self.names[self.column]

    @property
    def owner_values(self) -> dict[str, str]:
        return {name: self.names[name].sub for name in self.line.owners}

    @property
    def row_key(self) -> str:
        """Return the key of the existing row."""
        return self.owner_values.get(self.line.key, self.id)

    @property
    def asked_key(self) -> str:
        """Return the key that is asked for."""
        return self.another if self.line.variant == "absent" else self.row_key

    @property
    def made_key(self) -> str:
        """Return the key of the row that a create makes."""
        return str(self.input()[self.line.key])

    def row(self) -> Item | None:
        """Return the row that exists beforehand; None if there is to be none."""
        if self.line.variant == "absent" or (self.line.creates and self.line.variant != "taken"):
            return None
        return self.any_row()

    def any_row(self) -> Item:
        """Return the row, whether it exists or not."""
        if self.line.operation in own_operations.STAGED:
            return self._staged()[0][1]
        sample = SAMPLES[self.line.of]
        values = {
            **sample.given,
            **sample.stored,
            "createdAt": STAMP,
            "updatedAt": STAMP,
            **sample.when.get(self.line.variant, {}),
            **self._named(),
            **self.owner_values,
            **self._served(),
            self.line.key: self.row_key,
        }
        return item_of(values)

    def _named(self) -> Values:
        """Return what no two rows may share, and what a search looks for."""
        if self.line.of == "User":
            return {"username": f"member-{self.id}", "email": f"{self.id}@example.org"}
        return {"title": self.id, "__typename": "Service"} if self.line.operation == "searchServices" else {}

    def owned_by(self, column: str) -> "Case":
        """Return a case of another row, in which the column's member owns it in every way."""
        theirs = dict(self.names) | dict.fromkeys(self.line.owners, self.names[column])
        return replace(self, line=replace(self.line, variant=""), names=theirs, id=str(uuid4()))

    def beside(self) -> Iterator[tuple[type[Table], Item]]:
        """Yield the other rows that exist beforehand."""
        if self.line.variant == "paid":
            yield tables.Transaction, self._paid()
        if self.line.operation == "updateTransaction" and self.line.variant in {"initiated", "accepted"}:
            yield from own_states.followed(self.line.variant, self.row_key, self.owner_values)
        if self.line.operation == "createTransaction":
            yield from own_states.offered(self._service_key, self.another)
        if self.line.operation == "createService":
            yield from ((tables.User, item_of({"id": member})) for member in (self.asker.sub, self.another))
        if self.line.operation in own_operations.STAGED and self.line.variant != "absent":
            yield from self._staged()[1:]
        if self.line.of in SERVED:
            provider = (self.input() if self.line.creates else self.owner_values)[SERVED[self.line.of]]
            dates = {"createdAt": STAMP, "updatedAt": STAMP}
            service = {**SAMPLES["Service"].given, **dates, "userId": provider, "id": self._served()["serviceId"]}
            yield tables.Service, item_of(service)
            if self.line.of == "Booking":
                yield tables.User, item_of({**SAMPLES["User"].given, **dates, "id": provider})

    def _served(self) -> dict[str, str]:
        """Return the service that the row is about, if it is about one of its own."""
        return {"serviceId": self._service_key} if self.line.of in SERVED else {}

    @property
    def _service_key(self) -> str:
        """Return the key of the service that the row is about."""
        return f"{self.id}-service"

    def _staged(self) -> Rows:
        return own_operations.stage(self.line, self.row_key, {name: self.names[name].sub for name in self.names})

    def _paid(self) -> Item:
        """Return a paid exchange in which the row's rater is the requester."""
        parties = {"consumerId": self.names["raterId"].sub, "providerId": self.names["ratedUserId"].sub}
        dates = {"createdAt": STAMP, "updatedAt": STAMP}
        exchange = {**SAMPLES["Transaction"].given, **parties, **dates, "id": self.id, "status": "COMPLETED"}
        return item_of(exchange)

    def input(self) -> dict[str, Any]:
        """Return a mutation's input."""
        sample, variant = SAMPLES[self.line.of], self.line.variant
        if self.line.operation.startswith("delete"):
            return {self.line.key: self.asked_key}
        if self.line.operation.startswith("update"):
            special: dict[str, Values] = {
                "null": {sample.optional: None},
                "isRead": {"isRead": True},
                "initiated": {"status": "CANCELLED"},
                "accepted": {"status": "CANCELLED"},
                "completed": {"rating": 4.0},
                "confirmed": {"status": "CONFIRMED"},
            }
            changes = special.get(variant, sample.change)
            return {self.line.key: self.asked_key, **changes}
        named = dict.fromkeys(self.line.owners, self.another)
        if variant != "others" and named:
            first = "consumerId" if (self.line.of, variant) == ("Booking", "taken") else next(iter(named))
            named[variant if variant in named else first] = self.asker.sub
        given = {"id": self.id} if self.line.key == "id" else {}
        if variant == "taken":
            named |= {self.line.key: self.row_key}
        if self.line.operation == "createDispute" and variant in {"", "absent", "taken"}:
            named |= own_operations.dispute_parties(self.id, self.owner_values, self.asker.sub)
        if self.line.operation == "createTransaction":
            named |= {"serviceId": self._service_key}
        if variant == "paid":
            named |= {"ratedUserId": self.names["ratedUserId"].sub, "transactionId": self.id}
        changed = sample.change if variant == "taken" else {}
        return {**sample.given, **self._named(), **changed, **given, **self._served(), **named}

    def variables(self) -> dict[str, Any]:
        """Return the operation's variables."""
        operation, variant = self.line.operation, self.line.variant
        if operation in own_operations.OPERATIONS:
            return own_operations.variables(self.line, self.asked_key)
        if operation.startswith(("create", "update", "delete")):
            return {"input": self.input()}
        if operation.startswith(("get", "search")):
            return self._asked()
        narrowed = {variant: self.owner_values[variant]} if variant in self.line.owners else {}
        if operation.startswith("on"):
            return self._watched() or narrowed
        # A real cloud's tables contain other rows, too.
        only = {"filter": {self.line.key: {"eq": self.row_key}}, "limit": 1000}
        if "By" not in operation:
            return only | narrowed
        name = operation.partition("By")[2]
        by = name[0].lower() + name[1:]
        value = self.any_row()[by]["S"]
        return only | {by: value, "sortDirection": "DESC"}

    def _asked(self) -> dict[str, Any]:
        """Return what is asked for: a row, days, or a text."""
        if self.line.operation in own_operations.OF_DAYS:
            return own_operations.of_days(self.any_row(), self.line.operation, self.line.variant)
        return {"query": self.id} if self.line.operation.startswith("search") else {self.line.key: self.asked_key}

    def _watched(self) -> dict[str, Any]:
        """Return whose rows one of the app's own subscriptions asks for: a service's, the caller's, another's."""
        argument = own_operations.UPDATES.get(self.line.operation)
        match argument:
            case None:
                return {}
            case "userId":
                return {argument: self.another if self.line.variant == "others" else self.asker.sub}
        return {argument: self.any_row()[argument]["S"]}


def document(schema: GraphQLSchema, line: Line) -> str:
    """Return an operation that selects the row's key."""
    kind, root = next(
        (kind, root)
        for kind, root in (
            ("query", schema.query_type),
            ("mutation", schema.mutation_type),
            ("subscription", schema.subscription_type),
        )
        if root and line.operation in root.fields
    )
    definition = root.fields[line.operation]
    shown = getattr(get_named_type(definition.type), "fields", {})
    key = next((own for known, own in KEYLESS.items() if known in shown), line.key)
    page = f"items {{ {line.key} }} nextToken"
    selected = page if "items" in shown else own_operations.OF_DAYS.get(line.operation, key)
    declared = _listed(f"${name}: {argument.type}" for name, argument in definition.args.items())
    passed = _listed(f"{name}: ${name}" for name in definition.args)
    return f"{kind} {declared} {{ {line.operation}{passed} {{ {selected} }} }}"


def _listed(parts: Iterable[str]) -> str:
    """Return arguments in parentheses, or nothing if there are none."""
    return f"({joined})" if (joined := ", ".join(parts)) else ""
