"""The app's way to a request on the real local cloud: createTransaction, updateTransaction, and their refusals."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest

from models import clock, tables
from models.identifiers import derived
from models.storage.async_calls import AsyncCalls
from models.storage.codec import item_of
from models.storage.store import Store
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError, Server
from tests.integration.request_client import CREATE_SERVICE, Joining, RequestClient, new_client

FIELDS = """id providerId consumerId serviceId bookingId hoursSpent status description rating feedback
  createdAt completedAt updatedAt provider { username } consumer { username } service { title }"""
CREATE = f"mutation M($input: CreateTransactionInput!) {{ createTransaction(input: $input) {{ {FIELDS} }} }}"
UPDATE = f"""mutation M($input: UpdateTransactionInput!, $condition: ModelTransactionConditionInput) {{
  updateTransaction(input: $input, condition: $condition) {{ {FIELDS} }} }}"""
GET = f"query Q($id: ID!) {{ getTransaction(id: $id) {{ {FIELDS} }} }}"
DELETE_REQUEST = "mutation M($input: DeleteServiceRequestInput!) { deleteServiceRequest(input: $input) { id } }"
STATS = """query Q($id: ID!) { getUserStats(userId: $id) { totalHoursProvided totalHoursConsumed averageRating
  totalRatings activeServices completedTransactions joinedDate } }"""
RATE = "mutation M($input: CreateRatingInput!) { createRating(input: $input) { id } }"


class ExchangeClient:
    """A consumer, a provider, and an exchange between them, as the app sees it."""

    def __init__(self, client: RequestClient) -> None:
        self.client = client
        self.graphql: GraphQL = client.graphql
        self.alice, self.bob = client.alice, client.bob
        self.id = client.id

    async def create(self, hours: float = 2, **changed: Any) -> dict[str, Any]:
        given = {
            "id": self.id,
            "providerId": self.bob.sub,
            "consumerId": self.alice.sub,
            "serviceId": self.client.service_id,
            "hoursSpent": hours,
            "description": "Request for Garden help",
            "status": "PENDING",
            **changed,
        }
        row: dict[str, Any] = (await self.graphql(self.alice.token, CREATE, {"input": given}))["createTransaction"]
        return row

    async def update(self, by: Member, condition: Any = None, **given: Any) -> dict[str, Any]:
        variables = {"input": {"id": self.id, **given}, "condition": condition}
        row: dict[str, Any] = (await self.graphql(by.token, UPDATE, variables))["updateTransaction"]
        return row

    async def complete(self, by: Member) -> dict[str, Any]:
        """Send COMPLETED as the app does, again while the request is about to move on."""
        for _ in range(10):
            try:
                return await self.update(by, status="COMPLETED", completedAt=clock.to_text(clock.now()))
            except RefusedError as error:
                if "about to move on" not in str(error):
                    raise
        raise AssertionError("it never moves on")

    async def look(self) -> dict[str, Any]:
        row: dict[str, Any] = (await self.graphql(self.alice.token, GET, {"id": self.id}))["getTransaction"]
        return row

    async def until(self, status: str) -> dict[str, Any]:
        for _ in range(400):
            if (row := await self.look())["status"] == status:
                return row
            await asyncio.sleep(0.05)
        raise AssertionError(f"it never is {status}")

    async def stats(self, of: Member) -> dict[str, Any]:
        figures: dict[str, Any] = (await self.graphql(self.alice.token, STATS, {"id": of.sub}))["getUserStats"]
        return figures


@pytest.fixture
async def exchange(graphql: GraphQL, members: Joining) -> ExchangeClient:
    return ExchangeClient(await new_client(graphql, members))


async def refusal(attempt: Any) -> tuple[str, str]:
    with pytest.raises(RefusedError) as refused:
        await attempt
    return refused.value.code, str(refused.value.errors[0]["message"])


async def test_the_apps_whole_way_from_the_request_button_to_the_rating(exchange: ExchangeClient) -> None:
    alice, bob, client = exchange.alice, exchange.bob, exchange.client
    asked = await exchange.create()
    assert (asked["status"], asked["hoursSpent"], asked["rating"]) == ("PENDING", 2.0, None)
    assert (asked["consumer"]["username"], asked["service"]["title"]) == (alice.username, "Garden help")
    assert asked["description"] == "Request for Garden help"

    begun = await exchange.update(bob, status="IN_PROGRESS")
    assert begun["status"] == "IN_PROGRESS"
    wait = (await client.status())["currentStep"]
    assert wait == "ConfirmServiceStart", "the requester's confirmation is open"
    assert await client.hours(alice) == (Decimal(8), Decimal(2))

    done = await exchange.complete(bob)
    assert (done["status"], done["completedAt"]) == ("IN_PROGRESS", None)
    assert await client.hours(bob) == (Decimal(10), Decimal(0))

    await exchange.complete(alice)
    paid = await exchange.until("COMPLETED")
    assert paid["completedAt"] is not None
    assert await client.all_hours() == ((Decimal(8), Decimal(0)), (Decimal(12), Decimal(0)))

    rated = await exchange.update(alice, rating=5, feedback="Green thumbs")
    assert (rated["rating"], rated["feedback"]) == (5.0, "Green thumbs")
    again = await exchange.update(alice, rating=5, feedback="Green thumbs")
    assert again == rated
    assert (await refusal(exchange.update(alice, rating=4)))[0] == "ALREADY_RATED"
    # A client that echoes a whole row changes nothing.
    echo = {name: rated[name] for name in FIELDS.split()[:13] if rated[name] is not None and name != "id"}
    assert await exchange.update(alice, **echo) == rated
    assert await exchange.update(bob, **echo) == rated

    provided, consumed = await exchange.stats(bob), await exchange.stats(alice)
    assert (provided["totalHoursProvided"], provided["totalHoursConsumed"]) == (2.0, 0.0)
    assert (consumed["totalHoursProvided"], consumed["totalHoursConsumed"]) == (0.0, 2.0)
    assert (provided["averageRating"], provided["totalRatings"], provided["activeServices"]) == (5.0, 1, 1)
    assert provided["completedTransactions"] == consumed["completedTransactions"] == 1


async def test_asking_again_gives_the_same_and_anything_else_is_refused(exchange: ExchangeClient) -> None:
    asked = await exchange.create()
    again = await exchange.create()
    assert {**again, "updatedAt": None} == {**asked, "updatedAt": None}
    for changed in ({"hours": 3}, {"description": "Another"}, {"providerId": exchange.alice.sub}):
        code, _ = await refusal(exchange.create(**changed))
        assert code == "DynamoDB:ConditionalCheckFailedException"
    await exchange.until("PENDING")
    await exchange.update(exchange.alice, status="CANCELLED")
    assert (await exchange.create())["status"] == "CANCELLED"


async def test_what_cannot_be_asked_for_is_refused_by_name(exchange: ExchangeClient, members: Joining) -> None:
    eve = await members("eve")
    for changed, code, word in (
        ({"hours": 0}, "INVALID_AMOUNT", "hoursSpent"),
        ({"hours": 1.234}, "INVALID_AMOUNT", "hoursSpent"),
        ({"id": "no-uuid"}, "BadRequest", "id"),
        ({"providerId": eve.sub}, "BadRequest", "providerId"),
        ({"serviceId": str(uuid4())}, "SERVICE_NOT_AVAILABLE", "serviceId"),
        ({"bookingId": "none"}, "BadRequest", "bookingId"),
        ({"status": "COMPLETED"}, "Unauthorized", "status"),
        ({"rating": 5.0}, "Unauthorized", "rating"),
        ({"feedback": "Good"}, "Unauthorized", "feedback"),
        ({"completedAt": "2026-01-01T00:00:00.000Z"}, "Unauthorized", "completedAt"),
        ({"consumerId": eve.sub}, "Unauthorized", "createTransaction"),
        ({"description": "x" * 2_001}, "BadRequest", "description"),
    ):
        assert isinstance(changed, dict)
        found, message = await refusal(exchange.create(**changed))
        assert (found, word in message) == (code, True), (changed, message)
    assert (await exchange.look()) is None


async def test_hours_are_of_work_at_the_services_rate(graphql: GraphQL, members: Joining) -> None:
    exchange = ExchangeClient(await new_client(graphql, members, hourlyRate=1.5))
    code, message = await refusal(exchange.create(hours=0.5))
    assert code == "INVALID_AMOUNT"
    assert "a multiple of 0.03" in message
    assert (await exchange.create(hours=3))["hoursSpent"] == 3.0
    request = await exchange.client.reach("AWAITING_RESPONSE")
    assert (request["estimatedHours"], request["amount"]) == (2.0, 3.0)


async def test_a_booking_names_its_exchange(
    exchange: ExchangeClient, calls: AsyncCalls, cloud: Cloud, members: Joining
) -> None:
    store, now = Store(calls, cloud.names), clock.now()
    parties = {"providerId": exchange.bob.sub, "consumerId": exchange.alice.sub}
    booked = {"serviceId": exchange.client.service_id, **parties, "status": "CONFIRMED", "duration": 2.0}
    dated = {"createdAt": now, "updatedAt": now, "bookingDate": "2026-12-01"}
    times = {"startTime": "10:00", "endTime": "12:00", "totalCost": Decimal(2)}
    await store.put(tables.Booking, item_of(tables.Booking, id="b-" + exchange.id, **booked, **dated, **times))
    eve = await members("eve")
    other = {**booked, "consumerId": eve.sub}
    await store.put(tables.Booking, item_of(tables.Booking, id="e-" + exchange.id, **other, **dated, **times))
    code, message = await refusal(exchange.create(bookingId="e-" + exchange.id))
    assert (code, "bookingId" in message) == ("BadRequest", True)
    assert (await exchange.create(bookingId="b-" + exchange.id))["bookingId"] == "b-" + exchange.id
    stored = await store.get(tables.Booking, "b-" + exchange.id, consistent=True)
    assert stored is not None
    assert stored["bookingTransactionId"] == {"S": exchange.id}


async def test_a_provider_rejects_or_withdraws_and_a_consumer_cancels(exchange: ExchangeClient) -> None:
    for by, first in ((exchange.bob, False), (exchange.alice, False), (exchange.bob, True)):
        one = ExchangeClient(exchange.client.again())
        await one.create()
        await one.client.reach("AWAITING_RESPONSE")
        if first:
            await one.update(one.bob, status="IN_PROGRESS")
        ended = await one.update(by, status="CANCELLED")
        assert ended["status"] == "CANCELLED"
        assert await one.update(by, status="CANCELLED") == ended
        assert await one.client.hours(one.alice) == (Decimal(10), Decimal(0))
        code, message = await refusal(one.update(one.bob, status="IN_PROGRESS"))
        assert code == "INVALID_REQUEST_STATUS"
        assert "the transaction is CANCELLED" in message


async def test_a_status_that_does_not_fit_says_what_to_do(exchange: ExchangeClient, members: Joining) -> None:
    alice, bob, eve = exchange.alice, exchange.bob, await members("eve")
    await exchange.create()
    await exchange.client.reach("AWAITING_RESPONSE")
    for by, given, code, word in (
        (alice, {"status": "IN_PROGRESS"}, "UNAUTHORIZED_PROVIDER", "only the provider"),
        (alice, {"status": "COMPLETED"}, "INVALID_STATUS_FOR_COMPLETION", "must accept"),
        (bob, {"status": "COMPLETED"}, "INVALID_STATUS_FOR_COMPLETION", "accept it first"),
        (alice, {"rating": 5}, "INVALID_STATUS_FOR_COMPLETION", "once it is paid"),
        (bob, {"rating": 5}, "UNAUTHORIZED_REQUESTER", "rating"),
        (alice, {"feedback": "Good"}, "BadRequest", "feedback"),
        (alice, {"rating": 6}, "BadRequest", "rating"),
        (alice, {"status": None}, "BadRequest", "status"),
        (alice, {"hoursSpent": 3}, "Unauthorized", "hoursSpent"),
        (alice, {"description": "Else"}, "Unauthorized", "description"),
        (alice, {"providerId": alice.sub}, "Unauthorized", "providerId"),
        (eve, {"status": "CANCELLED"}, "Unauthorized", "updateTransaction"),
    ):
        assert isinstance(given, dict)
        found, message = await refusal(exchange.update(by, **given))
        assert (found, word in message) == (code, True), (given, message)
    code, _ = await refusal(exchange.update(alice, {"status": {"eq": "COMPLETED"}}, status="CANCELLED"))
    assert code == "DynamoDB:ConditionalCheckFailedException"
    assert (await exchange.update(alice, {"status": {"eq": "PENDING"}}, status="CANCELLED"))[
        "status"
    ] == "CANCELLED"


async def test_two_who_race_for_one_exchange_have_one_winner(exchange: ExchangeClient) -> None:
    for _ in range(4):
        one = ExchangeClient(exchange.client.again())
        await one.create()
        await one.client.reach("AWAITING_RESPONSE")
        outcomes = await asyncio.gather(
            one.update(one.alice, status="CANCELLED"),
            one.update(one.bob, status="IN_PROGRESS"),
            one.update(one.bob, status="IN_PROGRESS"),
            return_exceptions=True,
        )
        unexpected = [
            one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, RefusedError)
        ]
        assert unexpected == []
        row = await one.look()
        assert row["status"] in {"CANCELLED", "IN_PROGRESS"}
        held = await one.client.hours(one.alice)
        assert held == ((Decimal(8), Decimal(2)) if row["status"] == "IN_PROGRESS" else (Decimal(10), Decimal(0)))
        if row["status"] == "IN_PROGRESS":
            await one.update(one.bob, status="CANCELLED")


async def test_a_key_makes_one_exchange_of_two_requests(exchange: ExchangeClient, server: Server) -> None:
    given = {
        "providerId": exchange.bob.sub,
        "consumerId": exchange.alice.sub,
        "serviceId": exchange.client.service_id,
        "hoursSpent": 1,
        "description": "Once",
        "status": "PENDING",
    }
    headers = {"Authorization": exchange.alice.token, "Idempotency-Key": str(uuid4())}
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        body = {"query": CREATE, "variables": {"input": given}}
        first, second = [(await http.post("/graphql", json=body, headers=headers)).json() for _ in range(2)]
    assert first == second
    assert first["data"]["createTransaction"]["status"] == "PENDING"


async def test_an_older_request_has_its_exchange_when_it_next_moves(
    exchange: ExchangeClient, calls: AsyncCalls, cloud: Cloud
) -> None:
    client, store = exchange.client, Store(calls, cloud.names)
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    await store.delete(tables.Transaction, client.id)
    gone = [tables.ServiceRequest.exchangeId.remove(), tables.ServiceRequest.asked.remove()]
    await store.update(tables.ServiceRequest, client.id, gone)
    assert await exchange.look() is None
    await client.respond()
    await client.reach("ACCEPTED")
    row = await exchange.look()
    assert (row["status"], row["hoursSpent"], row["description"]) == ("IN_PROGRESS", 2.0, "Garden help")
    # The app knows it from now on, and goes on from there.
    assert (await exchange.complete(exchange.bob))["status"] == "IN_PROGRESS"
    await exchange.complete(exchange.alice)
    await exchange.until("COMPLETED")


async def test_a_request_that_is_made_otherwise_has_its_exchange_at_every_step(exchange: ExchangeClient) -> None:
    client = exchange.client
    await client.ask(message="Please")
    assert (await exchange.look())["status"] == "PENDING"
    await client.reach("AWAITING_RESPONSE")
    await client.offer(3, 1.5)
    await client.reach("NEGOTIATING")
    assert (await refusal(exchange.update(exchange.bob, status="IN_PROGRESS")))[0] == "INVALID_REQUEST_STATUS"
    await client.negotiate("ACCEPT")
    await client.reach("ACCEPTED")
    row = await exchange.look()
    assert (row["status"], row["hoursSpent"], row["description"]) == ("IN_PROGRESS", 4.5, "Please")


async def test_a_squatted_rating_id_keeps_nobody_from_rating(exchange: ExchangeClient) -> None:
    """The provider takes the id that the consumer's rating would have, for another exchange."""
    client = exchange.client
    await exchange.create()
    await exchange.update(exchange.bob, status="IN_PROGRESS")
    await exchange.complete(exchange.bob)
    await exchange.complete(exchange.alice)
    await exchange.until("COMPLETED")
    swapped = ExchangeClient(await swapped_client(client))
    await swapped.create(1)
    await swapped.update(swapped.bob, status="IN_PROGRESS")
    await swapped.complete(swapped.bob)
    await swapped.complete(swapped.alice)
    await swapped.until("COMPLETED")
    squatted = {
        "id": derived(exchange.id, "rating"),
        "transactionId": swapped.id,
        "raterId": swapped.alice.sub,
        "ratedUserId": swapped.bob.sub,
        "rating": 3,
    }
    await exchange.graphql(swapped.alice.token, RATE, {"input": squatted})
    rated = await exchange.update(exchange.alice, rating=1)
    assert rated["rating"] == 1.0
    assert await exchange.update(exchange.alice, rating=1) == rated


async def swapped_client(client: RequestClient) -> RequestClient:
    """Return a client in which the provider asks the consumer for a service."""
    offer = {
        "userId": client.alice.sub,
        "title": "Baking",
        "description": "Bread.",
        "category": "kitchen",
        "isActive": True,
        "tags": [],
    }
    data = await client.graphql(client.alice.token, CREATE_SERVICE, {"input": offer})
    return RequestClient(client.graphql, client.bob, client.alice, data["createService"]["id"])


async def test_a_deleted_request_leaves_no_exchange_pending(
    exchange: ExchangeClient, token_for: Callable[..., str]
) -> None:
    await exchange.create()
    await exchange.update(exchange.alice, status="CANCELLED")
    await exchange.graphql(exchange.alice.token, DELETE_REQUEST, {"input": {"id": exchange.id}})
    assert (await exchange.look())["status"] == "CANCELLED"
    admin = token_for(f"ada-{uuid4().hex[:8]}", "admin")
    assert (await exchange.graphql(admin, GET, {"id": exchange.id}))["getTransaction"]["status"] == "CANCELLED"
