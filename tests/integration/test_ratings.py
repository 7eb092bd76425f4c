"""Ratings on the real local cloud: given once for a paid request, hidden and removed by admins, summed exactly."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from models import clock, tables
from models.errors import Code, Refusal
from models.requests.statuses import TransactionStatus
from models.storage.async_calls import AsyncCalls
from models.storage.calls import Calls
from models.storage.codec import item_of
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.moves import Transactions
from models.transactions.ratings import Changes, Ratings
from tests.chaos.faults import Fault, FaultyCalls, each_write
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError
from tests.integration.request_client import Joining, RequestClient, new_client
from tests.integration.two_members import user

CREATE = "mutation M($input: CreateRatingInput!) { createRating(input: $input) { id rating feedback isHidden } }"
UPDATE = """mutation M($input: UpdateRatingInput!, $condition: ModelRatingConditionInput) {
  updateRating(input: $input, condition: $condition) { id rating feedback isHidden } }"""
DELETE = "mutation M($input: DeleteRatingInput!) { deleteRating(input: $input) { id } }"
EXCHANGE = """query Q($consumerId: ID!) {
  transactionsByConsumerId(consumerId: $consumerId) { items { id status rating feedback } } }"""
AVERAGE = "query Q($id: ID!) { getUser(id: $id) { rating } }"
SEEN = """query Q($id: ID!) { ratingsByRatedUserId(ratedUserId: $id) { items { id } nextToken }
  listRatings(limit: 1000) { items { id } } }"""


class RatingClient:
    """A paid request, and what is done about its rating."""

    def __init__(self, client: RequestClient, exchange_id: str) -> None:
        self.client = client
        self.graphql: GraphQL = client.graphql
        self.exchange_id = exchange_id
        self.id = str(uuid4())

    async def give(self, rating: float = 4.5, *, by: Member | None = None, **changed: Any) -> dict[str, Any]:
        rater = by or self.client.alice
        create_input = {
            "id": self.id,
            "transactionId": self.exchange_id,
            "raterId": rater.sub,
            "ratedUserId": self.client.bob.sub,
            "rating": rating,
            "feedback": "Green thumbs",
        }
        data = await self.graphql(rater.token, CREATE, {"input": {**create_input, **changed}})
        stored: dict[str, Any] = data["createRating"]
        return stored

    async def average(self) -> float:
        data = await self.graphql(self.client.alice.token, AVERAGE, {"id": self.client.bob.sub})
        return float(data["getUser"]["rating"])

    async def exchange(self) -> tuple[Any, Any]:
        data = await self.graphql(self.client.bob.token, EXCHANGE, {"consumerId": self.client.alice.sub})
        (found,) = data["transactionsByConsumerId"]["items"]
        return found["rating"], found["feedback"]

    async def is_seen_by(self, member: Member) -> bool:
        data = await self.graphql(member.token, SEEN, {"id": self.client.bob.sub})
        by_index = [row["id"] for row in data["ratingsByRatedUserId"]["items"]]
        listed = [row["id"] for row in data["listRatings"]["items"] if row["id"] == self.id]
        assert by_index == listed
        return by_index == [self.id]


@pytest.fixture
async def client(graphql: GraphQL, members: Joining) -> RequestClient:
    return await new_client(graphql, members)


async def paid(client: RequestClient) -> RatingClient:
    await client.in_progress()
    await client.mark("markServiceComplete")
    await client.mark("confirmServiceCompletion")
    await client.reach("PAID")
    data = await client.graphql(client.alice.token, EXCHANGE, {"consumerId": client.alice.sub})
    return RatingClient(client, data["transactionsByConsumerId"]["items"][0]["id"])


async def refusal(attempt: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        await attempt
    return refused.value.code


async def test_a_rating_is_given_once_hidden_shown_and_removed(client: RequestClient, members: Joining) -> None:
    rated = await paid(client)
    for problem in (0, 5.01, 4.333, -1, 10**9):
        assert await refusal(rated.give(problem)) == "BadRequest"
    eve, admin = await members("eve"), await members("ada", "admin")
    assert await refusal(rated.give(by=eve)) == Code.REQUEST_NOT_FOUND
    assert await refusal(rated.give(transactionId=str(uuid4()))) == Code.REQUEST_NOT_FOUND
    assert await refusal(rated.give(by=client.bob)) == Code.UNAUTHORIZED_REQUESTER
    assert await refusal(rated.give(raterId=client.alice.sub, by=admin)) == "Unauthorized"
    assert await refusal(rated.give(ratedUserId=eve.sub)) == Code.UNAUTHORIZED_PROVIDER
    assert await rated.average() == 0

    stored = await rated.give()
    assert stored == {"id": rated.id, "rating": 4.5, "feedback": "Green thumbs", "isHidden": None}
    assert await rated.give() == stored
    assert await refusal(rated.give(5)) == "DynamoDB:ConditionalCheckFailedException"
    assert await refusal(rated.give(5, id=str(uuid4()))) == Code.ALREADY_RATED
    assert (await rated.average(), await rated.exchange()) == (4.5, (4.5, "Green thumbs"))
    assert [await rated.is_seen_by(member) for member in (client.alice, client.bob, eve, admin)] == [True] * 4

    hide = {"input": {"id": rated.id, "isHidden": True}}
    assert await refusal(client.graphql(eve.token, UPDATE, hide)) == "Unauthorized"
    assert await refusal(client.graphql(client.bob.token, DELETE, {"input": {"id": rated.id}})) == "Unauthorized"
    unmet = {"condition": {"feedback": {"eq": "other"}}}
    assert await refusal(client.graphql(admin.token, UPDATE, hide | unmet)) == (
        "DynamoDB:ConditionalCheckFailedException"
    )
    better = {"input": {"id": rated.id, "rating": 5}}
    assert await refusal(client.graphql(admin.token, UPDATE, better)) == "Unauthorized"
    for _ in range(2):
        assert (await client.graphql(admin.token, UPDATE, hide))["updateRating"]["isHidden"] is True
        assert (await rated.average(), await rated.exchange()) == (0, (None, None))
    assert [await rated.is_seen_by(member) for member in (client.alice, client.bob, eve, admin)] == [
        True,
        False,
        False,
        True,
    ]
    show = {"input": {"id": rated.id, "isHidden": None, "feedback": "Thumbs"}}
    await client.graphql(admin.token, UPDATE, show)
    assert (await rated.average(), await rated.exchange()) == (4.5, (4.5, "Thumbs"))

    await client.graphql(admin.token, DELETE, {"input": {"id": rated.id}})
    assert (await rated.average(), await rated.exchange()) == (0, (None, None))
    assert await refusal(client.graphql(admin.token, UPDATE, hide)) == "DynamoDB:ConditionalCheckFailedException"
    assert await refusal(rated.give(id=str(uuid4()))) == Code.ALREADY_RATED


async def test_nothing_is_rated_before_it_is_paid(client: RequestClient) -> None:
    await client.in_progress()
    assert await refusal(RatingClient(client, client.id).give()) == Code.INVALID_STATUS_FOR_COMPLETION


class PaidExchanges:
    """Paid exchanges of one provider with many requesters, put straight into the tables."""

    def __init__(self, calls: Calls, cloud: Cloud) -> None:
        self.store = Store(calls, cloud.names)
        self.provider = f"bob-{uuid4()}"
        self.ratings = self.over(calls)

    def over(self, calls: Calls) -> Ratings:
        store = Store(calls, self.store.names)
        return Ratings(store, Transactions(store, clock.now), clock.now)

    async def exchange(self) -> Item:
        """Store a paid exchange; return the rating that its requester may give."""
        now, consumer = clock.now(), f"alice-{uuid4()}"
        dated = {"createdAt": now, "updatedAt": now}
        paid = {"providerId": self.provider, "consumerId": consumer, "serviceId": "s", "description": "d"}
        status = TransactionStatus.COMPLETED.value
        exchange = item_of(tables.Transaction, id=str(uuid4()), **paid, hoursSpent=1, status=status, **dated)
        await self.store.put(tables.Transaction, exchange)
        parties = {"raterId": consumer, "ratedUserId": self.provider}
        return item_of(
            tables.Rating, id=str(uuid4()), transactionId=exchange["id"]["S"], **parties, rating=4.25, **dated
        )

    async def counted(self) -> tuple[float, int]:
        item = await self.store.get(tables.User, self.provider, consistent=True)
        assert item is not None
        return float(item["rating"]["N"]), int(item["ratingCount"]["N"])


@pytest.fixture
async def exchanges(calls: AsyncCalls, cloud: Cloud) -> PaidExchanges:
    exchanges = PaidExchanges(calls, cloud)
    await exchanges.store.put(tables.User, user(exchanges.provider))
    return exchanges


HIDDEN: Changes = {"isHidden": {"BOOL": True}}


def always(_: Item) -> bool:
    return True


async def test_many_who_rate_and_moderate_at_once_are_all_counted(exchanges: PaidExchanges) -> None:
    given = [await exchanges.exchange() for _ in range(20)]
    await asyncio.gather(*map(exchanges.ratings.give, given))
    assert await exchanges.counted() == (4.25, 20)
    keys = [rating["id"]["S"] for rating in given]
    amend = exchanges.ratings.amend
    await asyncio.gather(
        *(amend(key, HIDDEN, always, actor="ada") for key in keys[:10]),
        *(amend(key, None, always, actor="ada") for key in keys[5:15]),
        return_exceptions=True,
    )
    assert await exchanges.counted() == (4.25, 5)


async def test_one_exchange_is_rated_once_however_many_try(exchanges: PaidExchanges) -> None:
    create_input = await exchanges.exchange()
    tries = [{**create_input, "id": {"S": str(uuid4())}} for _ in range(10)]
    results = await asyncio.gather(*map(exchanges.ratings.give, tries))
    refusals = [result for result in results if isinstance(result, Refusal)]
    assert {refusal.code for refusal in refusals} == {Code.ALREADY_RATED}
    assert (len(refusals), await exchanges.counted()) == (9, (4.25, 1))


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT, Fault.CONFLICT])
async def test_what_is_repeated_counts_once(exchanges: PaidExchanges, calls: AsyncCalls, fault: Fault) -> None:
    def unreliable() -> Ratings:
        return exchanges.over(FaultyCalls(calls, each_write(fault)))

    create_input = await exchanges.exchange()
    key = create_input["id"]["S"]
    assert await unreliable().give(create_input) == create_input
    assert await exchanges.counted() == (4.25, 1)
    await unreliable().amend(key, HIDDEN, always, actor="ada")
    assert await exchanges.counted() == (0, 0)
    await unreliable().amend(key, None, always, actor="ada")
    assert await exchanges.counted() == (0, 0)
    with pytest.raises(ConditionFailedError):
        await exchanges.ratings.amend(key, HIDDEN, always, actor="ada")
