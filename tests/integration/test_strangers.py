"""What a page reveals of rows that are not the caller's, with a real filter: nothing."""

from typing import Any

from tests.integration.conftest import GraphQL, Member
from tests.integration.request_client import CREATE_SERVICE, Joining, RequestClient, new_client

ESCROWS = """query Q($of: ID!, $after: String) {
  escrowsByFromUserId(fromUserId: $of, limit: 1, nextToken: $after) { items { id } nextToken } }"""
NESTED = """query Q($of: ID!) { getUser(id: $of) {
  escrowsFrom(limit: 1) { items { id } nextToken } requestsMade(limit: 1) { nextToken }
  transactionLogs(limit: 1) { items { id } nextToken } } }"""
BY_ESCROW = """query Q($id: ID!) {
  serviceRequestsByEscrowId(escrowId: $id, limit: 1) { items { id } nextToken } }"""
EMPTY: dict[str, Any] = {"items": [], "nextToken": None}


async def pages(graphql: GraphQL, member: Member, of: str) -> list[dict[str, Any]]:
    """Return the pages that a member gets, each over one escrow of another member."""
    found: list[dict[str, Any]] = []
    token: str | None = None
    while not found or token:
        data = await graphql(member.token, ESCROWS, {"of": of, "after": token})
        found.append(data["escrowsByFromUserId"])
        token = found[-1]["nextToken"]
    return found


async def test_a_stranger_counts_nothing_and_a_party_its_own(graphql: GraphQL, members: Joining) -> None:
    client, other = await new_client(graphql, members), await new_client(graphql, members)
    with_bob = [client, RequestClient(graphql, client.alice, client.bob, await another_service(client))]
    with_another = RequestClient(graphql, client.alice, other.bob, other.service_id)
    for request in (with_bob[0], with_another, with_bob[1]):
        await request.ask(1)
        await request.reach("AWAITING_RESPONSE")

    escrows = [(await request.look())["escrowId"] for request in with_bob]
    assert [page["items"] for page in await pages(graphql, client.bob, client.alice.sub)] == [
        [{"id": escrow}] for escrow in escrows
    ]
    theirs = [page for page in await pages(graphql, client.alice, client.alice.sub) if page["items"]]
    assert len(theirs) == 3
    assert await pages(graphql, other.alice, client.alice.sub) == [EMPTY]

    nested = (await graphql(other.alice.token, NESTED, {"of": client.alice.sub}))["getUser"]
    assert nested == {"escrowsFrom": EMPTY, "requestsMade": {"nextToken": None}, "transactionLogs": EMPTY}
    data = await graphql(other.alice.token, BY_ESCROW, {"id": escrows[0]})
    assert data["serviceRequestsByEscrowId"] == EMPTY


async def another_service(client: RequestClient) -> str:
    """Create another service of the same provider."""
    offer = {"userId": client.bob.sub, "title": "Baking", "description": "Bread.", "category": "kitchen"}
    price = {"hourlyRate": 1.0, "isActive": True, "tags": []}
    data = await client.graphql(client.bob.token, CREATE_SERVICE, {"input": offer | price})
    return str(data["createService"]["id"])
