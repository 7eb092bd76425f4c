"""Rules about groups that a row names, and about members and groups that any claim of a token names."""

from typing import Any

import pytest

from models.storage.store import Item
from resolvers.identity.callers import GUEST, Caller
from resolvers.mirror.filtered_pages import CALL_BUDGET
from schema.amplify.catalogue import Catalogue
from schema.amplify.sdl.declaring import catalogue_of
from tests.unit.mirror import ALICE, EVE, MemoryStore, app_over, execute
from tests.unit.schema.amplify.sdl.texts import app_of

TYPE = """type Case @model @auth(rules: [%s]) {
  id: ID! team: String teams: [String] text: String
  kind: String @index(name: "byKind", queryField: "casesByKind") owner: String editors: [String] }"""
RED = Caller("sub-red", "red", frozenset({"red"}))
BOTH = Caller("sub-both", "both", frozenset({"red", "blue"}))
BY_TEAM = '{ allow: groups, groupsField: "team" }'
BY_TEAMS = '{ allow: groups, groupsField: "teams" }'


def app(*rules: str) -> Catalogue:
    return catalogue_of(app_of(TYPE % " ".join(rules)))


def filled(catalogue: Catalogue) -> MemoryStore:
    store, table = MemoryStore(), catalogue.models["Case"].table
    for key, teams in (("a", ["red"]), ("b", ["blue", "red"]), ("c", ["green"])):
        moments = {"createdAt": key, "updatedAt": key}
        store.add(table, id=key, team=teams[0], teams=teams, kind="k", editors=[f"of-{key}"], **moments)
    return store


async def run(catalogue: Catalogue, store: MemoryStore, caller: Caller, query: str) -> Any:
    """Return an operation's field, or the type of its error."""
    data, errors = await execute(app_over(store, catalogue), store, caller, query)
    return errors[0]["errorType"] if errors else next(iter(data.values()))


async def listed(catalogue: Catalogue, store: MemoryStore, caller: Caller, query: str) -> Any:
    page = await run(catalogue, store, caller, query)
    return page if isinstance(page, str) else [row["id"] for row in page["items"]]


LIST, BY_KIND = "{ listCases { items { id } } }", '{ casesByKind(kind: "k") { items { id } } }'


@pytest.mark.parametrize(
    ("rule", "of_red", "of_both"), [(BY_TEAM, ["a"], ["a", "b"]), (BY_TEAMS, ["a", "b"], ["a", "b"])]
)
@pytest.mark.parametrize("query", [LIST, BY_KIND])
async def test_a_group_finds_the_rows_that_name_it(
    rule: str, of_red: list[str], of_both: list[str], query: str
) -> None:
    catalogue = app(rule)
    store = filled(catalogue)
    assert await listed(catalogue, store, RED, query) == of_red
    assert sorted(await listed(catalogue, store, BOTH, query)) == of_both
    # As Amplify has it, whoever is in no group may not ask.
    for caller in (ALICE, GUEST):
        assert await listed(catalogue, store, caller, query) == "Unauthorized"


async def test_rows_of_a_group_are_found_by_an_index_of_ours() -> None:
    catalogue = app(BY_TEAM)
    store = filled(catalogue)
    await listed(catalogue, store, BOTH, LIST)
    assert store.reads == [("query", ("Case", "own-team", team)) for team in ("blue", "red")]


async def test_for_very_many_groups_the_table_is_read_in_bounds_instead() -> None:
    catalogue = app(BY_TEAM)
    store = filled(catalogue)
    many = Caller("sub-many", "many", frozenset({f"g{number}" for number in range(CALL_BUDGET)} | {"green"}))
    assert await listed(catalogue, store, many, LIST) == ["c"]
    assert store.reads == [("scan", "Case")]
    store.reads.clear()
    assert await listed(catalogue, store, many, BY_KIND) == ["c"]
    assert store.reads == [("query", ("Case", "byKind", "k"))]


async def test_a_row_is_written_by_the_groups_that_it_names() -> None:
    catalogue = app(BY_TEAM, '{ allow: groups, groupsField: "teams", operations: [read, update] }')
    store = filled(catalogue)
    create = 'mutation { createCase(input: {id: "%s", team: "%s"}) { id } }'
    assert await run(catalogue, store, RED, create % ("d", "red")) == {"id": "d"}
    assert await run(catalogue, store, RED, create % ("e", "blue")) == "Unauthorized"
    assert await run(catalogue, store, EVE, create % ("e", "red")) == "Unauthorized"
    update = 'mutation { updateCase(input: {id: "%s", text: "x"}) { id } }'
    assert await run(catalogue, store, RED, update % "b") == {"id": "b"}
    assert await run(catalogue, store, RED, update % "c") == "Unauthorized"
    delete = 'mutation { deleteCase(input: {id: "%s"}) { id } }'
    assert await run(catalogue, store, RED, delete % "b") == "Unauthorized"
    assert await run(catalogue, store, RED, delete % "a") == {"id": "a"}
    # Once it names another group, it is that group's.
    assert await run(catalogue, store, RED, 'mutation { updateCase(input: {id: "d", team: "blue"}) { id } }')
    assert await run(catalogue, store, RED, '{ getCase(id: "d") { id } }') == "Unauthorized"


def of(**claims: tuple[str, ...]) -> Caller:
    return Caller("sub-x", "x", claims=tuple(sorted(claims.items())))


@pytest.mark.parametrize(
    ("rule", "caller", "expected"),
    [
        ('{ allow: groups, groupsField: "team", groupClaim: "teams" }', of(teams=("green",)), ["c"]),
        ('{ allow: groups, groups: ["crew"], groupClaim: "teams" }', of(teams=("crew",)), ["a", "b", "c"]),
        ('{ allow: groups, groups: ["crew"], groupClaim: "teams" }', of(roles=("crew",)), "Unauthorized"),
        ('{ allow: owner, ownerField: "team", identityClaim: "mail" }', of(mail=("blue",)), ["b"]),
        ('{ allow: owner, ownerField: "editors", identityClaim: "mail" }', of(mail=("of-c",)), ["c"]),
        # Whoever lacks the claim owns nothing; neither a name nor a `sub` stands for it.
        ('{ allow: owner, ownerField: "team", identityClaim: "mail" }', Caller("red", "red"), "Unauthorized"),
        ('{ allow: owner, ownerField: "team", identityClaim: "sub" }', Caller("s", "red"), []),
        ('{ allow: owner, ownerField: "team", identityClaim: "sub" }', Caller("red", "s"), ["a"]),
        ('{ allow: owner, ownerField: "team", identityClaim: "mail::sub" }', of(), "Unauthorized"),
    ],
)
async def test_a_rule_may_go_by_any_claim(rule: str, caller: Caller, expected: Any) -> None:
    catalogue = app(rule)
    assert await listed(catalogue, filled(catalogue), caller, LIST) == expected


async def created(catalogue: Catalogue, caller: Caller) -> Item | str:
    store = MemoryStore()
    made = await run(catalogue, store, caller, 'mutation { createCase(input: {id: "n"}) { owner } }')
    return made if isinstance(made, str) else store.rows[catalogue.models["Case"].table, "n"].get("owner", {})


@pytest.mark.parametrize(
    ("claim", "caller", "stored"),
    [
        ("mail", of(mail=("m@x",)), {"S": "m@x"}),
        ("mail::sub", of(mail=("m@x",)), {"S": "m@x::sub-x"}),
        ("mail::sub", of(), "Unauthorized"),
        # Whose claim looks like two could pass for another.
        ("mail::sub", of(mail=("m::x",)), "Unauthorized"),
    ],
)
async def test_a_new_row_names_its_owner_by_the_claims(claim: str, caller: Caller, stored: Any) -> None:
    catalogue = app(f'{{ allow: owner, identityClaim: "{claim}" }}')
    assert await created(catalogue, caller) == stored


async def test_one_field_may_name_owners_by_several_claims() -> None:
    catalogue = app('{ allow: owner, identityClaim: "mail" }', '{ allow: owner, identityClaim: "sub" }')
    store, table = MemoryStore(), catalogue.models["Case"].table
    for key, owner in (("a", "m@x"), ("b", "sub-x"), ("c", "x")):
        store.add(table, id=key, owner=owner, createdAt=key, updatedAt=key)
    assert await listed(catalogue, store, of(mail=("m@x",)), LIST) == ["a", "b"]


async def test_who_is_handed_a_row_by_name_finds_it_among_their_own() -> None:
    catalogue = app("{ allow: owner }")
    store, table = MemoryStore(), catalogue.models["Case"].table
    store.add(table, id="a", owner="sub-alice::alice", createdAt="a", updatedAt="a")
    hand_over = 'mutation { updateCase(input: {id: "a", owner: "eve"}) { id } }'
    assert await run(catalogue, store, ALICE, hand_over) == {"id": "a"}
    assert await listed(catalogue, store, EVE, LIST) == ["a"]
    assert await listed(catalogue, store, ALICE, LIST) == []
