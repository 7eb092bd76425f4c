"""Joining, names, newcomers, guests and the search for services, through the API over the real local cloud."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from models import clock, tables
from resolvers.identity import membership
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller
from resolvers.identity.membership import Membership
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from tests.integration.conftest import Cloud
from tests.integration.in_process_api import InProcessApi, in_process_api
from tests.unit.rates import without_limits
from tests.unit.verifiers import Forgetful

pytestmark = pytest.mark.asyncio(loop_scope="module")

RACERS = 100
KEY = "da2-a-guest-who-only-looks-in"
JOIN = """mutation ($input: CreateUserInput!) {
    createUser(input: $input) { id username email cognitoId bankHours rating balance { totalBalance } } }"""
UPDATE = "mutation ($input: UpdateUserInput!) { updateUser(input: $input) { id username email profilePicture } }"
DELETE = "mutation ($input: DeleteUserInput!) { deleteUser(input: $input) { id } }"
FIND = """query ($cognitoId: String!) { listUsers(filter: { cognitoId: { eq: $cognitoId } }) {
    items { id email username cognitoId bankHours } nextToken } }"""
OFFER = "mutation ($input: CreateServiceInput!) { createService(input: $input) { id hourlyRate hourlyDuration } }"
SEARCH = """query ($text: String, $minRating: Float) {
    searchServices(query: $text, minRating: $minRating) { items { id } nextToken total } }"""
ADMIN = Caller("members-admin", "members-admin", frozenset({"admin"}))


def new(name: str) -> Caller:
    """Return someone who is signed in."""
    return Caller(str(uuid4()), f"{name}-{uuid4().hex[:8]}")


def profile(caller: Caller, **changes: Any) -> dict[str, Any]:
    """Return what the app sends for somebody new: what it shows, and their name in the wrong field."""
    given = {"username": caller.username, "email": f"{caller.username}@example.org", "cognitoId": caller.username}
    shown = {"bankHours": 10, "rating": 5, "totalTransactions": 0}
    return {"firstName": "User", "lastName": "Name", "skills": [], "bio": "Hi!", **given, **shown, **changes}


def service(**changes: Any) -> dict[str, Any]:
    given = {"title": "Help", "description": "", "category": "Other", "isActive": True, "tags": []}
    return given | changes


class Callers(Forgetful):
    """Accepts a member's `sub` and name as a token."""

    async def caller(self, authorization: str) -> Caller:
        sub, username = authorization.split()
        return Caller(sub, username)


class Web:
    """The server's HTTP endpoint, where newcomers are distinguished and guests are admitted."""

    def __init__(self, api: InProcessApi) -> None:
        app = build_app(
            schema=api._schema,
            store=api.store,
            authentication=Authentication(Callers(), [KEY], admits_guests=True, membership=Membership(api.store)),
            graphiql=GraphiQL("HourBank"),
            idempotency=Idempotency(api.store, clock.now),
            rates=without_limits(),
        )
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")

    async def ask(self, caller: Caller | None, query: str, **variables: Any) -> dict[str, Any]:
        """Return the answer, as a guest if there is no caller."""
        headers = {"authorization": f"{caller.sub} {caller.username}"} if caller else {"x-api-key": KEY}
        body = {"query": query, "variables": variables}
        answer: dict[str, Any] = (await self._client.post("/graphql", json=body, headers=headers)).json()
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cloud: Cloud) -> AsyncIterator[InProcessApi]:
    async with in_process_api(cloud) as parts:
        yield parts


@pytest.fixture(scope="module")
def web(api: InProcessApi) -> Web:
    return Web(api)


def types_of(answer: dict[str, Any]) -> list[str]:
    return [error["errorType"] for error in answer.get("errors", ())]


async def test_somebody_new_joins_as_the_app_does_it(web: Web) -> None:
    dora = new("dora")
    nobody: dict[str, Any] = {"listUsers": {"items": [], "nextToken": None}}
    assert (await web.ask(dora, FIND, cognitoId=dora.sub))["data"] == nobody
    by_id = "query ($id: ID!) { getUser(id: $id) { id email } }"
    assert await web.ask(dora, by_id, id=dora.sub) == {"data": {"getUser": None}}
    assert types_of(await web.ask(dora, OFFER, input=service(userId=dora.sub))) == ["Unauthorized"]
    answer = await web.ask(dora, JOIN, input=profile(dora))
    own = {
        "id": dora.sub,
        "email": f"{dora.username}@example.org",
        "username": dora.username,
        "cognitoId": dora.sub,
    }
    expected = {"createUser": own | {"bankHours": 10.0, "rating": 0.0, "balance": {"totalBalance": 10.0}}}
    assert answer == {"data": expected}
    found = {"listUsers": {"items": [own | {"bankHours": 10.0}], "nextToken": None}}
    assert (await web.ask(dora, FIND, cognitoId=dora.sub))["data"] == found
    offered = (await web.ask(dora, OFFER, input=service(userId=dora.sub)))["data"]["createService"]
    assert (offered["hourlyRate"], offered["hourlyDuration"]) == (1.0, 1.0)
    renamed = f"{dora.username}-2"
    changed = await web.ask(dora, UPDATE, input={"id": dora.sub, "username": renamed, "cognitoId": "x"})
    assert changed["data"]["updateUser"]["username"] == renamed
    again = await web.ask(dora, JOIN, input=profile(dora, bio="Other", username="taken by nobody"))
    assert again == {"data": {"createUser": expected["createUser"] | {"username": renamed}}}


async def test_nobody_joins_under_a_name_that_is_anothers_id(api: InProcessApi) -> None:
    victim = new("victim")
    await api.ask(victim, JOIN, input=profile(victim))
    thief = Caller(str(uuid4()), victim.sub)
    error = await api.refusal(thief, JOIN, input=profile(thief, username="thief", email="t@example.org"))
    assert (error["errorType"], error["errorInfo"]) == ("Unauthorized", {"field": "username"})


async def test_one_of_a_hundred_gets_a_name(api: InProcessApi) -> None:
    name = f"wanted-{uuid4().hex}"
    spellings = (name, name.upper(), name.title(), name.replace("w", "\uff57", 1))

    async def join(number: int) -> str:
        caller = new("racer")
        asked = profile(caller, username=spellings[number % len(spellings)])
        try:
            return str((await api.ask(caller, JOIN, input=asked))["createUser"]["id"])
        except AssertionError:
            error = await api.refusal(caller, JOIN, input=asked)
            assert error["errorInfo"] == {"field": "username"}
            return str(error["errorType"])

    outcomes = await asyncio.gather(*map(join, range(RACERS)))
    assert outcomes.count("DUPLICATE_USERNAME") == RACERS - 1
    (winner,) = [outcome for outcome in outcomes if outcome != "DUPLICATE_USERNAME"]
    users = [(await api.store.get(tables.User, key, consistent=True)) for key in (winner,)]
    assert [user["username"]["S"].strip().lower() for user in users if user] == [name]
    await api.ask(ADMIN, DELETE, input={"id": winner})
    assert len(await join(0)) == len(winner)


async def test_an_address_moves_with_its_member(api: InProcessApi) -> None:
    one, other = new("one"), new("other")
    for caller in (one, other):
        await api.ask(caller, JOIN, input=profile(caller))
    taken = {"id": other.sub, "email": f"{one.username}@EXAMPLE.org"}
    assert (await api.refusal(other, UPDATE, input=taken))["errorType"] == "DUPLICATE_EMAIL"
    await api.ask(one, UPDATE, input={"id": one.sub, "email": f"{one.sub}@example.org"})
    assert (await api.ask(other, UPDATE, input=taken))["updateUser"]["email"] == taken["email"]


async def test_who_is_not_active_any_more_may_look_only(
    web: Web, api: InProcessApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "KEPT_FOR", 0)
    eve = new("eve")
    assert types_of(await web.ask(eve, JOIN, input=profile(eve))) == []
    balance = "query ($id: ID!) { getUserBalance(userId: $id) { totalBalance } }"
    assert types_of(await web.ask(eve, balance, id=eve.sub)) == []
    await api.ask(ADMIN, UPDATE, input={"id": eve.sub, "isActive": False})
    assert types_of(await web.ask(eve, balance, id=eve.sub)) == ["Unauthorized"]
    transfer = """mutation { processDirectTransfer(input: { fromUserId: "x", toUserId: "y", amount: 1,
        transactionType: TRANSFER, description: "d" }) { id } }"""
    assert types_of(await web.ask(eve, transfer)) == ["Unauthorized"]
    assert types_of(await web.ask(eve, "{ listServices(limit: 1) { items { id } } }")) == []
    offered = await api.refusal(ADMIN, OFFER, input=service(userId=eve.sub))
    assert (offered["errorType"], offered["errorInfo"]) == ("USER_NOT_ACTIVE", {"field": "userId"})


async def test_a_guest_looks_in(web: Web) -> None:
    bob = new("bob")
    await web.ask(bob, JOIN, input=profile(bob))
    name = f"lawn{uuid4().hex}"
    made = (await web.ask(bob, OFFER, input=service(userId=bob.sub, title=f"My {name}")))["data"]["createService"]
    found = await web.ask(None, SEARCH, text=name.upper())
    assert found["data"]["searchServices"]["items"] == [{"id": made["id"]}]
    assert (await web.ask(None, SEARCH, text=name, minRating=1))["data"]["searchServices"]["items"] == []
    query = "query ($name: String!) { usersByUsername(username: $name) { items { id username rating %s } } }"
    assert (await web.ask(None, query % "", name=bob.username))["data"]["usersByUsername"]["items"] == [
        {"id": bob.sub, "username": bob.username, "rating": 0.0}
    ]
    answer = await web.ask(None, query % "email", name=bob.username)
    (error,) = answer["errors"]
    assert (error["errorType"], error["message"], error["data"]) == (
        "Unauthorized",
        "Not Authorized to access email on type User",
        None,
    )
    assert answer["data"] == {"usersByUsername": {"items": [None]}}
    for refused in ("{ listUserBalances { items { userId } } }", "{ listBookings { items { id } } }"):
        assert types_of(await web.ask(None, refused)) == ["Unauthorized"]
