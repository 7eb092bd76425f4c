"""Who is a member: looked up once in a few seconds, and never taken for granted longer."""

from dataclasses import replace
from typing import Any

import pytest

from models import tables
from resolvers.context import RequestContext
from resolvers.identity import membership
from resolvers.identity.callers import GUEST, Caller, Standing
from resolvers.identity.membership import KEPT_FOR, Membership
from tests.unit.mirror import ADMIN, ALICE, MemoryStore


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def join(store: MemoryStore, caller: Caller = ALICE, **changes: Any) -> None:
    store.add(tables.User, id=caller.sub, username=caller.username, **changes)


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, Standing.MEMBER),
        ({"isActive": True}, Standing.MEMBER),
        ({"isActive": False}, Standing.NEWCOMER),
        (None, Standing.NEWCOMER),
    ],
)
async def test_a_member_has_joined_and_is_active(
    store: MemoryStore, changes: dict[str, Any] | None, standing: Standing
) -> None:
    if changes is not None:
        join(store, **changes)
    assert await Membership(store).of(ALICE) == replace(ALICE, standing=standing)


async def test_an_admin_who_has_not_joined_is_one_and_an_inactive_one_is_not(store: MemoryStore) -> None:
    assert (await Membership(store).of(ADMIN)).groups == {"admin"}
    join(store, ADMIN, isActive=False)
    assert (await Membership(store).of(ADMIN)).groups == frozenset()


async def test_a_member_is_looked_up_once_in_a_while_and_a_newcomer_each_time(store: MemoryStore) -> None:
    clock = Clock()
    members = Membership(store, clock)
    for _ in range(2):
        assert (await members.of(ALICE)).standing is Standing.NEWCOMER
    assert len(store.reads) == 2
    join(store)
    for _ in range(2):
        assert (await members.of(ALICE)).standing is Standing.MEMBER
    assert len(store.reads) == 3
    del store.rows[tables.User, ALICE.sub]
    clock.now += KEPT_FOR
    assert (await members.of(ALICE)).standing is Standing.NEWCOMER


async def test_no_more_members_are_remembered_than_there_is_room_for(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "_KEPT", 1)
    members = Membership(store)
    for caller in (ALICE, ADMIN):
        join(store, caller)
        await members.of(caller)
    store.reads.clear()
    await members.of(ADMIN)
    assert store.reads == []
    await members.of(ALICE)
    assert len(store.reads) == 1


async def test_a_guest_is_not_looked_up(store: MemoryStore) -> None:
    assert await Membership(store).of(GUEST) is GUEST
    assert store.reads == []


async def test_a_socket_follows_what_becomes_of_a_member(store: MemoryStore) -> None:
    clock = Clock()
    context = RequestContext(store, None, {}, membership=Membership(store, clock))
    await context.check_membership()
    callers = [context.caller]
    for is_active in (False, True):
        join(store, ADMIN, isActive=is_active)
        await context.identify(ADMIN) if not is_active else await context.check_membership()
        callers.append(context.caller)
    assert callers == [None, replace(ADMIN, standing=Standing.NEWCOMER, groups=frozenset()), ADMIN]


@pytest.mark.parametrize(
    ("issued", "is_member"), [(0, False), (1_767_225_600, False), (1_767_225_601, True), (1_767_225_602, True)]
)
async def test_a_token_from_before_the_member_signed_out_everywhere_has_expired(
    store: MemoryStore, issued: float, *, is_member: bool
) -> None:
    join(store, ADMIN, tokensValidFrom="2026-01-01T00:00:01.000Z")
    members, caller = Membership(store), replace(ADMIN, issued=issued)
    for _ in range(2):  # looked up, and remembered
        found = await members.of(caller)
        assert (found.standing is Standing.MEMBER, found.has_expired) == (is_member, not is_member)
        assert found.groups == (ADMIN.groups if is_member else frozenset())
