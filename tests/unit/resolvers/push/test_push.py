"""An event is answered once for all who get the same; nobody waits for anybody, and each hears in order."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from strawberry.types import ExecutionResult

from models import tables
from models.storage.store import Item
from resolvers.identity.callers import Caller, Standing
from resolvers.identity.membership import Membership
from resolvers.push.answers import EventAnswers
from schema.errors import AppSyncError
from tests.unit.mirror import ADMIN, ALICE, BOB, EVE
from tests.unit.resolvers.push.conftest import Pushing

SERVICES = "subscription { onUpdateService { id title } }"
USERS = "subscription { onUpdateUser { id email } }"
OWNERS = "subscription { onUpdateService { user { id email } } }"
REQUESTS = "subscription { onUpdateServiceRequest { id } }"
SERVICE: dict[str, Any] = {"id": "s", "userId": "sub-alice", "title": "Help"}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the keys of the rows for which an answer was made."""
    rows: list[str] = []
    make = EventAnswers._made

    def recorded(self: EventAnswers, row: Item, context: Any) -> Any:
        rows.append(row["id"]["S"])
        return make(self, row, context)

    monkeypatch.setattr(EventAnswers, "_made", recorded)
    return rows


def data(heard: list[Any]) -> list[Any]:
    return [payload["data"] for payload in heard]


async def test_an_event_is_answered_once_for_all(pushing: Pushing, made: list[str]) -> None:
    members = [Caller(f"sub-{number}", str(number)) for number in range(30)]
    heard = [await pushing.hears(member, SERVICES) for member in members]
    aliased = await pushing.hears(BOB, "subscription { changed: onUpdateService { name: title } }")
    await pushing.update(tables.Service, **SERVICE)
    assert made == ["s", "s"]
    assert [data(one.payloads) for one in heard] == [[{"onUpdateService": {"id": "s", "title": "Help"}}]] * 30
    assert data(aliased.payloads) == [{"changed": {"name": "Help"}}]


async def test_who_sees_more_gets_an_answer_of_their_own(pushing: Pushing, made: list[str]) -> None:
    others = [await pushing.hears(member, USERS) for member in (BOB, EVE)]
    own, admin = await pushing.hears(ALICE, USERS), await pushing.hears(ADMIN, USERS)
    await pushing.update(tables.User, id="sub-alice", email="alice@example.org")
    assert [data(one.payloads) for one in others] == [[{"onUpdateUser": {"id": "sub-alice", "email": ""}}]] * 2
    for one in (own, admin):
        assert data(one.payloads) == [{"onUpdateUser": {"id": "sub-alice", "email": "alice@example.org"}}]
    assert len(made) == 3


async def test_the_rows_that_an_event_leads_to_are_read_once(pushing: Pushing) -> None:
    pushing.store.add(tables.User, id="sub-alice", email="alice@example.org")
    others = [await pushing.hears(member, OWNERS) for member in (BOB, EVE)]
    own = await pushing.hears(ALICE, OWNERS)
    await pushing.update(tables.Service, **SERVICE)
    assert [data(one.payloads)[0]["onUpdateService"]["user"]["email"] for one in (*others, own)] == [
        "",
        "",
        "alice@example.org",
    ]
    assert len(pushing.store.reads) == 2


async def test_answers_are_kept_within_bounds(pushing: Pushing, made: list[str]) -> None:
    long = {**SERVICE, "description": "x" * 9_000}
    aliases = [f"subscription {{ onUpdateService {{ a{n}: description }} }}" for n in range(4)]
    for query in aliases:
        for member in (BOB, EVE):
            await pushing.hears(member, query)
    await pushing.update(tables.Service, **long)
    assert len(made) == 8 - 1  # there is room for one


async def test_a_row_that_has_no_plan_is_left_to_graphql_core(pushing: Pushing) -> None:
    heard = await pushing.hears(BOB, SERVICES)
    await pushing.update(tables.Service, id="s")
    (result,) = heard.payloads
    assert isinstance(result, ExecutionResult)
    assert result.data == {"onUpdateService": None}
    assert [error.path for error in result.errors or ()] == [["onUpdateService", "title"]]


@pytest.mark.parametrize(
    "query",
    [
        "subscription { onUpdateService { id @include(if: true) } }",
        'subscription { onUpdateServiceRequest(requesterId: "sub-bob") { id } }',
        'subscription { onUpdateService(filter: { title: { between: ["b", "a"] } }) { id } }',
        "subscription { onUpdateService { nothing } }",
        "subscription {",
        "{ __typename }",
    ],
)
async def test_what_is_unusual_is_not_begun(pushing: Pushing, query: str) -> None:
    recipient, _ = await pushing.recipient(ALICE, query)
    assert recipient is None
    assert not any(len(channel._subscribers) for channel in pushing.feed._channels.values())


async def test_rows_of_others_are_not_heard_of(pushing: Pushing) -> None:
    alice, bob = await pushing.hears(ALICE, REQUESTS), await pushing.hears(BOB, REQUESTS)
    await pushing.update(tables.ServiceRequest, id="r", requesterId="sub-alice", providerId="sub-eve")
    assert (len(alice.payloads), len(bob.payloads)) == (1, 0)


async def test_who_does_not_read_keeps_nobody_waiting_and_hears_in_order(pushing: Pushing) -> None:
    slow, quick = await pushing.hears(ALICE, SERVICES), await pushing.hears(BOB, SERVICES)
    slow.reads.clear()
    for title in "abc":
        await pushing.update(tables.Service, **{**SERVICE, "title": title})
    assert (len(slow.payloads), len(quick.payloads)) == (0, 3)
    slow.reads.set()
    await pushing.update(tables.Service, **{**SERVICE, "title": "d"})
    assert [one["onUpdateService"]["title"] for one in data(slow.payloads)] == list("abcd")
    assert slow.waited == 1


async def test_who_lags_is_told_so(pushing: Pushing) -> None:
    recipient, heard = await pushing.recipient(ALICE, SERVICES)
    assert recipient
    heard.reads.clear()
    for title in "abcdef":
        await pushing.update(tables.Service, **{**SERVICE, "title": title})
    heard.reads.set()
    error = await asyncio.wait_for(recipient.ended, 5)
    assert isinstance(error, AppSyncError)
    assert error.error_type == "SubscriptionClosed"
    assert [one["onUpdateService"]["title"] for one in data(heard.payloads)] == ["a"]


async def test_nothing_is_sent_after_the_stop(pushing: Pushing) -> None:
    recipient, heard = await pushing.recipient(ALICE, SERVICES)
    other = await pushing.hears(BOB, SERVICES)
    assert recipient
    heard.reads.clear()
    await pushing.update(tables.Service, **SERVICE)
    recipient.stop()
    heard.reads.set()
    await pushing.update(tables.Service, **SERVICE)
    assert (heard.payloads, len(other.payloads)) == ([], 2)


async def test_members_are_looked_up_together(pushing: Pushing) -> None:
    now = [0.0]
    pushing.membership = Membership(pushing.store, lambda: now[0])
    members = [Caller(f"sub-{number}", str(number)) for number in range(150)]
    for member in members:
        pushing.store.add(tables.User, id=member.sub)
    heard = [await pushing.hears(member, SERVICES) for member in members]
    pushing.store.reads.clear()
    for number in range(2):
        await pushing.update(tables.Service, **{**SERVICE, "title": str(number)})
    together = [len(keys) for _, keys in pushing.store.reads]
    assert sum(together) == 150
    assert max(together) <= 100
    assert len(together) < 5  # how many are in time for the first depends on the machine
    now[0] = 10
    pushing.store.add(tables.User, id="sub-0", isActive=False)
    await pushing.update(tables.Service, **{**SERVICE, "title": "late"})
    assert [len(one.payloads) for one in heard] == [2, *[3] * 149]


async def test_a_failed_look_up_ends_the_subscription(pushing: Pushing, monkeypatch: pytest.MonkeyPatch) -> None:
    pushing.membership = Membership(pushing.store)
    recipient, _ = await pushing.recipient(ALICE, SERVICES)
    assert recipient
    monkeypatch.setattr(pushing.store, "batch_get", None)
    await pushing.update(tables.Service, **SERVICE)
    assert isinstance(await asyncio.wait_for(recipient.ended, 5), TypeError)


async def test_a_token_that_expired_ends_the_subscription(pushing: Pushing) -> None:
    recipient, heard = await pushing.recipient(replace(ALICE, expires=1e12), SERVICES)
    assert recipient
    caller = recipient._context.caller
    assert caller
    recipient._context.caller = replace(caller, expires=0)
    await pushing.update(tables.Service, **SERVICE)
    assert str(await asyncio.wait_for(recipient.ended, 5)) == "Token expired"
    assert heard.payloads == []


async def test_a_guest_is_refused_what_is_not_public(pushing: Pushing) -> None:
    guest = Caller("", "", standing=Standing.GUEST)
    recipient, _ = await pushing.recipient(guest, SERVICES)
    assert recipient is None


async def test_an_odd_row_ends_no_subscription(pushing: Pushing) -> None:
    heard = await pushing.hears(ALICE, "subscription { onUpdateService { id user { email } } }")
    moments = {"createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"}
    await pushing.update(tables.Service, id="odd", userId=5, title="t", isActive=True, **moments)
    await pushing.update(tables.Service, id="good", userId="sub-alice", title="t", isActive=True, **moments)
    odd, good = heard.payloads
    assert isinstance(odd, ExecutionResult)  # graphql-core's
    assert good["data"] == {"onUpdateService": {"id": "good", "user": None}}
