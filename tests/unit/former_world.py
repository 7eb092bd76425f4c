"""A former app full of members, as years of use leave it: most rows as they should be, some odd."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from models.storage.store import Item
from models.tables import TABLES, Booking, Notification, Rating, Service, Table, Transaction, User
from tests.unit.former_app import amplify, former_exchange, former_member, former_service

_BY_NAME = {table.Meta.table_name: table for table in TABLES}
_ODD_HOURS = ("-2.5", "0.30000000000000004", None)


@dataclass
class FormerWorld:
    """The rows of a former app.

    Attributes:
        rows: the rows of each table.
        hours: the hours of the members who can be taken over.
        odd: the ids of rows that cannot be taken over.
        pending, begun: the ids of exchanges that become requests.
    """

    seed: int
    members: int
    rows: dict[type[Table], list[Item]] = field(default_factory=dict)
    hours: dict[str, Decimal] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)
    pending: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 — reproducible data, no secret
        self._left: dict[str, Decimal] = {}
        for number in range(self.members):
            self._add_member(number)
        for _ in range(self.members):
            self._add_exchange()
        self._add_open_exchanges()
        self._add_odd_exchanges()
        self._add(
            _BY_NAME["Category"], amplify("Category", id=self._id(), name="garden", icon=None, isActive=True)
        )

    @property
    def total(self) -> Decimal:
        """Return the hours of all who can be taken over."""
        return sum(self.hours.values(), Decimal(0))

    def all_rows(self) -> Iterator[tuple[type[Table], Item]]:
        """Yield every row, with its table."""
        for table, items in self.rows.items():
            for item in items:
                yield table, item

    def _id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _add(self, table: type[Table], item: Item) -> None:
        self.rows.setdefault(table, []).append(item)

    def _add_member(self, number: int) -> None:
        member = self._id()
        # Every twentieth has hours that no account can have; some have none, and one has very many.
        if number % 20 == 7:
            odd = _ODD_HOURS[number // 20 % len(_ODD_HOURS)]
            self._add(User, former_member(member, odd, username=f"odd-{member}"))
            self.odd.add(member)
            return
        hours = Decimal(25_000) if number == 3 else Decimal(self._random.randrange(6_000)).scaleb(-2)
        hours = Decimal(0) if number % 11 == 5 else hours
        self.hours[member] = self._left[member] = hours
        self._add(User, former_member(member, f"{hours:f}", username=f"member-{member}"))
        self._add(Service, former_service(self._id(), member))
        note: dict[str, Any] = {"userId": member, "type": "SYSTEM_UPDATE", "title": "Hello", "message": "Welcome"}
        self._add(Notification, amplify("Notification", id=self._id(), isRead=False, relatedId=None, **note))

    def _add_exchange(self) -> None:
        """Add an exchange: most have ended, with a rating; some are open, as many as their consumer can pay."""
        service = self._random.choice(self.rows[Service])
        provider, consumer = service["userId"]["S"], self._random.choice(list(self.hours))
        hours = Decimal(self._random.randrange(1, 400)).scaleb(-2)
        if provider == consumer:
            return
        status = self._random.choices(("COMPLETED", "CANCELLED", "PENDING", "IN_PROGRESS"), (5, 2, 2, 1))[0]
        if status in {"PENDING", "IN_PROGRESS"} and self._left[consumer] < hours:
            status = "CANCELLED"
        exchange = self._id()
        self._put_exchange(exchange, consumer, provider, service["id"]["S"], hours, status)
        if status == "COMPLETED":
            names = {"transactionId": exchange, "raterId": consumer, "ratedUserId": provider}
            self._add(
                Rating, amplify("Rating", id=self._id(), rating=4.5, feedback=None, categories=None, **names)
            )
        if status == "IN_PROGRESS":
            self.begun.append(exchange)
            self._left[consumer] -= hours
        if status == "PENDING":
            self.pending.append(exchange)
            self._left[consumer] -= hours

    def _put_exchange(
        self, exchange: str, consumer: str, provider: str, service: str, hours: Decimal, status: str
    ) -> None:
        row = former_exchange(
            exchange, consumer=consumer, provider=provider, service=service, hours=hours, status=status
        )
        self._add(Transaction, row)

    def _add_open_exchanges(self) -> None:
        """Add one of each open status, whatever the seed, of the member with the most hours."""
        rich = max(self._left, key=self._left.__getitem__)
        service = next(service for service in self.rows[Service] if service["userId"]["S"] != rich)
        for status, ids in (("PENDING", self.pending), ("IN_PROGRESS", self.begun)):
            exchange = self._id()
            self._put_exchange(exchange, rich, service["userId"]["S"], service["id"]["S"], Decimal("1.5"), status)
            self._left[rich] -= Decimal("1.5")
            ids.append(exchange)

    def _add_odd_exchanges(self) -> None:
        """Add one without a provider, one of an unknown status, one of a fraction, and one that nobody can pay."""
        service, consumer = self.rows[Service][0], list(self.hours)[-1]
        provider = service["userId"]["S"]
        poor = next(member for member, hours in self.hours.items() if not hours and member != provider)
        cases = (
            (consumer, self._id(), "2", "PENDING"),
            (consumer, provider, "2", "DONE"),
            (consumer, provider, "0.001", "PENDING"),
            (poor, provider, "2", "IN_PROGRESS"),
        )
        for asking, asked, hours, status in cases:
            exchange = self._id()
            self._put_exchange(exchange, asking, asked, service["id"]["S"], Decimal(hours), status)
            self.odd.add(exchange)
        gone = {"serviceId": service["id"]["S"], "providerId": provider, "consumerId": consumer}
        odd_booking = amplify("Booking", id=self._id(), bookingDate="2026-02-01", startTime=None, **gone)
        self._add(Booking, {**odd_booking, "status": {"S": "PENDING"}})
        self.odd.add(odd_booking["id"]["S"])
