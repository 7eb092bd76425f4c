"""The operations that Amplify generates for two other apps, sent to a server of each by owners and a stranger."""

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import pytest
from graphql import NonNullTypeNode, OperationDefinitionNode, OperationType, parse, print_ast
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from resolvers.hosting.demo_data import sub_of
from tests.contract.node import Node
from tests.contract.test_declarations import APPS
from tests.integration.conftest import Server, minting

ALICE, BOB = sub_of("alice"), sub_of("bob")
NOW, TODAY = "2026-11-29T12:00:00.000Z", "2026-11-29"
Row = dict[str, Any]

# Rows of each type in the order in which they refer to each other, each with who creates it. Alice's, but for
# what bob offers; what depends on another row stands behind it.
ROWS: dict[str, list[tuple[str, str, Row]]] = {
    "marketplace": [
        ("User", "alice", {"userId": ALICE, "email": "alice@example.org", "userType": "CUSTOMER"}),
        (
            "Provider",
            "bob",
            {
                "providerId": BOB,
                "name": "Bob",
                "serviceType": "garden",
                "serviceArea": "north",
                "rating": 0,
                "responseTime": 10,
            },
        ),
        (
            "Service",
            "bob",
            {"serviceId": "s1", "providerId": BOB, "category": "green", "title": "Mowing", "price": 20.5},
        ),
        (
            "Booking",
            "alice",
            {"bookingId": "b1", "customerId": ALICE, "providerId": BOB, "serviceId": "s1", "scheduledDate": NOW},
        ),
        (
            "Review",
            "alice",
            {"reviewId": "r1", "bookingId": "b1", "providerId": BOB, "customerId": ALICE, "rating": 4},
        ),
    ],
    "construction": [
        ("User", "alice", {"userId": ALICE, "email": "alice@example.org"}),
        ("Project", "alice", {"userId": ALICE, "projectId": "p1", "name": "House", "startDate": TODAY}),
        ("Contractor", "alice", {"userId": ALICE, "contractorId": "c1", "name": "Bricks Ltd"}),
        (
            "Expense",
            "alice",
            {
                "userId": ALICE,
                "expenseId": "e1",
                "projectId": "p1",
                "contractorId": "c1",
                "invoiceNum": "2026-1",
                "amount": 99.9,
                "paymentMethod": "CARD",
                "date": TODAY,
            },
        ),
        (
            "Work",
            "alice",
            {
                "userId": ALICE,
                "workId": "w1",
                "projectId": "p1",
                "contractorId": "c1",
                "expenseId": "e1",
                "WorkName": "Walls",
            },
        ),
    ],
}
# A booking is done before it is reviewed; by whom, with what.
BEFORE_REVIEW = [("alice", "CONFIRMED"), ("bob", "IN_PROGRESS"), ("bob", "COMPLETED")]
KEYS: dict[str, tuple[str, ...]] = {
    "User": ("userId",),
    "Provider": ("providerId",),
    "Service": ("serviceId",),
    "Booking": ("bookingId",),
    "Review": ("reviewId",),
    "Project": ("userId", "projectId"),
    "Contractor": ("userId", "contractorId"),
    "Expense": ("userId", "expenseId"),
    "Work": ("userId", "workId"),
}


@cache
def operations(app: str) -> dict[str, OperationDefinitionNode]:
    """Return the operations that Amplify's generator makes of an app's schema, by name."""
    texts = [file.read_text() for file in sorted((APPS[app][1] / "operations").glob("*.graphql"))]
    nodes = [node for text in texts for node in parse(text).definitions]
    return {node.name.value: node for node in nodes if isinstance(node, OperationDefinitionNode) and node.name}


def of_kind(app: str, kind: OperationType) -> list[str]:
    return [name for name, node in operations(app).items() if node.operation is kind]


class ServedApp:
    """A server of an app, with a row of every type."""

    def __init__(self, app: str, server: Server) -> None:
        self.app = app
        self.url = server.url
        self.token_for = minting(server)
        self.rows: dict[str, Row] = {}

    def send(self, name: str, variables: Row, who: str = "alice") -> tuple[Any, list[Any]]:
        """Send a generated operation; return what its field answers, and the errors."""
        node = operations(self.app)[name]
        body = {"query": print_ast(node), "variables": variables}
        headers = {"Authorization": self.token_for(who)}
        answer = httpx.post(f"{self.url}/graphql", json=body, headers=headers, timeout=30).json()
        (value,) = (answer.get("data") or {"": None}).values()
        return value, answer.get("errors", [])

    def sent(self, name: str, variables: Row, who: str = "alice") -> Any:
        """Send a generated operation that nothing stands against."""
        value, errors = self.send(name, variables, who)
        assert errors == [], (name, variables, errors)
        return value

    def seed(self) -> None:
        for type_name, who, row in ROWS[self.app]:
            if type_name == "Review":
                for actor, status in BEFORE_REVIEW:
                    change = {"input": {"bookingId": "b1", "status": status}}
                    self.rows["Booking"] = self.sent("UpdateBooking", change, actor)
            self.rows[type_name] = self.sent(f"Create{type_name}", {"input": row}, who)

    def key(self, type_name: str) -> Row:
        return {name: self.rows[type_name][name] for name in KEYS[type_name]}

    def variables(self, node: OperationDefinitionNode) -> Row:
        """Return the required variables of a query, with the values of the seeded row."""
        names = [
            one.variable.name.value
            for one in node.variable_definitions or ()
            if isinstance(one.type, NonNullTypeNode)
        ]
        rows = [row for row in reversed(self.rows.values()) if all(name in row for name in names)]
        return {name: rows[0][name] for name in names}


# What a page of each app creates and removes: the type, and another row of it.
PAGES: dict[str, tuple[str, Row]] = {
    "marketplace": ("Provider", {"providerId": ALICE}),
    "construction": ("Contractor", {"contractorId": "c2", "name": "Paint Ltd"}),
}


@pytest.fixture(scope="module", params=sorted(ROWS))
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    server = Server(tmp_path_factory.mktemp(request.param))
    server.start("serve", "--schema", str(APPS[request.param][0]))
    try:
        app = ServedApp(request.param, server)
        app.seed()
        yield app
    finally:
        server.stop()


def test_only_hourbank_has_a_console(served: ServedApp) -> None:
    assert httpx.get(f"{served.url}/console").status_code == 404


def test_every_query_finds_what_its_owner_wrote(served: ServedApp) -> None:
    names = of_kind(served.app, OperationType.QUERY)
    assert len(names) == {"marketplace": 23, "construction": 20}[served.app]
    for name in names:
        found = served.sent(name, served.variables(operations(served.app)[name]))
        assert found.get("items", found), name


def test_no_query_tells_a_stranger_of_rows_that_are_not_open(served: ServedApp) -> None:
    closed = {"marketplace": {"Booking"}, "construction": set(KEYS)}[served.app]
    for name in of_kind(served.app, OperationType.QUERY):
        found, _ = served.send(name, served.variables(operations(served.app)[name]), "eve")
        rows = found["items"] if found and "items" in found else [found]
        told = {row["__typename"] for row in rows if row}
        assert told.isdisjoint(closed), (name, rows)


def test_every_update_changes_what_it_says_and_nothing_for_a_stranger(served: ServedApp) -> None:
    for name in of_kind(served.app, OperationType.MUTATION):
        if not name.startswith("Update"):
            continue
        type_name = name.removeprefix("Update")
        owner = next(who for kind, who, _ in ROWS[served.app] if kind == type_name)
        refused, errors = served.send(name, {"input": served.key(type_name)}, "eve")
        assert (refused, errors[0]["errorType"]) == (None, "Unauthorized"), name
        updated = served.sent(name, {"input": served.key(type_name)}, owner)
        assert updated["updatedAt"] > served.rows[type_name]["updatedAt"], name


async def test_every_subscription_begins(served: ServedApp) -> None:
    names = of_kind(served.app, OperationType.SUBSCRIPTION)
    assert len(names) == 15
    address = served.url.replace("http", "ws") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        payload = {"Authorization": served.token_for("alice")}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        for name in names:
            query = {"query": print_ast(operations(served.app)[name])}
            await socket.send(json.dumps({"type": "subscribe", "id": name, "payload": query}))
        with pytest.raises(TimeoutError):
            raise AssertionError(await asyncio.wait_for(socket.recv(), 2))


def test_amplify_v6_creates_hears_finds_and_removes(served: ServedApp, node: Node) -> None:
    type_name, changes = PAGES[served.app]
    row = next(row for kind, _, row in ROWS[served.app] if kind == type_name) | changes
    texts = {
        "onCreate": f"OnCreate{type_name}",
        "create": f"Create{type_name}",
        "get": f"Get{type_name}",
        "remove": f"Delete{type_name}",
    }
    story = {key: print_ast(operations(served.app)[name]) for key, name in texts.items()}
    key = {name: row[name] for name in KEYS[type_name]}
    variables = {
        # Amplify turns http:// into wss://, too; HTTP:// avoids it.
        "GRAPHQL_URL": f"{served.url}/graphql".replace("http://", "HTTP://"),
        "TOKEN": served.token_for("alice"),
        "STORY": json.dumps({**story, "input": row, "key": key}),
    }
    node.run("amplify_v6_app.mjs", variables=variables)


def test_what_others_refer_to_stays_and_the_rest_goes(served: ServedApp) -> None:
    """Rows are deleted in the order in which they refer to each other; the other way round they are refused."""
    first = {"marketplace": "Service", "construction": "Contractor"}[served.app]
    owner = next(who for kind, who, _ in ROWS[served.app] if kind == first)
    kept, errors = served.send(f"Delete{first}", {"input": served.key(first)}, owner)
    assert (kept, len(errors)) == (None, 1)
    for type_name, who, _ in reversed(ROWS[served.app]):
        deleted, errors = served.send(f"Delete{type_name}", {"input": served.key(type_name)}, who)
        # Members of the marketplace may not delete themselves.
        assert deleted or errors[0]["errorType"] == "Unauthorized", (type_name, errors)
