"""What is kept about a member, by the commands, on the real local cloud: exported, then erased from all tables."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from models import clock
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.store import Store
from models.tables import TABLES
from models.transactions.audits import Audits
from models.transactions.members import Members
from models.transactions.moves import Transactions
from resolvers.hosting.demo_data import sub_of
from tests.integration.conftest import CREATE_USER, Cloud, GraphQL, Member, RefusedError, Server
from tests.integration.dispute_client import new_dispute_client
from tests.integration.forked_commands import printed
from tests.integration.request_client import BALANCE, CREATE_SERVICE, Joining, RequestClient, new_client
from tests.integration.test_bookings import BOOK, DAY, MOVE
from tests.integration.test_ratings import CREATE as RATE
from tests.unit.private_world import unseen
from workflows.console.privacy import erasing
from workflows.console.privacy.accounts import UserAccounts
from workflows.console.privacy.erasing import erase, erased_on, hindering
from workflows.console.privacy.exporting import export
from workflows.deployment.local.user_pool import LocalUserPool, PoolUser

PROFILE = "mutation M($input: UpdateUserInput!) { updateUser(input: $input) { id } }"
TALK = "mutation M($input: CreateConversationInput!) { createConversation(input: $input) { id } }"
SAY = "mutation M($input: CreateMessageInput!) { createMessage(input: $input) { id } }"
GIVE = "mutation M($input: ProcessDirectTransferInput!) { processDirectTransfer(input: $input) { id } }"
REPORT = "mutation M($input: CreateReportInput!) { createReport(input: $input) { id } }"
HISTORY = """query Q($id: ID!) {
  messagesByReceiverId(receiverId: $id) { items { content messageType } }
  transactionsByProviderId(providerId: $id) { items { id description status hoursSpent rating feedback } }
  serviceRequestsByProviderId(providerId: $id) { items { id message status requester { username } } }
  ratingsByRatedUserId(ratedUserId: $id) { items { rating feedback } }
  disputesByAgainstUserId(againstUserId: $id) { items { description status resolution } }
  notificationsByUserId(userId: $id) { items { title message } }
  transactionLogsByUserId(userId: $id, limit: 100) { items { description amount } } }"""
ERASED = "(erased)"


class Commands:
    """The two commands, by which the long form means processes of their own."""

    def __init__(self, server: Server, store: Store, *, as_processes: bool) -> None:
        self._server, self._store, self._as_processes = server, store, as_processes
        self._accounts = UserAccounts(LocalUserPool.find_or_make(Settings()).id)

    async def export(self, text: str) -> dict[str, Any]:
        """Return what is exported about a member."""
        if not self._as_processes:
            return await export(self._store, self._accounts, text, lambda _rows: None)
        code, printed = await asyncio.to_thread(self._run, "export", text)
        assert code == 0, printed
        exported: dict[str, Any] = json.loads(printed[printed.index("{\n") : printed.rindex("}") + 1])
        return exported

    async def erase(self, member: Member) -> None:
        """Erase a member, and say so again."""
        if not self._as_processes:
            members = Members(self._store, Transactions(self._store, clock.now), clock.now)
            await erase(self._store, members, self._accounts, member.sub, unseen())
            return
        for text, said in ((member.username, " is erased: "), (member.sub, " was erased on ")):
            code, printed = await asyncio.to_thread(self._run, "erase", text, "--yes")
            assert (code, f"{text}{said}" in printed) == (0, True), printed

    def _run(self, *arguments: str) -> tuple[int, str]:
        return printed(*arguments, HOURBANK_LOCAL=str(self._server.directory), PORT=str(self._server.port))


@pytest.fixture
def commands(
    server: Server, calls: AsyncCalls, aws: Cloud, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> Commands:
    """Return the commands; nobody but this test is there to be waited for."""
    monkeypatch.setattr(erasing, "SETTLING", 0.0)
    return Commands(server, Store(calls, aws.names), as_processes=long)


class Life:
    """Alice's life in HourBank; everything that she says has `words` in it."""

    def __init__(self, graphql: GraphQL, members: Joining, client: RequestClient) -> None:
        self.graphql, self.members, self.client = graphql, members, client
        self.alice, self.bob = client.alice, client.bob
        self.words = f"rabbits {uuid4()}"

    async def ask(self, query: str, by: Member | None = None, **given: Any) -> Any:
        """Ask as Alice, if nobody else is given."""
        return await self.graphql((by or self.alice).token, query, {"input": given})

    async def live(self) -> None:
        """Live: a profile, a paid request with a rating, one withdrawn, one disputed, messages, a service."""
        alice, bob, words = self.alice, self.bob, self.words
        picture = f"https://pictures.example.org/{words.replace(' ', '-')}.png"
        await self.ask(PROFILE, id=alice.sub, bio=words, profilePicture=picture)
        await self.ask(TALK, id=(talk := str(uuid4())), user1Id=alice.sub, user2Id=bob.sub)
        said: dict[str, Any] = {"conversationId": talk, "isRead": False, "messageType": "TEXT"}
        await self.ask(SAY, senderId=alice.sub, receiverId=bob.sub, content=words, **said)
        await self.ask(SAY, bob, senderId=bob.sub, receiverId=alice.sub, content="Bob's own", **said)
        await self.paid()
        await self.cancelled()
        await self.disputed()
        await self.declined()
        await self.booked()
        report: dict[str, Any] = {"reason": "OTHER", "status": "PENDING", "description": words}
        await self.ask(REPORT, reporterId=alice.sub, reportedUserId=bob.sub, **report)

    async def paid(self) -> None:
        client = self.client
        await client.ask(message=self.words)
        await client.reach("AWAITING_RESPONSE")
        await client.respond(message="Bob's answer")
        await client.reach("ACCEPTED")
        for step in (
            "markServiceStarted",
            "confirmServiceStart",
            "markServiceComplete",
            "confirmServiceCompletion",
        ):
            await client.mark(step)
        await client.reach("PAID")
        rated: dict[str, Any] = {
            "raterId": self.alice.sub,
            "ratedUserId": self.bob.sub,
            "rating": 4,
            "feedback": self.words,
        }
        await self.ask(RATE, transactionId=client.id, **rated)

    async def cancelled(self) -> None:
        again = self.client.again()
        await again.ask(1)
        await again.reach("AWAITING_RESPONSE")
        await again.end("cancelServiceRequest", by=self.alice, message=self.words)
        await again.reach("REJECTED")

    async def disputed(self) -> None:
        again = self.client.again()
        await again.in_progress()
        dispute = await new_dispute_client(again, self.members)
        await dispute.raise_it(description=self.words, evidence=json.dumps({"said": self.words}))
        await dispute.settle("RefundToRequester")

    async def declined(self) -> None:
        """Let Bob ask for a service of Alice's, which has a title of hers; she declines with a word."""
        offer: dict[str, Any] = {"category": "garden", "hourlyRate": 1.0, "isActive": True, "tags": [self.words]}
        given: dict[str, Any] = {"userId": self.alice.sub, "title": self.words, "description": self.words, **offer}
        made = (await self.ask(CREATE_SERVICE, **given))["createService"]
        other = RequestClient(self.graphql, self.bob, self.alice, made["id"])
        await other.ask()
        await other.reach("AWAITING_RESPONSE")
        await other.respond("REJECTED", message=self.words)
        await other.reach("REJECTED")

    async def booked(self) -> None:
        """Book a time of Bob's, and cancel it, each with a word."""
        who: dict[str, Any] = {
            "serviceId": self.client.service_id,
            "providerId": self.bob.sub,
            "consumerId": self.alice.sub,
        }
        when: dict[str, Any] = {"bookingDate": DAY.isoformat(), "startTime": "10:00", "endTime": "11:00"}
        given: dict[str, Any] = {
            **who,
            **when,
            "duration": 1,
            "totalCost": 1,
            "status": "PENDING",
            "notes": self.words,
        }
        made = (await self.ask(BOOK, **given))["it"]
        ended: dict[str, Any] = {"status": "CANCELLED_BY_CONSUMER", "cancellationReason": self.words}
        await self.ask(MOVE, id=made["id"], **ended)

    async def give_everything(self) -> None:
        """Give all hours to Bob, with a word."""
        found = await self.graphql(self.alice.token, BALANCE, {"userId": self.alice.sub})
        given: dict[str, Any] = {"fromUserId": self.alice.sub, "toUserId": self.bob.sub, "description": self.words}
        left = found["getUserBalance"]["availableBalance"]
        await self.ask(GIVE, id=str(uuid4()), amount=left, transactionType="TRANSFER", **given)


def rows_with(cloud: Cloud, marks: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all tables in which one of some texts stands, by table."""
    client, found = cloud.client("dynamodb"), {}
    for table in TABLES:
        pages = client.get_paginator("scan").paginate(TableName=cloud.names.table(table))
        items = [item for page in pages for item in page["Items"]]
        texts = [(item, json.dumps(item, ensure_ascii=False, default=str).casefold()) for item in items]
        if hits := [item for item, text in texts if any(mark.casefold() in text for mark in marks)]:
            found[table.Meta.table_name] = hits
    return found


async def test_a_member_is_exported_and_erased(
    graphql: GraphQL,
    members: Joining,
    aws: Cloud,
    calls: AsyncCalls,
    commands: Commands,
    token_for: Callable[..., str],
) -> None:
    life = Life(graphql, members, await new_client(graphql, members))
    alice, bob, words = life.alice, life.bob, life.words
    marks = (alice.username, words, words.replace(" ", "-"))
    pool = LocalUserPool.find_or_make(Settings())
    pool.add([PoolUser(alice.sub, f"{alice.username}@example.org", alice.username)], "Passw0rd!")
    await life.live()

    store = Store(calls, aws.names)
    assert [line.partition(":")[0] for line in await hindering(store, alice.sub)] == ["They have 8.00 hours"]
    await life.give_everything()
    exported = await commands.export(f"{alice.username}@EXAMPLE.org")
    assert (exported["member"], exported["signInAccount"]["sub"]) == (alice.sub, alice.sub)
    counts = {name: len(rows) for name, rows in exported["tables"].items()}
    assert counts == counts | {"User": 1, "Message": 2, "Rating": 1, "Report": 1, "Dispute": 1, "Service": 1}
    assert (counts["ServiceRequest"], counts["Transaction"], counts["Escrow"]) == (4, 4, 4)
    assert bob.username not in json.dumps(exported)
    before = rows_with(aws, marks)
    assert len(before) > 10

    await commands.erase(alice)
    assert rows_with(aws, marks) == {}
    cognito = aws.client("cognito-idp")
    assert cognito.list_users(UserPoolId=pool.id, Filter=f'sub = "{alice.sub}"')["Users"] == []
    for member in (alice, bob):
        assert (await Audits(store, clock.now).check(member.sub))[1] == ()
    assert await erased_on(store, alice.sub) is not None

    await _assert_bob_reads(graphql, bob)
    with pytest.raises(RefusedError) as refused:
        await graphql(alice.token, CREATE_USER, {"input": _profile(alice.sub, alice.username)})
    assert refused.value.code == "USER_NOT_ACTIVE"
    heir = f"heir-{uuid4()}"
    profile = _profile(sub_of(heir), alice.username)
    assert (await graphql(token_for(heir), CREATE_USER, {"input": profile}))["createUser"]["id"] == sub_of(heir)


def _profile(sub: str, username: str) -> dict[str, Any]:
    named = {"username": username, "email": f"{username}@example.org", "firstName": "A", "lastName": "B"}
    return {"id": sub, **named, "bankHours": 0, "skills": [], "rating": 0, "totalTransactions": 0}


async def _assert_bob_reads(graphql: GraphQL, bob: Member) -> None:
    """Assert that the other side's history reads as before, without Alice's words."""
    found = await graphql(bob.token, HISTORY, {"id": bob.sub})
    history = {name: rows["items"] for name, rows in found.items()}
    assert history["messagesByReceiverId"] == [{"content": ERASED, "messageType": "TEXT"}]
    exchanges = {
        (row["status"], row["description"], row["hoursSpent"]) for row in history["transactionsByProviderId"]
    }
    assert exchanges == {
        ("COMPLETED", ERASED, 2.0),
        ("CANCELLED", "Garden help", 1.0),
        ("CANCELLED", "Garden help", 2.0),
    }
    requests = history["serviceRequestsByProviderId"]
    assert sorted((row["status"], row["message"] or "", row["requester"]) for row in requests) == [
        ("PAID", ERASED, None),
        ("REJECTED", "", None),
        ("REJECTED", "", None),
    ]
    assert history["ratingsByRatedUserId"] == [{"rating": 4.0, "feedback": None}]
    assert history["disputesByAgainstUserId"] == [
        {"description": ERASED, "status": "RESOLVED", "resolution": None}
    ]
    told = [row["message"] for row in history["notificationsByUserId"]]
    assert f"The requester has cancelled the request. “{ERASED}”" in told
    assert any("hours for Garden help are yours" in message for message in told)
    assert ERASED in {row["description"] for row in history["transactionLogsByUserId"]}
