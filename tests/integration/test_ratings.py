"""Ratings on the real local cloud: given once for what was paid, hidden and removed by admins, counted exactly."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from models import clock, tables
from models.errors import Code, Refusal
from models.requests.statuses import TransactionStatus
from models.storage.calls import AsyncCalls, Calls
from models.storage.codec import item_of
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.moves import Transactions
from models.transactions.ratings import Changes, Ratings
from tests.chaos.faults import Fault, Faulty, each_write
from tests.integration.conftest import Cloud, GraphQL, Member, RefusedError
from tests.integration.request_client import Deal, Joining, new_deal
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


class Rated:
    """A deal that was paid, and what is done about its rating."""

    def __init__(self, deal: Deal, exchange_id: str) -> None:
        self.deal = deal
        self.graphql: GraphQL = deal.graphql
        self.exchange_id = exchange_id
        self.id = str(uuid4())

    async def give(self, rating: float = 4.5, *, by: Member | None = None, **changed: Any) -> dict[str, Any]:
        rater = by or self.deal.alice
        wish = {
            "id": self.id,
            "transactionId": self.exchange_id,
            "raterId": rater.sub,
            "ratedUserId": self.deal.bob.sub,
            "rating": rating,
            "feedback": "Green thumbs",
        }
        data = await self.graphql(rater.token, CREATE, {"input": {**wish, **changed}})
        stored: dict[str, Any] = data["createRating"]
        return stored

    async def average(self) -> float:
        data = await self.graphql(self.deal.alice.token, AVERAGE, {"id": self.deal.bob.sub})
        return float(data["getUser"]["rating"])

    async def exchange(self) -> tuple[Any, Any]:
        data = await self.graphql(self.deal.bob.token, EXCHANGE, {"consumerId": self.deal.alice.sub})
        (found,) = data["transactionsByConsumerId"]["items"]
        return found["rating"], found["feedback"]

    async def is_seen_by(self, member: Member) -> bool:
        data = await self.graphql(member.token, SEEN, {"id": self.deal.bob.sub})
        by_index = [row["id"] for row in data["ratingsByRatedUserId"]["items"]]
        listed = [row["id"] for row in data["listRatings"]["items"] if row["id"] == self.id]
        assert by_index == listed
        return by_index == [self.id]


@pytest.fixture
async def deal(graphql: GraphQL, members: Joining) -> Deal:
    return await new_deal(graphql, members)


async def paid(deal: Deal) -> Rated:
    await deal.in_progress()
    await deal.mark("markServiceComplete")
    await deal.mark("confirmServiceCompletion")
    await deal.reach("PAID")
    data = await deal.graphql(deal.alice.token, EXCHANGE, {"consumerId": deal.alice.sub})
    return Rated(deal, data["transactionsByConsumerId"]["items"][0]["id"])


async def refusal(attempt: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        await attempt
    return refused.value.code


async def test_a_rating_is_given_once_hidden_shown_and_removed(deal: Deal, members: Joining) -> None:
    rated = await paid(deal)
    for problem in (0, 5.01, 4.333, -1, 10**9):
        assert await refusal(rated.give(problem)) == "BadRequest"
    eve, admin = await members("eve"), await members("ada", "admin")
    assert await refusal(rated.give(by=eve)) == Code.REQUEST_NOT_FOUND
    assert await refusal(rated.give(transactionId=str(uuid4()))) == Code.REQUEST_NOT_FOUND
    assert await refusal(rated.give(by=deal.bob)) == Code.UNAUTHORIZED_REQUESTER
    assert await refusal(rated.give(raterId=deal.alice.sub, by=admin)) == "Unauthorized"
    assert await refusal(rated.give(ratedUserId=eve.sub)) == Code.UNAUTHORIZED_PROVIDER
    assert await rated.average() == 0

    stored = await rated.give()
    assert stored == {"id": rated.id, "rating": 4.5, "feedback": "Green thumbs", "isHidden": None}
    assert await rated.give() == stored
    assert await refusal(rated.give(5)) == "DynamoDB:ConditionalCheckFailedException"
    assert await refusal(rated.give(5, id=str(uuid4()))) == Code.ALREADY_RATED
    assert (await rated.average(), await rated.exchange()) == (4.5, (4.5, "Green thumbs"))
    assert [await rated.is_seen_by(member) for member in (deal.alice, deal.bob, eve, admin)] == [True] * 4

    hide = {"input": {"id": rated.id, "isHidden": True}}
    assert await refusal(deal.graphql(eve.token, UPDATE, hide)) == "Unauthorized"
    assert await refusal(deal.graphql(deal.bob.token, DELETE, {"input": {"id": rated.id}})) == "Unauthorized"
    unmet = {"condition": {"feedback": {"eq": "other"}}}
    assert await refusal(deal.graphql(admin.token, UPDATE, hide | unmet)) == (
        "DynamoDB:ConditionalCheckFailedException"
    )
    better = {"input": {"id": rated.id, "rating": 5}}
    assert await refusal(deal.graphql(admin.token, UPDATE, better)) == "Unauthorized"
    for _ in range(2):
        assert (await deal.graphql(admin.token, UPDATE, hide))["updateRating"]["isHidden"] is True
        assert (await rated.average(), await rated.exchange()) == (0, (None, None))
    assert [await rated.is_seen_by(member) for member in (deal.alice, deal.bob, eve, admin)] == [
        True,
        False,
        False,
        True,
    ]
    show = {"input": {"id": rated.id, "isHidden": None, "feedback": "Thumbs"}}
    await deal.graphql(admin.token, UPDATE, show)
    assert (await rated.average(), await rated.exchange()) == (4.5, (4.5, "Thumbs"))

    await deal.graphql(admin.token, DELETE, {"input": {"id": rated.id}})
    assert (await rated.average(), await rated.exchange()) == (0, (None, None))
    assert await refusal(deal.graphql(admin.token, UPDATE, hide)) == "DynamoDB:ConditionalCheckFailedException"
    assert await refusal(rated.give(id=str(uuid4()))) == Code.ALREADY_RATED


async def test_nothing_is_rated_before_it_is_paid(deal: Deal) -> None:
    await deal.in_progress()
    assert await refusal(Rated(deal, deal.id).give()) == Code.REQUEST_NOT_FOUND


class Street:
    """A provider and exchanges with many requesters, put straight into the tables."""

    def __init__(self, calls: Calls, cloud: Cloud) -> None:
        self.store = Store(calls, cloud.names)
        self.provider = f"bob-{uuid4()}"
        self.ratings = self.over(calls)

    def over(self, calls: Calls) -> Ratings:
        store = Store(calls, self.store.names)
        return Ratings(store, Transactions(store, clock.now), clock.now)

    async def exchange(self) -> Item:
        """Put an exchange that was paid; return the rating that its requester may give."""
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
async def street(calls: AsyncCalls, cloud: Cloud) -> Street:
    street = Street(calls, cloud)
    await street.store.put(tables.User, user(street.provider))
    return street


HIDDEN: Changes = {"isHidden": {"BOOL": True}}


def always(_: Item) -> bool:
    return True


async def test_many_who_rate_and_moderate_at_once_are_all_counted(street: Street) -> None:
    given = [await street.exchange() for _ in range(20)]
    await asyncio.gather(*map(street.ratings.give, given))
    assert await street.counted() == (4.25, 20)
    keys = [rating["id"]["S"] for rating in given]
    amend = street.ratings.amend
    await asyncio.gather(
        *(amend(key, HIDDEN, always, actor="ada") for key in keys[:10]),
        *(amend(key, None, always, actor="ada") for key in keys[5:15]),
        return_exceptions=True,
    )
    assert await street.counted() == (4.25, 5)


async def test_one_exchange_is_rated_once_however_many_try(street: Street) -> None:
    wish = await street.exchange()
    tries = [{**wish, "id": {"S": str(uuid4())}} for _ in range(10)]
    results = await asyncio.gather(*map(street.ratings.give, tries))
    refusals = [result for result in results if isinstance(result, Refusal)]
    assert {refusal.code for refusal in refusals} == {Code.ALREADY_RATED}
    assert (len(refusals), await street.counted()) == (9, (4.25, 1))


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT, Fault.CONFLICT])
async def test_what_is_repeated_counts_once(street: Street, calls: AsyncCalls, fault: Fault) -> None:
    def unreliable() -> Ratings:
        return street.over(Faulty(calls, each_write(fault)))

    wish = await street.exchange()
    key = wish["id"]["S"]
    assert await unreliable().give(wish) == wish
    assert await street.counted() == (4.25, 1)
    await unreliable().amend(key, HIDDEN, always, actor="ada")
    assert await street.counted() == (0, 0)
    await unreliable().amend(key, None, always, actor="ada")
    assert await street.counted() == (0, 0)
    with pytest.raises(ConditionFailedError):
        await street.ratings.amend(key, HIDDEN, always, actor="ada")
