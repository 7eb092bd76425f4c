"""Rules of single fields, as Amplify has them: who reads a field of a row, asks for rows by it, or writes it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import orjson
import pytest

from models import clock
from models.changes import ChangeKind
from models.tables import Table
from resolvers.context import RequestContext
from resolvers.feed.row_changes import RowChange
from resolvers.identity.callers import GUEST, Caller
from resolvers.mirror.field_rules import asking
from resolvers.mirror.mutations import Mutations
from resolvers.mirror.paging import PageTokens
from resolvers.mirror.queries import Queries
from resolvers.mirror.resolver import Mirror
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.mirror.type_rules import TypeRules
from resolvers.plans.planner import Planner
from schema.amplify.catalogue import Catalogue
from schema.amplify.rules import Owner, Way
from schema.amplify.sdl.declaring import catalogue_of
from schema.build import MirrorSchema, build_schema
from schema.errors import UnauthorizedError
from tests.security.backends import Announcements
from tests.unit.mirror import ALICE, BOB, EVE, MemoryStore, app_over, execute
from tests.unit.schema.amplify.sdl.texts import app_of

STAFF = """
type Team @model @auth(rules: [{ allow: private }]) {
  id: ID!
  people: [Person] @hasMany(indexName: "byTeam", fields: ["id"])
}

type Person @model @auth(rules: [
  { allow: private, operations: [create, read, update] } { allow: owner, ownerField: "who", identityClaim: "sub" }
]) {
  id: ID!
  who: ID
  teamId: ID @index(name: "byTeam", sortKeyFields: ["salary"], queryField: "peopleByTeam")
  name: String
  salary: Float! @auth(rules: [
    { allow: owner, ownerField: "who", identityClaim: "sub" } { allow: groups, groups: ["payroll"] }
    { allow: private, operations: [create] }
  ])
  grade: String @auth(rules: [{ allow: owner, ownerField: "who", identityClaim: "sub" }])
  home: Home
  notes: [Note] @hasMany(indexName: "byPerson", fields: ["id"])
    @auth(rules: [{ allow: owner, ownerField: "who", identityClaim: "sub" }])
}

type Home { street: String door: String @auth(rules: [{ allow: groups, groups: ["payroll"] }]) }

type Note @model @auth(rules: [{ allow: private }]) {
  id: ID!
  personId: ID @index(name: "byPerson")
  text: String
}
"""
PAYROLL = Caller("sub-pay", "pay", frozenset({"payroll"}))


@pytest.fixture(scope="module")
def app() -> Catalogue:
    return catalogue_of(app_of(STAFF))


@pytest.fixture
def store(app: Catalogue) -> MemoryStore:
    store, moments = MemoryStore(), {"createdAt": "2026-01-01", "updatedAt": "2026-01-01"}
    for number, name in enumerate(("alice", "bob")):
        person = {"id": name, "who": f"sub-{name}", "teamId": "t", "name": name, "grade": f"g{number}"}
        store.add(table(app, "Person"), **person, salary=number + 1, **moments)
        home = {"M": {"street": {"S": "High Street"}, "door": {"S": "7"}}}
        store.rows[table(app, "Person"), name]["home"] = home
        store.add(table(app, "Note"), id=f"n-{name}", personId=name, text="x", **moments)
    store.add(table(app, "Team"), id="t", **moments)
    return store


def table(app: Catalogue, name: str) -> type[Table]:
    return app.models[name].table


async def ask(app: Catalogue, store: MemoryStore, caller: Caller, query: str) -> tuple[Any, list[dict[str, Any]]]:
    return await execute(app_over(store, app), store, caller, query)


async def refusal(app: Catalogue, store: MemoryStore, caller: Caller, query: str) -> tuple[str, str]:
    _, (error,) = await ask(app, store, caller, query)
    return error["errorType"], error["message"]


NOT_SALARY = ("Unauthorized", "Not Authorized to access salary on type Person")


async def test_a_field_that_is_refused_is_null_with_an_error(app: Catalogue, store: MemoryStore) -> None:
    query = '{ getPerson(id: "alice") { name grade } }'
    assert await ask(app, store, ALICE, query) == ({"getPerson": {"name": "alice", "grade": "g0"}}, [])
    data, (error,) = await ask(app, store, BOB, query)
    assert data == {"getPerson": {"name": "alice", "grade": None}}
    assert (error["errorType"], error["path"]) == ("Unauthorized", ["getPerson", "grade"])
    assert error["message"] == "Not Authorized to access grade on type Person"


async def test_a_required_one_takes_its_row_with_it(app: Catalogue, store: MemoryStore) -> None:
    data, (error,) = await ask(app, store, BOB, '{ getPerson(id: "alice") { name salary } }')
    assert (data, error["path"]) == ({"getPerson": None}, ["getPerson", "salary"])
    data, errors = await ask(app, store, PAYROLL, "{ listPeople { items { salary } } }")
    assert (data, errors) == ({"listPeople": {"items": [{"salary": 1.0}, {"salary": 2.0}]}}, [])


async def test_a_relation_has_rules_too(app: Catalogue, store: MemoryStore) -> None:
    query = '{ getPerson(id: "alice") { notes { items { id } } } }'
    data, errors = await ask(app, store, ALICE, query)
    assert (data["getPerson"]["notes"], errors) == ({"items": [{"id": "n-alice"}]}, [])
    data, (error,) = await ask(app, store, BOB, query)
    assert (data["getPerson"]["notes"], error["path"]) == (None, ["getPerson", "notes"])


async def test_a_part_of_what_stands_in_a_row_has_rules_too(app: Catalogue, store: MemoryStore) -> None:
    query = '{ getPerson(id: "alice") { home { street door } } }'
    data, errors = await ask(app, store, PAYROLL, query)
    assert (data["getPerson"]["home"], errors) == ({"street": "High Street", "door": "7"}, [])
    data, (error,) = await ask(app, store, ALICE, query)
    assert data["getPerson"]["home"] == {"street": "High Street", "door": None}
    assert error["path"] == ["getPerson", "home", "door"]


@pytest.mark.parametrize(
    "query",
    [
        "{ listPeople(filter: {salary: {gt: 0}}) { items { id } } }",
        "{ listPeople(filter: {or: [{not: {salary: {gt: 5}}}]}) { items { id } } }",
        # What is sorted by it tells which is greater.
        '{ peopleByTeam(teamId: "t") { items { id } } }',
        '{ peopleByTeam(teamId: "t", salary: {gt: 0}) { items { id } } }',
        '{ getTeam(id: "t") { people { items { id } } } }',
    ],
)
async def test_nobody_learns_a_value_by_asking_for_it(app: Catalogue, store: MemoryStore, query: str) -> None:
    async def found(caller: Caller) -> list[str]:
        data, errors = await ask(app, store, caller, query)
        assert errors == []
        (page,) = data.values()
        return [row["id"] for row in page.get("people", page)["items"]]

    assert await found(PAYROLL) == ["alice", "bob"]
    assert await found(ALICE) == ["alice"]
    assert await found(EVE) == []


def test_who_may_read_a_field_of_no_row_is_told(app: Catalogue) -> None:
    person = app.models["Person"]
    nobodys = replace(person, field_rules={**person.field_rules, "salary": ()})
    with pytest.raises(UnauthorizedError, match="Not Authorized to access salary on type Person"):
        asking(ALICE, nobodys, ["name", "salary"], Way.LIST)
    assert [type(rule) for rule in asking(ALICE, person, ["name", "grade"], Way.LIST).rules] == [Owner]
    assert asking(PAYROLL, person, ["name", "salary"], Way.LIST) is person


async def test_a_condition_is_no_way_to_learn_a_value(app: Catalogue, store: MemoryStore) -> None:
    query = 'mutation { updatePerson(input: {id: "alice", name: "x"}, condition: {salary: {eq: 1}}) { name } }'
    assert await refusal(app, store, BOB, query) == NOT_SALARY
    assert (await ask(app, store, ALICE, query))[1] == []


async def test_nor_is_making_the_same_row_again(app: Catalogue, store: MemoryStore) -> None:
    create = 'mutation { createPerson(input: {id: "c", who: "sub-eve", name: "c", salary: 3}) { id } }'
    assert (await ask(app, store, EVE, create))[1] == []
    assert (await ask(app, store, EVE, create))[1] == []
    assert (await refusal(app, store, BOB, create))[0] == "DynamoDB:ConditionalCheckFailedException"


async def test_a_write_gives_only_what_the_rules_of_its_fields_allow(app: Catalogue, store: MemoryStore) -> None:
    async def written(caller: Caller, operation: str, given: str) -> str:
        before = dict(store.rows)
        query = f"mutation {{ {operation}Person(input: {{{given}}}) {{ id }} }}"
        _, errors = await ask(app, store, caller, query)
        assert errors == [] or store.rows == before
        return "" if not errors else errors[0]["message"]

    assert await written(BOB, "update", 'id: "alice", name: "x"') == ""
    assert await written(BOB, "update", 'id: "alice", name: "x", grade: "x", salary: 9') == (
        "Unauthorized on [salary, grade]"
    )
    # To take a value away is to delete it.
    assert await written(BOB, "update", 'id: "alice", name: null') == "Unauthorized on [name]"
    assert await written(ALICE, "update", 'id: "alice", name: null, grade: null') == ""
    assert await written(BOB, "create", 'who: "sub-eve", salary: 1') == ""
    assert await written(BOB, "create", 'who: "sub-eve", salary: 1, grade: "x"') == "Unauthorized on [grade]"
    # One deletes a row who may delete each of its fields.
    assert "Not Authorized" in await written(PAYROLL, "delete", 'id: "alice"')
    assert await written(ALICE, "delete", 'id: "alice"') == ""


async def test_what_a_mutation_answers_goes_to_subscribers_and_lacks_the_field(
    app: Catalogue, store: MemoryStore
) -> None:
    query = 'mutation { updatePerson(input: {id: "alice", grade: "a"}) { name grade notes { items { id } } } }'
    data, errors = await ask(app, store, ALICE, query)
    assert (data["updatePerson"], errors) == ({"name": "alice", "grade": None, "notes": None}, [])
    silent = replace(app.models["Person"], operations=replace(app.models["Person"].operations, on_create=()))
    assert silent.tells_subscribers
    quiet = catalogue_of(app_of(STAFF.replace("Person @model", "Person @model(subscriptions: null)")))
    data, errors = await ask(quiet, moved(store, app, quiet), ALICE, query)
    assert data["updatePerson"]["grade"] == "a"


def moved(store: MemoryStore, app: Catalogue, to: Catalogue) -> MemoryStore:
    """Return a store with the same rows in the tables of another catalogue."""
    tables, other = {model.table: to.models[name].table for name, model in app.models.items()}, MemoryStore()
    other.rows = {(tables[of], key): item for (of, key), item in store.rows.items()}
    return other


def told(app: Catalogue, store: MemoryStore, *rows: str) -> MirrorSchema:
    """Return the app, in which these people's rows have just been created."""
    feed = Announcements()
    feed.changes = [RowChange(ChangeKind.CREATE, store.rows[table(app, "Person"), name], 0) for name in rows]
    writes, subscriptions = Mutations(store, clock.now, TypeRules()), Subscriptions(cast("Any", feed))
    return build_schema(app, Mirror(app, Queries(store, PageTokens(b"secret")), writes, subscriptions))


async def events(schema: MirrorSchema, store: MemoryStore, caller: Caller, query: str) -> Sequence[Any]:
    stream: Any = await schema.stream(query, context_value=RequestContext(store, caller, {}))
    return [result async for result in stream]


async def test_events_lack_it_for_everybody(app: Catalogue, store: MemoryStore) -> None:
    query = "subscription { onCreatePerson { id grade home { door } notes { items { id } } } }"
    for caller in (ALICE, EVE, PAYROLL):
        (event,) = await events(told(app, store, "alice"), store, caller, query)
        lacking = {"id": "alice", "grade": None, "home": {"door": None}, "notes": None}
        assert (event.data, event.errors) == ({"onCreatePerson": lacking}, None)


async def test_a_subscription_by_its_value_hears_of_rows_in_which_one_may_read_it(
    app: Catalogue, store: MemoryStore
) -> None:
    query = "subscription { onCreatePerson(filter: {salary: {gt: 0}}) { id } }"
    schema = told(app, store, "alice", "bob")

    async def heard(caller: Caller) -> list[str]:
        return [event.data["onCreatePerson"]["id"] for event in await events(schema, store, caller, query)]

    assert await heard(ALICE) == ["alice"]
    assert await heard(PAYROLL) == ["alice", "bob"]
    assert await heard(EVE) == []


@pytest.mark.parametrize("caller", [ALICE, EVE, PAYROLL])
@pytest.mark.parametrize(
    "query", ['{ getPerson(id: "alice") { name grade } }', "{ listPeople { items { name salary } } }"]
)
async def test_a_plan_gives_the_same_answer_or_leaves_it_to_graphql_core(
    app: Catalogue, store: MemoryStore, caller: Caller, query: str
) -> None:
    planned = Planner(app_over(store, app)).planned(query, None, {})
    assert planned is not None
    answer = await planned.answer(RequestContext(store, caller, {}))
    data, errors = await ask(app, store, caller, query)
    assert answer is None if errors else orjson.loads(cast("bytes", answer)) == {"data": data}


def test_an_event_that_needs_a_required_field_is_left_to_graphql_core(app: Catalogue, store: MemoryStore) -> None:
    planner = Planner(app_over(store, app))
    assert planner.subscription("subscription { onCreatePerson { id grade } }", None, {}) is not None
    assert planner.subscription("subscription { onCreatePerson { id salary } }", None, {}) is None


SHOUTS = """type Shout @model(subscriptions: { level: public }) @auth(rules: [{ allow: owner }]) {
  id: ID! words: String hidden: String @auth(rules: [{ allow: owner }]) }"""


@pytest.mark.parametrize("mode", ["AMAZON_COGNITO_USER_POOLS", "API_KEY"])
async def test_public_subscriptions_tell_every_caller_of_the_default_mode(mode: str) -> None:
    declared = app_of(SHOUTS)
    provider = {"API_KEY": "apiKey"}.get(mode, "userPools")
    app = catalogue_of(replace(declared, default_mode=type(declared.default_mode)(provider)))
    store = MemoryStore()
    store.add(app.models["Shout"].table, id="s", owner="sub-alice::alice", words="w", hidden="x")
    feed = Announcements()
    feed.changes = [RowChange(ChangeKind.CREATE, store.rows[app.models["Shout"].table, "s"], 0)]
    writes, subscriptions = Mutations(store, clock.now, TypeRules()), Subscriptions(cast("Any", feed))
    schema = build_schema(app, Mirror(app, Queries(store, PageTokens(b"s")), writes, subscriptions))
    told, refused = (GUEST, EVE) if mode == "API_KEY" else (EVE, GUEST)
    query = "subscription { onCreateShout { id words hidden } }"
    (event,) = await events(schema, store, told, query)
    assert event.data == {"onCreateShout": {"id": "s", "words": "w", "hidden": None}}
    (refused_event,) = await events(schema, store, refused, query)
    (error,) = refused_event.errors
    assert error.message == "Not Authorized to access onCreateShout on type Subscription"
    # Rows are still the owner's alone.
    assert await refusal(app, store, told, '{ getShout(id: "s") { id } }') == (
        "Unauthorized",
        "Not Authorized to access getShout on type Query",
    )
