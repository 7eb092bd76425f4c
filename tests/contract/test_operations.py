"""Each operation that Amplify generates, sent to a running server by a member with data, and by a stranger."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from models import clock
from models.settings import Settings
from models.tables import TABLES
from resolvers.hosting.demo_data import sub_of
from tests.contract.generated import ALL, APPS, MUTATIONS, QUERIES, SUBSCRIPTIONS, Generated
from tests.contract.samples import INITIAL, OPEN, WRITERS, Row, fields_of, key_of, sample
from tests.contract.test_golden import golden
from tests.integration.conftest import Cloud, Server, minting
from tests.unit.mirror import wire
from workflows.deployment.local.local_cloud import LocalCloud

Answer = tuple[Any, list[str]]
DATES = ("createdAt", "updatedAt")
# What a new row has besides what was sent.
BONUS: dict[str, dict[str, Any]] = {"User": {"bankHours": 10.0}}
# What others see instead of a member's own, and the queries that find nobody else by it.
INSTEAD: dict[str, dict[str, Any]] = {"User": {"email": "", "cognitoId": None}}
BY_OWN = frozenset({"UsersByEmail", "UsersByCognitoId"})
# Types that workflows write; Alice's rows of these are in a final state.
MOVED = frozenset({"Dispute", "ServiceRequest", "Transaction"})
# Seconds for which rows are written until each subscription has events: no message says when one listens.
PATIENCE = 60.0


def test_each_is_looked_at() -> None:
    assert [len(names) for names in (QUERIES, APPS, MUTATIONS, SUBSCRIPTIONS)] == [94, 5, 57, 62]


class SeededServer:
    """A server with data: Alice has a row of every type, Bob is the other party, no row names Eve; and an admin.

    Dora and Gil have not joined.
    """

    def __init__(self, server: Server, cloud: Cloud, client: httpx.Client) -> None:
        self.url = server.url
        self._cloud = cloud
        self._tables = cloud.client("dynamodb")
        self._client = client
        mint = minting(server)
        accounts = {
            name: f"{name}-{uuid4().hex[:12]}" for name in ("alice", "bob", "dora", "eve", "fay", "gil", "admin")
        }
        self.subs = {name: sub_of(username) for name, username in accounts.items()}
        self.tokens = {
            name: mint(username, *(["admin"] if name == "admin" else [])) for name, username in accounts.items()
        }
        self.ids = {name: str(uuid4()) for name in TABLES_BY_NAME}
        self.rows: dict[str, Row] = {}
        self._hours = count(step=3)

    def seed(self) -> None:
        """Let them join, and create Alice's rows: by the API where she or an admin may, else in the tables."""
        for name in ("bob", "eve", "fay", "alice"):
            self.rows["User"] = self.create("User", of=name)
        self.rows["UserBalance"] = {"userId": self.subs["alice"], "totalBalance": 10.0, "availableBalance": 10.0}
        for type_name in WRITERS.keys() - {"User", "UserBalance"}:
            creator = WRITERS[type_name][0][0]
            if creator is None or type_name in MOVED:
                self.rows[type_name] = self.put(type_name, self.row(type_name, key=self.ids[type_name]))
            else:
                self.rows[type_name] = self.create(type_name, key=self.ids[type_name])

    def row(self, type_name: str, *, of: str = "alice", key: str | None = None, **names: str) -> dict[str, Any]:
        """Return a row of a member; its key is new unless it is given."""
        key = key or (self.subs[of] if type_name in {"User", "UserBalance"} else str(uuid4()))
        row = sample(type_name, **{**self.ids, "me": self.subs[of], "other": self.subs["bob"], "key": key} | names)
        return row | {key_of(type_name): key}

    def create_input(self, type_name: str, **options: str) -> dict[str, Any]:
        """Return the input that creates a row, after creating the rows that it depends on."""
        if type_name in {"ScheduleException", "ServiceSchedule"}:
            options["Service"] = self.create("Service")["id"]
        elif type_name in {"Booking", "ServiceRequest", "Transaction"}:
            options["Service"] = self.create("Service", of="bob")["id"]
        elif type_name == "Rating":
            exchange = self.row("Transaction", providerId=self.subs["bob"]) | {"rating": None, "feedback": None}
            options["Transaction"] = self.put("Transaction", exchange)["id"]
        elif type_name == "Dispute":
            paid = self.row("ServiceRequest") | {"updatedAt": clock.to_text(clock.now())}
            options["ServiceRequest"] = self.put("ServiceRequest", paid)["id"]
        row = self.row(type_name, **options) | INITIAL.get(type_name, {})
        if type_name == "Booking":  # each at other hours of Bob's day
            hour = next(self._hours)
            row |= {"startTime": f"{hour:02}:00", "endTime": f"{hour + 2:02}:30"}
        inputs: Any = golden.type_map[f"Create{type_name}Input"]
        return {name: value for name, value in row.items() if name in inputs.fields}

    def create(self, type_name: str, *, of: str = "alice", **options: str) -> dict[str, Any]:
        """Create a row through the API, and return its known fields."""
        who = of if WRITERS[type_name][0][0] == "alice" else "admin"
        create_input = self.create_input(type_name, of=of, **options)
        row, errors = self.ask(who, f"Create{type_name}", input=create_input)
        assert errors == []
        assert row is not None
        return self.known(create_input) | BONUS.get(type_name, {})

    def put(self, type_name: str, row: Row) -> Row:
        """Write a row directly into its table."""
        item = {name: wire(value) for name, value in row.items() if value is not None}
        self._tables.put_item(TableName=self._table(type_name), Item=item)
        return row

    def write_and_delete(self, type_name: str, row: Row) -> None:
        """Write a row directly into its table, write it again, and delete it."""
        self.put(type_name, row)
        self.put(type_name, {**row, "updatedAt": "2026-03-01T09:30:00.001Z"})
        key = key_of(type_name)
        self._tables.delete_item(TableName=self._table(type_name), Key={key: {"S": row[key]}})

    def known(self, row: Row) -> dict[str, Any]:
        """Return a row's fields as they are shown: without null, and without dates, which the server sets."""
        return {name: value for name, value in row.items() if name not in DATES and value is not None}

    def _table(self, type_name: str) -> str:
        return str(self._cloud.names.table(TABLES_BY_NAME[type_name]))

    def ask(self, who: str, name: str, /, **variables: Any) -> Answer:
        """Run a generated query or mutation; return its field, and the types of its errors."""
        payload = {"query": ALL[name].text, "variables": variables}
        answer = self._client.post("/graphql", json=payload, headers={"Authorization": self.tokens[who]})
        body = answer.json()
        kinds = [error["errorType"] for error in body.get("errors", ())]
        return (body["data"] or {}).get(ALL[name].root), kinds

    def find(self, who: str, name: str) -> Answer:
        """Run a generated query for Alice's row; return it, None if a page lacks it, and the types of errors."""
        row = self.rows[ALL[name].type_name]
        variables = {variable: row[variable] for variable in ALL[name].required}
        if not ALL[name].is_page:
            return self.ask(who, name, **variables)
        key, token = key_of(ALL[name].type_name), None
        for _ in range(20):
            page, errors = self.ask(who, name, **variables, limit=200, nextToken=token)
            if errors:
                return page, errors
            if found := [item for item in page["items"] if item[key] == row[key]]:
                return found[0], []
            if (token := page["nextToken"]) is None:
                return None, []
        raise AssertionError(f"{name} has no end")


TABLES_BY_NAME = {table.__name__: table for table in TABLES if table.__name__ in WRITERS}


@pytest.fixture(scope="module")
def seeded(plain: Server) -> Iterator[SeededServer]:
    attached = LocalCloud(plain.directory, Settings())
    attached.attach()
    with httpx.Client(base_url=plain.url, timeout=30) as client:
        seeded = SeededServer(plain, Cloud(attached.endpoint), client)
        seeded.seed()
        yield seeded


def check(operation: Generated, row: Any, expected: Row) -> None:
    """Assert that a row has every selected field, and that the known fields are right."""
    assert row is not None
    assert set(operation.values) == set(fields_of(operation.type_name)) <= row.keys()
    assert {name: row[name] for name in expected} == dict(expected)


@pytest.mark.parametrize("name", QUERIES)
def test_a_member_finds_her_row_and_all_that_it_leads_to(seeded: SeededServer, name: str) -> None:
    row, errors = seeded.find("alice", name)
    assert errors == []
    check(ALL[name], row, seeded.rows[ALL[name].type_name])
    assert [relation for relation in ALL[name].relations if row[relation] is None] == []


@pytest.mark.parametrize("name", QUERIES)
def test_a_stranger_finds_what_is_open_and_no_more(seeded: SeededServer, name: str) -> None:
    row, errors = seeded.find("eve", name)
    type_name = ALL[name].type_name
    if type_name in OPEN and name not in BY_OWN:
        assert errors == []
        check(ALL[name], row, {**seeded.rows[type_name], **INSTEAD.get(type_name, {})})
    elif name.startswith("Get"):
        assert (row, errors) == (None, ["Unauthorized"])
    else:
        assert (row, errors) == (None, [])


def test_a_strangers_balance_is_not_even_asked_for(seeded: SeededServer) -> None:
    page, errors = seeded.ask("eve", "ListUserBalances", userId=seeded.subs["alice"])
    assert (page, errors) == (None, ["Unauthorized"])
    page, errors = seeded.ask("eve", "ListUserBalances", userId=seeded.subs["eve"], sortDirection="DESC")
    assert ([item["userId"] for item in page["items"]], errors) == ([seeded.subs["eve"]], [])


def days_asked(seeded: SeededServer) -> dict[str, dict[str, Any]]:
    """Return the variables with which members ask about the day of Alice's booking, by query."""
    booking = seeded.rows["Booking"]
    day = booking["bookingDate"]
    days = {"startDate": day, "endDate": day}
    return {
        "GetAvailableTimeSlots": {"serviceId": booking["serviceId"], "date": day, "duration": 2.5},
        "GetBookingsByDateRange": {"userId": seeded.subs["alice"], "role": "CONSUMER", **days},
        "GetProviderSchedule": {"providerId": seeded.subs["bob"], **days},
    }


@pytest.mark.parametrize("who", ["alice", "eve"])
def test_a_member_asks_about_days(seeded: SeededServer, who: str) -> None:
    for name, variables in days_asked(seeded).items():
        rows, errors = seeded.ask(who, name, **variables)
        if (who, name) == ("eve", "GetBookingsByDateRange"):
            assert (rows, errors) == (None, ["Unauthorized"])
            continue
        assert errors == []
        assert rows
        assert all(set(ALL[name].values) <= row.keys() for row in rows)
        booked = [one["id"] for row in rows for one in row.get("bookings", [row]) if "id" in one]
        if name != "GetAvailableTimeSlots":
            assert (seeded.rows["Booking"]["id"] in booked) is (who == "alice")


def case(seeded: SeededServer, name: str) -> tuple[str | None, dict[str, Any], Row]:
    """Return who may run a mutation, its input, and the known fields of its row."""
    type_name, action = ALL[name].type_name, ALL[name].action
    writers, change = WRITERS[type_name]
    who = writers[("create", "update", "delete").index(action)]
    key = key_of(type_name)
    if action == "create":
        who = "dora" if type_name == "User" else who  # alice has joined already
        given = seeded.create_input(type_name, of="dora" if type_name == "User" else "alice")
        return who, given, seeded.known(given) | BONUS.get(type_name, {})
    if who is None or name == "UpdateUser":
        row = seeded.rows[type_name]
    elif type_name == "Rating":
        row = seeded.create(type_name)
    else:
        row = seeded.put(type_name, seeded.row(type_name, key=str(uuid4())))
    given = {key: row[key]} | (change if action == "update" else {})
    return who, given, seeded.known(row) | given


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_for_those_who_may_write(seeded: SeededServer, name: str) -> None:
    who, given, expected = case(seeded, name)
    for stranger in {"alice", "eve"} - {who} | ({"admin"} if who is None else set()):
        assert seeded.ask(stranger, name, input=given) == (None, ["Unauthorized"]), stranger
    if who is not None:
        row, errors = seeded.ask(who, name, input=given)
        assert errors == []
        check(ALL[name], row, expected)


class Listener:
    """A member's socket with every generated subscription on it."""

    def __init__(self, socket: ClientConnection, news: asyncio.Event) -> None:
        self._socket = socket
        self._news = news
        self.events: dict[str, list[Row]] = {name: [] for name in SUBSCRIPTIONS}
        self.ended: list[Any] = []

    async def listen(self, token: str, **variables: str) -> None:
        """Subscribe, each with the variables that it requires, and record what comes until the socket closes."""
        await self._send(type="connection_init", payload={"Authorization": token})
        assert json.loads(await self._socket.recv()) == {"type": "connection_ack"}
        for name in SUBSCRIPTIONS:
            required = {variable: variables[variable] for variable in ALL[name].required}
            await self._send(type="subscribe", id=name, payload={"query": ALL[name].text, "variables": required})
        async for frame in self._socket:
            message = json.loads(frame)
            if message["type"] == "next" and not message["payload"].get("errors"):
                name = message["id"]
                self.events[name].append(message["payload"]["data"][ALL[name].root])
            else:
                self.ended.append(message)
            self._news.set()

    async def _send(self, **message: Any) -> None:
        await self._socket.send(json.dumps(message))

    def lacks(self, names: list[str]) -> list[str]:
        """Return those of some subscriptions that have had no event yet."""
        return [name for name in names if not self.events[name]]

    def rows_of(self, name: str) -> set[tuple[str, str]]:
        """Return the keys of the rows of a subscription's events."""
        type_name = ALL[name].type_name
        return {(type_name, row[key_of(type_name)]) for row in self.events[name]}


async def test_every_subscription_is_told_of_her_rows_and_no_stranger_is(seeded: SeededServer) -> None:
    url = seeded.url.replace("http", "ws") + "/graphql"
    protocol = [Subprotocol("graphql-transport-ws")]
    async with (
        connect(url, subprotocols=protocol, proxy=None) as hers,
        connect(url, subprotocols=protocol, proxy=None) as strangers,
    ):
        news = asyncio.Event()
        fay, eve = Listener(hers, news), Listener(strangers, news)
        listening = [
            asyncio.create_task(
                listener.listen(seeded.tokens[who], userId=seeded.subs[who], serviceId=seeded.ids["Service"])
            )
            for who, listener in (("fay", fay), ("eve", eve))
        ]
        written = await _write_until(seeded, lambda: fay.lacks(SUBSCRIPTIONS) + eve.lacks(OPENLY), news)
        for task in listening:
            task.cancel()
    assert (fay.lacks(SUBSCRIPTIONS), eve.lacks(OPENLY)) == ([], [])
    assert fay.ended == eve.ended == []
    for name in SUBSCRIPTIONS:
        for event in fay.events[name]:
            key = (ALL[name].type_name, event[key_of(ALL[name].type_name)])
            if key in written:
                check(ALL[name], event, written[key])
        assert name in OPENLY or not eve.rows_of(name) & written.keys()


OPENLY = [name for name in SUBSCRIPTIONS if ALL[name].type_name in OPEN]


async def _write_until(
    seeded: SeededServer, lacking: Callable[[], list[str]], news: asyncio.Event
) -> Mapping[tuple[str, str], Row]:
    """Create, update and delete a row of Fay's of every lacking type; return the rows' known fields."""
    written: dict[tuple[str, str], Row] = {}
    end = time.monotonic() + PATIENCE
    while lacking() and time.monotonic() < end:
        for type_name in sorted({ALL[name].type_name for name in lacking()}):
            # A member who leaves is told nothing more, so it is somebody else who joins and leaves.
            row = seeded.row(type_name, of="gil" if type_name == "User" else "fay")
            known = seeded.known(row)
            known.pop("bankHours", None)  # from her balance, which is created and deleted, too
            known |= INSTEAD.get(type_name, {})
            written[type_name, row[key_of(type_name)]] = known
            await asyncio.to_thread(seeded.write_and_delete, type_name, row)
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                while lacking():
                    await news.wait()
                    news.clear()
    return written
