"""Rules as Amplify's schemas have them: by API key, by the way rows are read, with an undeclared owner."""

from dataclasses import replace
from typing import Any

import pytest

from models.tables.base import KeyAttribute, index, table
from resolvers.identity.callers import GUEST, Caller
from resolvers.mirror.authorization import admits, may_call, may_read, model_for
from resolvers.mirror.subscriptions import _pins
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model, Operations
from schema.amplify.keys import Finder
from schema.amplify.rules import EVERYTHING, READING, AuthRule, Groups, Operation, Owner, Private, Public, Way
from schema.amplify.stored_fields import Field
from tests.unit.mirror import ADMIN, ALICE, BOB, EVE, MemoryStore, app_over, execute

BY_OWNER = index("byOwner", "owner", "createdAt")
NOTES = table("Note", KeyAttribute("id"), indexes=[BY_OWNER])
_TYPES = {
    "id": "ID!",
    "text": "String",
    "createdAt": "AWSDateTime!",
    "updatedAt": "AWSDateTime!",
}
GUESTS = Public(READING, is_for_guests_only=True)
QUALIFIED = Owner("owner", EVERYTHING, is_qualified=True)


def app(*rules: AuthRule) -> Catalogue:
    """Return an app with one type, under some rules."""
    fields = {name: Field.of(name, graphql_type) for name, graphql_type in _TYPES.items()}
    fields["owner"] = Field.of("owner", "String", is_owner=True)
    fields["editors"] = Field.of("editors", "[String]")
    return Catalogue.of(
        [
            Model(
                name="Note",
                table=NOTES,
                rules=rules,
                fields=fields,
                primary=Finder.of_table(NOTES),
                finders={"byOwner": Finder.of_index(BY_OWNER)},
                operations=Operations.usual("Note"),
                unwritable=frozenset({"owner", "createdAt", "updatedAt"}),
            )
        ]
    )


async def run(store: MemoryStore, catalogue: Catalogue, caller: Any, query: str) -> Any:
    """Return an operation's data, or the type of its error."""
    data, errors = await execute(app_over(store, catalogue), store, caller, query)
    return errors[0]["errorType"] if errors else data


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for key, owner in (("a", "sub-alice::alice"), ("b", "sub-bob::bob")):
        store.add(NOTES, id=key, owner=owner, text=key, createdAt=key, updatedAt=key)
    return store


async def test_who_is_signed_in_is_not_admitted_by_a_rule_for_api_keys(store: MemoryStore) -> None:
    query = '{ getNote(id: "a") { text } }'
    catalogue = app(GUESTS)
    assert await run(store, catalogue, GUEST, query) == {"getNote": {"text": "a"}}
    assert await run(store, catalogue, ALICE, query) == "Unauthorized"
    assert await run(store, app(replace(GUESTS, is_for_guests_only=False)), ALICE, query) == {
        "getNote": {"text": "a"}
    }


async def test_an_api_key_may_write_where_a_rule_says_so(store: MemoryStore) -> None:
    create = 'mutation { createNote(input: {id: "c", text: "c"}) { id owner } }'
    catalogue = app(replace(GUESTS, operations=EVERYTHING), QUALIFIED)
    assert await run(store, catalogue, GUEST, create) == {"createNote": {"id": "c", "owner": None}}
    assert await run(store, app(GUESTS), GUEST, create) == "Unauthorized"
    delete = 'mutation { deleteNote(input: {id: "a"}) { id } }'
    assert await run(store, catalogue, GUEST, delete) == {"deleteNote": {"id": "a"}}


@pytest.mark.parametrize(
    ("ways", "allowed"),
    [({Way.GET}, [True, False, False]), ({Way.LIST}, [False, True, False]), ({Way.LISTEN}, [False, False, True])],
)
@pytest.mark.parametrize("kind", ["private", "groups", "guests"])
async def test_a_rule_may_allow_one_way_of_reading_only(
    store: MemoryStore, kind: str, ways: set[Way], allowed: list[bool]
) -> None:
    rules: dict[str, AuthRule] = {
        "private": Private(READING, ways=frozenset(ways)),
        "groups": Groups(frozenset({"admin"}), READING, ways=frozenset(ways)),
        "guests": replace(GUESTS, ways=frozenset(ways)),
    }
    caller = {"private": BOB, "groups": ADMIN, "guests": GUEST}[kind]
    catalogue = app(rules[kind])
    got = await run(store, catalogue, caller, '{ getNote(id: "a") { id } }')
    listed = await run(store, catalogue, caller, "{ listNotes { items { id } } }")
    model = catalogue.models["Note"]
    heard = may_read(caller, model_for(caller, model, Way.LISTEN), store.rows[NOTES, "a"])
    assert [got != "Unauthorized", listed != "Unauthorized", heard] == allowed
    assert admits(caller, model, Operation.READ)


async def test_an_owner_whom_nobody_declares_is_stored_with_sub_and_name(store: MemoryStore) -> None:
    catalogue = app(QUALIFIED)
    create = 'mutation { createNote(input: {id: "c"}) { owner } }'
    assert await run(store, catalogue, ALICE, create) == {"createNote": {"owner": "alice"}}
    assert store.rows[NOTES, "c"]["owner"] == {"S": "sub-alice::alice"}
    assert "owner" not in app_over(store, catalogue).as_str().split("input CreateNoteInput")[1].split("}")[0]


async def test_owners_list_their_rows_by_that_name(store: MemoryStore) -> None:
    found = await run(store, app(QUALIFIED), ALICE, "{ listNotes { items { id owner } } }")
    assert found == {"listNotes": {"items": [{"id": "a", "owner": "alice"}]}}
    names = ("sub-alice::alice", "alice", "sub-alice")  # an update may have named the next owner by either
    assert store.reads == [("query", ("Note", "byOwner", name)) for name in names]
    update = 'mutation { updateNote(input: {id: "b", text: "mine"}) { id } }'
    assert await run(store, app(QUALIFIED), ALICE, update) == "Unauthorized"
    assert await run(store, app(QUALIFIED), BOB, update) == {"updateNote": {"id": "b"}}


async def test_owners_without_an_index_find_their_rows_among_all(store: MemoryStore) -> None:
    model = replace(app(QUALIFIED).models["Note"], finders={})
    found = await run(store, Catalogue.of([model]), BOB, "{ listNotes { items { id } nextToken } }")
    assert found == {"listNotes": {"items": [{"id": "b"}], "nextToken": None}}
    assert store.reads == [("scan", "Note")]


EDITORS = Owner("editors", EVERYTHING)


async def test_a_field_may_list_several_owners(store: MemoryStore) -> None:
    store.add(NOTES, id="c", owner="sub-bob::bob", editors=["sub-eve", "alice"], createdAt="c", updatedAt="c")
    catalogue = app(QUALIFIED, EDITORS)
    get = '{ getNote(id: "c") { editors } }'
    for caller in (ALICE, BOB):
        assert await run(store, catalogue, caller, get) == {"getNote": {"editors": ["sub-eve", "alice"]}}
    assert await run(store, catalogue, EVE, '{ getNote(id: "b") { id } }') == "Unauthorized"
    listed = await run(store, catalogue, ALICE, "{ listNotes { items { id } nextToken } }")
    assert listed == {"listNotes": {"items": [{"id": "a"}, {"id": "c"}], "nextToken": None}}
    update = 'mutation { updateNote(input: {id: "%s", text: "x"}) { id } }'
    assert await run(store, catalogue, EVE, update % "c") == {"updateNote": {"id": "c"}}
    assert await run(store, catalogue, EVE, update % "b") == "Unauthorized"


async def test_an_editors_rows_are_found_among_anothers(store: MemoryStore) -> None:
    store.add(NOTES, id="c", owner="sub-bob::bob", editors=["sub-alice"], createdAt="c", updatedAt="c")
    catalogue = app(QUALIFIED, EDITORS)
    note = catalogue.models["Note"]
    finder = Finder.of_index(BY_OWNER, query="notesByOwner")
    found = Catalogue.of([replace(note, finders={"byOwner": finder})])
    query = '{ notesByOwner(owner: "sub-bob::bob") { items { id } nextToken } }'
    assert await run(store, found, ALICE, query) == {"notesByOwner": {"items": [{"id": "c"}], "nextToken": None}}


async def test_who_creates_a_row_is_its_first_editor_unless_others_are_named(store: MemoryStore) -> None:
    catalogue = app(EDITORS)
    create = "mutation ($e: [String]) { createNote(input: {editors: $e}) { editors } }"

    async def editors(given: list[str] | None) -> Any:
        data, errors = await execute(app_over(store, catalogue), store, ALICE, create, e=given)
        return errors[0]["errorType"] if errors else data["createNote"]["editors"]

    assert await editors(None) == ["sub-alice"]
    assert await editors(["sub-bob", "sub-alice"]) == ["sub-bob", "sub-alice"]
    assert await editors(["sub-bob"]) == "Unauthorized"


@pytest.mark.parametrize(
    ("rule", "admitted"),
    [
        (Private(EVERYTHING), [ALICE, ADMIN]),
        (GUESTS, [GUEST]),
        (Groups(frozenset({"admin"}), EVERYTHING), [ADMIN]),
        (Groups(frozenset({"red"}), EVERYTHING, claim="teams"), [replace(ALICE, claims=(("teams", ("red",)),))]),
        (QUALIFIED, []),
    ],
)
def test_a_call_is_for_those_whom_a_rule_admits_without_a_row(rule: AuthRule, admitted: list[Caller]) -> None:
    callers = {ALICE, ADMIN, GUEST, *admitted}
    assert {caller for caller in callers if may_call(caller, [rule])} == (
        {*admitted, *callers} - {GUEST} if isinstance(rule, Private) else {*admitted}
    )
    assert not any(may_call(caller, []) for caller in callers)


def test_subscriptions_are_narrowed_by_single_owners_who_may_listen() -> None:
    model = app(QUALIFIED, EDITORS).models["Note"]
    assert model.heard_owners == ("owner",)
    assert app(replace(QUALIFIED, ways=frozenset({Way.GET}))).models["Note"].heard_owners == ()
    assert _pins(ALICE, model, {}, {}) is None
