"""A user name and an e-mail address belong to one member, on an engine within this process."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest

from models.clock import to_text
from models.errors import Code, Refusal
from models.storage.codec import item_of
from models.storage.store import ConditionFailedError, Item
from models.tables import NameGuard, User
from models.transactions.members import Joined, Members
from models.transactions.unique_names import UniqueNames
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ALICE, BOB, EVE, NOW, Bank
from tests.unit.stored import Stored, overtake, stored, written_anew


def member(key: str, **changes: Any) -> Item:
    named = {"username": key, "email": f"{key}@example.org", "updatedAt": NOW, **changes}
    row = item_of(User, id=key, totalTransactions=0, rating=0.0, createdAt=NOW, **named)
    anew: Item = written_anew(row)
    return anew


@pytest.fixture
async def tables() -> AsyncIterator[Stored]:
    async with stored(Bank()) as opened:
        yield opened


def office(tables: Stored) -> Members:
    return Members(tables.store, tables.transactions, tables.tick)


def anybody(_: Item) -> bool:
    return True


def code_of(outcome: object) -> Code | None:
    assert isinstance(outcome, Refusal | Joined | dict)
    return outcome.code if isinstance(outcome, Refusal) else None


async def amend(tables: Stored, key: str, **texts: str | None) -> Item | Refusal:
    """Change a member's texts, a little later than the last time."""
    now = tables.tick()
    changes = {name: None if text is None else {"S": text} for name, text in texts.items()}
    return await office(tables).amend(key, changes | item_of(User, updatedAt=now), anybody, actor=key)


async def holders(tables: Stored) -> list[str]:
    return sorted(guard["userId"]["S"] for guard in await rows(tables.undisturbed, NameGuard))


@pytest.mark.parametrize(
    ("field", "taken", "asked", "code"),
    [
        ("username", "alice", "alice", Code.DUPLICATE_USERNAME),
        ("username", "alice", "ALICE", Code.DUPLICATE_USERNAME),
        ("username", "Alice", " alice ", Code.BAD_REQUEST),
        ("username", "straße", "STRASSE", Code.DUPLICATE_USERNAME),
        ("username", "caf\u00e9", "cafe\u0301", Code.DUPLICATE_USERNAME),
        ("username", "alice", "\uff21lice", Code.DUPLICATE_USERNAME),
        ("username", "alice", "alice2", None),
        ("email", "a@example.org", "A@Example.ORG", Code.DUPLICATE_EMAIL),
        ("email", "a@example.org", "b@example.org", None),
    ],
)
async def test_a_name_is_one_members(
    tables: Stored, field: str, taken: str, asked: str, code: Code | None
) -> None:
    assert code_of(await office(tables).join(member(ALICE, **{field: taken}))) is None
    await assert_refused(tables, field, asked, code)


@pytest.mark.parametrize(
    ("taken", "asked"),
    [
        *product(("alice", "Alice", "ALICE"), repeat=2),
        ("aLiCe", "aLiCe"),
        ("strasse", "Straße"),
        ("straße", "Straße"),
        ("Alice-smith", "alice-smith"),
        ("Alice-Smith", "alice-smith"),
    ],
)
@pytest.mark.parametrize("field", ["username", "email"])
async def test_a_member_without_guards_is_found_in_the_usual_spellings(
    tables: Stored, field: str, taken: str, asked: str
) -> None:
    await tables.put(User, member(ALICE, **{field: taken}))
    await assert_refused(tables, field, asked, Code[f"DUPLICATE_{field.upper()}"])


async def assert_refused(tables: Stored, field: str, asked: str, code: Code | None) -> None:
    refused = await office(tables).join(member(BOB, **{field: asked}))
    assert code_of(refused) is code
    if isinstance(refused, Refusal):
        assert refused.facts == {"field": field}
        assert refused.message.startswith(f"{field}: ")
    assert len(await rows(tables.undisturbed, User)) == (1 if code else 2)


async def test_a_change_of_name_takes_the_new_and_frees_the_old_one(tables: Stored) -> None:
    for name in (ALICE, BOB):
        await office(tables).join(member(name))
    changed = await amend(tables, ALICE, username="alicia", email="alicia@example.org")
    assert isinstance(changed, dict)
    assert changed["cognitoId"] == {"S": ALICE}
    assert await holders(tables) == [ALICE] * 2 + [BOB] * 2
    assert code_of(await amend(tables, BOB, username="Alicia")) is Code.DUPLICATE_USERNAME
    assert code_of(await amend(tables, BOB, email="ALICIA@example.org")) is Code.DUPLICATE_EMAIL
    assert code_of(await amend(tables, BOB, email="alice@example.org")) is None
    assert code_of(await office(tables).join(member(EVE, username="aLICIA"))) is Code.DUPLICATE_USERNAME


async def test_the_spelling_of_an_own_name_may_change(tables: Stored) -> None:
    await office(tables).join(member(ALICE))
    assert code_of(await amend(tables, ALICE, username="ALICE", bio=None)) is None
    assert await holders(tables) == [ALICE] * 2


async def test_a_name_is_on_record_since_its_member_took_it(tables: Stored) -> None:
    await office(tables).join(member(ALICE))
    joined = tables.bank.now
    await amend(tables, ALICE, email="alicia@example.org")
    since = sorted(guard["createdAt"]["S"] for guard in await rows(tables.undisturbed, NameGuard))
    assert since == [to_text(joined), to_text(tables.bank.now)]


async def test_what_leaves_the_names_as_they_are_rests_on_the_members_own_row_alone(tables: Stored) -> None:
    await office(tables).join(member(ALICE))
    upstream, written = tables.engine.call, []

    async def call(service: str, operation: str, **params: Any) -> Any:
        written.extend(params.get("TransactItems", ()))
        return await upstream(service, operation, **params)

    tables.engine.call = call  # type: ignore[method-assign]  # for this test only
    assert code_of(await amend(tables, ALICE, bio="Hello")) is None
    assert [item["Update"]["Key"] for item in written] == [{"id": {"S": ALICE}}]


async def test_who_leaves_frees_their_names(tables: Stored) -> None:
    await office(tables).join(member(ALICE))
    assert await office(tables).amend(ALICE, None, anybody, actor=EVE) == member(ALICE)
    assert await holders(tables) == []
    assert code_of(await office(tables).join(member(BOB, username=ALICE, email=f"{ALICE}@example.org"))) is None


async def test_who_has_no_guards_yet_gets_them_with_the_next_change(tables: Stored) -> None:
    await tables.put(User, member(ALICE))
    assert code_of(await amend(tables, ALICE, bio="Hello")) is None
    assert await holders(tables) == [ALICE] * 2
    await tables.put(User, member(BOB))
    assert await office(tables).leave(BOB, anybody, actor=BOB) == member(BOB)
    assert await holders(tables) == [ALICE] * 2


async def test_two_old_members_of_one_name_both_keep_it(tables: Stored) -> None:
    for name in (ALICE, BOB):
        await tables.put(User, member(name, username="same"))
    for name in (ALICE, BOB):
        assert code_of(await amend(tables, name, bio="Hello")) is None
    assert await holders(tables) == [ALICE] * 2 + [BOB]
    # Who leaves frees nothing that is the other's.
    await office(tables).leave(BOB, anybody, actor=BOB)
    assert await holders(tables) == [ALICE] * 2


async def test_who_gives_a_shared_name_up_leaves_it_to_the_other(tables: Stored) -> None:
    for name in (ALICE, BOB):
        await tables.put(User, member(name, username="same"))
    await amend(tables, ALICE, bio="Hello")
    assert code_of(await amend(tables, BOB, username="robert")) is None
    assert await holders(tables) == [ALICE] * 2 + [BOB] * 2
    assert code_of(await office(tables).join(member(EVE, username="same"))) is Code.DUPLICATE_USERNAME


async def test_an_old_name_that_is_the_id_of_another_stays(tables: Stored) -> None:
    await tables.put(User, member(ALICE, username="archer"))
    await tables.put(User, member(BOB, username=ALICE))
    assert code_of(await amend(tables, BOB, bio="Hello")) is None


async def test_a_name_that_a_member_takes_on_two_hosts_at_once_is_theirs(tables: Stored) -> None:
    await office(tables).join(member(ALICE))
    other, changes = Members(tables.undisturbed, tables.transactions, tables.tick), {"username": {"S": "alicia"}}
    overtake(tables, lambda: other.amend(ALICE, changes, anybody, actor=ALICE), before="query")
    assert code_of(await amend(tables, ALICE, username="alicia")) is None
    assert await holders(tables) == [ALICE] * 2


async def test_a_name_that_only_the_index_still_shows_is_free(tables: Stored) -> None:
    await tables.put(User, member(ALICE))
    read = tables.store.get

    async def renamed(table: Any, key: Any, **options: Any) -> Item | None:
        row = await read(table, key, **options)
        return row and {**row, "username": {"S": "renamed"}, "email": {"S": "new@example.org"}}

    tables.store.get = renamed  # type: ignore[method-assign]  # the index lags behind the table
    office_of = office(tables)
    assert code_of(await office_of.join(member(BOB, username="Alice", email=f"{ALICE}@example.org"))) is None


@pytest.mark.parametrize(
    "name", ["alice", "alice::me", "0b0e1f54-9c5e-4c53-8d43-0e9d2b0ce0aa", "0B0E1F54-9C5E-4C53-8D43-0E9D2B0CE0AA"]
)
async def test_no_name_is_the_id_of_another(tables: Stored, name: str) -> None:
    await office(tables).join(member(ALICE, username="archer"))
    refused = await office(tables).join(member(BOB, username=name))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.DUPLICATE_USERNAME, {"field": "username"})
    assert "id of a member" in refused.message


@pytest.mark.parametrize("name", [ALICE, f"{ALICE}::alice", "::alice"])
async def test_a_name_may_be_the_own_id(tables: Stored, name: str) -> None:
    assert code_of(await office(tables).join(member(ALICE, username=name))) is None


async def test_a_name_is_no_id_of_who_joins_meanwhile(tables: Stored) -> None:
    other = member(ALICE, username="archer")
    overtake(tables, lambda: Members(tables.undisturbed, tables.transactions, tables.tick).join(other))
    refused = await office(tables).join(member(BOB, username=ALICE))
    assert code_of(refused) is Code.DUPLICATE_USERNAME


async def test_a_name_that_is_taken_meanwhile_is_refused(tables: Stored) -> None:
    other = member(ALICE, username="same")
    overtake(tables, lambda: Members(tables.undisturbed, tables.transactions, tables.tick).join(other))
    assert code_of(await office(tables).join(member(BOB, username="Same"))) is Code.DUPLICATE_USERNAME
    assert await holders(tables) == [ALICE] * 2


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_a_change_is_made_once_however_often_it_is_tried(tables: Stored, fault: Fault) -> None:
    await office(tables).join(member(ALICE))
    tables.calls.plan = each_write(fault)
    now = tables.tick()
    changes = {"username": {"S": "alicia"}, "bio": None, **item_of(User, updatedAt=now)}
    changed = await office(tables).amend(ALICE, changes, lambda row: row["username"]["S"] == "alice", actor=ALICE)
    assert changed == member(ALICE, username="alicia", updatedAt=now, cognitoId=ALICE)
    assert await rows(tables.undisturbed, User) == [changed]
    assert tables.strict.queued == [[ALICE], [ALICE]]


async def test_a_change_is_decided_on_the_row_as_it_is_written(tables: Stored) -> None:
    await office(tables).join(member(ALICE))
    overtake(tables, lambda: tables.change(User, ALICE, username="other"))
    with pytest.raises(ConditionFailedError):
        await office(tables).amend(
            ALICE, {"bio": {"S": "Hi"}}, lambda row: row["username"]["S"] == "alice", actor=ALICE
        )
    with pytest.raises(ConditionFailedError) as absent:
        await office(tables).amend(EVE, {"bio": {"S": "Hi"}}, anybody, actor=EVE)
    assert absent.value.item is None


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("username", "ali\u202ece"),
        ("username", "a" * 101),
        ("username", "alice\x1b[2J"),
        ("email", "a\u200b@example.org"),
        ("email", "a @example.org"),
        ("firstName", "A\x00"),
        ("lastName", "\u2066B"),
    ],
)
async def test_a_name_is_seen_for_what_it_is(tables: Stored, field: str, asked: str) -> None:
    await office(tables).join(member(ALICE))
    for refused in (
        await office(tables).join(member(BOB, **{field: asked})),
        await amend(tables, ALICE, **{field: asked}),
    ):
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts) == (Code.BAD_REQUEST, {"field": field})
        assert refused.message.startswith(f"{field}: ")
    assert len(await rows(tables.undisturbed, User)) == 1


@pytest.mark.parametrize(
    ("field", "longest"), [("username", 100), ("email", 254), ("firstName", 200), ("lastName", 200)]
)
async def test_a_name_is_as_long_as_it_may_be_and_no_longer(tables: Stored, field: str, longest: int) -> None:
    assert code_of(await office(tables).join(member(ALICE, **{field: "a" * (longest + 1)}))) is Code.BAD_REQUEST
    assert code_of(await office(tables).join(member(ALICE, **{field: "a" * longest}))) is None


# Persian and Sinhala join letters by what nobody sees.
@pytest.mark.parametrize(
    "name", ["Mary Ann", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u0d9a\u0dca\u200d\u0dc2\u0dda\u0db8"]
)
async def test_people_are_called_what_they_are_called(tables: Stored, name: str) -> None:
    assert code_of(await office(tables).join(member(ALICE, firstName=name, lastName=name))) is None


async def test_an_odd_name_that_is_stored_stays_while_another_field_changes(tables: Stored) -> None:
    await tables.put(User, member(ALICE, username="ali\u202ece", firstName="A\x00"))
    changed = await amend(tables, ALICE, username="ali\u202ece", firstName="A\x00", bio="Hello")
    assert isinstance(changed, dict)
    assert changed["bio"] == {"S": "Hello"}


async def test_a_member_is_found_by_any_of_their_names(tables: Stored) -> None:
    await office(tables).join(member(ALICE))
    names = UniqueNames(tables.store)
    for text in (ALICE, ALICE.upper(), f"{ALICE}@example.org", f"{ALICE}@EXAMPLE.org"):
        assert await names.holder(text) == ALICE
    assert await names.holder(BOB) is None
    # Who is from before there were guards is found as they spell themselves.
    await tables.put(User, member(BOB))
    assert [await names.holder(text) for text in (BOB, f"{BOB}@example.org", BOB.upper())] == [BOB, BOB, None]
